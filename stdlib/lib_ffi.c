/* ffi.*: C functions, types and values, as in LuaJIT (doc/ffi.md). The work is done in vm/ffi; here are the functions that
 * programs see, and the libraries that symbols are found in.
 *
 * A process that may use it at all can read and write the whole memory of the host process: see RI_CAP_FFI. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/libs.h"
#include "vm/ffi/cdata.h"
#include "vm/ffi/foreign.h"
#include "vm/host/host.h"
#include "vm/machine/gate.h"
#include "vm/machine/mount.h"
#include "vm/machine/policy.h"

#define PARSED_MAX 2000 /* texts of types that are remembered */

/* -- Arguments ---------------------------------------------------------------------------------------------------- */

static RiCtype *parsed(RiThread *T, RiString *text)
{
    RiFfi *ffi = ri_ffi_state(T);
    RiValue key = ri_string_value(text), known = ri_table_get(ffi->parsed, key);
    if (!ri_is_nil(known))
        return known.p;
    RiCtype *type = ri_ffi_parse_type(T, text, NULL, 0);
    if (ffi->parsed_count++ == PARSED_MAX) {
        ffi->parsed = ri_table_new(T->heap, 0, 0);
        ffi->parsed_count = 0;
    }
    if (ri_table_set(T->heap, ffi->parsed, key, ri_block_value(type)) != RI_KEY_OK)
        ri_unreachable();
    return type;
}

/* A type: by its text, by a value that stands for it, or that of a value. */
static RiCtype *type_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiValue v = ri_arg(args, nargs, i);
    if (ri_is_string(v))
        return parsed(T, v.p);
    if (!ri_is_cdata(v))
        ri_arg_type_error(T, args, nargs, i, "C type");
    RiCtype *type = ri_cdata_as_type(T, v);
    return type != NULL ? type : ((RiCdata *)v.p)->type;
}

static RiCdata *cdata_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    if (i >= nargs || !ri_is_cdata(args[i]))
        ri_arg_type_error(T, args, nargs, i, "cdata");
    return args[i].p;
}

static int64_t integer_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i)
{
    RiCnumber n;
    if (i < nargs && ri_is_cdata(args[i]) && ri_ffi_number(T, args[i], false, &n))
        return ri_cnumber_int(n);
    return ri_arg_int(T, args, nargs, i);
}

/* Values for the $ in a text: types as blocks. */
static void take_params(RiThread *T, RiValue *args, uint32_t nargs)
{
    for (uint32_t i = 1; i < nargs; i++) {
        RiCtype *type = ri_cdata_as_type(T, args[i]);
        if (type != NULL)
            args[i] = ri_block_value(type);
        else if (!ri_is_string(args[i]) && !ri_is_int(args[i]))
            ri_arg_type_error(T, args, nargs, i, "C type, string or integer");
    }
}

/* -- Types and declarations --------------------------------------------------------------------------------------- */

static int32_t ffi_cdef(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiString *text = ri_arg_str(T, args, nargs, 0);
    take_params(T, args, nargs);
    ri_ffi_declare(T, text, args + 1, nargs - 1);
    return 0;
}

static int32_t ffi_typeof(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCtype *type;
    if (nargs > 1 && ri_is_string(args[0])) {
        take_params(T, args, nargs);
        type = ri_ffi_parse_type(T, args[0].p, args + 1, nargs - 1);
    } else {
        type = type_arg(T, args, nargs, 0);
    }
    return ri_return1(T->base, ri_cdata_of_type(T, type));
}

/* args[0] is a type: `count` of its variable part, if there is one. */
static bool size_of(RiThread *T, RiValue *args, uint32_t nargs, uint64_t *size)
{
    bool known;
    RiCtype *type = ri_ctype_strip(type_arg(T, args, nargs, 0));
    if (ri_is_cdata(args[0]) && ri_cdata_as_type(T, args[0]) == NULL) {
        const RiCdata *c = args[0].p;
        *size = c->size;
        if (c->type->kind != RI_CK_REFERENCE && type->kind != RI_CK_FUNCTION)
            return true;
    }
    *size = ri_ctype_size(type, &known);
    bool varies = (type->kind == RI_CK_ARRAY && (type->flags & RI_CT_VARIABLE)) ||
                  (type->kind == RI_CK_STRUCT && (type->plain->flags & RI_CT_VARIABLE));
    if (!varies || nargs < 2)
        return known;
    int64_t count = integer_arg(T, args, nargs, 1);
    RI_ARG_CHECK(T, count >= 0, 1, "negative number of elements");
    *size = ri_ctype_size_with(T, type, (uint64_t)count);
    return true;
}

