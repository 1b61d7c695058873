-- `rille bench`: measures functions against each other.
--
-- The file returns a function, or a table of them: {name = f, ...}, {{"name", f}, ...}, {{name = "...", run = f, setup = g,
-- loops = true}, ...}; or it calls bench("name", f). A function is called once for each operation, with what its setup has
-- returned; one that `loops` is called as f(count, state) and carries out `count` operations itself.
--
-- Each case is warmed up, and called so often in a row that the clock can tell: that is a sample. The samples of all cases are
-- taken in turns, so that whatever else the computer does disturbs them alike; ratios are those of samples taken in the same
-- turn. Medians stand for the samples, and the intervals hold the true median in 95 of 100 cases, whatever the distribution.

local tool, arguments = ..., {select(2, ...)}
local process, sys = require "process", require "sys"

local SAMPLE = 0.004      -- seconds that a sample takes at least
local WARM = 0.15         -- seconds of warm-up
local ROUNDS_MIN, ROUNDS_MAX = 7, 301
local ALLOCATION_CALLS = 200

local options = {time = 1, clock = "wall"}
local cases = {}

-- -- The command line --------------------------------------------------------------------------------------------------

local units = {ms = 1e-3, s = 1, m = 60, [""] = 1}

local function seconds_of(text)
    local number, unit = text:match("^([%d.]+)(%a*)$")
    local amount = tonumber(number)
    amount = amount and units[unit] and amount * units[unit]
    return amount and amount > 0 and amount or nil
end

local function any(text)
    return text
end

local valued = {
    ["--time"] = {"time", seconds_of},
    ["--filter"] = {"filter", any},
    ["--baseline"] = {"baseline", any},
    ["--clock"] = {"clock", function(text) return (text == "wall" or text == "cpu") and text end},
    ["--jit"] = {"jit", function(text) return text == "compare" and text end},
}

local function parse_options()
    local i = 1
    options.words = {}
    while i <= #arguments do
        local word = arguments[i]
        local name, value = word:match("^(%-%-[%w-]+)=(.*)$")
        name = name or word
        if word == "--json" or word == "--raw" then
            options[word:sub(3)] = true
        elseif valued[name] then
            if value == nil then
                i = i + 1
                value = arguments[i]
            end
            local field, convert = table.unpack(valued[name])
            if value == nil or not convert(value) then
                process.exit(tool.complain(value == nil and "a value is needed behind" or "wrong value of option", word))
            end
            options[field] = convert(value)
            if field ~= "jit" then
                table.insert(options.words, name .. "=" .. value)
            end
        elseif word:sub(1, 1) == "-" and word ~= "-" then
            process.exit(tool.complain("unrecognized option", word))
        else
            options.file = word
            options.rest = {table.unpack(arguments, i + 1)}
            return
        end
        i = i + 1
    end
    process.exit(tool.complain("a file is needed"))
end

local function stop(message)
    io.stderr:write(tool.name, ": bench: ", message, "\n")
    process.exit(2)
end

-- -- The cases ---------------------------------------------------------------------------------------------------------

