/* package and require: finding modules, in Lua files and C libraries. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "vm/exec/bundle.h"
#include "vm/exec/intrinsics.h"
#include "vm/host/host.h"
#include "vm/machine/gate.h"
#include "vm/machine/proc.h"
#include "stdlib/libs.h"
#include "stdlib/stream.h"

/* Debian's places, so that modules installed there are found. */
#if defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "lua"
#endif
#define DEFAULT_PATH                                                                               \
    "/usr/local/share/lua/5.4/?.lua;/usr/local/share/lua/5.4/?/init.lua;"                         \
    "/usr/local/lib/lua/5.4/?.lua;/usr/local/lib/lua/5.4/?/init.lua;"                             \
    "/usr/share/lua/5.4/?.lua;/usr/share/lua/5.4/?/init.lua;./?.lua;./?/init.lua"
#define DEFAULT_CPATH                                                                              \
    "/usr/local/lib/lua/5.4/?.so;/usr/lib/" MULTIARCH "/lua/5.4/?.so;/usr/lib/lua/5.4/?.so;"      \
    "/usr/local/lib/lua/5.4/loadall.so;./?.so"

#define PATH_SEPARATOR ';'

/* Keys of the registry, as lauxlib.h and loadlib.c name them. */
#define LOADED_KEY "_LOADED"
#define PRELOAD_KEY "_PRELOAD"
#define LIBRARIES_KEY "_CLIBS" /* handles of C libraries: by path, and as a list */

static RiValue text_value(RiThread *T, const char *text)
{
    return ri_string_value(ri_str_from_cstr(T->heap, text));
}

static RiTable *registry_table(RiThread *T, const char *name)
{
    RiValue v = ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, name));
    if (ri_is_table(v))
        return v.p;
    RiTable *t = ri_table_new(T->heap, 0, 0);
    ri_table_set_str(T->heap, T->process->registry, ri_str_from_cstr(T->heap, name), ri_table_value(t));
    return t;
}

static const char *text_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    return ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, i));
}

static void add_text(RiSbuf *sb, const char *text)
{
    ri_sbuf_add(sb, text, strlen(text));
}

/* Add `text` with every `from` replaced by `to`. */
static void add_replaced(RiSbuf *sb, const char *text, const char *from, const char *to)
{
    const char *found;
    while (*from != '\0' && (found = strstr(text, from)) != NULL) {
        ri_sbuf_add(sb, text, (size_t)(found - text));
        add_text(sb, to);
        text = found + strlen(from);
    }
    add_text(sb, text);
}

/* The text in `sb` as a string that stays on the stack, where it is safe. */
static const char *push_text(RiThread *T, RiSbuf *sb)
{
    RiString *s = ri_sbuf_finish(sb);
    ri_push(T, ri_string_value(s));
    return ri_str_cstr(T->heap, s);
}

/* -- Searching a path ------------------------------------------------------------------------------------------ */

/* Can the process read that file, or load that library? Sets *refused if it lacks a capability for it. */
static bool is_candidate(RiThread *T, const char *path, bool is_library, bool *refused)
{
    RiProc *proc = T->process->proc;
    char real[RI_PATH_SIZE];
    int status;
    if (is_library) {
        status = ri_gate_library(proc, RI_CAP_NATIVE, path, real);
        if (status == 0 && !ri_host_is_readable(real))
            status = -ENOENT;
    } else {
        /* Opened, not asked: only that tells what a later open will do. */
        status = ri_gate_open(proc, path, RI_O_RDONLY | RI_O_NONBLOCK, 0);
        if (status >= 0)
            ri_host_fd_close(status);
    }
    *refused |= status == -EACCES && ri_denied(proc) >= 0;
    return status >= 0;
}

