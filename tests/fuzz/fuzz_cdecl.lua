-- C declarations through ffi.cdef, ffi.typeof, ffi.new. Input: text; its first byte says how it is used.
local ffi = require "ffi"
local count = 0

local function check(what, ok) if not ok then error(what, 2) end end

return function(input)
  local how, text = input:byte(1) or 0, input:sub(2)
  if how % 3 == 0 then
    count = count + 1
    local ok, message = pcall(ffi.cdef, "struct fuzz_" .. count .. " {" .. text .. "};")
    if ok then
      local size = ffi.sizeof("struct fuzz_" .. count)
      check("size", size == nil or size >= 0)
      if size and size < 4096 then
        local ok, value = pcall(ffi.new, "struct fuzz_" .. count)
        if ok then tostring(value) end
      end
    else
      check("message", type(message) == "string" and #message > 0)
    end
  elseif how % 3 == 1 then
    local ok, message = pcall(ffi.cdef, text)
    check("message", ok or type(message) == "string" and (message:find("%d") or message == "size of C type is too large"))
  else
    local ok, type = pcall(ffi.typeof, text)
    if ok then
      check("size", (ffi.sizeof(type) or 0) >= 0)
      tostring(type)
      local again = tostring(type):match "^ctype<(.*)>$"
      check("a type has a name: " .. tostring(type), again)
    end
  end
end