static int32_t ffi_sizeof(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t size;
    if (!size_of(T, args, nargs, &size))
        return ri_return_nil(T->base);
    return ri_return_int(T->base, (int64_t)size);
}

static int32_t ffi_alignof(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return_int(T->base, ri_ctype_align(ri_ctype_strip(type_arg(T, args, nargs, 0))));
}

static int32_t ffi_offsetof(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t offset;
    RiCtype *type = ri_ctype_strip(type_arg(T, args, nargs, 0));
    RiString *name = ri_arg_str(T, args, nargs, 1);
    const RiCfield *f = type->kind == RI_CK_STRUCT ? ri_ctype_field(type, name, &offset) : NULL;
    if (f == NULL)
        return ri_return_nil(T->base);
    if (f->bit_width == 0)
        return ri_return_int(T->base, (int64_t)offset);
    return ri_return3(T->base, ri_int((int64_t)offset), ri_int(f->bit_offset), ri_int(f->bit_width));
}

static int32_t ffi_istype(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCtype *type = ri_ctype_strip(type_arg(T, args, nargs, 0));
    RiValue v = ri_arg(args, nargs, 1);
    if (!ri_is_cdata(v))
        return ri_return_bool(T->base, false);
    RiCtype *other = ri_cdata_as_type(T, v);
    other = ri_ctype_strip(other != NULL ? other : ((RiCdata *)v.p)->type);
    bool is_pointer = other->kind == RI_CK_POINTER;
    bool is_pointer_to_it = type->kind == RI_CK_STRUCT && is_pointer && other->base->plain == type->plain;
    return ri_return_bool(T->base, is_pointer_to_it || ri_ctype_same(type, other, true));
}

static int32_t ffi_metatype(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCtype *type = type_arg(T, args, nargs, 0)->plain;
    RiTable *meta = ri_arg_table(T, args, nargs, 1);
    RI_ARG_CHECK(T, type->kind == RI_CK_STRUCT || type->kind == RI_CK_COMPLEX, 0, "struct or union expected");
    if (type->meta != NULL)
        ri_error(T, "cannot change a protected metatable");
    type->meta = meta;
    return ri_return1(T->base, ri_cdata_of_type(T, type));
}

/* -- Values ------------------------------------------------------------------------------------------------------- */

static int32_t ffi_new(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_ffi_construct(T, ri_ctype_strip(type_arg(T, args, nargs, 0)), args, nargs, false);
}

static int32_t ffi_cast(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCtype *type = ri_ctype_strip(type_arg(T, args, nargs, 0));
    void *keep = NULL, *p;
    ri_arg_check_any(T, args, nargs, 1);
    if (type->kind == RI_CK_POINTER) {
        p = ri_ffi_to_pointer(T, type, args[1], true, &keep);
        return ri_return1(T->base, ri_cdata_value(ri_cdata_pointer(T, type, p, keep)));
    }
    bool is_scalar = (type->kind >= RI_CK_BOOL && type->kind <= RI_CK_ENUM) && type->plain->size > 0;
    RI_ARG_CHECK(T, is_scalar, 0, "number or pointer type expected");
    RiCdata *c = ri_cdata_new(T, type->plain, type->plain->size);
    ri_ffi_store(T, type->plain, c->at, args[1], true);
    return ri_return1(T->base, ri_cdata_value(c));
}

static int32_t ffi_gc(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCdata *c = cdata_arg(T, args, nargs, 0);
    ri_cdata_set_finalizer(T, c, ri_arg(args, nargs, 1));
    return ri_return1(T->base, T->base[0]);
}