local function add_case(name, spec)
    name = tostring(name)
    if options.filter and not name:find(options.filter, 1, true) and not (pcall(string.find, name, options.filter)
        and name:find(options.filter)) then
        return
    end
    local case = type(spec) == "function" and {run = spec} or spec
    if type(case) ~= "table" or type(case.run) ~= "function" then
        stop(("case '%s': a function is needed, or a table with run = function"):format(name))
    end
    cases[#cases + 1] = {name = name, run = case.run, setup = case.setup, teardown = case.teardown, loops = case.loops, samples = {}}
end

local function add_returned(value)
    if type(value) == "function" then
        add_case(options.file:match("([^/]+)%.lua$") or options.file, value)
    elseif type(value) == "table" then
        for _, item in ipairs(value) do
            if type(item) == "function" then
                add_case("case " .. #cases + 1, item)
            elseif type(item) == "table" and item.run then
                add_case(item.name or "case " .. #cases + 1, item)
            elseif type(item) == "table" then
                add_case(item[1], item[2])
            end
        end
        local names = {}
        for name in pairs(value) do
            if type(name) == "string" then
                names[#names + 1] = name
            end
        end
        table.sort(names)
        for _, name in ipairs(names) do
            add_case(name, value[name])
        end
    end
end

local function load_cases()
    local folder = options.file:match("^(.*)/[^/]*$") or "."
    package.path = ("%s/?.lua;%s/?/init.lua;"):format(folder, folder) .. package.path
    arg = {[0] = options.file, table.unpack(options.rest)}
    bench = add_case
    local chunk, message = loadfile(options.file)
    if not chunk then
        stop(message)
    end
    local ok, value = xpcall(chunk, debug.traceback, table.unpack(options.rest))
    if not ok then
        stop(tostring(value))
    end
    add_returned(value)
    if #cases == 0 then
        stop(options.file .. (options.filter and ": no case matches the filter" or
                              ": no cases: return a function or a table of functions, or call bench(name, f)"))
    end
end

-- -- Measuring ---------------------------------------------------------------------------------------------------------

local function clock()
    return sys.call("clock", options.clock == "cpu" and 2 or 1)
end

-- One sample: nanoseconds for `count` operations.
local function measure(case, count)
    local run, state = case.run, case.state
    local start
    if case.loops then
        start = clock()
        run(count, state)
    else
        start = clock()
        for _ = 1, count do
            run(state)
        end
    end
    return clock() - start
end

-- The same for doing nothing, which is taken off.
local function overhead(count)
    return measure({run = function() end}, count)
end

local function calibrate(case)
    local count, total, ns = 1, 0, measure(case, 1)
    while total < WARM * 1e9 do
        ns = measure(case, count)
        total = total + ns
        if ns < SAMPLE * 1e9 then
            local wanted = count * SAMPLE * 1.2e9 / math.max(ns, 1)
            count = math.min(math.ceil(wanted), count * 10, 1 << 40)
        elseif total > ns and ns > WARM * 1e9 then
            break
        end
    end
    case.count = count
    local per_op = ns / count
    case.rounds = math.max(ROUNDS_MIN, math.min(ROUNDS_MAX, options.time * 1e9 // math.max(per_op * count, 1)))
end

-- Bytes that an operation takes, the collector standing still.
local function allocation(case)
    local count = math.min(case.count, ALLOCATION_CALLS)
    collectgarbage()
    collectgarbage("stop")
    local before = collectgarbage("count")
    measure(case, count)
    local after = collectgarbage("count")
    collectgarbage("restart")
    return math.max(0, math.floor((after - before) * 1024 / count + 0.5))
end

local columns = tool.columns(2)

local function progress(text)
    if columns and not options.raw then
        io.stderr:write("\r\27[K", text and text:sub(1, columns - 1) or "")
        io.stderr:flush()
    end
end

local function guarded(case, f, ...)
    local ok, result = xpcall(f, debug.traceback, ...)
    if not ok then
        progress()
        stop(("case '%s': %s"):format(case.name, tostring(result)))
    end
    return result
end

local function measure_all()
    local rounds = ROUNDS_MIN
    for i, case in ipairs(cases) do
        progress(("warming up %d/%d: %s"):format(i, #cases, case.name))
        case.state = case.setup and guarded(case, case.setup)
        guarded(case, calibrate, case)
        case.allocated = guarded(case, allocation, case)
        case.overhead = case.loops and 0 or overhead(case.count) / case.count
        rounds = math.max(rounds, case.rounds)
    end
    for round = 1, rounds do
        progress(("measuring %d/%d"):format(round, rounds))
        for _, case in ipairs(cases) do
            if round <= case.rounds then
                local ns = guarded(case, measure, case, case.count) / case.count
                case.samples[round] = math.max(ns - case.overhead, 0.1) -- less cannot be told from nothing
            end
        end
    end
    for _, case in ipairs(cases) do
        if case.teardown then
            guarded(case, case.teardown, case.state)
        end
    end
    progress()
end

-- -- Statistics --------------------------------------------------------------------------------------------------------

local function quantile(sorted, q)
    local at = 1 + q * (#sorted - 1)
    local low = math.floor(at)
    local high = math.min(low + 1, #sorted)
    return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
end

-- Median, its 95 % interval by ranks, and the spread: half of the range that the middle half of the samples takes.
local function summary(samples)
    local sorted = table.move(samples, 1, #samples, 1, {})
    table.sort(sorted)
    local n, reach = #sorted, 0.98 * math.sqrt(#sorted)
    local median = quantile(sorted, 0.5)
    return {median = median, low = sorted[math.max(1, math.floor(n / 2 - reach))],
            high = sorted[math.min(n, math.ceil(n / 2 + reach) + 1)], least = sorted[1],
            spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median * 100}
end

local function ratios(case, baseline)
    local list = {}
    for i = 1, math.min(#case.samples, #baseline.samples) do
        list[i] = case.samples[i] / baseline.samples[i]
    end
    return summary(list)
end

local function evaluate()
    local baseline
    for _, case in ipairs(cases) do
        case.result = summary(case.samples)
        if options.baseline == case.name or not options.baseline and (not baseline or
            case.result.median < baseline.result.median) then
            baseline = case
        end
    end
    if not baseline then
        stop(("there is no case '%s' (--baseline)"):format(options.baseline))
    end
    for _, case in ipairs(cases) do
        case.ratio = ratios(case, baseline)
    end
    return baseline
end

-- -- Output ------------------------------------------------------------------------------------------------------------

local function time_text(ns)
    local unit, scale = "ns", 1
    if ns >= 1e9 then
        unit, scale = "s", 1e9
    elseif ns >= 1e6 then
        unit, scale = "ms", 1e6
    elseif ns >= 1e3 then
        unit, scale = "us", 1e3
    end
    local value = ns / scale
    return (value >= 100 and "%.0f %s" or value >= 10 and "%.1f %s" or "%.2f %s"):format(value, unit)
end

local function count_text(n)
    for _, step in ipairs{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} do
        if n >= step[1] then
            return ("%.3g%s"):format(n / step[1], step[2])
        end
    end
    return ("%.3g"):format(n)
end

local function json_text(text)
    return '"' .. text:gsub('[%c"\\\127-\255]', function(c)
        return c:byte() >= 128 and utf8.len(text) and c or ("\\u%04x"):format(c:byte())
    end) .. '"'
end

local function write_json(baseline)
    local rows = {}
    for i, case in ipairs(cases) do
        local r, q = case.result, case.ratio
        rows[i] = ('    {"name": %s, "median_ns": %.4f, "low_ns": %.4f, "high_ns": %.4f, "least_ns": %.4f, "spread_percent": %.3f, ' ..
                   '"ops_per_second": %.3f, "bytes_per_op": %d, "ratio": %.5f, "ratio_low": %.5f, "ratio_high": %.5f, ' ..
                   '"samples": %d, "ops_per_sample": %d}'):format(json_text(case.name), r.median, r.low, r.high, r.least, r.spread,
            1e9 / r.median, case.allocated, q.median, q.low, q.high, #case.samples, case.count)
    end
    print(('{\n  "file": %s,\n  "clock": "%s",\n  "baseline": %s,\n  "cases": [\n%s\n  ]\n}'):format(json_text(options.file),
        options.clock, json_text(baseline.name), table.concat(rows, ",\n")))
end

-- For the comparing parent.
local function write_raw()
    for _, case in ipairs(cases) do
        local r = case.result
        local line = ("case(%q, %.6f, %.6f, %.6f, %d)"):format(case.name, r.median, r.low, r.high, case.allocated)
        print((line:gsub("\\\n", "\\n")))
    end
end

local width_names = 8

local function is_utf8()
    local value = os.getenv("LC_ALL") or os.getenv("LC_CTYPE") or os.getenv("LANG") or ""
    return value:upper():find("UTF%-?8") ~= nil
end

-- A bar of at most `room` columns, an eighth of one as its grain where that can be shown.
local function bar(share, room)
    if not is_utf8() then
        return ("#"):rep(math.max(1, math.floor(share * room + 0.5)))
    end
    local eighths = math.max(1, math.floor(share * room * 8 + 0.5))
    local rest = eighths % 8
    return ("█"):rep(eighths // 8) .. (rest > 0 and utf8.char(0x2590 - rest) or "")
end

local function pad(text, width)
    local length = utf8.len(text) or #text
    return text .. (" "):rep(width - length)
end

local function write_table(baseline)
    for _, case in ipairs(cases) do
        width_names = math.max(width_names, utf8.len(case.name) or #case.name)
    end
    print(("%s %10s %7s %22s %9s %9s  %s"):format(pad("case", width_names), "median", "spread", "95 % of the median", "ops/s",
                                               "bytes/op", "against " .. baseline.name))
    local most = 0
    for _, case in ipairs(cases) do
        most = math.max(most, case.result.median)
    end
    for _, case in ipairs(cases) do
        local r, q = case.result, case.ratio
        local against = case == baseline and "1" or ("%.2f (%.2f to %.2f)%s"):format(q.median, q.low, q.high,
            q.low <= 1 and q.high >= 1 and ", no difference shown" or "")
        print(("%s %10s %5.1f %% %22s %9s %9s  %s"):format(pad(case.name, width_names), time_text(r.median), r.spread,
            time_text(r.low) .. " to " .. time_text(r.high), count_text(1e9 / r.median), tostring(case.allocated), against))
    end
    local room = (tool.columns(1) or 0) - width_names - 2
    if room > 20 and #cases > 1 then
        print()
        for _, case in ipairs(cases) do
            print(pad(case.name, width_names) .. " " .. bar(case.result.median / most, room))
        end
    end
end

-- -- Interpreter and JIT against each other ----------------------------------------------------------------------------

local function quoted(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- The same command in a new program with another option of the JIT: {name = {median, low, high, bytes}}, and the names in order.
local function results_with(jit)
    progress("measuring with --jit=" .. jit)
    local words = {quoted(tool.executable()), "bench", "--jit=" .. jit, "--raw"}
    for _, word in ipairs(options.words) do
        words[#words + 1] = quoted(word)
    end
    words[#words + 1] = quoted(options.file)
    for _, word in ipairs(options.rest) do
        words[#words + 1] = quoted(word)
    end
    local pipe = assert(io.popen(table.concat(words, " "), "r"))
    local names, results = {}, {}
    local function take(name, ...)
        names[#names + 1] = name
        results[name] = {...}
    end
    for line in pipe:lines() do
        local row = line:find('^case%("') and load(line, "=result", "t", {case = take})
        if row then
            row()
        end
    end
    progress()
    if not pipe:close() then
        process.exit(2) -- it has said why
    end
    return results, names
end

local function compare()
    local off, names = results_with("off")
    local on = results_with("on")
    if options.json then
        local rows = {}
        for i, name in ipairs(names) do
            rows[i] = ('    {"name": %s, "off_ns": %.4f, "on_ns": %.4f, "ratio": %.5f}'):format(json_text(name), off[name][1],
                on[name][1], off[name][1] / on[name][1])
        end
        print(('{\n  "file": %s,\n  "cases": [\n%s\n  ]\n}'):format(json_text(options.file), table.concat(rows, ",\n")))
        return
    end
    for _, name in ipairs(names) do
        width_names = math.max(width_names, utf8.len(name) or #name)
    end
    print(("%s %12s %12s  %s"):format(pad("case", width_names), "interpreted", "compiled", "times as fast (95 %)"))
    for _, name in ipairs(names) do
        local a, b = off[name], on[name]
        print(("%s %12s %12s  %.2f (%.2f to %.2f)"):format(pad(name, width_names), time_text(a[1]), time_text(b[1]),
                                                           a[1] / b[1], a[2] / b[3], a[3] / b[2]))
    end
end

local function main()
    parse_options()
    if options.jit then
        compare()
    else
        load_cases()
        measure_all()
        local baseline = evaluate()
        local write = options.raw and write_raw or options.json and write_json or write_table
        write(baseline)
    end
    io.stdout:flush()
    process.exit(0)
end

main()