/* Push the name of the first readable file that `path` gives for `name`, or else a list of what was tried. */
static bool search_path(RiThread *T, const char *name, const char *path, const char *separator, const char *replacement,
                        bool is_library)
{
    RiSbuf sb;
    bool refused = false;
    ri_sbuf_init(&sb, T->heap);
    add_replaced(&sb, name, separator, replacement);
    const char *file_part = push_text(T, &sb);

    ri_sbuf_init(&sb, T->heap);
    add_replaced(&sb, path, "?", file_part);
    const char *candidates = push_text(T, &sb);

    for (const char *at = candidates; *at != '\0';) {
        const char *end = at + strcspn(at, ";");
        ri_sbuf_init(&sb, T->heap);
        ri_sbuf_add(&sb, at, (size_t)(end - at));
        const char *candidate = push_text(T, &sb);
        if (is_candidate(T, candidate, is_library, &refused))
            return true;
        T->top--;
        at = *end != '\0' ? end + 1 : end;
    }
    ri_sbuf_init(&sb, T->heap);
    add_text(&sb, "no file '");
    add_replaced(&sb, candidates, ";", "'\n\tno file '");
    add_text(&sb, "'");
    if (refused)
        add_text(&sb, is_library ? "\n\tpermission denied (needs --allow-native)" : "\n\tpermission denied (needs --allow-read)");
    push_text(T, &sb);
    return false;
}

static int32_t package_searchpath(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    const char *path = text_arg(T, args, nargs, 1);
    const char *separator = ri_arg_is_none_or_nil(args, nargs, 2) ? "." : text_arg(T, args, nargs, 2);
    const char *replacement = ri_arg_is_none_or_nil(args, nargs, 3) ? "/" : text_arg(T, args, nargs, 3);
    bool found = search_path(T, name, path, separator, replacement, false);
    RiValue text = T->top[-1];
    return found ? ri_return1(T->base, text) : ri_return2(T->base, ri_nil(), text);
}

/* -- C libraries ----------------------------------------------------------------------------------------------- */

/* What libraries for other versions ask for: a part of what the loader says, and the version. The functions are those that
 * the version has, and 5.4 has not; of several the loader names the first it meets. */
static const struct Foreign {
    const char *part, *version;
} foreigners[] = {
    {"liblua5.1", "Lua 5.1"},
    {"liblua5.2", "Lua 5.2"},
    {"liblua5.3", "Lua 5.3"},
    {"liblua5.5", "Lua 5.5"},
    {"libluajit", "LuaJIT"},
    {": luaJIT_", "LuaJIT"},
    {": luaL_register", "Lua 5.1"},
    {": luaL_openlib", "Lua 5.1"},
    {": luaL_typerror", "Lua 5.1"},
    {": luaL_findtable", "Lua 5.1"},
    {": luaL_loadbuffer", "Lua 5.1"},
    {": luaL_loadfile", "Lua 5.1"},
    {": lua_call", "Lua 5.1"},
    {": lua_pcall", "Lua 5.1"},
    {": lua_cpcall", "Lua 5.1"},
    {": lua_equal", "Lua 5.1"},
    {": lua_lessthan", "Lua 5.1"},
    {": lua_objlen", "Lua 5.1"},
    {": lua_getfenv", "Lua 5.1"},
    {": lua_setfenv", "Lua 5.1"},
    {": lua_tointeger", "Lua 5.1"},
    {": lua_tonumber", "Lua 5.1"},
    {": lua_yield", "Lua 5.1"},
    {": luaL_prepbuffer", "Lua 5.1"},
    {": lua_getctx", "Lua 5.2"},
    {": lua_pushunsigned", "Lua 5.2"},
    {": lua_tounsignedx", "Lua 5.2"},
    {": luaL_checkunsigned", "Lua 5.2"},
    {": luaL_optunsigned", "Lua 5.2"},
    {": lua_insert", "Lua 5.1 or 5.2"},
    {": lua_remove", "Lua 5.1 or 5.2"},
    {": lua_replace", "Lua 5.1 or 5.2"},
    {": luaL_checkint", "Lua 5.1 or 5.2"},
    {": lua_getuservalue", "Lua 5.2 or 5.3"},
    {": lua_setuservalue", "Lua 5.2 or 5.3"},
    {": lua_newuserdata", "Lua 5.1, 5.2 or 5.3"},
    {": luaL_openselectedlibs", "Lua 5.5"},
    {": luaL_makeseed", "Lua 5.5"},
    {": lua_numbertocstring", "Lua 5.5"},
    {": lua_pushexternalstring", "Lua 5.5"},
};

static bool is_end_of_name(char c)
{
    return c == '\0' || c == '\n' || c == ' ' || c == ')' || c == ',';
}

