-- What a test file sees: describe, it, before_each and their like, and the table `assert`. This runs in the process of one test
-- file, started by test.lua with the file's path, options and a function that sends an event to it:
--
--     {"plan", count}   {"start", index, name}   {"result", index, name, status, seconds, message, written}   {"end"}   {"error", message}
--
-- status is "pass", "fail" (an assertion), "error" (anything else), "skip" or "pending". Tests are numbered in the order in which
-- they run, which follows from the file and the seed alone: so a new process can go on after a test that took the old one along.

local options, send = ...
local source = "@" .. options.path

-- -- Showing values ----------------------------------------------------------------------------------------------------

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
    while]]):gmatch("%a+") do
    keywords[word] = true
end

-- Keys in an order that does not change from run to run: numbers, strings, others by their text.
local function key_less(a, b)
    local ta, tb = type(a), type(b)
    if ta ~= tb then
        return (ta == "number" and "" or ta) < (tb == "number" and "" or tb)
    elseif ta == "number" or ta == "string" then
        return a < b
    end
    return tostring(a) < tostring(b)
end

local function sorted_keys(t)
    local keys = {}
    for key in next, t do
        keys[#keys + 1] = key
    end
    table.sort(keys, key_less)
    return keys
end

local function show_scalar(value)
    if type(value) == "string" then
        return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\\9", "\\t"))
    end
    return tostring(value)
end

local MAX_DEPTH, MAX_LINES = 12, 400

-- The lines of `value`, one a field. `path` holds the tables around it.
local function add_lines(lines, value, indent, before, after, path)
    if #lines > MAX_LINES then
        return
    elseif type(value) ~= "table" then
        lines[#lines + 1] = indent .. before .. show_scalar(value) .. after
    elseif path[value] then
        lines[#lines + 1] = indent .. before .. "<the table " .. path[value] .. " levels up>" .. after
    elseif next(value) == nil then
        lines[#lines + 1] = indent .. before .. "{}" .. after
    elseif path.depth >= MAX_DEPTH then
        lines[#lines + 1] = indent .. before .. "{...}" .. after
    else
        lines[#lines + 1] = indent .. before .. "{"
        local inner = setmetatable({depth = path.depth + 1}, {__index = function(_, key)
            local up = path[key]
            return up and up + 1
        end})
        inner[value] = 1
        local count = #value
        for i = 1, count do
            add_lines(lines, rawget(value, i), indent .. "  ", "", ",", inner)
        end
        for _, key in ipairs(sorted_keys(value)) do
            if not (math.type(key) == "integer" and key >= 1 and key <= count) then
                local is_name = type(key) == "string" and key:find("^[%a_][%w_]*$") and not keywords[key]
                local text = is_name and key or "[" .. show_scalar(key) .. "]"
                add_lines(lines, rawget(value, key), indent .. "  ", text .. " = ", ",", inner)
            end
        end
        lines[#lines + 1] = indent .. "}" .. after
    end
end

local function show_lines(value)
    local lines = {}
    if type(value) == "string" and value:find("\n") then
        for line in (value .. "\n"):gmatch("(.-)\n") do
            lines[#lines + 1] = line
        end
    else
        add_lines(lines, value, "", "", "", {depth = 0})
    end
    return lines
end

-- In one line if it is short.
local function show(value)
    if type(value) ~= "table" then
        return show_scalar(value)
    end
    local lines = show_lines(value)
    for i, line in ipairs(lines) do
        lines[i] = line:gsub("^ +", "")
    end
    local text = table.concat(lines, " "):gsub("^{ ", "{"):gsub(",? }", "}")
    return #text <= 70 and text or table.concat(show_lines(value), "\n")
end

-- What is in one list of lines and not in the other: "- " expected, "+ " got, and some lines around.
local function diff(a, b)
    if #a * #b > 40000 then
        return {"- (" .. #a .. " lines)", "+ (" .. #b .. " lines, too many to compare)"}
    end
    local common = {[#a + 1] = {}} -- common[i][j]: length of the longest common part of a[i...] and b[j...]
    for i = #a, 1, -1 do
        local row, below = {}, common[i + 1]
        for j = #b, 1, -1 do
            if a[i] == b[j] then
                row[j] = (below[j + 1] or 0) + 1
            else
                row[j] = math.max(below[j] or 0, row[j + 1] or 0)
            end
        end
        common[i] = row
    end
    local lines, i, j = {}, 1, 1
    while i <= #a or j <= #b do
        if i <= #a and j <= #b and a[i] == b[j] then
            lines[#lines + 1] = "  " .. a[i]
            i, j = i + 1, j + 1
        elseif i <= #a and (j > #b or (common[i + 1][j] or 0) >= (common[i][j + 1] or 0)) then
            lines[#lines + 1] = "- " .. a[i]
            i = i + 1
        else
            lines[#lines + 1] = "+ " .. b[j]
            j = j + 1
        end
    end
    return lines
end

local CONTEXT = 3 -- equal lines around those that differ

local function shortened(lines)
    local near, out, hidden = {}, {}, 0
    for i, line in ipairs(lines) do
        if line:sub(1, 1) ~= " " then
            for k = i - CONTEXT, i + CONTEXT do
                near[k] = true
            end
        end
    end
    for i, line in ipairs(lines) do
        if near[i] then
            if hidden > 0 then
                out[#out + 1] = "  ... " .. hidden .. " equal lines"
            end
            out[#out + 1], hidden = line, 0
        else
            hidden = hidden + 1
        end
    end
    if hidden > 0 then
        out[#out + 1] = "  ... " .. hidden .. " equal lines"
    end
    return out
end

-- "expected A, got B" in a line, or a diff of what takes several.
local function compared(expected, actual, how)
    local a, b = show(expected), show(actual)
    local takes_lines = type(expected) == "string" and type(actual) == "string" and (expected .. actual):find("\n")
    if not takes_lines and not (a .. b):find("\n") and type(expected) ~= "table" then
        local types = ""
        if a == b or (type(expected) ~= type(actual) and type(actual) ~= "nil") then
            types = (" (%s, %s)"):format(math.type(expected) or type(expected), math.type(actual) or type(actual))
        end
        return ("expected%s %s, got %s%s"):format(how, a, b, types)
    elseif type(expected) ~= type(actual) then
        return ("expected%s %s\ngot %s"):format(how, a, b)
    end
    local lines = diff(show_lines(expected), show_lines(actual))
    local differs = false
    for _, line in ipairs(lines) do
        differs = differs or line:sub(1, 1) ~= " "
    end
    if not differs then
        return ("expected%s another table of the same contents: %s\nis not %s"):format(how, a, b)
    end
    return "values differ: - expected, + got\n" .. table.concat(shortened(lines), "\n")
end

-- -- Assertions --------------------------------------------------------------------------------------------------------

-- Equal by their contents; `seen` holds pairs that are being compared, for tables that contain themselves.
local function same(a, b, seen)
    if rawequal(a, b) or (a ~= a and b ~= b) then
        return true
    elseif type(a) ~= "table" or type(b) ~= "table" then
        return a == b
    end
    local meta = getmetatable(a)
    if type(meta) == "table" and meta.__eq and a == b then
        return true
    end
    seen[a] = seen[a] or {}
    if seen[a][b] then
        return true
    end
    seen[a][b] = true
    for key, value in next, a do
        local other = rawget(b, key)
        if other == nil and type(key) == "table" then -- a table as key: one of the same contents will do
            for k, v in next, b do
                if type(k) == "table" and same(key, k, seen) then
                    other = v
                end
            end
        end
        if not same(value, other, seen) then
            return false
        end
    end
    for key in next, b do
        if rawget(a, key) == nil and type(key) ~= "table" then
            return false
        end
    end
    return true
end

local function count_of(t)
    local count = 0
    for _ in next, t do
        count = count + 1
    end
    return count
end

local function contains(where, what)
    if type(where) == "string" then
        return where:find(tostring(what), 1, true) ~= nil
    elseif type(where) == "table" then
        for _, value in next, where do
            if same(value, what, {}) then
                return true
            end
        end
    end
    return false
end

-- What an error says, without the position in front.
local function message_of(err)
    return type(err) == "string" and err:gsub("^[^\n]-:%d+: ", "", 1) or err
end

-- Did an error come that is what was expected? nil: any; a string: its message, or a part of it; others: of the same contents.
local function is_expected_error(err, expected)
    if expected == nil then
        return true
    elseif type(expected) == "string" and type(err) == "string" then
        return message_of(err) == expected or err == expected or err:find(expected, 1, true) ~= nil
    elseif type(expected) == "function" then
        return expected(err)
    end
    return same(err, expected, {})
end

-- Each gives: does it hold? What to say if not, and if it holds but is not to.
local checks = {}

function checks.equal(expected, actual)
    return expected == actual, function() return compared(expected, actual, "") end,
        function() return "expected something other than " .. show(expected) end
end

function checks.same(expected, actual)
    local is_same = same(expected, actual, {})
    if is_same and type(expected) == "table" and type(actual) == "table" then
        is_same = count_of(expected) == count_of(actual)
    end
    return is_same, function() return compared(expected, actual, "") end,
        function() return "expected something other than " .. show(expected) end
end

function checks.rawequal(expected, actual)
    return rawequal(expected, actual), function() return compared(expected, actual, " the very same") end,
        function() return "expected another object than " .. show(expected) end
end

function checks.near(expected, actual, tolerance)
    tolerance = tolerance or 1e-9
    local is_near = type(expected) == "number" and type(actual) == "number" and math.abs(expected - actual) <= tolerance
    return is_near, function() return ("expected %s within %s, got %s"):format(show(expected), tolerance, show(actual)) end,
        function() return ("expected something not within %s of %s"):format(tolerance, show(expected)) end
end

function checks.truthy(value)
    return value, function() return "expected a true value, got " .. show(value) end,
        function() return "expected nil or false, got " .. show(value) end
end

function checks.falsy(value)
    return not value, function() return "expected nil or false, got " .. show(value) end,
        function() return "expected a true value, got " .. show(value) end
end

for _, constant in ipairs{"true", "false", "nil"} do
    checks[constant] = function(value)
        return tostring(value) == constant and type(value) ~= "string" and type(value) ~= "table",
            function() return ("expected %s, got %s"):format(constant, show(value)) end,
            function() return "expected anything but " .. constant end
    end
end

for _, name in ipairs{"boolean", "number", "string", "table", "function", "thread", "userdata"} do
    checks[name] = function(value)
        return type(value) == name,
            function() return ("expected a %s, got %s (a %s)"):format(name, show(value), type(value)) end,
            function() return ("expected no %s, got %s"):format(name, show(value)) end
    end
end

for _, name in ipairs{"integer", "float"} do
    checks[name] = function(value)
        return math.type(value) == name, function() return ("expected a number of type %s, got %s"):format(name, show(value)) end,
            function() return ("expected no number of type %s, got %s"):format(name, show(value)) end
    end
end

function checks.matches(pattern, value)
    local is_match = type(value) == "string" and value:find(pattern) ~= nil
    return is_match, function() return ("expected a match of %s, got %s"):format(show(pattern), show(value)) end,
        function() return ("expected no match of %s, got %s"):format(show(pattern), show(value)) end
end

function checks.contains(where, what)
    return contains(where, what), function() return ("expected %s in %s"):format(show(what), show(where)) end,
        function() return ("expected no %s in %s"):format(show(what), show(where)) end
end

function checks.error(f, expected)
    local ok, err = pcall(f)
    local text = function(value) return type(value) == "string" and show(message_of(value)) or show(value) end
    return not ok and is_expected_error(err, expected), function()
        if ok then
            return "expected an error" .. (expected ~= nil and ": " .. show(expected) or "") .. ", there was none"
        end
        return ("expected the error %s, got %s"):format(type(expected) == "function" and "that is asked for" or show(expected), text(err))
    end, function()
        return "expected no error" .. (expected ~= nil and " " .. show(expected) or "") .. ", got " .. text(err)
    end
end

function checks.error_matches(f, pattern)
    local ok, err = pcall(f)
    local text = tostring(err)
    return not ok and text:find(pattern) ~= nil, function()
        return ok and "expected an error that matches " .. show(pattern) .. ", there was none"
            or ("expected an error that matches %s, got %s"):format(show(pattern), show(text))
    end, function() return ("expected no error that matches %s, got %s"):format(show(pattern), show(text)) end
end

local aliases = {equals = "equal", eq = "equal", are_equal = "equal", deep_equal = "same", match = "matches", errors = "error",
                 ["function"] = "function", callable = "function", truth = "truthy", includes = "contains", close = "near"}
local fillers = {is = true, are = true, has = true, have = true, was = true, be = true, a = true, an = true}
local negations = {["not"] = true, no = true, isnt = true, doesnt = true}

-- Where the innermost function of the test file is: "calc_test.lua:12".
local function position()
    for level = 3, 200 do
        local info = debug.getinfo(level, "Sl")
        if not info then
            return nil
        elseif info.source == source then
            return info.short_src .. ":" .. info.currentline
        end
    end
end

local Failure = {__tostring = function(failure) return failure.text end, __name = "assertion"}

local function fail(text, message)
    if message ~= nil then
        text = tostring(message) .. "\n" .. text
    end
    error(setmetatable({text = text, position = position(), traceback = debug.traceback("", 3)}, Failure), 0)
end

local parameters = {equal = 2, same = 2, rawequal = 2, near = 3, matches = 2, contains = 2, error = 2, error_matches = 2}

local function checker(name, negated)
    local check, count = checks[name], parameters[name] or 1
    return function(...)
        local holds, text, negative = check(...)
        if negated == not not holds then
            fail((negated and negative or text)(), (select(count + 1, ...)))
        end
        return ...
    end
end

-- assert.are.equal, assert.is_not_nil, assert.not_equal, ...: words that mean nothing, a negation, a check.
local function look_up(words, negated)
    while true do
        local name = aliases[words] or words
        if checks[name] then
            return checker(name, negated)
        end
        local word, rest = words:match("^(%a+)_?(.*)$")
        if not word then
            return nil
        elseif negations[word] then
            negated = not negated
        elseif not fillers[word] then
            return nil
        end
        if rest == "" then
            return nil, negated
        end
        words = rest
    end
end

local function assertions(negated)
    return setmetatable({}, {
        __index = function(self, words)
            local f, inner = look_up(words, negated)
            if f == nil and inner == nil then
                error("there is no assert." .. tostring(words), 2)
            end
            f = f or assertions(inner)
            rawset(self, words, f)
            return f
        end,
        __call = function(_, ...)
            local value, message = ...
            if select("#", ...) == 0 then
                error("bad argument #1 to 'assert' (value expected)", 2)
            elseif value then
                return ...
            elseif message ~= nil and type(message) ~= "string" then
                error(message, 0)
            end
            fail(message or "assertion failed!")
        end,
    })
end

assert = assertions(false)
assert.fail = function(message) fail(message or "failed") end

-- -- Describing --------------------------------------------------------------------------------------------------------

local HOOKS = {"before_all", "after_all", "before_each", "after_each"}
local has_only = false

local function new_group(name, parent)
    local group = {name = name, parent = parent, items = {}, skipped = parent and parent.skipped, only = parent and parent.only}
    for _, hook in ipairs(HOOKS) do
        group[hook] = {}
    end
    return group
end

local root = new_group(nil, nil)
local here = root    -- the group that is being described
local running        -- the test that runs

local function not_inside(what)
    if running then
        error(what .. " stands inside of describe, not of a test", 3)
    end
end

local function add_group(name, body, marks)
    not_inside("describe")
    if type(body) ~= "function" then
        error("describe(name, function() ... end)", 3)
    end
    local group = new_group(tostring(name), here)
    for mark, value in pairs(marks) do
        group[mark] = value
    end
    here.items[#here.items + 1] = group
    here = group
    local ok, err = xpcall(body, function(err)
        return type(err) == "string" and debug.traceback(err, 2) or err
    end)
    here = group.parent
    if not ok then
        error(err, 0)
    end
end

local function add_test(name, body, marks)
    not_inside("it")
    if type(body) ~= "function" and not marks.pending then
        error("it(name, function() ... end)", 3)
    end
    local test = {name = tostring(name), body = body, group = here, only = here.only, skipped = here.skipped}
    for mark, value in pairs(marks) do
        test[mark] = value
    end
    here.items[#here.items + 1] = test
end

local function marked(add)
    return setmetatable({
        only = function(name, body)
            has_only = true
            add(name, body, {only = true})
        end,
        skip = function(name, body) add(name, body or function() end, {skipped = true}) end,
    }, {__call = function(_, name, body) add(name, body, {}) end})
end

describe = marked(add_group)
context = describe
it = marked(add_test)
test = it

local Mark = {__name = "mark"} -- thrown to leave a test

function pending(name)
    if running then
        error(setmetatable({status = "pending", text = name and tostring(name)}, Mark), 0)
    end
    add_test(name, nil, {pending = true})
end

function skip(reason)
    if not running then
        error("skip(reason) stands inside of a test; it.skip and describe.skip leave out whole ones", 2)
    end
    error(setmetatable({status = "skip", text = reason and tostring(reason)}, Mark), 0)
end

for _, hook in ipairs(HOOKS) do
    _G[hook] = function(body)
        not_inside(hook)
        if type(body) ~= "function" then
            error(hook .. "(function() ... end)", 2)
        end
        local list = here[hook]
        list[#list + 1] = body
    end
end
setup, teardown = before_all, after_all

-- -- Order -------------------------------------------------------------------------------------------------------------

-- Numbers of its own: the tests' use of math.random does not change the order, nor the other way round.
local function shuffle(list, state)
    for i = #list, 2, -1 do
        state.x = (state.x * 6364136223846793005 + 1442695040888963407)
        local j = ((state.x >> 33) % i) + 1
        list[i], list[j] = list[j], list[i]
    end
end

local function full_name(item)
    local name = item.name
    local group = item.group or item.parent
    while group and group.name do
        name = group.name .. " > " .. name
        group = group.parent
    end
    return name
end

local function is_wanted(test)
    if has_only and not test.only then
        return false
    end
    local name = full_name(test)
    return not options.filter or name:find(options.filter, 1, true) or (pcall(string.find, name, options.filter)
        and name:find(options.filter))
end

-- Tests that are to run, depth first, numbered; each group knows its first and last one for before_all and after_all.
local function arrange(group, list, state)
    if options.seed and options.shuffle then
        shuffle(group.items, state)
    end
    for _, item in ipairs(group.items) do
        if item.items then
            arrange(item, list, state)
        elseif is_wanted(item) then
            list[#list + 1] = item
            item.index = #list
            local runs = not item.skipped and not item.pending
            local around = item.group
            while around and runs do
                around.last = #list
                around = around.parent
            end
        end
    end
end

-- -- Running -----------------------------------------------------------------------------------------------------------

local clock = function() return require("sys").call("clock", 1) / 1e9 end
local has_clock = pcall(clock)
if not has_clock then
    clock = os.clock
end

local function describe_error(err)
    if getmetatable(err) == Failure then
        return {status = "fail", text = (err.position and err.position .. ": " or "") .. err.text}
    elseif getmetatable(err) == Mark then
        return err
    end
    local meta = getmetatable(err)
    local has_text = type(err) == "string" or type(err) == "number" or type(meta) == "table" and meta.__tostring
    local text = has_text and tostring(err) or "an error that is a " .. type(err) .. ": " .. show(err)
    return {status = "error", text = text .. "\n" .. debug.traceback("", 3):gsub("^\n", ""):gsub("\n[^\n]*rille test[^\n]*", "")
        :gsub("\n[^\n]*in function 'xpcall'", ""):gsub("\n[^\n]*%[C%]: in %?$", "")}
end

-- Call f; nil if all is well, else what went wrong. Errors without text are told as well.
local function guarded(f)
    local ok, problem = xpcall(f, function(err)
        local fine, described = pcall(describe_error, err)
        return fine and described or {status = "error", text = tostring(described)}
    end)
    if ok then
        return nil
    end
    return type(problem) == "table" and problem or {status = "error", text = tostring(problem)}
end

local function hooks_of(test, hook, from_outside)
    local list, group = {}, test.group
    while group do
        local position = from_outside and 1 or #list + 1
        for i, body in ipairs(group[hook]) do
            table.insert(list, from_outside and position + i - 1 or #list + 1, body)
        end
        group = group.parent
    end
    return list
end

-- before_all of the groups around that have not been entered: what went wrong, if anything.
local function enter(group)
    if group == nil then
        return nil
    end
    local problem = enter(group.parent)
    if not group.entered then
        group.entered = true
        for _, body in ipairs(group.before_all) do
            group.problem = group.problem or guarded(body)
        end
    end
    return problem or group.problem
end

local function run_body(test)
    local problem
    for _, body in ipairs(hooks_of(test, "before_each", true)) do
        problem = problem or guarded(body)
    end
    problem = problem or guarded(test.body)
    for _, body in ipairs(hooks_of(test, "after_each", false)) do
        problem = guarded(body) or problem
    end
    return problem
end

-- after_all of the groups whose last test this was; a failure there is one of this test.
local function leave(test)
    local problem
    local group = test.group
    while group do
        if group.last == test.index and group.entered then
            for _, body in ipairs(group.after_all) do
                problem = guarded(body) or problem
            end
        end
        group = group.parent
    end
    return problem
end

-- How much has been written to standard output and error, which are one file.
local function written()
    pcall(io.stderr.flush, io.stderr)
    pcall(io.stdout.flush, io.stdout)
    local ok, size = pcall(io.stdout.seek, io.stdout, "end")
    return ok and size or nil
end

local function run_test(test)
    send{"start", test.index, full_name(test)}
    local start, problem = clock(), nil
    if test.skipped then
        problem = {status = "skip"}
    elseif test.pending then
        problem = {status = "pending"}
    else
        running = test
        problem = enter(test.group) or run_body(test)
        problem = leave(test) or problem
        running = nil
    end
    problem = problem or {status = "pass"}
    local text = problem.text
    if text and #text > 100000 then
        text = text:sub(1, 100000) .. "\n... (cut)"
    end
    local seconds = clock() - start
    send{"result", test.index, full_name(test), problem.status, seconds, text, written()}
end

local function main()
    local chunk, message = loadfile(options.path)
    if not chunk then
        return send{"error", message}
    end
    math.randomseed(options.seed)
    local problem = guarded(function() chunk(options.path) end)
    io.stdout:flush()
    if problem then
        return send{"error", problem.text}
    end
    local list = {}
    arrange(root, list, {x = options.seed})
    send{"plan", #list}
    for _, test in ipairs(list) do
        if test.index >= options.first then
            run_test(test)
        end
    end
    send{"end"}
end

main()