static int32_t ffi_addressof(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCdata *c = cdata_arg(T, args, nargs, 0);
    RiCtype *type = ri_ctype_pointer(T, ri_cdata_type(c));
    void *keep = c->keep != NULL && c->type->kind == RI_CK_REFERENCE ? c->keep : c;
    RiValue result = ri_cdata_value(ri_cdata_pointer(T, type, c->at, keep));
    return ri_return1(T->base, result);
}

static int32_t ffi_tonumber(RiThread *T, RiValue *args, uint32_t nargs)
{
    return ri_return1(T->base, ri_ffi_to_lua_number(T, ri_arg(args, nargs, 0)));
}

/* What a C function with that result would give: numbers of Lua where they hold it. */
static int32_t ffi_toretval(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue v = ri_arg(args, nargs, 0);
    if (!ri_is_cdata(v))
        return ri_return1(T->base, v);
    RiCdata *c = v.p;
    const RiCtype *type = ri_cdata_type(c);
    if (!ri_ctype_is_number(type))
        return ri_return1(T->base, v);
    return ri_return1(T->base, ri_ffi_load(T, ri_cdata_type(c), c->at, NULL));
}

static int32_t ffi_eval(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiCtype *type;
    uint64_t value = ri_ffi_evaluate(T, ri_arg_str(T, args, nargs, 0), &type);
    RiCdata *c = ri_cdata_new(T, type, type->plain->size);
    memcpy(c->at, &value, type->plain->size);
    return ri_return1(T->base, ri_cdata_value(c));
}

/* -- Bytes -------------------------------------------------------------------------------------------------------- */

/* The address that a pointer-like argument means, and how many bytes are known to be there (UINT64_MAX: it is not known). */
static char *bytes_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, bool writes, uint64_t *limit)
{
    char *at;
    *limit = UINT64_MAX;
    if (i < nargs && ri_is_cdata(args[i])) {
        RiCdata *c = args[i].p;
        RiCtype *type = ri_cdata_type(c);
        bool is_type = ri_cdata_as_type(T, args[i]) != NULL;
        if (is_type || !ri_cdata_address(T, c, &at) || type->kind == RI_CK_FUNCTION)
            ri_ffi_cannot_convert(T, args[i], ri_ffi_state(T)->void_pointer);
        if (c->type->kind == RI_CK_ARRAY || c->type->kind == RI_CK_STRUCT)
            *limit = c->size;
        return at;
    }
    if (i < nargs && ri_is_string(args[i]) && !writes) {
        *limit = ((RiString *)args[i].p)->size + 1;
        return (char *)(uintptr_t)ri_str_cstr(T->heap, args[i].p);
    }
    if (i < nargs && (args[i].tag == RI_TAG_LIGHT || args[i].tag == RI_TAG_USERDATA)) {
        if (args[i].tag == RI_TAG_USERDATA)
            *limit = ((RiUserdata *)args[i].p)->size;
        return args[i].tag == RI_TAG_LIGHT ? args[i].p : ((RiUserdata *)args[i].p)->data;
    }
    ri_arg_type_error(T, args, nargs, i, "pointer");
}

static uint64_t length_arg(RiThread *T, RiValue *args, uint32_t nargs, uint32_t i, uint64_t limit)
{
    int64_t size = integer_arg(T, args, nargs, i);
    RI_ARG_CHECK(T, size >= 0, i, "negative size");
    RI_ARG_CHECK(T, (uint64_t)size <= limit, i, "size goes beyond the end");
    return (uint64_t)size;
}