/* Does the message name it? A function's name must end there. */
static bool names_foreigner(const char *message, const char *part)
{
    const char *at = strstr(message, part);
    size_t size = strlen(part);
    bool is_whole = *part == ':' && part[size - 1] != '_';
    return at != NULL && (!is_whole || is_end_of_name(at[size]));
}

/* The loader's message, and which Lua the library wants if that is not ours. */
static const char *explain(RiThread *T, const char *message)
{
    for (size_t i = 0; i < RI_COUNTOF(foreigners); i++) {
        if (!names_foreigner(message, foreigners[i].part))
            continue;
        RiSbuf sb;
        ri_sbuf_init(&sb, T->heap);
        add_text(&sb, message);
        add_text(&sb, "\n\t(the library was built for ");
        add_text(&sb, foreigners[i].version);
        add_text(&sb, "; this is Lua 5.4)");
        return push_text(T, &sb);
    }
    return message;
}

typedef enum RiLibraryStatus { LIBRARY_OK, LIBRARY_NOT_OPENED, LIBRARY_NO_FUNCTION } RiLibraryStatus;

static void *open_library(RiThread *T, const char *path, bool symbols_global, const char **error)
{
    RiTable *libraries = registry_table(T, LIBRARIES_KEY);
    RiValue key = text_value(T, path);
    RiValue known = ri_table_get(libraries, key);
    if (known.tag == RI_TAG_LIGHT)
        return known.p;
    char real[RI_PATH_SIZE];
    int status = ri_gate_library(T->process->proc, RI_CAP_NATIVE, path, real);
    if (status < 0) {
        char why[100];
        RiSbuf sb;
        ri_sbuf_init(&sb, T->heap);
        add_text(&sb, path);
        add_text(&sb, ": ");
        add_text(&sb, ri_error_text(T->process->proc, -status, why, sizeof why));
        *error = push_text(T, &sb);
        return NULL;
    }
    void *handle = ri_host_load_library(real, symbols_global, error);
    if (handle == NULL) {
        *error = explain(T, *error);
    } else {
        RiValue v = ri_object(handle, RI_TAG_LIGHT);
        ri_set_index(T, ri_table_value(libraries), key, v);
        ri_table_append(T->heap, libraries, v);
    }
    return handle;
}

/* Push the function `symbol` of the library in `path` ("*": true, with all symbols made global), or a message. */
static RiLibraryStatus push_library_function(RiThread *T, const char *path, const char *symbol)
{
    const char *error = "";
    void *library = open_library(T, path, *symbol == '*', &error);
    if (library == NULL) {
        ri_push(T, text_value(T, error));
        return LIBRARY_NOT_OPENED;
    }
    if (*symbol == '*') {
        ri_push(T, ri_bool(true));
        return LIBRARY_OK;
    }
    void *function = ri_host_find_symbol(library, symbol, &error);
    if (function == NULL) {
        ri_push(T, text_value(T, error));
        return LIBRARY_NO_FUNCTION;
    }
    ri_push(T, ri_object(function, RI_TAG_CFUNC));
    return LIBRARY_OK;
}

static int32_t package_loadlib(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *path = text_arg(T, args, nargs, 0);
    const char *symbol = text_arg(T, args, nargs, 1);
    RiLibraryStatus status = push_library_function(T, path, symbol);
    RiValue result = T->top[-1];
    if (status == LIBRARY_OK)
        return ri_return1(T->base, result);
    RiValue where = text_value(T, status == LIBRARY_NOT_OPENED ? "open" : "init");
    return ri_return3(T->base, ri_nil(), result, where);
}

/* __gc of the list of libraries: the last finalizer of a process, as the list is made first. */
static int32_t unload_libraries(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiTable *libraries = ri_arg_table(T, args, nargs, 0);
    for (int64_t i = ri_table_length(libraries); i >= 1; i--) {
        RiValue handle = ri_table_get_int(libraries, i);
        if (handle.tag == RI_TAG_LIGHT)
            ri_host_unload_library(handle.p);
    }
    return 0;
}

static const RiLibFn unload_libraries_fn =
    RI_FN(unload_libraries, "unload libraries", "(collect the list of C libraries)(list)", "Closes the C libraries of a process.");

/* -- Searchers ------------------------------------------------------------------------------------------------- */

