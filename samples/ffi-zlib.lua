-- Compresses and uncompresses with zlib; the checksum is compared with one computed in Lua.
local ffi = require "ffi"
local found, zlib = pcall(ffi.load, "z")
if not found then
  print("zlib is not installed")
  os.exit(77)
end

ffi.cdef[[
unsigned long compressBound(unsigned long size);
int compress2(uint8_t *to, unsigned long *to_size, const uint8_t *from, unsigned long size, int level);
int uncompress(uint8_t *to, unsigned long *to_size, const uint8_t *from, unsigned long size);
unsigned long adler32(unsigned long start, const uint8_t *bytes, unsigned size);
]]

local function compress(text, level)
  local size = ffi.new("unsigned long[1]", zlib.compressBound(#text))
  local buffer = ffi.new("uint8_t[?]", tonumber(size[0]))
  assert(zlib.compress2(buffer, size, text, #text, level or 9) == 0)
  return ffi.string(buffer, size[0])
end

local function uncompress(bytes, size)
  local got = ffi.new("unsigned long[1]", size)
  local buffer = ffi.new("uint8_t[?]", size)
  local status = zlib.uncompress(buffer, got, bytes, #bytes)
  if status ~= 0 then return nil, "zlib error " .. status end
  return ffi.string(buffer, got[0])
end

local function adler32(text)
  local a, b = 1, 0
  for i = 1, #text do
    a = (a + text:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return b << 16 | a
end

local text = ("All work and no play makes Jack a dull boy.\n"):rep(1000)
local packed = compress(text)
print(#text, "bytes shrink below one percent:", #packed * 100 < #text)
print("round trip:", uncompress(packed, #text) == text)
print("checksums agree:", zlib.adler32(1, text, #text) == adler32(text))
print("damaged:", uncompress(packed:sub(1, -10), #text))
