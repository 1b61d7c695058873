-- Objects of two classes, one inheriting from the other.
local Account = {}
Account.__index = Account
function Account.new(class, balance) return setmetatable({balance = balance, moves = 0}, class) end
function Account:deposit(n) self.balance = self.balance + n self.moves = self.moves + 1 end
function Account:fee() return 1 end
function Account:charge() self:deposit(-self:fee()) end
local Special = setmetatable({}, {__index = Account})
Special.__index = Special
function Special:fee() return self.moves % 3 end
local accounts = {}
for i = 1, 100 do accounts[i] = Account.new(i % 4 == 0 and Special or Account, i) end
for _ = 1, tonumber(arg[1]) or 60000 do
  for i = 1, #accounts do
    local account = accounts[i]
    account:deposit(2)
    account:charge()
  end
end
local sum = 0
for _, account in ipairs(accounts) do sum = sum + account.balance end
print(sum)
