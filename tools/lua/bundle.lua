-- `rille bundle`: one executable of a program, the modules that it requires and files. The format is described in
-- vm/exec/bundle.h; what runs it is tools/stub/stub.c, of which a copy comes first.

local tool, arguments = ..., {select(2, ...)}
local process, sys = require "process", require "sys"

local VERSION = 1
local options = {includes = {}, assets = {}}
local entries, known, warnings = {}, {}, 0
local size_limit = 1 << 31

local own = {}
for name in ("string table io os math utf8 coroutine debug package process mem signal thread sys ffi device bundle host _G")
    :gmatch("%S+") do
    own[name] = true
end

local function stop(message, status)
    io.stderr:write(tool.name, ": bundle: ", message, "\n")
    process.exit(status or 1)
end

local function warn(message)
    io.stderr:write(tool.name, ": bundle: ", message, "\n")
    warnings = warnings + 1
end

-- -- The command line --------------------------------------------------------------------------------------------------

local function parse_options()
    local values = {["-o"] = "output", ["--output"] = "output", ["--stub"] = "stub"}
    local lists = {["--include"] = "includes", ["--asset"] = "assets"}
    local i, ended = 1, false
    while i <= #arguments do
        local word = arguments[i]
        local name, value = word:match("^(%-%-%l+)=(.*)$")
        name = name or word
        if ended or word:sub(1, 1) ~= "-" then
            if options.path then
                process.exit(tool.complain("unexpected", word))
            end
            options.path = word
        elseif word == "--" then
            ended = true
        elseif word == "-s" or word == "--list" or word == "--strict" then
            options[word:gsub("-", "")] = true
        elseif values[name] or lists[name] then
            if value == nil then
                i = i + 1
                value = arguments[i]
            end
            if value == nil or value == "" then
                process.exit(tool.complain("a value is needed behind", word))
            elseif values[name] then
                options[values[name]] = value
            else
                table.insert(options[lists[name]], value)
            end
        else
            process.exit(tool.complain("unrecognized option", word))
        end
        i = i + 1
    end
    if not options.path then
        process.exit(tool.complain("a file or folder is needed"))
    end
end

-- -- Files -------------------------------------------------------------------------------------------------------------

local function read(path)
    local file, message = io.open(path, "rb")
    if not file then
        stop("cannot open " .. message)
    end
    local text, why = file:read("a")
    file:close()
    if not text then
        stop("cannot read " .. path .. ": " .. tostring(why))
    end
    return text
end

local function is_folder(path)
    local info = sys.stat(path)
    return info and info.type == "directory"
end

-- Call each(path, name) for all files below a folder, in order, but hidden ones; name is the path from there.
local function walk(folder, prefix, each)
    local names, message = sys.list(folder)
    if not names then
        stop(message)
    end
    table.sort(names)
    for _, name in ipairs(names) do
        local path = folder .. "/" .. name
        local info = name:sub(1, 1) ~= "." and sys.lstat(path)
        if info and info.type == "directory" then
            walk(path, prefix .. name .. "/", each)
        elseif info and (info.type == "file" or info.type == "link" and not is_folder(path)) then
            each(path, prefix .. name)
        end
    end
end

-- -- Entries -----------------------------------------------------------------------------------------------------------

