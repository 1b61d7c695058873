-- string.format. Integers and strings against a model written from C's rules; floats by reading back; %q by load. Input: flags,
-- width, precision, conversion, then eight bytes that are the number and a text.

local function check(what, ok) if not ok then error(what, 2) end end

local function digits_of(i, base, upper)
  if i == 0 then return "0" end
  local list, digits = {}, upper and "0123456789ABCDEF" or "0123456789abcdef"
  while i ~= 0 do
    local d = math.ult(i, base) and i or nil
    local q
    if i < 0 then q = ((i >> 1) // base) << 1; if not math.ult(i - q * base, base) then q = q + 1 end else q = i // base end
    d = i - q * base
    table.insert(list, 1, digits:sub(d + 1, d + 1))
    i = q
  end
  return table.concat(list)
end

local function model_integer(i, conversion, flags, width, precision)
  local sign, digits = "", nil
  if conversion == "d" or conversion == "i" then
    if i < 0 then sign = "-" elseif flags:find("+", 1, true) then sign = "+" elseif flags:find(" ", 1, true) then sign = " " end
    digits = digits_of(i < 0 and -i or i, 10)
  else
    digits = digits_of(i, conversion == "o" and 8 or 16, conversion == "X")
  end
  if precision then
    if precision == 0 and i == 0 then digits = "" end
    digits = ("0"):rep(precision - #digits) .. digits
  end
  if flags:find("#", 1, true) then
    if conversion == "o" and digits:sub(1, 1) ~= "0" then digits = "0" .. digits end
    if (conversion == "x" or conversion == "X") and i ~= 0 then sign = "0" .. conversion end
  end
  local fill = width - #sign - #digits
  if flags:find("-", 1, true) then return sign .. digits .. (" "):rep(fill) end
  if flags:find("0", 1, true) and not precision then return sign .. ("0"):rep(fill) .. digits end
  return (" "):rep(fill) .. sign .. digits
end

local allowed = {d = "-+0 ", i = "-0+ ", o = "-#0", x = "-#0", X = "-#0"}

return function(input)
  local f, w, p, c = input:byte(1, 4)
  if not c then return end
  local data = (input:sub(5) .. ("\0"):rep(8))
  local i, n = string.unpack("<i8", data), (string.unpack("<d", data))
  local text = input:sub(5)
  local conversion = ("dioxX"):sub(c % 5 + 1, c % 5 + 1)
  local flags = ""
  for k = 1, #allowed[conversion] do
    if f >> k & 1 == 1 then flags = flags .. allowed[conversion]:sub(k, k) end
  end
  local width, precision = w % 30, p < 128 and p % 25 or nil
  local spec = "%" .. flags .. (width > 0 and width or "") .. (precision and "." .. precision or "") .. conversion
  check(spec .. " of " .. i, spec:format(i) == model_integer(i, conversion, flags, width, precision))
  if n == n and n ~= math.huge and n ~= -math.huge then
    check("%.17g", tonumber(("%.17g"):format(n)) == n)
    check("%a", tonumber(("%a"):format(n)) == n)
    check("%.16e", math.abs(tonumber(("%.16e"):format(n)) - n) <= math.abs(n) * 1e-15)
    local fixed = ("%.*f"):gsub("*", tostring(p % 40)):format(n)
    check("%f", fixed:find("^%-?%d+%.?%d*$") and #(fixed:match "%.(%d*)" or "") == p % 40)
  end
  local q = load("return " .. ("%q"):format(text))
  check("%q of a string", q and q() == text)
  check("%q of an integer", load("return " .. ("%q"):format(i))() == i)
  local back = load("return " .. ("%q"):format(n))()
  check("%q of a float", back == n or n ~= n and back ~= back)
  local cut = precision and text:sub(1, precision) or text
  if not text:find("\0", 1, true) or not precision and width == 0 then
    local s = ("%" .. (width > 0 and width or "") .. (precision and "." .. precision or "") .. "s"):format(text)
    check("%s", s == (" "):rep(width - #cut) .. cut)
  end
  pcall(string.format, text, i, n, text, i, n, {}, nil, true) -- any format does no harm
end