static RiValue package_field(RiThread *T, const char *name)
{
    return ri_index(T, ri_table_value(ri_stdlib(T)->package), text_value(T, name));
}

/* Search the module in package[field]; pushes as search_path does. */
static bool find_file(RiThread *T, const char *name, const char *field)
{
    RiValue path = package_field(T, field);
    RiString *text = ri_to_string_raw(T, path);
    if (text == NULL)
        ri_error(T, "'package.%s' must be a string", field);
    ri_push(T, ri_string_value(text));
    return search_path(T, name, ri_str_cstr(T->heap, text), ".", "/", strcmp(field, "cpath") == 0);
}

/* The loader is on top of the stack, or a message if it could not be had; the file name is at `file`, from the base. */
static int32_t return_loader(RiThread *T, bool loaded, const char *name, ptrdiff_t file)
{
    RiValue loader = T->top[-1], path = T->base[file];
    if (!loaded)
        ri_error(T, "error loading module '%s' from file '%s':\n\t%s", name, ri_str_cstr(T->heap, path.p),
                 ri_str_cstr(T->heap, ri_tostring(T, loader)));
    return ri_return2(T->base, loader, path);
}

static int32_t return_message(RiThread *T)
{
    return ri_return1(T->base, T->top[-1]);
}

static int32_t search_preload(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    RiValue loader = ri_index(T, ri_table_value(registry_table(T, PRELOAD_KEY)), T->base[0]);
    if (!ri_is_nil(loader))
        return ri_return2(T->base, loader, text_value(T, ":preload:"));
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    add_text(&sb, "no field package.preload['");
    add_text(&sb, name);
    add_text(&sb, "']");
    push_text(T, &sb);
    return return_message(T);
}

/* The file's name is the last of `count` values in the frame. */
static int32_t load_found(RiThread *T, const char *name, uint32_t count)
{
    int status;
    const char *path = ri_str_cstr(T->heap, T->base[count - 1].p);
    if (ri_load_in_frame(T, count, path, NULL, &status) == RI_LIB_BLOCK)
        return RI_LIB_BLOCK;
    return return_loader(T, status == RI_OK, name, count - 1);
}

/* A module that the program has brought along: push its loader and where it is from. */
static bool push_bundled(RiThread *T, const char *name)
{
    const RiProc *proc = T->process->proc;
    RiBundleEntry entry;
    if (proc == NULL || !ri_bundle_find(proc->machine->bundle, RI_BUNDLE_MODULE, name, strlen(name), &entry))
        return false;
    if (ri_load(T, entry.data, entry.size, "=bundle", "b") != RI_OK)
        ri_error(T, "error loading module '%s' from the bundle:\n\t%s", name,
                 ri_str_cstr(T->heap, ri_tostring(T, T->top[-1])));
    ri_push(T, text_value(T, ":bundle:"));
    return true;
}

static int32_t search_lua(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    if (push_bundled(T, name))
        return ri_return_top(T, 2);
    if (!find_file(T, name, "path"))
        return return_message(T);
    return load_found(T, name, (uint32_t)(T->top - T->base));
}

static int32_t search_lua_resume(RiThread *T, RiValue *args, uint32_t nargs)
{
    return load_found(T, text_arg(T, args, nargs, 0), nargs - RI_LOADING_SLOTS);
}

/* Push luaopen_NAME of a C library. Of a name "x-y" the function is luaopen_x, or (as once was) luaopen_y. */
static RiLibraryStatus push_open_function(RiThread *T, const char *path, const char *name)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    add_replaced(&sb, name, ".", "_");
    const char *flat_name = push_text(T, &sb);
    const char *mark = strchr(flat_name, '-');
    if (mark != NULL) {
        ri_sbuf_init(&sb, T->heap);
        add_text(&sb, "luaopen_");
        ri_sbuf_add(&sb, flat_name, (size_t)(mark - flat_name));
        RiLibraryStatus status = push_library_function(T, path, push_text(T, &sb));
        if (status != LIBRARY_NO_FUNCTION)
            return status;
        flat_name = mark + 1;
    }
    ri_sbuf_init(&sb, T->heap);
    add_text(&sb, "luaopen_");
    add_text(&sb, flat_name);
    return push_library_function(T, path, push_text(T, &sb));
}

