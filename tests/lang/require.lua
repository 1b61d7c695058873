-- require and package.
package.preload.virtual = function(...) print("loading", ...) return {name = "virtual"} end local v = require "virtual" print(v.name, require "virtual" == v, package.loaded.virtual == v, select(2, require "virtual")) package.loaded.virtual = nil print(require "virtual" ~= v)
--> loading	virtual	:preload:
--> virtual	true	true
--> loading	virtual	:preload:
--> true
package.preload.nothing = function() end print(require "nothing", package.loaded.nothing) package.preload.falsy = function() return false end print(require "falsy", package.loaded.falsy) package.preload.sets = function(n) package.loaded[n] = "set inside" end print((require "sets")) package.preload.failing = function() error("in loader", 0) end print(pcall(require, "failing")) print(package.loaded.failing)
--> true	true
--> false	false
--> set inside
--> false	in loader
--> nil
local dir = os.tmpname() os.remove(dir) os.execute("mkdir -p " .. dir .. "/sub") local function write(n, s) local f = assert(io.open(dir .. "/" .. n, "w")) f:write(s) f:close() end write("mod.lua", "local n, path = ... ; return {n = n, path = path:match '[^/]*$'}") write("sub/init.lua", "return 'sub/init'") write("sub/leaf.lua", "return (...)") write("bad.lua", "x = = 1") write("run.lua", "return ...") write("err.lua", "error('run time', 0)")
package.path = dir .. "/?.lua;" .. dir .. "/?/init.lua" local m = require "mod" print(m.n, m.path, select(2, require "mod") == dir .. "/mod.lua") print((require "sub"), (require "sub.leaf")) print((select(2, pcall(require, "bad")):gsub(dir, "DIR"))) print(pcall(require, "err")) package.cpath = "" print((select(2, pcall(require, "not.there")):gsub(dir, "DIR"))) print(package.searchpath("mod", package.path) == dir .. "/mod.lua", (select(2, package.searchpath("a.b", "./?.x;/?/y"))), package.searchpath("mod", dir .. "/?.lua") ~= nil)
--> mod	mod.lua	false
--> sub/init	sub.leaf
--> error loading module 'bad' from file 'DIR/bad.lua':
--> 	DIR/bad.lua:1: unexpected symbol near '='
--> false	run time
--> module 'not.there' not found:
--> 	no field package.preload['not.there']
--> 	no file 'DIR/not/there.lua'
--> 	no file 'DIR/not/there/init.lua'
--> 	no file ''
--> 	no file ''
--> true	no file './a/b.x'
--> 	no file '/a/b/y'	true
print(dofile(dir .. "/run.lua")) print(loadfile(dir .. "/run.lua")(1, 2)) print((select(2, loadfile(dir .. "/bad.lua")):gsub(dir, "DIR"))) print(pcall(dofile, dir .. "/err.lua")) write("env.lua", "v = 1 return v") local e = {} print(loadfile(dir .. "/env.lua", "t", e)(), e.v, v == 1) write("sharp.lua", "#!/usr/bin/lua\nreturn 'after #'") print(dofile(dir .. "/sharp.lua"))
-->
--> 1	2
--> DIR/bad.lua:1: unexpected symbol near '='
--> false	run time
--> 1	1	false
--> after #
print(#package.searchers, package.config:sub(1, 1), type(package.loaded), package.loaded._G == _G, package.loaded.string == string, type(package.preload), pcall(require)) table.insert(package.searchers, 2, function(n) if n == "magic" then return function(name, extra) return name .. extra end, "!" end return "\n\tno magic" end) print(require "magic") print((select(2, pcall(require, "nomagic")):match "no magic")) os.execute("rm -r " .. dir)
--> 4	/	table	true	true	table	false	bad argument #1 to 'require' (string expected, got no value)
--> magic!	!
--> no magic
