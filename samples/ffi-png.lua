-- Plots a Lissajous figure into a picture of 200 by 200 points, writes it with libpng, and reads it back.
-- With a file name it is left there: rille ffi-png.lua figure.png
local ffi = require "ffi"
local found, png = pcall(ffi.load, "png16")
if not found then
  print("libpng is not installed")
  os.exit(77)
end

ffi.cdef[[
typedef struct {
  void *control;
  uint32_t version, width, height, format, flags, colormap_entries, warning_or_error;
  char message[64];
} png_image;
int png_image_write_to_file(png_image *, const char *file, int to_8_bit, const void *points, int32_t stride, const void *map);
int png_image_begin_read_from_file(png_image *, const char *file);
int png_image_finish_read(png_image *, const void *background, void *points, int32_t stride, void *map);
void png_image_free(png_image *);
typedef struct { uint8_t r, g, b; } point;
]]

local SIZE, VERSION, RGB = 200, 1, 2
local points = ffi.new("point[?]", SIZE * SIZE)
for i = 0, SIZE * SIZE - 1 do
  local p = points[i]
  p.r, p.g, p.b = 16, 24, 48
end
for k = 0, 19999 do
  local t = k * 2 * math.pi / 20000
  local x, y = math.floor(100 + 90 * math.sin(3 * t)), math.floor(100 + 90 * math.sin(4 * t + 0.5))
  local p = points[y * SIZE + x]
  p.r, p.g, p.b = 255, 160 + x // 3, y
end

local function check(image, ok)
  if ok == 0 then error("libpng: " .. ffi.string(image.message), 0) end
end

local name = arg[1] or os.tmpname()
local image = ffi.new("png_image", {version = VERSION, width = SIZE, height = SIZE, format = RGB})
check(image, png.png_image_write_to_file(image, name, 0, points, 0, nil))

local copy = ffi.new("png_image", {version = VERSION})
check(copy, png.png_image_begin_read_from_file(copy, name))
copy.format = RGB
local read = ffi.new("point[?]", copy.width * copy.height)
check(copy, png.png_image_finish_read(copy, nil, read, 0, nil))
local same = ffi.string(read, ffi.sizeof(read)) == ffi.string(points, ffi.sizeof(points))
print(("%d x %d points, read back the same: %s"):format(copy.width, copy.height, same))
print("no such file:", pcall(function() check(copy, png.png_image_begin_read_from_file(copy, "/nonexistent.png")) end))
png.png_image_free(copy)
if not arg[1] then os.remove(name) end

-- a coarse look at it
for y = 0, SIZE - 1, 20 do
  local row = {}
  for x = 0, SIZE - 1, 8 do
    local lit = 0
    for v = y, y + 19 do for u = x, x + 7 do if points[v * SIZE + u].r == 255 then lit = lit + 1 end end end
    row[#row + 1] = lit == 0 and " " or lit < 12 and "." or "*"
  end
  print((table.concat(row):gsub(" +$", "")))
end
