-- Method calls, self, and inheritance.
local Account = {}; Account.__index = Account
function Account.new(b) return setmetatable({balance = b or 0}, Account) end
function Account:deposit(n) self.balance = self.balance + n; return self end
function Account.get(self) return self.balance end
local a = Account.new(10); print(a:deposit(5):deposit(1):get(), Account.get(a), a.get(a))  --> 16	16	16
local Special = setmetatable({}, {__index = Account}); Special.__index = Special
function Special.new(b) local s = Account.new(b); return setmetatable(s, Special) end
function Special:withdraw(n) if n > self.balance then error("limit", 2) end self.balance = self.balance - n; return self end
local s = Special.new(100); print(s:deposit(10):withdraw(50):get())  --> 60
print(pcall(s.withdraw, s, 1000))  --> false	limit
print(pcall(function() return a:withdraw(1) end))  --> false	methods.lua:12: attempt to call a nil value (method 'withdraw')
print(pcall(function() local n; n:go() end))  --> false	methods.lua:13: attempt to index a nil value (local 'n')
print(("abc"):upper():len(), #("x"):rep(3), ("%d"):format(7), ("a,b"):find(",", 1, true))  --> 3	3	7	2	2
local o = {a = {b = {}}}
function o.a.b.c() return "dotted" end
function o.a.b:d(...) return self == o.a.b, ... end
print(o.a.b.c(), o.a.b:d(1, 2)) print(o.a["b"]:d())
--> dotted	true	1	2
--> true
print(pcall(function() return (5):x() end))  --> false	methods.lua:21: attempt to index a number value
local calls = setmetatable({}, {__index = function(t, k) return function(self, ...) return k, select("#", ...) end end})
print(calls:anything(1, 2, 3)) print(calls:x{} ) print(calls:y"str")
--> anything	3
--> x	1
--> y	1
function Account:__tostring() return "Account " .. self.balance end
print(tostring(a), tostring(s) ~= tostring(a))  --> Account 16	true
Account.deposit = function(self, n) self.balance = self.balance - n; return self end
print(a:deposit(1):get(), s:deposit(1):get())  --> 15	59
s.get = function() return "own" end print(s:get(), a:get()) s.get = nil print(s:get())
--> own	15
--> 59