static int32_t ffi_string(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t limit, size;
    char *at = bytes_arg(T, args, nargs, 0, false, &limit);
    if (nargs > 1 && !ri_is_nil(args[1])) {
        size = length_arg(T, args, nargs, 1, limit);
        ri_ffi_probe(T, at, size, false);
    } else if (ri_is_string(args[0])) {
        return ri_return1(T->base, args[0]);
    } else {
        bool known;
        const RiCtype *type = ri_is_cdata(args[0]) ? ri_cdata_type(args[0].p) : NULL;
        RI_ARG_CHECK(T, type == NULL || type->kind != RI_CK_STRUCT, 0, "size expected");
        if (type != NULL && type->kind == RI_CK_ARRAY) { /* an array ends by itself */
            uint64_t bytes = ri_ctype_size(type, &known);
            limit = known && bytes < limit ? bytes : limit;
        }
        size = ri_ffi_string_size(T, at, limit);
    }
    return ri_return_string(T->base, ri_str_new(T->heap, at, size));
}

static int32_t ffi_copy(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t to_limit, from_limit, size;
    char *to = bytes_arg(T, args, nargs, 0, true, &to_limit), *from = bytes_arg(T, args, nargs, 1, false, &from_limit);
    if (nargs < 3 && ri_is_string(args[1])) {
        size = from_limit; /* with the zero at the end */
        RI_ARG_CHECK(T, size <= to_limit, 1, "string is too long");
    } else {
        size = length_arg(T, args, nargs, 2, to_limit < from_limit ? to_limit : from_limit);
    }
    ri_ffi_probe(T, from, size, false);
    ri_ffi_probe(T, to, size, true);
    memmove(to, from, size);
    return 0;
}

static int32_t ffi_fill(RiThread *T, RiValue *args, uint32_t nargs)
{
    uint64_t limit;
    char *to = bytes_arg(T, args, nargs, 0, true, &limit);
    uint64_t size = length_arg(T, args, nargs, 1, limit);
    int byte = nargs > 2 ? (int)(integer_arg(T, args, nargs, 2) & 0xff) : 0;
    ri_ffi_probe(T, to, size, true);
    memset(to, byte, size);
    return 0;
}

static int32_t ffi_errno(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiFfi *ffi = ri_ffi_state(T);
    int before = ffi->errno_value;
    if (!ri_arg_is_none_or_nil(args, nargs, 0))
        ffi->errno_value = (int)integer_arg(T, args, nargs, 0);
    return ri_return_int(T->base, before);
}

static int32_t ffi_abi(RiThread *T, RiValue *args, uint32_t nargs)
{
    static const char *const words[] = {
        sizeof(void *) == 8 ? "64bit" : "32bit", __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "le" : "be", "fpu", "hardfp",
#if defined(__x86_64__)
        "unionval", "gc64",
#endif
    };
    const char *word = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0));
    for (size_t i = 0; i < RI_COUNTOF(words); i++) {
        if (strcmp(words[i], word) == 0)
            return ri_return_bool(T->base, true);
    }
    return ri_return_bool(T->base, false);
}

/* -- Libraries ---------------------------------------------------------------------------------------------------- */

typedef struct Clib {
    void *handle;
} Clib;

static Clib *clib_arg(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiUserdata *u = nargs > 0 && ri_is_userdata(args[0]) ? args[0].p : NULL;
    if (u == NULL || u->type != &ri_ffi_library_type || u->object.aux == 0 || !ri_is_table(u->uservalues[0]))
        ri_arg_type_error(T, args, nargs, 0, RI_FFI_LIBRARY); /* nor after debug.setuservalue */
    return (Clib *)(void *)u->data;
}

static void *resolve(RiThread *T, const Clib *lib, RiCdecl *decl, RiString *name)
{
    const char *error = "", *symbol = ri_str_cstr(T->heap, decl->symbol != NULL ? decl->symbol : name);
    void *address = ri_host_find_symbol(lib->handle, symbol, &error);
    if (address == NULL)
        ri_error(T, "cannot resolve symbol '%s': %s", symbol, error);
    return address;
}

static RiCdecl *find_declaration(RiThread *T, RiString *name)
{
    RiCdecl *decl = ri_ffi_find(T, name);
    if (decl == NULL || decl->kind == RI_CD_TYPE)
        ri_error(T, "missing declaration for symbol '%s'", ri_str_cstr(T->heap, name));
    return decl;
}

static RiValue constant_value(RiThread *T, const RiCdecl *decl)
{
    uint64_t value = decl->value;
    return ri_ffi_load(T, decl->type, (char *)&value, NULL);
}

