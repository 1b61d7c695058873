-- Words of the command line.
--# args one "two words" three
print(#arg, arg[1], arg[2], arg[3], arg[0], ...)  --> 3	one	two words	three	command-args.lua	one	two words	three
print(select("#", ...), arg[-1] ~= nil, arg[4])  --> 3	true	nil