static int32_t search_c(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    if (!find_file(T, name, "cpath"))
        return return_message(T);
    ptrdiff_t file = T->top - 1 - T->base;
    bool loaded = push_open_function(T, ri_str_cstr(T->heap, T->top[-1].p), name) == LIBRARY_OK;
    return return_loader(T, loaded, name, file);
}

/* A submodule a.b in the library of its root a. */
static int32_t search_c_root(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        return 0;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, name, (size_t)(dot - name));
    if (!find_file(T, push_text(T, &sb), "cpath"))
        return return_message(T);
    ptrdiff_t file = T->top - 1 - T->base;
    const char *path = ri_str_cstr(T->heap, T->top[-1].p);
    RiLibraryStatus status = push_open_function(T, path, name);
    if (status != LIBRARY_NO_FUNCTION)
        return return_loader(T, status == LIBRARY_OK, name, file);
    ri_sbuf_init(&sb, T->heap);
    add_text(&sb, "no module '");
    add_text(&sb, name);
    add_text(&sb, "' in file '");
    add_text(&sb, path);
    add_text(&sb, "'");
    push_text(T, &sb);
    return return_message(T);
}

/* -- require --------------------------------------------------------------------------------------------------- */

/* Push the loader of a module and its second argument. Throws if no searcher knows the module. */
static void push_loader(RiThread *T, const char *name)
{
    RiSbuf message;
    RiValue searchers = package_field(T, "searchers");
    if (!ri_is_table(searchers))
        ri_error(T, "'package.searchers' must be a table");
    ri_push(T, searchers);
    ri_sbuf_init(&message, T->heap);
    for (int64_t i = 1;; i++) {
        RiValue searcher = ri_table_get_int(searchers.p, i);
        if (ri_is_nil(searcher)) {
            const char *tried = push_text(T, &message);
            ri_error(T, "module '%s' not found:%s", name, tried);
        }
        ri_push(T, searcher);
        ri_push_link(T);
        ri_push(T, T->base[0]);
        ri_call(T, 1, 2);
        if (ri_is_function(T->top[-2]))
            return;
        if (ri_is_string(T->top[-2]) || ri_is_number(T->top[-2])) {
            add_text(&message, "\n\t");
            ri_sbuf_add_str(&message, ri_to_string_raw(T, T->top[-2]));
        }
        T->top -= 2;
    }
}

static int32_t package_require(RiThread *T, RiValue *args, uint32_t nargs)
{
    const char *name = text_arg(T, args, nargs, 0);
    T->top = args + 1;
    RiValue loaded = ri_table_value(registry_table(T, LOADED_KEY));
    RiValue module = ri_index(T, loaded, T->base[0]);
    if (!ri_is_falsy(module))
        return ri_return1(T->base, module);
    push_loader(T, name);
    RiValue loader = T->top[-2], data = T->top[-1];
    ri_push(T, loader);
    ri_push_link(T);
    ri_push(T, T->base[0]);
    ri_push(T, data);
    ri_call(T, 2, 1);
    if (!ri_is_nil(T->top[-1]))
        ri_set_index(T, loaded, T->base[0], T->top[-1]);
    module = ri_index(T, loaded, T->base[0]);
    if (ri_is_nil(module)) { /* the module said nothing */
        module = ri_bool(true);
        ri_set_index(T, loaded, T->base[0], module);
    }
    return ri_return2(T->base, module, T->top[-2]);
}

static const RiLibFn searcher_fns[] = {
    RI_FN(search_preload, "preload searcher", "(searcher 1)(name)", "Looks into package.preload."),
    RI_FN_RESUMABLE(search_lua, search_lua_resume, "Lua searcher", "(searcher 2)(name)", "Looks for a Lua file along package.path."),
    RI_FN(search_c, "C searcher", "(searcher 3)(name)", "Looks for a C library along package.cpath."),
    RI_FN(search_c_root, "all-in-one searcher", "(searcher 4)(name)", "Looks for a.b in the C library of a."),
};

static const RiLibFn require_fn =
    RI_FN(package_require, "require", "require(name)",
          "Load a module once: its value, and what the searcher found (a file name). Later calls return the value.");

/* -- Table of functions ---------------------------------------------------------------------------------------- */

