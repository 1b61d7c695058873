-- Loops and calls that do little between safe points; for bench/run-machine, where polls would cost most.
local size = tonumber((...)) or 1
local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end
local function sieve(n)
  local prime, count = {}, 0
  for i = 2, n do prime[i] = true end
  for i = 2, n do
    if prime[i] then
      count = count + 1
      for k = i * i, n, i do prime[k] = false end
    end
  end
  return count
end
local function collatz(n)
  local steps = 0
  for i = 1, n do
    local k = i
    while k > 1 do
      k = k % 2 == 0 and k // 2 or 3 * k + 1
      steps = steps + 1
    end
  end
  return steps
end
local function lists(n)
  local head
  for i = 1, n do head = {next = head, value = i} end
  local sum = 0
  while head do
    sum = sum + head.value
    head = head.next
  end
  return sum
end
local function words(n)
  local counts, text = {}, ("the quick brown fox jumps over the lazy dog "):rep(n)
  for word in text:gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
  local t = {}
  for word in pairs(counts) do t[#t + 1] = word end
  table.sort(t, function(a, b) return a < b end)
  return table.concat(t, " ", 1, 3)
end
print(fib(20 + size), sieve(100000 * size), collatz(5000 * size), lists(50000 * size), words(1000 * size))
