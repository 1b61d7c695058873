-- `rille test`: finds test files, runs each in a process of its own, tells what came of them.
--
-- A file's process runs describe.lua with the file and sends an event for each test. It has a limit of memory, and each test one of
-- time. A test that goes beyond, or takes its process along in another way, has failed; a new process goes on with the next one.
-- Nothing that a test does to its globals, or its process, is seen by other files, nor by this one.

local tool, arguments = ..., {select(2, ...)}
local process, sys = require "process", require "sys"

local LOST = 0.05     -- seconds between looks at whether a process has died
local SOON = 0.0005   -- the same when one is about to end
local ENDING = 5      -- seconds that a process may take to end when all its tests have been run

local options = {time = 10, mem = "256M", jobs = 1, format = "plain", paths = {}}

local function now()
    return sys.call("clock", 1) / 1e9
end

-- -- The command line --------------------------------------------------------------------------------------------------

local function refuse(...)
    process.exit(tool.complain(...))
end

local units = {ms = 1e-3, s = 1, m = 60, h = 3600, [""] = 1}

local function seconds_of(text)
    local number, unit = text:match("^([%d.]+)(%a*)$")
    local amount = tonumber(number)
    return amount and units[unit] and amount * units[unit] > 0 and amount * units[unit] or nil
end

local function positive(text)
    local n = math.tointeger(tonumber(text))
    return n and n > 0 and n or nil
end

local function any(text)
    return text
end

-- Options with a value: the field it goes to, and what makes it one (nil: it is wrong).
local valued = {
    ["--filter"] = {"filter", any},
    ["--jobs"] = {"jobs", positive},
    ["--time"] = {"time", seconds_of},
    ["--mem"] = {"mem", function(text) return text:find("^%d+%.?%d*[KMG]?$") and text end},
    ["--seed"] = {"seed", function(text) return math.tointeger(tonumber(text)) end},
    ["--junit"] = {"junit", any},
    ["--format"] = {"format", function(text) return (text == "plain" or text == "tap") and text end},
}
local flags = {["--fail-fast"] = "fail_fast", ["--shuffle"] = "shuffle", ["--verbose"] = "verbose", ["-v"] = "verbose",
               ["--tap"] = "tap"}

