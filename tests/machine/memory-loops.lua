-- Loads and stores of all types in loops that become hot: values at the limits of their types, unaligned ones across pages,
-- addresses that fault, lie beyond 4 GiB or are no integers.
local mem = require "mem"
local a = mem.map(1 << 18)
local sum = 0
local function note(...)
  for i = 1, select("#", ...) do
    local s = tostring((select(i, ...)))
    for k = 1, #s do sum = (sum * 31 + s:byte(k)) % 1000003 end
  end
end
local values = {0, 1, -1, 127, 128, 255, 256, 32767, 32768, 65535, 1 << 31, (1 << 32) - 1, math.maxinteger, math.mininteger}
for _, t in ipairs{"u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"} do
  local load, store = mem["load_" .. t], mem["store_" .. t]
  for round = 1, 40 do
    for i = 1, #values do
      local at = a + 65536 - 8 + i + round
      store(at, values[i])
      note(load(at))
    end
  end
  print(t, sum)
end
for _, t in ipairs{"f32", "f64"} do
  local load, store = mem["load_" .. t], mem["store_" .. t]
  for i = 1, 200 do
    local at = a + 4096 * 3 - 4 + i
    store(at, i % 3 == 0 and i or i / 3)
    note(load(at))
  end
  note(pcall(store, a, "x"))
  store(a, "0x10") note(load(a))
  print(t, sum)
end
local function at(i) return mem.load_u32(i) end
for i = 1, 100 do note(at(a + 4 * i)) end
for i = 1, 50 do
  local ok, why = pcall(at, i % 2 == 0 and 8 or a + (1 << 18) + 4096 * i)
  note(ok)
  ok = pcall(at, a + i)
  note(ok)
  note((pcall(at, 1 << 32 | a)), (pcall(at, -1)), (pcall(at, a + 0.0)), (pcall(at, "x")), (pcall(at)))
end
print(sum)
local function fill(from, to, v) for p = from, to do mem.store_u8(p, v) end end
fill(a, a + 9999, 7) fill(a, a + 9999, 300)
local total = 0
for p = a, a + 9999 do total = total + mem.load_u8(p) end
print(total)
local protected = mem.map(8192)
for i = 0, 2047 do mem.store_u32(protected + 4 * i, i) end
mem.protect(protected + 4096, 4096, "r")
local stored = 0
for i = 0, 2047 do if pcall(mem.store_u32, protected + 4 * i, 1) then stored = stored + 1 end end
print(stored, mem.load_u32(protected + 8188))
--> u8	780039
--> i8	538143
--> u16	442443
--> i16	444855
--> u32	109951
--> i32	554191
--> u64	324597
--> i64	700428
--> f32	989277
--> f64	762553
--> 622898
--> 440000
--> 1024	2047
