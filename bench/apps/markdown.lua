-- markdown.lua: converts a long page.
arg = nil -- it looks at its own name there
local markdown = require "markdown"
local page = [[
# Heading *one*

A paragraph with **bold**, _emphasis_, `code <b>`, a [link](http://example.org "title"),
and ![an image](a.png). Hard  
break & entity &copy; <span>html</span>.

Second heading
--------------

* item one
* item two with *emphasis*
    * nested item
    * another

1. first
2. second

> A quotation
> with **two** lines

    local code = "block" -- <&>

[ref]: http://example.org/ref  "Reference"

See [ref] and [text][ref]; auto <http://example.org>.

***
]]
local html
for round = 1, 12 do html = markdown(page:rep(60)) end
io.write(html)