local function parse_options()
    local i, ended = 1, false
    while i <= #arguments do
        local word = arguments[i]
        local name, value = word:match("^(%-%-[%w-]+)=(.*)$")
        name = name or word
        if ended or word:sub(1, 1) ~= "-" then
            options.paths[#options.paths + 1] = word
        elseif word == "--" then
            ended = true
        elseif flags[word] then
            options[flags[word]] = true
        elseif valued[name] then
            if value == nil then
                i = i + 1
                value = arguments[i]
            end
            local field, convert = table.unpack(valued[name])
            if value == nil or not convert(value) then
                refuse(value == nil and "a value is needed behind" or "wrong value of option", word)
            end
            options[field] = convert(value)
        else
            refuse("unrecognized option", word)
        end
        i = i + 1
    end
    options.format = options.tap and "tap" or options.format
    options.shuffle = options.shuffle or options.seed ~= nil
    options.seed = options.seed or math.random(0, 0x7fffffff)
end

-- -- Finding files -----------------------------------------------------------------------------------------------------

local test_folders = {test = true, tests = true, spec = true}
local left_out = {node_modules = true, build = true}

local function is_test_file(name, in_test_folder)
    return name:find("_test%.lua$") or name:find("_spec%.lua$") or in_test_folder and name:find("^test[_-].*%.lua$")
end

local function find_files(folder, in_test_folder, found)
    local names = sys.list(folder) or {}
    table.sort(names)
    for _, name in ipairs(names) do
        local path = folder == "." and name or folder:gsub("/$", "") .. "/" .. name
        local info = name:sub(1, 1) ~= "." and sys.lstat(path)
        if info and info.type == "directory" and not left_out[name] then
            find_files(path, in_test_folder or test_folders[name], found)
        elseif info and info.type ~= "directory" and is_test_file(name, in_test_folder) then
            found[#found + 1] = path
        end
    end
end

local function collect_files()
    local found = {}
    for _, path in ipairs(#options.paths > 0 and options.paths or {"."}) do
        local info, message = sys.stat(path)
        if not info then
            io.stderr:write(tool.name, ": test: ", message, "\n")
            process.exit(2)
        elseif info.type == "directory" then
            find_files(path, test_folders[path:match("([^/]+)/*$")], found)
        else
            found[#found + 1] = path
        end
    end
    if #found == 0 then
        io.stderr:write(tool.name, ": test: no test files (*_test.lua, *_spec.lua) in ",
                        #options.paths > 0 and table.concat(options.paths, ", ") or "this folder", "\n")
        process.exit(2)
    end
    return found
end

-- -- Colours and the line of progress ----------------------------------------------------------------------------------

local columns = tool.columns(1)
local is_terminal = columns ~= nil and options.format == "plain"
local colours = is_terminal and (os.getenv("NO_COLOR") or "") == "" and os.getenv("TERM") ~= "dumb"

local codes = {red = 31, green = 32, yellow = 33, dim = 2, bold = 1}

local function colour(name, text)
    return colours and ("\27[%dm%s\27[0m"):format(codes[name], text) or text
end

local progress_shown = false

local function hide_progress()
    if progress_shown then
        io.write("\r\27[K")
        progress_shown = false
    end
end

local function show_progress(text)
    if is_terminal then
        io.write("\r\27[K", text:gsub("%c", " "):sub(1, columns - 1))
        io.flush()
        progress_shown = true
    end
end

local function indented(text, indent)
    return indent .. text:gsub("\n+$", ""):gsub("\n", "\n" .. indent)
end

-- -- Plain output ------------------------------------------------------------------------------------------------------

local bad = {fail = true, error = true}
local plain = {}

function plain.start()
end

local marks = {pass = {"green", "ok"}, fail = {"red", "FAIL"}, error = {"red", "ERROR"}, skip = {"yellow", "skip"},
               pending = {"yellow", "pending"}}

local function coloured_message(text)
    if not colours then
        return text
    end
    return (("\n" .. text):gsub("\n(%- [^\n]*)", "\n\27[32m%1\27[0m"):gsub("\n(%+ [^\n]*)", "\n\27[31m%1\27[0m"):sub(2))
end

local function print_test(result)
    local mark = marks[result.status]
    local reason = not bad[result.status] and result.text and ": " .. result.text or ""
    io.write("  ", colour(mark[1], ("%-7s"):format(mark[2])), " ", result.name, reason,
             colour("dim", (" (%.1f ms)"):format(result.seconds * 1000)), "\n")
    if bad[result.status] then
        io.write(coloured_message(indented(result.text or "", "    ")), "\n")
        if result.output ~= "" then
            io.write(colour("dim", "    it wrote:\n"), indented(result.output, "      | "), "\n")
        end
    end
end

function plain.file(file)
    hide_progress()
    local parts = {file.counts.pass .. " passed"}
    for _, status in ipairs{"fail", "error", "skip", "pending"} do
        if file.counts[status] > 0 then
            local word = ({fail = "failed", error = "with errors", skip = "skipped", pending = "pending"})[status]
            parts[#parts + 1] = file.counts[status] .. " " .. word
        end
    end
    local failed = file.counts.fail + file.counts.error > 0
    io.write(failed and colour("red", "FAIL") or colour("green", "ok  "), "  ", file.path, "  ", table.concat(parts, ", "),
             colour("dim", ("  %.2f s"):format(file.seconds)), "\n")
    for _, result in ipairs(file.results) do
        if options.verbose or bad[result.status] then
            print_test(result)
        end
    end
    io.flush()
end

function plain.finish(total, seconds, file_count)
    hide_progress()
    local failed = total.fail + total.error
    io.write(colour(failed > 0 and "red" or "green", ("%d passed, %d failed"):format(total.pass, failed)),
             total.skip > 0 and (", %d skipped"):format(total.skip) or "",
             total.pending > 0 and (", %d pending"):format(total.pending) or "",
             (" in %d file%s (%.2f s)%s\n"):format(file_count, file_count == 1 and "" or "s", seconds,
                 options.shuffle and ", --seed " .. options.seed or ""))
end

function plain.result()
end

-- -- TAP ---------------------------------------------------------------------------------------------------------------

local tap = {count = 0}

function tap.start()
    print("TAP version 13")
    if options.shuffle then
        print("# seed " .. options.seed)
    end
end

local function tap_name(text)
    return (text:gsub("[\n\r]", " "):gsub("#", "\\#"))
end

function tap.result(file, result)
    tap.count = tap.count + 1
    local directive = ""
    if result.status == "skip" or result.status == "pending" then
        directive = (result.status == "skip" and " # SKIP " or " # TODO ") .. tap_name(result.text or result.status)
    end
    print(("%s %d - %s: %s%s"):format((bad[result.status] or result.status == "pending") and "not ok" or "ok", tap.count,
                                      tap_name(file.path), tap_name(result.name), directive))
    if bad[result.status] then
        print("  ---")
        print("  status: " .. result.status)
        print("  message: |")
        print(indented(result.text or "", "    "))
        if result.output ~= "" then
            print("  output: |")
            print(indented(result.output, "    "))
        end
        print("  ...")
    end
    io.flush()
end

function tap.file()
end

function tap.finish(total)
    print("1.." .. tap.count)
    print(("# %d passed, %d failed, %d skipped, %d pending"):format(total.pass, total.fail + total.error, total.skip, total.pending))
end

-- -- JUnit's XML -------------------------------------------------------------------------------------------------------

local entities = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;", ["\t"] = "&#9;"}

-- What XML cannot hold, control characters and what is no UTF-8, is shown as \ddd.
local function xml(text)
    local valid = utf8.len(text)
    return (text:gsub("[%z\1-\31\127-\255&<>\"]", function(c)
        return entities[c] or (c:byte() >= 128 and valid and c) or ("\\%03d"):format(c:byte())
    end))
end

local function write_case(out, file, result)
    out:write(('    <testcase classname="%s" name="%s" time="%.6f"'):format(xml(file.path), xml(result.name), result.seconds))
    if result.status == "pass" then
        out:write("/>\n")
    elseif bad[result.status] then
        local element = result.status == "fail" and "failure" or "error"
        local text = result.text or ""
        out:write(('>\n      <%s message="%s">%s</%s>\n'):format(element, xml(text:match("^[^\n]*")), xml(text), element))
        if result.output ~= "" then
            out:write("      <system-out>", xml(result.output), "</system-out>\n")
        end
        out:write("    </testcase>\n")
    else
        out:write(('>\n      <skipped message="%s"/>\n    </testcase>\n'):format(xml(result.text or result.status)))
    end
end

local function write_junit(path, files, total)
    local out, message = io.open(path, "w")
    if not out then
        io.stderr:write(tool.name, ": test: ", message, "\n")
        process.exit(2)
    end
    local count = total.pass + total.fail + total.error + total.skip + total.pending
    out:write('<?xml version="1.0" encoding="UTF-8"?>\n',
              ('<testsuites tests="%d" failures="%d" errors="%d">\n'):format(count, total.fail, total.error))
    for _, file in ipairs(files) do
        local c = file.counts
        out:write(('  <testsuite name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="%.6f">\n'):format(
            xml(file.path), #file.results, c.fail, c.error, c.skip + c.pending, file.seconds))
        for _, result in ipairs(file.results) do
            write_case(out, file, result)
        end
        out:write("  </testsuite>\n")
    end
    out:write("</testsuites>\n")
    out:close()
end

-- -- Running -----------------------------------------------------------------------------------------------------------

local reporter
local active, active_count = {}, 0 -- by pid
local done_count, stopped = 0, false
local total = {pass = 0, fail = 0, error = 0, skip = 0, pending = 0}
local files = {}

local function new_file(path)
    return {path = path, results = {}, counts = {pass = 0, fail = 0, error = 0, skip = 0, pending = 0}, first = 1, seconds = 0,
            start = now()}
end

-- Modules of the project: beside the file, in the folder above it, here, in src and lib.
local function search_path(path)
    local folder = path:match("^(.*)/[^/]*$") or "."
    local parts = {}
    for _, where in ipairs{folder, folder .. "/..", ".", "src", "lib"} do
        parts[#parts + 1] = where .. "/?.lua"
        parts[#parts + 1] = where .. "/?/init.lua"
    end
    return table.concat(parts, ";") .. ";" .. package.path
end

local describe_text = tool.source("describe")

-- The function that a file's process runs: it has nothing of this one but what it is given here.
local function main_of(file)
    local text, path, modules = describe_text, file.path, search_path(file.path)
    local settings = {path = path, filter = options.filter, seed = options.seed, shuffle = options.shuffle, first = file.first}
    return function()
        package.path = modules
        arg = {[0] = path}
        io.stdout:setvbuf("no") -- in the order in which it is written, with what goes to standard error
        local parent = require("process").parent()
        local chunk = load(text, "=rille test", "t")
        chunk(settings, function(event) parent:send(event) end)
    end
end

local function spawn(file)
    file.output_path = file.output_path or os.tmpname()
    local output = assert(io.open(file.output_path, "a"))
    local child, message = process.spawn(main_of(file), {name = file.path, stdin = "null", stdout = output, stderr = "stdout",
                                                         limits = {memory = options.mem, output = "64M"}})
    output:close()
    assert(child, message)
    file.child, file.running, file.planned = child, nil, nil
    file.deadline = now() + options.time
    file.start = #file.results == 0 and now() or file.start
    return child
end

-- What the file's process has written since this was asked last, up to position `limit` (nil: the end).
local function take_output(file, limit)
    local input = io.open(file.output_path, "r")
    if not input then
        return ""
    end
    local from = file.output_read or 0
    input:seek("set", from)
    local text = input:read(limit and math.max(0, limit - from) or "a") or ""
    file.output_read = input:seek()
    input:close()
    return #text > 20000 and text:sub(1, 20000) .. "\n... (" .. #text .. " bytes)" or text
end

local function add_result(file, name, status, seconds, text, written)
    local result = {name = name, status = status, seconds = seconds, text = text, output = take_output(file, written)}
    file.results[#file.results + 1] = result
    file.counts[status] = file.counts[status] + 1
    total[status] = total[status] + 1
    reporter.result(file, result)
    if bad[status] and options.fail_fast then
        stopped = true
    end
end

-- One event of a file's process.
local function on_event(file, event)
    local kind, index, name = event[1], event[2], event[3]
    if kind == "plan" then
        file.planned = index
    elseif kind == "start" then
        file.running = {index = index, name = name, start = now()}
        file.deadline = now() + options.time
        show_progress(("[%d/%d] %s: %s"):format(done_count + 1, #files, file.path, name))
    elseif kind == "result" then
        file.running = nil
        file.first = index + 1
        file.deadline = now() + options.time
        add_result(file, name, event[4], event[5], event[6], event[7])
    elseif kind == "error" then
        file.ended = true
        file.deadline = now() + ENDING
        add_result(file, "(loading the file)", "error", now() - file.start, index)
    elseif kind == "end" then
        file.ended = true
        file.deadline = now() + ENDING
    end
end

local function close_file(file)
    file.seconds = now() - file.start
    os.remove(file.output_path)
    done_count = done_count + 1
    reporter.file(file)
end

local function launch(file)
    active[spawn(file):pid()] = file
    active_count = active_count + 1
end

-- The file's process has ended: by itself, or (reason) by us.
local function on_death(pid, file, what, status, reason)
    active[pid] = nil
    active_count = active_count - 1
    if file.ended or stopped then
        return close_file(file)
    end
    local why = reason or what == "limit" and "stopped: " .. tostring(status) or
        ("the test ended its process: %s %s"):format(what, tostring(status))
    if file.running then
        add_result(file, file.running.name, "error", now() - file.running.start, why)
        file.first = file.running.index + 1
        file.running = nil
    else
        add_result(file, file.planned and "(between tests)" or "(loading the file)", "error", now() - file.start, why)
        file.ended = true
    end
    if file.ended or stopped or not file.planned or file.first > file.planned then
        return close_file(file)
    end
    launch(file)
end

local function seconds_text(seconds)
    return seconds < 1 and ("%g ms"):format(seconds * 1000) or ("%g s"):format(seconds)
end

-- Events that have come; waits so long for the first.
local function take_events(seconds)
    local event, from = process.receive(seconds)
    while event ~= nil and not stopped do
        if active[from] then
            on_event(active[from], event)
        end
        event, from = process.receive(0)
    end
end

-- Processes that have died, and those that take too long.
local function look_after()
    local time = now()
    for pid, file in pairs(active) do
        local done, what, status = process.wait(file.child, "nohang")
        if done then
            take_events(0) -- those that it has sent before
            on_death(pid, file, what, status)
            return look_after()
        elseif time > file.deadline then
            file.child:kill("KILL")
            process.wait(file.child)
            on_death(pid, file, "limit", nil, file.ended and "the process did not end" or
                ("stopped: it took more than %s (--time)"):format(seconds_text(options.time)))
            return look_after()
        end
    end
end

-- Until the next event, or somebody's time is over.
local function patience()
    local least = LOST
    for _, file in pairs(active) do
        least = math.min(least, file.ended and SOON or math.max(0, file.deadline - now()))
    end
    return least
end

local function run_all()
    local next_file = 1
    while active_count > 0 or (next_file <= #files and not stopped) do
        while active_count < options.jobs and next_file <= #files and not stopped do
            launch(files[next_file])
            next_file = next_file + 1
        end
        take_events(patience())
        if stopped then
            for pid, file in pairs(active) do
                file.child:kill("KILL")
                process.wait(file.child)
                on_death(pid, file, "signal", 9)
            end
        end
        look_after()
    end
end

local function main()
    parse_options()
    reporter = options.format == "tap" and tap or plain
    for _, path in ipairs(collect_files()) do
        files[#files + 1] = new_file(path)
    end
    local start = now()
    reporter.start()
    run_all()
    reporter.finish(total, now() - start, done_count)
    if options.junit then
        write_junit(options.junit, files, total)
    end
    io.stdout:flush()
    local failed = total.fail + total.error
    if failed == 0 and total.pass + total.skip + total.pending == 0 then
        io.stderr:write(tool.name, ": test: no test", options.filter and " matches the filter" or "", "\n")
        process.exit(2)
    end
    process.exit(failed > 0 and 1 or 0)
end

main()
