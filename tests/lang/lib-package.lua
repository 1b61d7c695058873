-- package and require
local function e(...) return (select(2, pcall(...))) end
print(package.config)
--> /
--> ;
--> ?
--> !
--> -
-->
print(package.loaded._G == _G, package.loaded.string == string, type(package.preload), #package.searchers, type(package.path), type(package.cpath))
--> true	true	table	4	string	string
print(require("string") == string, select("#", require("string")))
--> true	1
package.preload.pre = function(...) print("loader", ...) return "value" end
print(require("pre"))
--> loader	pre	:preload:
--> value	:preload:
print(require("pre"))
--> value
print(package.loaded.pre)
--> value
package.preload.silent = function() end
print(require("silent"), package.loaded.silent)
--> true	true
package.preload.sets = function(n) package.loaded[n] = "set itself" end
print(require("sets"))
--> set itself	:preload:
package.preload.falsy = function() return false end
print(require("falsy"))
--> false	:preload:
print(package.loaded.falsy)
--> false
package.path, package.cpath = "?.nolua;/x/?/y.lua", "./?.noso"
print(pcall(require, "no.such.module"))
--> false	module 'no.such.module' not found:
--> 	no field package.preload['no.such.module']
--> 	no file 'no/such/module.nolua'
--> 	no file '/x/no/such/module/y.lua'
--> 	no file './no/such/module.noso'
--> 	no file './no.noso'
print(pcall(require, "simple"))
--> false	module 'simple' not found:
--> 	no field package.preload['simple']
--> 	no file 'simple.nolua'
--> 	no file '/x/simple/y.lua'
--> 	no file './simple.noso'
print(package.searchpath("a.b", "?.x;/y/?.z"))
--> nil	no file 'a/b.x'
--> 	no file '/y/a/b.z'
print(package.searchpath("a.b", "?;?", ".", "_"))
--> nil	no file 'a_b'
--> 	no file 'a_b'
print(package.searchpath("a-b", "/?", "-", "+"))
--> nil	no file '/a+b'
print(package.searchpath("a.b", "?/none", ""))
--> nil	no file 'a.b/none'
print(package.searchpath("x", ""))
--> nil	no file ''
local dir = os.tmpname() os.remove(dir) os.execute("mkdir -p " .. dir .. "/sub")
local function put(name, text) local f = assert(io.open(dir .. "/" .. name, "w")) f:write(text) f:close() end
local function hide(...) local t = table.pack(...) for i = 1, t.n do t[i] = (tostring(t[i]):gsub(dir:gsub("%p", "%%%0"), "DIR")) end return table.unpack(t, 1, t.n) end
put("good.lua", "return {name = ..., file = select(2, ...)}") put("sub/inner.lua", "return ...") put("bad.lua", "x = = 1") put("fails.lua", "error('at load')")
package.path = dir .. "/?.lua"
local good, where = require("good")
print(good.name, hide(good.file, where))
--> good	DIR/good.lua	DIR/good.lua
print(hide(require("sub.inner")))
--> sub.inner	DIR/sub/inner.lua
print(hide(e(require, "bad")))
--> error loading module 'bad' from file 'DIR/bad.lua':
--> 	DIR/bad.lua:1: unexpected symbol near '='
print(hide(e(require, "fails")))
--> DIR/fails.lua:1: at load
print(package.loaded.fails)
--> nil
print(hide(package.searchpath("good", package.path)))
--> DIR/good.lua
package.path = nil print(pcall(require, "again"))
--> false	'package.path' must be a string
package.path = dir .. "/?.lua"
put("notlib.so", "this is no library")
package.cpath = dir .. "/?.so"
print((hide(select(2, pcall(require, "notlib"))):gsub("\t[^\n]*$", "\tREASON")))
--> error loading module 'notlib' from file 'DIR/notlib.so':
--> 	REASON
print(select("#", package.loadlib(dir .. "/none.so", "f")), select(3, package.loadlib(dir .. "/none.so", "f")), select(3, package.loadlib(dir .. "/none.so", "*")))
--> 3	open	open
print(e(package.loadlib), e(package.searchpath, "x"), e(require))
--> bad argument #1 to 'package.loadlib' (string expected, got no value)	bad argument #2 to 'package.searchpath' (string expected, got no value)	bad argument #1 to 'require' (string expected, got no value)
local searchers = package.searchers package.searchers = nil print(pcall(require, "q"))
--> false	'package.searchers' must be a table
package.searchers = searchers
table.insert(searchers, 1, function(n) if n == "virtual" then return function(...) return {...} end, "extra" end return "\n\tnot virtual" end)
local v, x = require("virtual")
print(v[1], v[2], x)
--> virtual	extra	extra
print(hide(e(require, "q")))
--> module 'q' not found:
-->
--> 	not virtual
--> 	no field package.preload['q']
--> 	no file 'DIR/q.lua'
--> 	no file 'DIR/q.so'
searchers[1] = function() return nil end
print(hide(e(require, "root.q")))
--> module 'root.q' not found:
--> 	no field package.preload['root.q']
--> 	no file 'DIR/root/q.lua'
--> 	no file 'DIR/root/q.so'
--> 	no file 'DIR/root.so'
os.execute("rm -r " .. dir)
