print "leaving" io.stderr:write "bye" os.exit(false)  --> leaving
--! bye