static const RiLibFn functions[] = {
    RI_FN(package_loadlib, "package.loadlib", "package.loadlib(path, funcname)",
          "A function of a C library; \"*\" only links with it. Else nil, message, \"open\" or \"init\"."),
    RI_FN(package_searchpath, "package.searchpath", "package.searchpath(name, path [, sep [, rep]])",
          "The first readable file that a path template gives for a name; else nil and what was tried."),
};

/* package[field] from the environment, where ";;" stands for the default path. */
static void set_path(RiThread *T, RiTable *library, const char *field, const char *variable, const char *fallback)
{
    char versioned[32];
    snprintf(versioned, sizeof versioned, "%s_5_4", variable);
    const char *path = ri_host_getenv(versioned);
    if (path == NULL)
        path = ri_host_getenv(variable);
    RiValue ignore_environment = ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, "LUA_NOENV"));
    if (path == NULL || !ri_is_falsy(ignore_environment))
        path = fallback;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    const char *mark = strstr(path, ";;");
    if (mark == NULL) {
        add_text(&sb, path);
    } else { /* only the first one counts */
        if (mark > path) {
            ri_sbuf_add(&sb, path, (size_t)(mark - path));
            ri_sbuf_add_char(&sb, PATH_SEPARATOR);
        }
        add_text(&sb, fallback);
        if (mark[2] != '\0') {
            ri_sbuf_add_char(&sb, PATH_SEPARATOR);
            add_text(&sb, mark + 2);
        }
    }
    RiString *value = ri_sbuf_finish(&sb);
    ri_table_set_str(T->heap, library, ri_str_from_cstr(T->heap, field), ri_string_value(value));
}

/* The list of C libraries, made before all else that has a finalizer. */
static void make_libraries(RiThread *T)
{
    RiHeap *heap = T->heap;
    RiTable *meta = ri_table_new(heap, 0, 1);
    ri_table_set_str(heap, meta, heap->mm_names[RI_MM_GC], ri_libfn_value(&unload_libraries_fn));
    ri_value_set_meta(T, ri_table_value(registry_table(T, LIBRARIES_KEY)), meta);
}

bool ri_package_has_default_paths(void)
{
    static const char *const variables[] = {"LUA_PATH", "LUA_PATH_5_4", "LUA_CPATH", "LUA_CPATH_5_4"};
    for (size_t i = 0; i < RI_COUNTOF(variables); i++) {
        if (ri_host_getenv(variables[i]) != NULL)
            return false;
    }
    return true;
}

static void set_paths(RiThread *T, RiTable *library)
{
    set_path(T, library, "path", "LUA_PATH", DEFAULT_PATH);
    set_path(T, library, "cpath", "LUA_CPATH", DEFAULT_CPATH);
}

void ri_libraries_settle(RiThread *T)
{
    RiStdlib *state = ri_stdlib(T);
    make_libraries(T);
    if (!ri_package_has_default_paths())
        set_paths(T, state->package);
    state->gc_is_generational = !T->process->is_embedded;
}

static void open_package(RiThread *T, RiTable *library)
{
    RiHeap *heap = T->heap;
    if (!T->process->closing) /* else there would be no finalizer */
        make_libraries(T);

    RiTable *searchers = ri_table_new(heap, RI_COUNTOF(searcher_fns), 0);
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "searchers"), ri_table_value(searchers));
    for (size_t i = 0; i < RI_COUNTOF(searcher_fns); i++)
        ri_table_append(heap, searchers, ri_libfn_value(&searcher_fns[i]));

    set_paths(T, library);
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "config"), text_value(T, "/\n;\n?\n!\n-\n"));
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "loaded"), ri_table_value(registry_table(T, LOADED_KEY)));
    ri_table_set_str(heap, library, ri_str_from_cstr(heap, "preload"), ri_table_value(registry_table(T, PRELOAD_KEY)));
    ri_open_machine_preloads(T, registry_table(T, PRELOAD_KEY));
    ri_table_set_str(heap, T->process->globals, ri_str_from_cstr(heap, "require"), ri_libfn_value(&require_fn));
    ri_stdlib(T)->package = library;
}

const RiLibrary ri_lib_package = {"package", functions, RI_COUNTOF(functions), open_package};
