/* What Lua 5.4 leaves to an implementation, as Rille has it. Binary compatible with the usual build of Lua 5.4 on 64-bit
 * hosts, so none of this is meant to be changed. */
#ifndef luaconf_h
#define luaconf_h

#include <float.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* -- Numbers -- */
#define LUA_INT_INT 1
#define LUA_INT_LONG 2
#define LUA_INT_LONGLONG 3
#define LUA_INT_TYPE LUA_INT_LONGLONG
#define LUA_INTEGER long long
#define LUA_UNSIGNED unsigned LUA_INTEGER
#define LUA_MAXINTEGER LLONG_MAX
#define LUA_MININTEGER LLONG_MIN
#define LUA_MAXUNSIGNED ULLONG_MAX
#define LUA_INTEGER_FRMLEN "ll"
#define LUA_INTEGER_FMT "%" LUA_INTEGER_FRMLEN "d"
#define LUAI_UACINT LUA_INTEGER

#define LUA_FLOAT_FLOAT 1
#define LUA_FLOAT_DOUBLE 2
#define LUA_FLOAT_LONGDOUBLE 3
#define LUA_INT_DEFAULT LUA_INT_LONGLONG
#define LUA_FLOAT_DEFAULT LUA_FLOAT_DOUBLE
#define LUA_FLOAT_TYPE LUA_FLOAT_DOUBLE
#define LUA_NUMBER double
#define LUAI_UACNUMBER double
#define LUAI_NUMFFORMAT "%.14g"
#define LUA_NUMBER_FRMLEN ""
#define LUA_NUMBER_FMT "%.14g"

#define l_mathop(op) op
#define l_floor(x) (l_mathop(floor)(x))
#define lua_str2number(s, end) strtod((s), (end))
#define lua_strx2number(s, end) lua_str2number(s, end)
#define lua_number2str(s, size, n) snprintf((s), (size), LUA_NUMBER_FMT, (LUAI_UACNUMBER)(n))
#define lua_integer2str(s, size, n) snprintf((s), (size), LUA_INTEGER_FMT, (LUAI_UACINT)(n))
#define lua_pointer2str(s, size, p) snprintf((s), (size), "%p", (p))
/* 1 and *i if the float n is an integer of the right size, else 0. The bounds are powers of two, exact as floats. */
#define lua_numbertointeger(n, i) \
    ((n) >= (LUA_NUMBER)(LUA_MININTEGER) && (n) < -(LUA_NUMBER)(LUA_MININTEGER) && (*(i) = (LUA_INTEGER)(n), 1))
#define lua_number2strx(L, s, size, f, n) ((void)(L), snprintf((s), (size), (f), (LUAI_UACNUMBER)(n)))
#define l_floatatt(n) (DBL_##n)
#define l_sprintf(s, size, f, i) snprintf((s), (size), (f), (i))
#define lua_getlocaledecpoint() (localeconv()->decimal_point[0])

#define LUA_KCONTEXT intptr_t /* of a continuation */

/* -- Sizes and limits -- */
#define LUAI_MAXSTACK 1000000           /* slots of one thread */
#define LUA_EXTRASPACE (sizeof(void *)) /* bytes before a lua_State: lua_getextraspace */
#define LUA_IDSIZE 60                   /* of lua_Debug.short_src */
#define LUAL_BUFFERSIZE ((int)(16 * sizeof(void *) * sizeof(lua_Number)))
#define LUAI_MAXALIGN \
    lua_Number n; \
    double u; \
    void *s; \
    lua_Integer i; \
    long l
#define LUAI_IS32INT ((UINT_MAX >> 30) >= 3)

#ifdef LUA_USE_LINUX /* what programs that ask for it expect of the host */
#define LUA_USE_POSIX
#define LUA_USE_DLOPEN
#endif

/* -- Where modules are looked for -- */
#define LUA_PATH_SEP ";"
#define LUA_PATH_MARK "?"
#define LUA_EXEC_DIR "!"
#define LUA_IGMARK "-" /* what comes before it in a module's name does not count in luaopen_… */
#define LUA_DIRSEP "/"
#define LUA_VDIR LUA_VERSION_MAJOR "." LUA_VERSION_MINOR
#if defined(__x86_64__)
#define LUA_MULTIARCH_DIR "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define LUA_MULTIARCH_DIR "aarch64-linux-gnu"
#else
#define LUA_MULTIARCH_DIR "lua"
#endif
#define LUA_ROOT "/usr/local/"
#define LUA_LDIR LUA_ROOT "share/lua/" LUA_VDIR "/"
#define LUA_CDIR LUA_ROOT "lib/lua/" LUA_VDIR "/"
#define LUA_PATH_DEFAULT \
    LUA_LDIR "?.lua;" LUA_LDIR "?/init.lua;" LUA_CDIR "?.lua;" LUA_CDIR "?/init.lua;" \
    "/usr/share/lua/" LUA_VDIR "/?.lua;/usr/share/lua/" LUA_VDIR "/?/init.lua;./?.lua;./?/init.lua"
#define LUA_CPATH_DEFAULT \
    LUA_CDIR "?.so;/usr/lib/" LUA_MULTIARCH_DIR "/lua/" LUA_VDIR "/?.so;/usr/lib/lua/" LUA_VDIR "/?.so;" \
    LUA_CDIR "loadall.so;./?.so"

/* -- Declarations -- */
#ifndef LUA_API
#ifdef __cplusplus
#define LUA_API extern "C"
#else
#define LUA_API extern
#endif
#endif
#define LUALIB_API LUA_API
#define LUAI_FUNC extern
#define LUAI_DDEC(declaration) extern declaration
#define LUAI_DDEF
#define LUAMOD_API LUA_API

/* -- Names of earlier versions -- */
#ifdef LUA_COMPAT_5_3
#define LUA_COMPAT_MATHLIB
#define LUA_COMPAT_APIINTCASTS
#define lua_strlen(L, i) lua_rawlen(L, (i))
#define lua_objlen(L, i) lua_rawlen(L, (i))
#define lua_equal(L, a, b) lua_compare(L, (a), (b), LUA_OPEQ)
#define lua_lessthan(L, a, b) lua_compare(L, (a), (b), LUA_OPLT)
#endif

#ifndef luai_apicheck
#define luai_apicheck(l, e) ((void)(l), (void)0)
#endif
#define luai_likely(x) (__builtin_expect(((x) != 0), 1))
#define luai_unlikely(x) (__builtin_expect(((x) != 0), 0))
#if defined(LUA_CORE) || defined(LUA_LIB)
#define l_likely(x) luai_likely(x)
#define l_unlikely(x) luai_unlikely(x)
#endif

#endif