static RiValue function_value(RiThread *T, const Clib *lib, RiCdecl *decl, RiString *name)
{
    RiCdata *c = ri_cdata_new(T, decl->type, 0);
    c->at = resolve(T, lib, decl, name);
    return ri_cdata_value(c);
}

/* lib.name. Functions and constants are remembered in the user value of the library. */
static int32_t clib_index(RiThread *T, RiValue *args, uint32_t nargs)
{
    const Clib *lib = clib_arg(T, args, nargs);
    RiString *name = ri_arg_str(T, args, nargs, 1);
    RiTable *known = ((RiUserdata *)args[0].p)->uservalues[0].p;
    RiValue key = ri_string_value(name), v = ri_table_get(known, key);
    if (!ri_is_nil(v))
        return ri_return1(T->base, v);
    RiCdecl *decl = find_declaration(T, name);
    if (decl->kind == RI_CD_VARIABLE)
        return ri_return1(T->base, ri_ffi_load(T, decl->type, resolve(T, lib, decl, name), NULL));
    v = decl->kind == RI_CD_CONSTANT ? constant_value(T, decl) : function_value(T, lib, decl, name);
    if (ri_table_set(T->heap, known, key, v) != RI_KEY_OK)
        ri_unreachable();
    return ri_return1(T->base, v);
}

static int32_t clib_newindex(RiThread *T, RiValue *args, uint32_t nargs)
{
    const Clib *lib = clib_arg(T, args, nargs);
    RiString *name = ri_arg_str(T, args, nargs, 1);
    RiCdecl *decl = find_declaration(T, name);
    if (decl->kind != RI_CD_VARIABLE || (decl->type->qualifiers & RI_CQ_CONST))
        ri_error(T, "attempt to write to constant location");
    ri_ffi_store(T, decl->type, resolve(T, lib, decl, name), ri_arg(args, nargs, 2), false);
    return 0;
}

static const RiLibFn clib_methods[] = {
    RI_FN(clib_index, "clib.__index", "library.name", "A function, variable or constant that has been declared."),
    RI_FN(clib_newindex, "clib.__newindex", "library.name = value", "Sets a variable of the library."),
};

static RiValue new_clib(RiThread *T, void *handle)
{
    RiTable *meta = ri_type_metatable(T, RI_FFI_LIBRARY);
    RiUserdata *u = ri_udata_new(T->heap, sizeof(Clib), 1);
    u->type = &ri_ffi_library_type;
    ri_push(T, ri_object(u, RI_TAG_USERDATA));
    ri_set_object(&u->uservalues[0], ri_table_new(T->heap, 0, 0), RI_TAG_TABLE);
    ((Clib *)(void *)u->data)->handle = handle;
    if (ri_is_nil(ri_meta_get(T->heap, meta, RI_MM_INDEX)))
        ri_library_fill(T, meta, clib_methods, RI_COUNTOF(clib_methods));
    u->meta = meta;
    T->top--;
    return ri_object(u, RI_TAG_USERDATA);
}

static bool may_all(const RiThread *T)
{
    return T->process->proc == NULL || ri_policy_allows(T->process->proc->policy, RI_CAP_FFI, NULL);
}

/* Load the library `path`, if the process may. NULL: *error says why not. */
static void *open_library(RiThread *T, const char *path, bool global, const char **error)
{
    char real[RI_PATH_SIZE];
    int status = ri_gate_library(T->process->proc, RI_CAP_FFI, path, real);
    if (status == -EACCES)
        *error = "permission denied (needs --allow-ffi)";
    else if (status < 0)
        *error = strerror(-status);
    return status < 0 ? NULL : ri_host_load_library(real, global, error);
}

/* A text file in place of a library, as libc.so and libm.so are: the library that it names first. */
static bool script_target(const char *path, char *out, size_t size)
{
    char text[2000];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *at = strstr(text, "GROUP");
    if (at == NULL)
        at = strstr(text, "INPUT");
    at = at != NULL ? strchr(at, '/') : NULL;
    size_t length = at != NULL ? strcspn(at, " )\n") : 0;
    if (length == 0 || length >= size)
        return false;
    memcpy(out, at, length);
    out[length] = '\0';
    return true;
}

