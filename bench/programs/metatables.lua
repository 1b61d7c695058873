-- Arithmetic on objects: a polynomial of complex numbers.
local Complex = {}
Complex.__index = Complex
local function complex(re, im) return setmetatable({re = re, im = im}, Complex) end
function Complex.__add(a, b) return complex(a.re + b.re, a.im + b.im) end
function Complex.__mul(a, b) return complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re) end
function Complex:norm() return self.re * self.re + self.im * self.im end
local sum = 0.0
for i = 1, tonumber(arg[1]) or 400000 do
  local z = complex(i % 10 / 20, i % 7 / 20)
  sum = sum + (z * z * z + z * z + z):norm()
end
print(("%.6f"):format(sum))