local function add(kind, name, data, path)
    if known[kind .. name] then
        return
    end
    known[kind .. name] = true
    entries[#entries + 1] = {kind = kind, name = name, data = data, path = path}
end

local function add_file(path, name)
    add("F", name, read(path), path)
end

-- -- Finding what is required ------------------------------------------------------------------------------------------

-- Tokens as far as they matter: {kind, value, line}; kinds: "name", "string" (value nil if it has escapes), or the character.
local function tokens(text)
    local list, at, line = {}, 1, 1
    local function lines_in(part)
        line = line + select(2, part:gsub("\n", ""))
    end
    local function long_bracket(from) -- of [==[ at `from`: contents and what comes behind
        local level = text:match("^%[(=*)%[", from)
        if not level then
            return nil
        end
        local first = from + #level + 2
        local last, behind = text:find("]" .. level .. "]", first, true)
        last, behind = last or #text + 1, behind or #text
        return text:sub(first, last - 1), behind + 1
    end
    if text:sub(1, 1) == "#" then
        at = (text:find("\n", 1, true) or #text + 1)
    end
    while at <= #text do
        local from, c = at, text:sub(at, at)
        local name = text:match("^[%a_][%w_]*", at)
        if text:find("^%-%-", at) then
            local _, behind = long_bracket(at + 2)
            at = behind or text:find("\n", at, true) or #text + 1
        elseif name then
            list[#list + 1] = {"name", name, line}
            at = at + #name
        elseif text:find("^%.?%d", at) then
            at = select(2, text:find("^%.?%d[%w_.]*", at)) + 1
        elseif c == '"' or c == "'" then
            local to = at + 1
            while to <= #text and text:sub(to, to) ~= c and text:sub(to, to) ~= "\n" do
                to = to + (text:sub(to, to) == "\\" and 2 or 1)
            end
            local value = text:sub(at + 1, to - 1)
            list[#list + 1] = {"string", not value:find("\\", 1, true) and value or nil, line}
            at = to + 1
        elseif c == "[" and text:find("^%[=*%[", at) then
            local value, behind = long_bracket(at)
            list[#list + 1] = {"string", value, line}
            at = behind
        else
            if not c:find("%s") then
                list[#list + 1] = {c, nil, line}
            end
            at = at + 1
        end
        lines_in(text:sub(from, at - 1))
    end
    return list
end

-- Names that are required, {name, line, may_fail}; calls that cannot be followed are told.
local function required(text, path)
    local list, found = tokens(text), {}
    for i, token in ipairs(list) do
        local before, after, third = list[i - 1] or {}, list[i + 1] or {}, list[i + 2] or {}
        local is_field = before[1] == "." or before[1] == ":"
        if token[1] == "name" and token[2] == "require" and not is_field then
            local argument = (after[1] == "(" or after[1] == ",") and third or after
            local behind = list[i + 3] or {}
            local ends = argument == after or behind[1] == ")" or behind[1] == ","
            if argument[1] == "string" and argument[2] and ends and (before[1] == "(" or after[1] ~= ",") then
                found[#found + 1] = {argument[2], token[3], before[1] == "("}
            elseif after[1] == "(" then
                warn(("%s:%d: this require cannot be followed: --include what it loads"):format(path, token[3]))
            end
        end
    end
    return found
end

-- -- Modules -----------------------------------------------------------------------------------------------------------

local function chunk_of(text, path)
    if text:sub(1, 1) == "\27" then
        local f, message = load(text, "@" .. path, "b")
        return f and (options.s and string.dump(f, true) or text) or stop(message)
    end
    local source = text:sub(1, 1) == "#" and "--" .. text or text
    local f, message = load(source, "@" .. path, "t")
    if not f then
        stop(message)
    end
    return string.dump(f, options.s)
end

local add_module

local function follow(text, path)
    if text:sub(1, 1) == "\27" then
        return -- bytecode: nothing to be read there
    end
    for _, found in ipairs(required(text, path)) do
        local name, line, may_fail = table.unpack(found)
        if not own[name] and not known["M" .. name] and not add_module(name) and not may_fail then
            local library = package.searchpath(name, package.cpath)
            warn(library and ("%s:%d: module '%s' is a C library (%s) and stays outside"):format(path, line, name, library)
                or ("%s:%d: module '%s' is not found; it is looked for when the program runs"):format(path, line, name))
        end
    end
end

function add_module(name)
    local path = package.searchpath(name, package.path)
    if not path then
        return false
    end
    local text = read(path)
    add("M", name, chunk_of(text, path), path)
    follow(text, path)
    return true
end

local function add_program(path, name)
    local text = read(path)
    add("P", name, chunk_of(text, path), path)
    follow(text, path)
end

-- a/b.lua is a.b, a/init.lua is a.
local function module_name(name)
    return (name:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function add_folder(folder, program, output)
    local out_info = output and sys.stat(output)
    walk(folder, "", function(path, name)
        local info = sys.stat(path)
        if not info or name == program or out_info and info.inode == out_info.inode and info.device == out_info.device then
            return
        elseif name:find("%.lua$") then
            local text = read(path)
            add("M", module_name(name), chunk_of(text, path), path)
            follow(text, path)
        else
            add_file(path, name)
        end
    end)
end

local function add_included(name)
    local base = name:match("^(.*)%.%*$")
    if not base then
        if not add_module(name) then
            stop(("module '%s' (--include) is not found"):format(name))
        end
        return
    end
    local any = false
    for template in package.path:gmatch("[^;]+") do
        local root = template:match("^(.*)%?%.lua$")
        local folder = root and root .. base:gsub("%.", "/")
        if folder and is_folder(folder) then
            walk(folder, base:gsub("%.", "/") .. "/", function(path, file)
                if file:find("%.lua$") then
                    any = true
                    local text = read(path)
                    add("M", module_name(file), chunk_of(text, path), path)
                    follow(text, path)
                end
            end)
        end
    end
    if not any then
        stop(("no module is found below '%s' (--include)"):format(base))
    end
end

local function add_asset(word)
    local name, path = word:match("^([^=]+)=(.+)$")
    path = path or word
    name = (name or word):gsub("^%./", ""):gsub("/$", "")
    if is_folder(path) then
        walk(path:gsub("(.)/$", "%1"), name .. "/", add_file)
    else
        add_file(path, name)
    end
end

-- -- Writing -----------------------------------------------------------------------------------------------------------

local function find_stub()
    if options.stub then
        return options.stub
    end
    local folder = tool.executable():match("^(.*)/[^/]*$")
    for _, path in ipairs{folder .. "/rille-stub", folder .. "/../libexec/rille/rille-stub", folder .. "/../lib/rille/rille-stub"} do
        if sys.stat(path) then
            return path
        end
    end
    stop("the run time for bundles (libexec/rille/rille-stub) is not installed; --stub FILE names it")
end

local function packed()
    local parts = {}
    for _, entry in ipairs(entries) do
        parts[#parts + 1] = string.pack("<I4c1I8", #entry.name, entry.kind, #entry.data)
        parts[#parts + 1] = entry.name
        parts[#parts + 1] = entry.data
    end
    local bytes = table.concat(parts)
    if #bytes > size_limit then
        stop("more than 2 GiB")
    end
    return bytes, string.pack("<c8I4I4I8i8", "RILLEBND", VERSION, #entries, #bytes, tool.hash(bytes))
end

local function write(output)
    local stub = read(find_stub())
    if stub:sub(1, 4) ~= "\127ELF" then
        stop("the run time (--stub) is no program")
    end
    local bytes, trailer = packed()
    local path = output .. ".new"
    local file, message = io.open(path, "wb")
    if not file then
        stop("cannot write " .. message)
    end
    local ok, why = file:write(stub, bytes, trailer)
    ok = ok and file:close()
    if ok then
        ok, why = tool.make_executable(path)
    end
    if ok then
        ok, why = os.rename(path, output)
    end
    if not ok then
        os.remove(path)
        stop("cannot write " .. output .. ": " .. tostring(why))
    end
    return #stub + #bytes + #trailer
end

local function list()
    local kinds = {P = "program", M = "module", F = "file"}
    for _, entry in ipairs(entries) do
        print(("%-8s %8d  %s%s"):format(kinds[entry.kind], #entry.data, entry.name,
                                       entry.path ~= entry.name and "  (" .. entry.path .. ")" or ""))
    end
end

local function main()
    parse_options()
    local path = options.path:gsub("(.)/+$", "%1")
    if not sys.stat(path) then
        stop("cannot open " .. path .. ": No such file or directory")
    end
    local folder, program = path:match("^(.*)/[^/]*$") or ".", path:match("[^/]*$")
    local whole = is_folder(path)
    if whole then
        folder, program = path, sys.stat(path .. "/main.lua") and "main.lua" or "init.lua"
        if not sys.stat(path .. "/" .. program) then
            stop(path .. ": a folder needs main.lua or init.lua")
        end
    end
    local output = options.output or whole and path:match("[^/]*$") .. ".bin" or program:gsub("%.%w+$", "")
    if output == program or is_folder(output) or output == ".bin" then
        process.exit(tool.complain("the output needs another name: -o"))
    end
    package.path = ("%s/?.lua;%s/?/init.lua;"):format(folder, folder) .. package.path
    add_program(folder == "." and program or folder .. "/" .. program, program)
    if whole then
        add_folder(folder, program, output)
    end
    for _, name in ipairs(options.includes) do
        add_included(name)
    end
    for _, word in ipairs(options.assets) do
        add_asset(word)
    end
    if options.strict and warnings > 0 then
        stop("nothing is written (--strict)")
    end
    if options.list then
        list()
    else
        local size = write(output)
        local counts = {P = 0, M = 0, F = 0}
        for _, entry in ipairs(entries) do
            counts[entry.kind] = counts[entry.kind] + 1
        end
        print(("%s: %d modules, %d files, %.1f MB"):format(output, counts.M, counts.F, size / 1e6))
    end
    io.stdout:flush()
    process.exit(0)
end

main()