/* dlerror's "/path/libm.so: invalid ELF header" names the file. */
static void *open_script(RiThread *T, const char *error, bool global, const char **why)
{
    char path[RI_PATH_SIZE], target[RI_PATH_SIZE];
    size_t size = strcspn(error, ":");
    if (error[0] != '/' || size >= sizeof path || (strstr(error, "ELF") == NULL && strstr(error, "too short") == NULL))
        return NULL;
    memcpy(path, error, size);
    path[size] = '\0';
    return script_target(path, target, sizeof target) ? open_library(T, target, global, why) : NULL;
}

/* Where there is no libfoo.so, which belongs to the compiler's files, there may be libfoo.so.1. */
static void *open_version(RiThread *T, const char *path, bool global)
{
    char name[RI_PATH_SIZE];
    const char *ignored;
    void *handle = NULL;
    for (int version = 9; version >= 0 && handle == NULL; version--) {
        if (snprintf(name, sizeof name, "%s.%d", path, version) < (int)sizeof name)
            handle = open_library(T, name, global, &ignored);
    }
    return handle;
}

static int32_t ffi_load(RiThread *T, RiValue *args, uint32_t nargs)
{
    char path[RI_PATH_SIZE];
    const char *name = ri_str_cstr(T->heap, ri_arg_str(T, args, nargs, 0)), *error = "", *why = "";
    bool global = nargs > 1 && !ri_is_falsy(args[1]);
    bool is_plain = strchr(name, '/') == NULL && strstr(name, ".so") == NULL;
    const char *prefix = is_plain && strncmp(name, "lib", 3) != 0 ? "lib" : "";
    if (snprintf(path, sizeof path, "%s%s%s", prefix, name, is_plain && strchr(name, '.') == NULL ? ".so" : "") >=
        (int)sizeof path)
        ri_error(T, "%s", strerror(ENAMETOOLONG));
    void *handle = open_library(T, path, global, &error);
    if (handle == NULL && (handle = open_script(T, error, global, &why)) == NULL && is_plain) {
        RiString *first = ri_str_from_cstr(T->heap, error); /* the text is dlerror's */
        handle = open_version(T, path, global);
        error = ri_str_cstr(T->heap, first);
    }
    if (handle == NULL)
        ri_error(T, "%s", error);
    return ri_return1(T->base, new_clib(T, handle));
}

/* -- Opening ------------------------------------------------------------------------------------------------------ */

static const RiLibFn functions[] = {
    RI_FN(ffi_cdef, "ffi.cdef", "ffi.cdef(declarations, …)", "Declares functions, types, variables and constants of C."),
    RI_FN(ffi_load, "ffi.load", "ffi.load(name [, global])", "Loads a shared library: its functions are the fields of the result."),
    RI_FN_RESUMABLE(ffi_new, ri_ffi_resume_construct, "ffi.new", "ffi.new(type [, count] [, values …])", "A value of a C type."),
    RI_FN(ffi_typeof, "ffi.typeof", "ffi.typeof(type, …)", "The value that stands for a C type; called, it makes values."),
    RI_FN(ffi_cast, "ffi.cast", "ffi.cast(type, value)", "The value converted as by a cast of C."),
    RI_FN(ffi_metatype, "ffi.metatype", "ffi.metatype(type, metatable)", "Gives a struct type its metatable, once and for all."),
    RI_FN(ffi_gc, "ffi.gc", "ffi.gc(cdata, function)", "Calls function(cdata) when cdata is garbage; nil takes that back."),
    RI_FN(ffi_sizeof, "ffi.sizeof", "ffi.sizeof(type [, count])", "Size in bytes; nil if it is not known."),
    RI_FN(ffi_alignof, "ffi.alignof", "ffi.alignof(type)", "Alignment in bytes."),
    RI_FN(ffi_offsetof, "ffi.offsetof", "ffi.offsetof(type, field)", "Offset in bytes; of a bit-field also first bit and width."),
    RI_FN(ffi_istype, "ffi.istype", "ffi.istype(type, value)", "Is the value a cdata of that type?"),
    RI_FN(ffi_addressof, "ffi.addressof", "ffi.addressof(cdata)", "A pointer to the bytes of a cdata."),
    RI_FN(ffi_tonumber, "ffi.tonumber", "ffi.tonumber(value)", "A cdata number as a Lua number; nil if it is none."),
    RI_FN(ffi_toretval, "ffi.toretval", "ffi.toretval(value)", "The value as a C function with that result would return it."),
    RI_FN(ffi_eval, "ffi.eval", "ffi.eval(expression)", "A constant expression of C, as a cdata of its type."),
    RI_FN(ffi_string, "ffi.string", "ffi.string(pointer [, size])", "Bytes as a string, up to the first zero or of that size."),
    RI_FN(ffi_copy, "ffi.copy", "ffi.copy(to, from, size) or ffi.copy(to, string)", "Copies bytes; a string with a zero behind it."),
    RI_FN(ffi_fill, "ffi.fill", "ffi.fill(to, size [, byte])", "Fills with a byte (0)."),
    RI_FN(ffi_errno, "ffi.errno", "ffi.errno([number])", "The errno of the last call of a C function; sets it for the next."),
    RI_FN(ffi_abi, "ffi.abi", "ffi.abi(word)", "Is the host \"64bit\", \"32bit\", \"le\", \"be\", \"fpu\", \"hardfp\"?"),
};

