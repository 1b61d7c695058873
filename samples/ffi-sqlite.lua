-- A database in memory, through SQLite's own C interface: prepared statements, rows as tables, errors as errors.
local ffi = require "ffi"
local found, sqlite = pcall(ffi.load, "sqlite3")
if not found then
  print("SQLite is not installed")
  os.exit(77)
end

ffi.cdef[[
typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef void (*sqlite3_destructor_type)(void *);
int sqlite3_open(const char *name, sqlite3 **db);
int sqlite3_close(sqlite3 *db);
const char *sqlite3_errmsg(sqlite3 *db);
int sqlite3_prepare_v2(sqlite3 *db, const char *sql, int size, sqlite3_stmt **statement, const char **rest);
int sqlite3_bind_text(sqlite3_stmt *s, int index, const char *text, int size, sqlite3_destructor_type destructor);
int sqlite3_bind_int64(sqlite3_stmt *s, int index, int64_t value);
int sqlite3_bind_double(sqlite3_stmt *s, int index, double value);
int sqlite3_bind_null(sqlite3_stmt *s, int index);
int sqlite3_step(sqlite3_stmt *s);
int sqlite3_finalize(sqlite3_stmt *s);
int sqlite3_column_count(sqlite3_stmt *s);
int sqlite3_column_type(sqlite3_stmt *s, int column);
const char *sqlite3_column_name(sqlite3_stmt *s, int column);
int64_t sqlite3_column_int64(sqlite3_stmt *s, int column);
double sqlite3_column_double(sqlite3_stmt *s, int column);
const char *sqlite3_column_text(sqlite3_stmt *s, int column);
int sqlite3_column_bytes(sqlite3_stmt *s, int column);
int sqlite3_create_function(sqlite3 *db, const char *name, int arguments, int encoding, void *data,
    void (*call)(void *context, int count, void **values), void *step, void *final);
int64_t sqlite3_value_int64(void *value);
void sqlite3_result_int64(void *context, int64_t value);
enum { SQLITE_OK, SQLITE_ROW = 100, SQLITE_DONE };
enum { SQLITE_INTEGER = 1, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL };
]]

local copied = ffi.cast("sqlite3_destructor_type", -1) -- SQLITE_TRANSIENT: SQLite makes its own copy

local database = {}
database.__index = database

function database.open(name)
  local handle = ffi.new("sqlite3 *[1]")
  assert(sqlite.sqlite3_open(name, handle) == sqlite.SQLITE_OK)
  return setmetatable({db = ffi.gc(handle[0], sqlite.sqlite3_close)}, database)
end

function database:check(status)
  if status ~= sqlite.SQLITE_OK then error(ffi.string(sqlite.sqlite3_errmsg(self.db)), 0) end
end

local function bind(statement, i, v)
  if math.type(v) == "integer" then return sqlite.sqlite3_bind_int64(statement, i, v) end
  if type(v) == "number" then return sqlite.sqlite3_bind_double(statement, i, v) end
  if v == nil then return sqlite.sqlite3_bind_null(statement, i) end
  return sqlite.sqlite3_bind_text(statement, i, v, #v, copied)
end

local function column(statement, i)
  local kind = sqlite.sqlite3_column_type(statement, i)
  if kind == sqlite.SQLITE_INTEGER then return sqlite.sqlite3_column_int64(statement, i) end
  if kind == sqlite.SQLITE_FLOAT then return sqlite.sqlite3_column_double(statement, i) end
  if kind == sqlite.SQLITE_NULL then return nil end
  return ffi.string(sqlite.sqlite3_column_text(statement, i), sqlite.sqlite3_column_bytes(statement, i))
end

-- Runs one statement; returns its rows.
function database:run(sql, ...)
  local out, rows = ffi.new("sqlite3_stmt *[1]"), {}
  self:check(sqlite.sqlite3_prepare_v2(self.db, sql, #sql, out, nil))
  local statement = ffi.gc(out[0], sqlite.sqlite3_finalize)
  for i = 1, select("#", ...) do self:check(bind(statement, i, (select(i, ...)))) end
  local status = sqlite.sqlite3_step(statement)
  while status == sqlite.SQLITE_ROW do
    local row = {}
    for i = 0, sqlite.sqlite3_column_count(statement) - 1 do
      row[ffi.string(sqlite.sqlite3_column_name(statement, i))] = column(statement, i)
    end
    rows[#rows + 1] = row
    status = sqlite.sqlite3_step(statement)
  end
  sqlite.sqlite3_finalize(ffi.gc(statement, nil))
  if status ~= sqlite.SQLITE_DONE then error(ffi.string(sqlite.sqlite3_errmsg(self.db)), 0) end
  return rows
end

local db = database.open(":memory:")
db:run "create table planets (name text, moons integer, mass real)"
for _, planet in ipairs{{"Mercury", 0, 0.055}, {"Earth", 1, 1.0}, {"Mars", 2, 0.107}, {"Jupiter", 95, 317.8}, {"Planet X"}} do
  db:run("insert into planets values (?, ?, ?)", planet[1], planet[2], planet[3])
end

for _, row in ipairs(db:run "select * from planets where moons > 0 order by mass desc") do
  print(("%-8s %3d %6.3f"):format(row.name, row.moons, row.mass))
end
print("unknown:", db:run("select name from planets where moons is null")[1].name)

-- A function of SQL that is written in Lua.
local triangle = ffi.cast("void (*)(void *, int, void **)", function(context, count, values)
  local n = sqlite.sqlite3_value_int64(values[0])
  sqlite.sqlite3_result_int64(context, n * (n + 1) // 2)
end)
db:check(sqlite.sqlite3_create_function(db.db, "triangle", 1, 1, nil, triangle, nil, nil))
print("triangle(95) =", db:run("select triangle(moons) as t from planets where name = 'Jupiter'")[1].t)

print(pcall(db.run, db, "select * from stars"))
