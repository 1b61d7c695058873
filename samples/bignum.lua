-- Large whole numbers: factorials, Fibonacci numbers and the digits of pi.
--   lua bignum.lua [DIGITS]

local Big = {}
Big.__index = Big
local base, width = 10000000, 7

local function trim(n)
  while #n > 1 and n[#n] == 0 do n[#n] = nil end
  return n
end

local function big(v)
  if getmetatable(v) == Big then return v end
  local n = setmetatable({}, Big)
  if type(v) == "string" then
    for last = #v, 1, -width do n[#n + 1] = tonumber(v:sub(math.max(1, last - width + 1), last)) end
    return trim(n)
  end
  repeat n[#n + 1] = v % base; v = v // base until v == 0
  return n
end

function Big.__add(a, b)
  a, b = big(a), big(b)
  local sum, carry = setmetatable({}, Big), 0
  for i = 1, math.max(#a, #b) do
    local d = (a[i] or 0) + (b[i] or 0) + carry
    sum[i], carry = d % base, d // base
  end
  if carry > 0 then sum[#sum + 1] = carry end
  return sum
end

function Big.__sub(a, b)               -- for a >= b
  a, b = big(a), big(b)
  local result, borrow = setmetatable({}, Big), 0
  for i = 1, #a do
    local d = a[i] - (b[i] or 0) - borrow
    borrow = d < 0 and 1 or 0
    result[i] = d + borrow * base
  end
  return trim(result)
end

function Big.__mul(a, b)
  a, b = big(a), big(b)
  local product = setmetatable({}, Big)
  for i = 1, #a + #b do product[i] = 0 end
  for i = 1, #a do
    local carry = 0
    for j = 1, #b do
      local d = product[i + j - 1] + a[i] * b[j] + carry
      product[i + j - 1], carry = d % base, d // base
    end
    product[i + #b] = carry
  end
  return trim(product)
end

function Big.divide(a, small)          -- quotient by a small number, and the rest
  local quotient, rest = setmetatable({}, Big), 0
  for i = #a, 1, -1 do
    local d = rest * base + a[i]
    quotient[i], rest = d // small, d % small
  end
  return trim(quotient), rest
end

function Big.__lt(a, b)
  a, b = big(a), big(b)
  if #a ~= #b then return #a < #b end
  for i = #a, 1, -1 do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end
Big.__le = function(a, b) return not (b < a) end
Big.__eq = function(a, b) return not (a < b) and not (b < a) end
Big.__pow = function(a, n)
  local result = big(1)
  while n > 0 do
    if n & 1 == 1 then result = result * a end
    a, n = a * a, n >> 1
  end
  return result
end
Big.__tostring = function(n)
  local parts = {tostring(n[#n])}
  for i = #n - 1, 1, -1 do parts[#parts + 1] = ("%07d"):format(n[i]) end
  return table.concat(parts)
end
Big.__concat = function(a, b) return tostring(a) .. tostring(b) end

-- Uses --------------------------------------------------------------------

local f = big(1)
for i = 2, 50 do f = f * i end
print("50!     = " .. f)

local a, b = big(0), big(1)
for _ = 1, 200 do a, b = b, a + b end
print("fib 200 = " .. a)
print("2^256   = " .. big(2) ^ 256)
print("check   : " .. tostring(big("123456789") * big("987654321") == big("121932631112635269")),
  big(2) ^ 100 < big(3) ^ 64, (big(10) ^ 20 - 1))

-- Machin: pi = 16 atan(1/5) - 4 atan(1/239), in whole numbers
local digits = tonumber(arg[1]) or 200
local one = big(10) ^ (digits + 10)

local function atan_inverse(x)
  local term = one:divide(x)
  local sum, n, add = term, 1, false
  while big(0) < term do
    term, n = term:divide(x * x), n + 2
    local part = term:divide(n)
    if add then sum = sum + part else sum = sum - part end
    add = not add
  end
  return sum
end

local pi = tostring(atan_inverse(5) * 16 - atan_inverse(239) * 4)
print("\npi = 3.")
for line in pi:sub(2, digits + 1):gmatch(("."):rep(50)) do
  print("  " .. line:gsub(("."):rep(10), "%0 "):sub(1, -2))
end