static int32_t close_state(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)args;
    (void)nargs;
    ri_ffi_callbacks_close(T);
    return 0;
}

static const RiLibFn close_state_fn =
    RI_FN(close_state, "close ffi", "(end of the process)(state)", "Frees the code of callbacks.");

static void set(RiThread *T, RiTable *t, const char *name, RiValue v)
{
    ri_table_set_str(T->heap, t, ri_str_from_cstr(T->heap, name), v);
}

/* An object whose finalizer, the last thing but one that happens, frees what is not collected. */
static void guard_state(RiThread *T)
{
    RiTable *meta = ri_table_new(T->heap, 0, 0);
    ri_push(T, ri_table_value(meta));
    ri_table_set_str(T->heap, meta, T->heap->mm_names[RI_MM_GC], ri_object(&close_state_fn, RI_TAG_LIBFN));
    RiUserdata *u = ri_udata_new(T->heap, 8, 0);
    u->type = &ri_ffi_library_type;
    u->meta = meta;
    ri_heap_register_finalizer(T->heap, ri_object(u, RI_TAG_USERDATA));
    set(T, T->process->registry, "ffi.state", ri_object(u, RI_TAG_USERDATA));
    T->top--;
}

static const char *const architecture =
#if defined(__x86_64__)
    "x64";
#elif defined(__aarch64__)
    "arm64";
#else
    "other";
#endif

static void open_ffi(RiThread *T, RiTable *library)
{
    RiFfi *ffi = ri_ffi_state(T);
    RiTable *meta = ri_table_new(T->heap, 0, 0);
    const char *error = "";
    T->heap->foreign = &ri_ffi_foreign;
    ri_push(T, ri_table_value(meta));
    ri_library_fill(T, meta, ri_ffi_operators, ri_ffi_operator_count);
    set(T, meta, "__metatable", ri_string_value(ri_str_from_cstr(T->heap, "ffi")));
    T->process->metatables[RI_TYPE_CDATA] = meta;
    T->heap->epoch++;
    T->top--;
    guard_state(T);
    if (may_all(T))
        set(T, library, "C", new_clib(T, ri_host_load_library(NULL, false, &error)));
    set(T, library, "os", ri_string_value(ri_str_from_cstr(T->heap, "Linux")));
    set(T, library, "arch", ri_string_value(ri_str_from_cstr(T->heap, architecture)));
    set(T, library, "nullptr", ri_cdata_value(ri_cdata_pointer(T, ffi->void_pointer, NULL, NULL)));
}

const RiLibrary ri_lib_ffi = {"ffi", functions, RI_COUNTOF(functions), open_ffi};
