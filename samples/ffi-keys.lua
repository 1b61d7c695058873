-- Reads single keys from the terminal in raw mode, until q. Without a terminal it reads bytes.
local ffi = require "ffi"
ffi.cdef[[
typedef unsigned int tcflag_t;
typedef unsigned char cc_t;
struct termios { tcflag_t c_iflag, c_oflag, c_cflag, c_lflag; cc_t c_line; cc_t c_cc[32]; unsigned c_ispeed, c_ospeed; };
int tcgetattr(int fd, struct termios *now);
int tcsetattr(int fd, int when, const struct termios *wanted);
void cfmakeraw(struct termios *t);
int isatty(int fd);
ssize_t read(int fd, void *to, size_t size);
]]
local C = ffi.C
local names = {[9] = "tab", [13] = "return", [10] = "newline", [27] = "escape", [32] = "space", [127] = "backspace"}

local before = ffi.new("struct termios")
local is_terminal = C.isatty(0) == 1
if is_terminal then
  assert(C.tcgetattr(0, before) == 0)
  local raw = ffi.new("struct termios", before)
  C.cfmakeraw(raw)
  C.tcsetattr(0, 0, raw)
end

local function describe(byte)
  if names[byte] then return names[byte] end
  return byte < 32 and "control-" .. string.char(byte + 64) or string.char(byte)
end

local ok, message = pcall(function()
  local byte = ffi.new("uint8_t[1]")
  while C.read(0, byte, 1) == 1 do
    io.write(describe(byte[0]), is_terminal and "\r\n" or "\n")
    io.flush()
    if byte[0] == ("q"):byte() then break end
  end
end)
if is_terminal then C.tcsetattr(0, 0, before) end
assert(ok, message)
