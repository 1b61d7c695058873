/* Declarations of C: a lexer and a recursive-descent parser that makes types and declarations as it reads.
 *
 * It takes what headers look like after the preprocessor (cc -E): line markers, attributes, inline functions (whose bodies
 * are skipped), labels of assembler names, the keywords of GNU C. It is not a compiler: what cannot matter to a caller is
 * passed over, what can matter and is not understood is an error with the line and the token.
 *
 * Declarators are read inside out: a list of steps (pointer, array, function) is gathered and applied to the type in
 * reverse. All that is made lies in collected memory; a throw leaves nothing behind. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "vm/ffi/ctype.h"

typedef enum Token {
    TK_END = 256, /* above all characters */
    TK_NAME,
    TK_NUMBER,
    TK_STRING,
    TK_TYPE, /* a $ that a type was given for */
    TK_SHL,
    TK_SHR,
    TK_LE,
    TK_GE,
    TK_EQ,
    TK_NE,
    TK_AND,
    TK_OR,
    TK_DOTS,
    TK_ARROW,
    TK_FLOAT /* only ever passed over, or the value of a constant */
} Token; /* others: the character itself */

typedef struct Parser {
    RiThread *T;
    RiFfi *ffi;
    const char *at, *end;
    uint32_t line;
    bool has_markers;    /* it is the output of a preprocessor: headers may come twice */
    uint32_t pack;       /* #pragma pack */
    uint32_t packs[16], pack_depth;
    const RiValue *params;
    uint32_t param_count, param_next;
    uint32_t depth;      /* of nested declarators, expressions, structs */
    uint32_t externs;    /* open extern "C" { */
    RiString *text;      /* what `at` points into */
    uint32_t token;
    const char *start;   /* of the token */
    size_t size;
    RiString *name;      /* of TK_NAME; the bytes of TK_STRING */
    uint64_t number;     /* of TK_NUMBER */
    RiCbasic number_type;
    double real;         /* of TK_FLOAT */
    RiCtype *type;       /* of TK_TYPE */
    bool was_param;      /* the token stands for a $ */
} Parser;

#define DEPTH_MAX 100
#define STEPS_MAX 64

/* -- Errors ------------------------------------------------------------------------------------------------------- */

RI_NORETURN static void fail_at(Parser *p, const char *what, const char *token, size_t size)
{
    ri_error_no_position(p->T, "input:%u: %s near '%.*s'", p->line, what, (int)(size < 60 ? size : 60), token);
}

RI_NORETURN static void fail(Parser *p, const char *what)
{
    if (p->token == TK_END)
        fail_at(p, what, "<eof>", 5);
    fail_at(p, what, p->start, p->size);
}

RI_NORETURN static void fail_name(Parser *p, const char *kind, const RiString *name, const char *what)
{
    RiString *s = (RiString *)(uintptr_t)name;
    ri_error_no_position(p->T, "input:%u: '%s%s%.100s' %s", p->line, kind, *kind != '\0' ? " " : "",
                         ri_str_cstr(p->T->heap, s), what);
}

static void enter(Parser *p)
{
    if (++p->depth > DEPTH_MAX)
        fail(p, "too deeply nested");
}

/* -- Lexer -------------------------------------------------------------------------------------------------------- */

static void skip_line(Parser *p)
{
    while (p->at < p->end && *p->at != '\n')
        p->at++;
}

static void skip_comment(Parser *p)
{
    uint32_t line = p->line;
    for (p->at += 2; p->end - p->at >= 2; p->at++) {
        if (p->at[0] == '*' && p->at[1] == '/') {
            p->at += 2;
            return;
        }
        p->line += *p->at == '\n';
    }
    p->line = line;
    p->at = p->end;
    fail_at(p, "unfinished comment", "/*", 2);
}

static bool begins(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* #pragma pack(n), (push[, n]), (pop), () */
static void read_pack(Parser *p, const char *at, const char *end)
{
    at = skip_blanks(at, end);
    if (at == end || *at != '(')
        return;
    at = skip_blanks(at + 1, end);
    if (begins(at, end, "push")) {
        if (p->pack_depth == RI_COUNTOF(p->packs))
            fail_at(p, "too many #pragma pack(push)", "push", 4);
        p->packs[p->pack_depth++] = p->pack;
        at = skip_blanks(at + 4, end);
        if (at < end && *at == ',')
            at = skip_blanks(at + 1, end);
        else
            return;
    } else if (begins(at, end, "pop")) {
        if (p->pack_depth > 0)
            p->pack = p->packs[--p->pack_depth];
        return;
    }
    p->pack = 0;
    if (at < end && isdigit((unsigned char)*at))
        p->pack = (uint32_t)strtoul(at, NULL, 10);
    if (p->pack > 16 || (p->pack & (p->pack - 1)))
        fail_at(p, "bad #pragma pack", "pack", 4);
}

/* A line that begins with #: where the text comes from, or a pragma; others are passed over. */
static void read_directive(Parser *p)
{
    const char *start = p->at + 1;
    skip_line(p);
    const char *at = skip_blanks(start, p->end);
    if (begins(at, p->end, "line"))
        at = skip_blanks(at + 4, p->end);
    if (at < p->at && isdigit((unsigned char)*at)) {
        p->line = (uint32_t)strtoul(at, NULL, 10) - 1;
        p->has_markers = true;
    } else if (begins(at, p->at, "pragma")) {
        at = skip_blanks(at + 6, p->at);
        if (begins(at, p->at, "pack"))
            read_pack(p, at + 4, p->at);
    }
}

static void skip_space(Parser *p)
{
    bool is_line_start = p->start == NULL;
    for (; p->at < p->end; p->at++) {
        char c = *p->at;
        if (c == '\n') {
            p->line++;
            is_line_start = true;
        } else if (c == '#' && is_line_start) {
            read_directive(p);
            p->at--;
        } else if (c == '/' && p->at + 1 < p->end && p->at[1] == '*') {
            skip_comment(p);
            p->at--;
        } else if (c == '/' && p->at + 1 < p->end && p->at[1] == '/') {
            skip_line(p);
            p->at--;
        } else if (!(c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v' ||
                     (c == '\\' && p->at + 1 < p->end && p->at[1] == '\n'))) {
            return;
        }
    }
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* An integer by the rules of C: its type is the first that holds it. */
static void read_number(Parser *p)
{
    char digits[80], *rest;
    bool is_float = false, is_hex = p->end - p->at > 1 && (p->at[1] | 32) == 'x';
    for (; p->at < p->end && (is_name_char(*p->at) || *p->at == '.'); p->at++) {
        bool is_exponent = (*p->at | 32) == (is_hex ? 'p' : 'e');
        is_float |= *p->at == '.' || is_exponent;
        if (is_exponent && p->at + 1 < p->end && (p->at[1] == '-' || p->at[1] == '+'))
            p->at++;
    }
    p->size = (size_t)(p->at - p->start);
    if (p->size >= sizeof digits)
        fail(p, "malformed number");
    memcpy(digits, p->start, p->size);
    digits[p->size] = '\0';
    if (is_float) {
        p->real = strtod(digits, NULL);
        p->token = TK_FLOAT;
        return;
    }
    bool is_binary = digits[0] == '0' && (digits[1] == 'b' || digits[1] == 'B');
    p->number = is_binary ? strtoull(digits + 2, &rest, 2) : strtoull(digits, &rest, 0);
    bool is_unsigned = false, is_decimal = digits[0] != '0';
    int longs = 0;
    for (; *rest != '\0'; rest++) {
        if (*rest == 'u' || *rest == 'U')
            is_unsigned = true;
        else if (*rest == 'l' || *rest == 'L')
            longs++;
        else
            fail(p, "malformed number");
    }
    bool fits_int = p->number <= INT32_MAX, fits_uint = p->number <= UINT32_MAX, fits_long = p->number <= INT64_MAX;
    if (longs == 0 && !is_unsigned && fits_int)
        p->number_type = RI_C_INT;
    else if (longs == 0 && fits_uint && (is_unsigned || !is_decimal))
        p->number_type = RI_C_UINT;
    else if (!is_unsigned && fits_long)
        p->number_type = longs == 2 ? RI_C_LLONG : RI_C_LONG;
    else
        p->number_type = longs == 2 ? RI_C_ULLONG : RI_C_ULONG;
    p->token = TK_NUMBER;
}

/* One character or escape of a literal. */
static unsigned read_char(Parser *p)
{
    static const char codes[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    char c = *p->at++;
    if (c != '\\' || p->at == p->end)
        return (unsigned char)c;
    c = *p->at++;
    if (c >= '0' && c <= '7') {
        unsigned n = (unsigned)(c - '0');
        for (int i = 0; i < 2 && p->at < p->end && *p->at >= '0' && *p->at <= '7'; i++)
            n = n * 8 + (unsigned)(*p->at++ - '0');
        return n & 0xff;
    }
    if (c == 'x') {
        unsigned n = 0;
        for (; p->at < p->end && isxdigit((unsigned char)*p->at); p->at++)
            n = n * 16 + (unsigned)(isdigit((unsigned char)*p->at) ? *p->at - '0' : (*p->at | 32) - 'a' + 10);
        return n & 0xff;
    }
    const char *code = c != '\0' ? strchr(codes, c) : NULL;
    return code != NULL ? (unsigned char)values[code - codes] : (unsigned char)c;
}

static void read_literal(Parser *p, char quote)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, p->T->heap);
    p->at++;
    while (p->at < p->end && *p->at != quote && *p->at != '\n')
        ri_sbuf_add_char(&sb, (char)read_char(p));
    if (p->at >= p->end || *p->at != quote)
        fail_at(p, "unfinished string", p->start, (size_t)(p->at - p->start));
    p->at++;
    p->size = (size_t)(p->at - p->start);
    if (quote == '"') {
        p->name = ri_sbuf_finish(&sb);
        p->token = TK_STRING;
        return;
    }
    if (sb.size == 0)
        fail(p, "empty character constant");
    p->number = (uint64_t)(int64_t)(signed char)sb.data[sb.size - 1];
    p->number_type = RI_C_INT;
    p->token = TK_NUMBER;
}

/* The next $: a type, a name, or a number. */
static void read_param(Parser *p)
{
    p->at++;
    p->size = 1;
    p->token = '$';
    if (p->param_next >= p->param_count)
        fail(p, "too few arguments for $");
    RiValue v = p->params[p->param_next++];
    p->was_param = true;
    if (ri_is_string(v)) {
        p->token = TK_NAME;
        p->name = ri_str_new(p->T->heap, ri_str_data(v.p), ((RiString *)v.p)->size);
    } else if (ri_is_int(v)) {
        p->token = TK_NUMBER;
        p->number = v.u;
        p->number_type = v.i >= INT32_MIN && v.i <= INT32_MAX ? RI_C_INT : RI_C_LONG;
    } else if (v.tag == RI_TAG_BLOCK) {
        p->token = TK_TYPE;
        p->type = v.p;
    } else {
        fail(p, "a type, a name or an integer expected for $");
    }
}

static const struct {
    char text[4];
    uint32_t token;
} operators[] = {{"...", TK_DOTS}, {"<<", TK_SHL}, {">>", TK_SHR}, {"<=", TK_LE},  {">=", TK_GE}, {"==", TK_EQ},
                 {"!=", TK_NE},    {"&&", TK_AND}, {"||", TK_OR},  {"->", TK_ARROW}};

static void next(Parser *p)
{
    skip_space(p);
    p->start = p->at;
    p->was_param = false;
    if (p->at >= p->end) {
        p->token = TK_END;
        p->size = 0;
        return;
    }
    char c = *p->at;
    if (isdigit((unsigned char)c)) {
        read_number(p);
    } else if ((c == 'L' || c == 'u' || c == 'U') && p->at + 1 < p->end && (p->at[1] == '\'' || p->at[1] == '"')) {
        p->at++;
        read_literal(p, *p->at);
    } else if (is_name_char(c)) {
        while (p->at < p->end && is_name_char(*p->at))
            p->at++;
        p->size = (size_t)(p->at - p->start);
        p->name = ri_str_new(p->T->heap, p->start, p->size);
        p->token = TK_NAME;
    } else if (c == '"' || c == '\'') {
        read_literal(p, c);
    } else if (c == '$') {
        read_param(p);
    } else {
        p->token = (unsigned char)c;
        p->size = 1;
        for (size_t i = 0; i < RI_COUNTOF(operators); i++) {
            if (begins(p->at, p->end, operators[i].text)) {
                p->token = operators[i].token;
                p->size = strlen(operators[i].text);
                break;
            }
        }
        p->at += p->size;
    }
}

static bool is_word(const Parser *p, const char *word)
{
    return p->token == TK_NAME && !p->was_param && p->size == strlen(word) && memcmp(p->start, word, p->size) == 0;
}

/* word, __word or __word__ */
static bool is_gnu_word(const Parser *p, const char *word)
{
    size_t size = strlen(word);
    if (p->token != TK_NAME || p->was_param)
        return false;
    const char *at = p->start;
    size_t left = p->size;
    if (left > 2 && at[0] == '_' && at[1] == '_') {
        at += 2;
        left -= 2;
    }
    if (left > size + 1 && memcmp(at + left - 2, "__", 2) == 0)
        left -= 2;
    return left == size && memcmp(at, word, size) == 0;
}

static bool accept(Parser *p, uint32_t token)
{
    if (p->token != token)
        return false;
    next(p);
    return true;
}

static bool accept_word(Parser *p, const char *word)
{
    if (!is_word(p, word))
        return false;
    next(p);
    return true;
}

static bool accept_gnu(Parser *p, const char *word)
{
    if (!is_gnu_word(p, word))
        return false;
    next(p);
    return true;
}

static void expect(Parser *p, uint32_t token)
{
    char text[] = "'?' expected";
    if (p->token != token) {
        text[1] = (char)token;
        fail(p, text);
    }
    next(p);
}

/* Over what stands in brackets, the opening one having been read. */
static void skip_brackets(Parser *p, uint32_t open, uint32_t close)
{
    for (int depth = 1; depth > 0; next(p)) {
        if (p->token == TK_END)
            fail(p, "unbalanced brackets");
        depth += p->token == open;
        depth -= p->token == close;
        if (depth == 0)
            break;
    }
    next(p);
}

/* In bodies of functions anything may stand: floating-point numbers, too. */
static void skip_body(Parser *p)
{
    uint32_t line = p->line;
    for (int depth = 1; depth > 0; p->at++) {
        skip_space(p);
        if (p->at >= p->end) {
            p->line = line;
            fail_at(p, "unfinished function body", "{", 1);
        }
        char c = *p->at;
        depth += c == '{';
        depth -= c == '}';
        if (c == '"' || c == '\'') {
            for (p->at++; p->at < p->end && *p->at != c && *p->at != '\n'; p->at++)
                p->at += *p->at == '\\';
        }
    }
    next(p);
}

/* -- Constant expressions ----------------------------------------------------------------------------------------- */

typedef struct Constant {
    uint64_t value;
    RiCtype *type; /* an integer type of at least int's rank */
} Constant;

static RiCtype *parse_type_name(Parser *p);
static bool is_type_start(Parser *p);
static Constant parse_expression(Parser *p, int level);

static RiCtype *basic(Parser *p, RiCbasic id)
{
    return p->ffi->basic[id];
}

/* The value as its type has it: cut off, and extended again. */
static Constant wrapped(uint64_t value, RiCtype *type)
{
    unsigned shift = 64 - 8 * (unsigned)(type->plain->size < 8 ? type->plain->size : 8);
    if (type->kind == RI_CK_BOOL)
        value = value != 0;
    else if (type->flags & RI_CT_UNSIGNED)
        value = value << shift >> shift;
    else
        value = (uint64_t)((int64_t)(value << shift) >> shift);
    return (Constant){value, type};
}

static Constant integer(Parser *p, uint64_t value, RiCbasic id)
{
    return wrapped(value, basic(p, id));
}

static Constant promoted(Parser *p, Constant c)
{
    if (c.type->kind == RI_CK_ENUM)
        c.type = c.type->plain->base;
    return c.type->size < 4 || c.type->kind == RI_CK_BOOL ? integer(p, c.value, RI_C_INT) : c;
}

/* The type of an operation on both. */
static RiCtype *common_type(Parser *p, RiCtype *a, RiCtype *b)
{
    if (a->size != b->size)
        return a->size > b->size ? a : b;
    if (a->flags & RI_CT_UNSIGNED)
        return a;
    (void)p;
    return b;
}

static Constant parse_sizeof(Parser *p, bool is_size)
{
    bool known = true;
    uint64_t n;
    if (p->token == '(') {
        next(p);
        if (is_type_start(p)) {
            RiCtype *type = parse_type_name(p);
            n = is_size ? ri_ctype_size(type, &known) : ri_ctype_align(type);
        } else {
            n = parse_expression(p, 0).type->size;
        }
        if (!known)
            fail(p, "size is not known");
        expect(p, ')');
    } else if (p->token == TK_STRING) {
        n = p->name->size + 1;
        next(p);
    } else {
        n = parse_expression(p, 12).type->size;
    }
    return integer(p, n, RI_C_ULONG);
}

static Constant parse_offsetof(Parser *p)
{
    uint64_t offset;
    expect(p, '(');
    RiCtype *type = parse_type_name(p);
    expect(p, ',');
    if (type->kind != RI_CK_STRUCT || p->token != TK_NAME || ri_ctype_field(type, p->name, &offset) == NULL)
        fail(p, "no such field");
    next(p);
    expect(p, ')');
    return integer(p, offset, RI_C_ULONG);
}

static Constant parse_name_value(Parser *p)
{
    const RiCdecl *decl = ri_ffi_find(p->T, p->name);
    if (accept_word(p, "sizeof"))
        return parse_sizeof(p, true);
    if (is_gnu_word(p, "alignof") || is_word(p, "_Alignof")) {
        next(p);
        return parse_sizeof(p, false);
    }
    if (accept_word(p, "__builtin_offsetof"))
        return parse_offsetof(p);
    if (accept_word(p, "true"))
        return integer(p, 1, RI_C_INT);
    if (accept_word(p, "false"))
        return integer(p, 0, RI_C_INT);
    if (decl == NULL || decl->kind != RI_CD_CONSTANT || decl->type->kind == RI_CK_FLOAT)
        fail(p, "constant expected");
    next(p);
    return wrapped(decl->value, decl->type);
}

static Constant parse_primary(Parser *p)
{
    Constant c;
    if (p->token == TK_NUMBER) {
        c = integer(p, p->number, p->number_type);
        next(p);
    } else if (p->token == TK_NAME) {
        c = parse_name_value(p);
    } else {
        if (p->token != '(')
            fail(p, "constant expression expected");
        next(p);
        if (is_type_start(p)) { /* a cast */
            RiCtype *type = parse_type_name(p);
            expect(p, ')');
            c = parse_expression(p, 12);
            if (type->kind == RI_CK_POINTER)
                return integer(p, c.value, RI_C_ULONG);
            if (!ri_ctype_is_integer(type) || type->plain->size == 0) /* an enum that is not known yet */
                fail(p, "integer type expected in a constant expression");
            return wrapped(c.value, type);
        }
        c = parse_expression(p, 0);
        expect(p, ')');
    }
    return c;
}

static Constant parse_unary(Parser *p)
{
    uint32_t token = p->token;
    if (token != '-' && token != '+' && token != '~' && token != '!')
        return parse_primary(p);
    next(p);
    enter(p);
    Constant c = promoted(p, parse_unary(p));
    p->depth--;
    switch (token) {
    case '-':
        return wrapped(0 - c.value, c.type);
    case '~':
        return wrapped(~c.value, c.type);
    case '!':
        return integer(p, c.value == 0, RI_C_INT);
    default:
        return c;
    }
}

static int level_of(uint32_t token)
{
    switch (token) {
    case TK_OR: return 1;
    case TK_AND: return 2;
    case '|': return 3;
    case '^': return 4;
    case '&': return 5;
    case TK_EQ: case TK_NE: return 6;
    case '<': case '>': case TK_LE: case TK_GE: return 7;
    case TK_SHL: case TK_SHR: return 8;
    case '+': case '-': return 9;
    case '*': case '/': case '%': return 10;
    default: return -1;
    }
}

static bool compare(uint32_t token, Constant a, Constant b, bool is_unsigned)
{
    bool less = is_unsigned ? a.value < b.value : (int64_t)a.value < (int64_t)b.value;
    switch (token) {
    case TK_EQ: return a.value == b.value;
    case TK_NE: return a.value != b.value;
    case '<': return less;
    case TK_GE: return !less;
    case '>': return !less && a.value != b.value;
    default: return less || a.value == b.value;
    }
}

static uint64_t divide(Parser *p, uint32_t token, uint64_t a, uint64_t b, bool is_unsigned)
{
    if (b == 0)
        fail(p, "division by zero");
    if (is_unsigned)
        return token == '/' ? a / b : a % b;
    if ((int64_t)b == -1)
        return token == '/' ? 0 - a : 0;
    return (uint64_t)(token == '/' ? (int64_t)a / (int64_t)b : (int64_t)a % (int64_t)b);
}

static Constant shifted(uint32_t token, Constant a, uint64_t by)
{
    if (by >= 64) {
        bool fills = token == TK_SHR && !(a.type->flags & RI_CT_UNSIGNED) && (int64_t)a.value < 0;
        return wrapped(fills ? UINT64_MAX : 0, a.type);
    }
    if (token == TK_SHL)
        return wrapped(a.value << by, a.type);
    return wrapped(a.type->flags & RI_CT_UNSIGNED ? a.value >> by : (uint64_t)((int64_t)a.value >> by), a.type);
}

static Constant combine(Parser *p, uint32_t token, Constant a, Constant b)
{
    a = promoted(p, a);
    b = promoted(p, b);
    if (token == TK_SHL || token == TK_SHR)
        return shifted(token, a, b.value);
    if (token == TK_OR || token == TK_AND)
        return integer(p, token == TK_OR ? a.value || b.value : a.value && b.value, RI_C_INT);
    RiCtype *type = common_type(p, a.type, b.type);
    bool is_unsigned = (type->flags & RI_CT_UNSIGNED) != 0;
    a = wrapped(a.value, type);
    b = wrapped(b.value, type);
    switch (token) {
    case '|': return wrapped(a.value | b.value, type);
    case '^': return wrapped(a.value ^ b.value, type);
    case '&': return wrapped(a.value & b.value, type);
    case '+': return wrapped(a.value + b.value, type);
    case '-': return wrapped(a.value - b.value, type);
    case '*': return wrapped(a.value * b.value, type);
    case '/':
    case '%': return wrapped(divide(p, token, a.value, b.value, is_unsigned), type);
    default: return integer(p, compare(token, a, b, is_unsigned), RI_C_INT);
    }
}

/* Operators of `level` and above; 0: with ?: */
static Constant parse_expression(Parser *p, int level)
{
    enter(p);
    Constant a = parse_unary(p);
    for (int found; (found = level_of(p->token)) >= (level > 0 ? level : 1);) {
        uint32_t token = p->token;
        next(p);
        a = combine(p, token, a, parse_expression(p, found + 1));
    }
    if (level == 0 && accept(p, '?')) {
        Constant yes = parse_expression(p, 0);
        expect(p, ':');
        Constant no = parse_expression(p, 0);
        RiCtype *type = common_type(p, promoted(p, yes).type, promoted(p, no).type);
        a = wrapped(a.value != 0 ? yes.value : no.value, type);
    }
    p->depth--;
    return a;
}

/* -- Attributes --------------------------------------------------------------------------------------------------- */

typedef struct Attributes {
    bool packed;
    uint32_t align;       /* 0: none */
    uint32_t vector_size; /* 0: none */
    char mode;            /* 'Q', 'H', 'S', 'D', 'T' of mode(QI) …, 0: none */
    RiString *symbol;     /* __asm__("name") */
} Attributes;

static uint32_t parse_align(Parser *p)
{
    Constant c = parse_expression(p, 0);
    if (c.value == 0 || c.value > (1u << 28) || (c.value & (c.value - 1)))
        fail(p, "alignment is not a power of two");
    return (uint32_t)c.value;
}

static void parse_mode(Parser *p, Attributes *a)
{
    static const char modes[] = "QHSDT";
    const char *at = p->start;
    if (p->token == TK_NAME && p->size > 2 && at[0] == '_')
        at += 2;
    a->mode = p->token == TK_NAME && strchr(modes, *at) != NULL ? *at : 0;
    if (is_gnu_word(p, "word") || is_gnu_word(p, "pointer"))
        a->mode = 'D';
    next(p);
}

static void parse_attribute(Parser *p, Attributes *a)
{
    if (accept_gnu(p, "packed")) {
        a->packed = true;
    } else if (accept_gnu(p, "aligned")) {
        a->align = 16; /* the largest useful one */
        if (accept(p, '(')) {
            a->align = parse_align(p);
            expect(p, ')');
        }
    } else if (is_gnu_word(p, "vector_size") || is_gnu_word(p, "mode")) {
        bool is_mode = is_gnu_word(p, "mode");
        next(p);
        expect(p, '(');
        if (is_mode)
            parse_mode(p, a);
        else
            a->vector_size = parse_align(p);
        expect(p, ')');
    } else {
        next(p);
        if (accept(p, '('))
            skip_brackets(p, '(', ')');
    }
}

static void parse_asm(Parser *p, Attributes *a)
{
    RiSbuf sb;
    ri_sbuf_init(&sb, p->T->heap);
    accept_gnu(p, "volatile");
    expect(p, '(');
    while (p->token == TK_STRING) {
        ri_sbuf_add_str(&sb, p->name);
        next(p);
    }
    if (p->token == ')' && sb.size > 0)
        a->symbol = ri_sbuf_finish(&sb);
    if (!accept(p, ')'))
        skip_brackets(p, '(', ')');
}

/* Calling conventions mean nothing here. */
static bool is_convention(const Parser *p)
{
    static const char *const names[] = {"cdecl", "stdcall", "fastcall", "thiscall", "declspec"};
    for (size_t i = 0; i < RI_COUNTOF(names); i++) {
        if (p->token == TK_NAME && p->size > 2 && memcmp(p->start, "__", 2) == 0 && is_gnu_word(p, names[i]))
            return true;
    }
    return false;
}

static bool accept_attributes(Parser *p, Attributes *a)
{
    bool found = false;
    for (;; found = true) {
        if (accept_word(p, "__attribute__") || accept_word(p, "__attribute")) {
            expect(p, '(');
            expect(p, '(');
            while (p->token != ')' && p->token != TK_END) {
                if (p->token == TK_NAME)
                    parse_attribute(p, a);
                else if (!accept(p, ','))
                    fail(p, "attribute expected");
            }
            expect(p, ')');
            expect(p, ')');
        } else if (is_gnu_word(p, "asm")) {
            next(p);
            parse_asm(p, a);
        } else if (is_convention(p)) {
            next(p);
            if (accept(p, '('))
                skip_brackets(p, '(', ')');
        } else if (p->token == '[' && p->at < p->end && *p->at == '[') { /* C23 */
            next(p);
            next(p);
            skip_brackets(p, '[', ']');
            expect(p, ']');
        } else if (accept_word(p, "_Alignas") || accept_word(p, "alignas")) {
            expect(p, '(');
            uint32_t align = is_type_start(p) ? ri_ctype_align(parse_type_name(p)) : parse_align(p);
            a->align = align > a->align ? align : a->align;
            expect(p, ')');
        } else if (!accept_word(p, "__extension__") && !accept_word(p, "_Noreturn") && !accept_word(p, "_Nonnull") &&
                   !accept_word(p, "_Nullable")) {
            return found;
        }
    }
}

/* -- Structs, unions, enums --------------------------------------------------------------------------------------- */

typedef struct Specifiers { /* what stands before declarators */
    RiCtype *type;
    Attributes attributes;
    bool is_typedef, is_static, is_extern, is_inline;
} Specifiers;

typedef struct Declarator {
    struct Step {
        uint8_t kind; /* of RiCkind */
        unsigned qualifiers, flags;
        uint64_t count;
        RiCtype *function;
    } steps[STEPS_MAX];
    uint32_t step_count;
    RiString *name;
    Attributes attributes;
} Declarator;

static void parse_specifiers(Parser *p, Specifiers *s);
static void parse_declarator(Parser *p, Declarator *d);
static RiCtype *apply(Parser *p, const Declarator *d, RiCtype *type);

typedef struct Members { /* being gathered; in collected memory */
    RiCfield *fields;
    uint32_t *aligns;
    uint32_t count, capacity;
} Members;

static RiCfield *add_member(Parser *p, Members *m)
{
    RiHeap *heap = p->T->heap;
    if (m->count == m->capacity) {
        uint32_t capacity = m->capacity * 2 + 4;
        RiCfield *fields = ri_heap_alloc_raw(heap, capacity * sizeof *fields, true);
        uint32_t *aligns = ri_heap_alloc_raw(heap, capacity * sizeof *aligns, false);
        if (m->count > 0) {
            memcpy(fields, m->fields, m->count * sizeof *fields);
            memcpy(aligns, m->aligns, m->count * sizeof *aligns);
        }
        m->fields = fields;
        m->aligns = aligns;
        m->capacity = capacity;
    }
    m->aligns[m->count] = 0;
    memset(&m->fields[m->count], 0, sizeof *m->fields);
    return &m->fields[m->count++];
}

static void check_twice(Parser *p, const Members *m, const RiString *name)
{
    for (uint32_t i = 0; name != NULL && i + 1 < m->count; i++) {
        if (m->fields[i].name != NULL && ri_str_equal(m->fields[i].name, name))
            fail(p, "field declared twice");
    }
}

static void parse_bit_width(Parser *p, RiCfield *f)
{
    Constant width = parse_expression(p, 1);
    if (!ri_ctype_is_integer(f->type))
        fail(p, "a bit-field is an integer");
    uint64_t bits = f->type->kind == RI_CK_BOOL ? 1 : f->type->plain->size * 8;
    if (width.value > bits || (width.value == 0 && f->name != NULL))
        fail(p, "bad width of a bit-field");
    f->bit_width = (uint32_t)width.value;
    f->bit_offset = UINT32_MAX; /* to be laid out */
}

static RiCtype *with_attributes(Parser *p, RiCtype *type, const Attributes *a);

static void parse_member(Parser *p, Members *m, const Specifiers *s)
{
    Declarator d = {.step_count = 0};
    accept_attributes(p, &d.attributes);
    if (p->token != ':')
        parse_declarator(p, &d);
    RiCfield *f = add_member(p, m);
    f->type = apply(p, &d, s->type);
    f->name = d.name;
    if (f->name == NULL && p->token != ':')
        fail(p, "field name expected");
    check_twice(p, m, f->name);
    if (accept(p, ':'))
        parse_bit_width(p, f);
    accept_attributes(p, &d.attributes);
    Attributes shaping = {.mode = d.attributes.mode, .vector_size = d.attributes.vector_size};
    f->type = with_attributes(p, f->type, &shaping);
    uint32_t align = d.attributes.align > s->attributes.align ? d.attributes.align : s->attributes.align;
    bool packed = d.attributes.packed || s->attributes.packed;
    m->aligns[m->count - 1] = align | (packed ? RI_CT_PACKED_FIELD : 0);
    bool known;
    ri_ctype_size(f->type, &known);
    if (f->type->kind == RI_CK_FUNCTION || (!known && f->type->kind != RI_CK_ARRAY))
        fail(p, "field of a type without a size");
}

static bool is_anonymous_member(const Specifiers *s)
{
    return s->type->kind == RI_CK_STRUCT && (s->type->plain->flags & RI_CT_COMPLETE);
}

static void parse_static_assert(Parser *p)
{
    expect(p, '(');
    skip_brackets(p, '(', ')');
    expect(p, ';');
}

static void parse_members(Parser *p, Members *m)
{
    while (!accept(p, '}')) {
        Specifiers s = {.type = NULL};
        if (accept(p, ';'))
            continue;
        if (accept_word(p, "_Static_assert") || accept_word(p, "static_assert")) {
            parse_static_assert(p);
            continue;
        }
        parse_specifiers(p, &s);
        if (p->token == ';') {
            if (is_anonymous_member(&s)) {
                RiCfield *f = add_member(p, m);
                f->type = s.type;
                m->aligns[m->count - 1] = s.attributes.align | (s.attributes.packed ? RI_CT_PACKED_FIELD : 0);
            }
        } else {
            do
                parse_member(p, m, &s);
            while (accept(p, ','));
        }
        expect(p, ';');
    }
}

/* A flexible or variable array can only be the last. */
static void check_flexible(Parser *p, const Members *m, bool is_union)
{
    for (uint32_t i = 0; i < m->count; i++) {
        const RiCtype *t = m->fields[i].type;
        if (t->kind == RI_CK_ARRAY && (t->flags & (RI_CT_UNSIZED | RI_CT_VARIABLE)) && (i + 1 < m->count) && !is_union)
            fail(p, "an array without a size is not the last field");
    }
}

static const char *kind_word(const RiCtype *t)
{
    return t->kind == RI_CK_ENUM ? "enum" : t->flags & RI_CT_UNION ? "union" : "struct";
}

/* The type of that tag, made if there is none. */
static RiCtype *find_tag(Parser *p, RiString *name, RiCkind kind, unsigned flags)
{
    RiValue key = ri_string_value(name);
    RiValue known = ri_table_get(p->ffi->tags, key);
    if (ri_is_nil(known)) {
        RiCtype *t = ri_ctype_new(p->T, kind, 0, 1);
        t->flags = (uint16_t)flags;
        t->name = name;
        if (ri_table_set(p->T->heap, p->ffi->tags, key, ri_block_value(t)) != RI_KEY_OK)
            ri_unreachable();
        return t;
    }
    RiCtype *t = known.p;
    if (t->kind != kind || ((t->flags ^ flags) & RI_CT_UNION))
        fail_name(p, "", name, "is another kind of tag");
    return t;
}

static bool same_name(const RiString *a, const RiString *b)
{
    return a == b || (a != NULL && b != NULL && ri_str_equal(a, b));
}

static uint64_t known_size(const RiCtype *t)
{
    bool known;
    return ri_ctype_size(t, &known);
}

static bool same_fields(const RiCtype *a, const RiCtype *b)
{
    if (a->count != b->count || a->size != b->size || a->align != b->align)
        return false;
    for (uint64_t i = 0; i < a->count; i++) {
        const RiCfield *f = &a->fields[i], *g = &b->fields[i];
        if (f->type == NULL && same_name(f->name, g->name) && f->offset == g->offset) /* a constant */
            continue;
        bool both_structs = f->type->kind == RI_CK_STRUCT && g->type->kind == RI_CK_STRUCT;
        bool both_nested = both_structs && f->type->plain->name == NULL;
        if (!same_name(f->name, g->name) || f->offset != g->offset || f->bit_width != g->bit_width ||
            f->bit_offset != g->bit_offset)
            return false;
        if (both_nested ? !same_fields(f->type->plain, g->type->plain)
                        : f->type->kind != g->type->kind || known_size(f->type) != known_size(g->type))
            return false;
    }
    return true;
}

/* The body of a tag that has one already: fine if it is the same, in headers; else an error. `fresh` is the new one. */
static void check_again(Parser *p, const RiCtype *known, const RiCtype *fresh)
{
    if (!p->has_markers || !same_fields(known, fresh))
        fail_name(p, kind_word(known), known->name, "redefined");
}

static void complete(RiCtype *t, const RiCtype *from)
{
    t->fields = from->fields;
    t->count = from->count;
    t->size = from->size;
    t->align = from->align;
    t->base = from->base;
    t->flags = from->flags;
    t->line = from->line;
}

/* A body has been read: that of the tag's type, or of one without a name. */
static RiCtype *settle(Parser *p, RiCtype *tagged, RiCtype *fresh)
{
    if (tagged == NULL)
        return fresh;
    if (tagged->flags & RI_CT_COMPLETE)
        check_again(p, tagged, fresh);
    else
        complete(tagged, fresh);
    return tagged;
}

static RiCtype *parse_struct(Parser *p, bool is_union)
{
    Attributes a = {.packed = false};
    unsigned flags = is_union ? RI_CT_UNION : 0;
    RiCtype *tagged = NULL;
    accept_attributes(p, &a);
    enter(p);
    if (p->token == TK_NAME) {
        tagged = find_tag(p, p->name, RI_CK_STRUCT, flags);
        next(p);
    } else if (p->token == TK_TYPE && p->type->kind == RI_CK_STRUCT) { /* struct $, with a type */
        tagged = p->type;
        next(p);
    }
    accept_attributes(p, &a);
    if (p->token != '{') {
        if (tagged == NULL)
            fail(p, "'{' expected");
        p->depth--;
        return tagged;
    }
    RiCtype *t = ri_ctype_new(p->T, RI_CK_STRUCT, 0, 1);
    Members m = {.count = 0};
    uint32_t line = p->line, pack = p->pack;
    next(p);
    parse_members(p, &m);
    accept_attributes(p, &a);
    check_flexible(p, &m, is_union);
    t->flags = (uint16_t)flags;
    t->fields = m.fields;
    t->count = m.count;
    t->line = line;
    if (!ri_ctype_lay_out(t, m.aligns, a.packed, a.align, pack))
        fail(p, "struct is too large");
    p->depth--;
    return settle(p, tagged, t);
}

static void declare(Parser *p, RiString *name, RiCdeclKind kind, RiCtype *type, uint64_t value, RiString *symbol)
{
    RiHeap *heap = p->T->heap;
    RiValue key = ri_string_value(name);
    if (!ri_is_nil(ri_table_get(p->ffi->names, key)))
        return; /* the first one counts */
    RiCdecl *decl = ri_heap_alloc_block(heap, sizeof *decl);
    decl->kind = kind;
    decl->type = type;
    decl->value = value;
    decl->symbol = symbol;
    if (ri_table_set(heap, p->ffi->names, key, ri_block_value(decl)) != RI_KEY_OK)
        ri_unreachable();
}

typedef struct Range {
    bool has_negative, needs_long, needs_ulong;
} Range;

/* One constant of an enum; the value of the next one is c->value + 1. */
static void parse_enumerator(Parser *p, Members *m, Constant *c, Range *range)
{
    if (p->token != TK_NAME)
        fail(p, "name expected");
    RiCfield *f = add_member(p, m);
    RiString *name = f->name = p->name;
    Attributes a = {.packed = false};
    next(p);
    accept_attributes(p, &a);
    if (accept(p, '='))
        *c = parse_expression(p, 0);
    bool is_unsigned = (c->type->flags & RI_CT_UNSIGNED) && c->type->plain->size == 8;
    int64_t value = (int64_t)c->value;
    range->has_negative |= !is_unsigned && value < 0;
    range->needs_long |= is_unsigned ? c->value > UINT32_MAX : value < INT32_MIN || value > UINT32_MAX;
    range->needs_ulong |= is_unsigned && value < 0;
    m->fields[m->count - 1].offset = c->value;
    RiCtype *type = value >= INT32_MIN && value <= INT32_MAX && !(is_unsigned && value < 0) ? basic(p, RI_C_INT)
                    : is_unsigned && value < 0 ? basic(p, RI_C_ULONG) : basic(p, RI_C_LONG);
    declare(p, name, RI_CD_CONSTANT, type, c->value, NULL);
    c->type = type->size == 4 ? basic(p, RI_C_LONG) : type;
    c->value++;
}

/* The integer that holds the constants. */
static RiCtype *enum_base(Parser *p, const Members *m, const Range *range, bool packed)
{
    if (packed) {
        static const RiCbasic ids[2][3] = {{RI_C_UCHAR, RI_C_USHORT, RI_C_UINT}, {RI_C_SCHAR, RI_C_SHORT, RI_C_INT}};
        for (int i = 0; i < 3; i++) {
            RiCtype *t = basic(p, ids[range->has_negative][i]);
            bool fits = true;
            for (uint32_t k = 0; k < m->count; k++)
                fits &= wrapped(m->fields[k].offset, t).value == m->fields[k].offset;
            if (fits)
                return t;
        }
    }
    if (range->needs_ulong || range->needs_long)
        return basic(p, range->has_negative ? RI_C_LONG : RI_C_ULONG);
    bool needs_long = false; /* a negative one beside one above INT_MAX */
    for (uint32_t k = 0; k < m->count && range->has_negative; k++)
        needs_long |= (int64_t)m->fields[k].offset > INT32_MAX;
    return basic(p, needs_long ? RI_C_LONG : range->has_negative ? RI_C_INT : RI_C_UINT);
}

static RiCtype *parse_enum(Parser *p)
{
    Attributes a = {.packed = false};
    RiCtype *tagged = NULL, *base = NULL;
    accept_attributes(p, &a);
    if (p->token == TK_NAME) {
        tagged = find_tag(p, p->name, RI_CK_ENUM, 0);
        next(p);
    }
    if (p->token == ':') { /* C23: with the type to be used */
        Specifiers s = {.type = NULL};
        next(p);
        parse_specifiers(p, &s);
        base = s.type->plain;
        if (base->kind != RI_CK_INT)
            fail(p, "integer type expected");
    }
    if (p->token != '{') {
        if (tagged == NULL)
            fail(p, "'{' expected");
        return tagged;
    }
    Members m = {.count = 0};
    Range range = {false, false, false};
    Constant c = integer(p, 0, RI_C_INT);
    RiCtype *t = ri_ctype_new(p->T, RI_CK_ENUM, 0, 1);
    t->line = p->line;
    next(p);
    while (p->token != '}') {
        parse_enumerator(p, &m, &c, &range);
        if (!accept(p, ','))
            break;
    }
    expect(p, '}');
    accept_attributes(p, &a);
    t->base = base != NULL ? base : enum_base(p, &m, &range, a.packed);
    t->fields = m.fields;
    t->count = m.count;
    t->size = t->base->size;
    t->align = t->base->align;
    t->flags = (uint16_t)(RI_CT_COMPLETE | (t->base->flags & RI_CT_UNSIGNED));
    return settle(p, tagged, t);
}

/* -- Specifiers --------------------------------------------------------------------------------------------------- */

typedef struct Words { /* of a basic type, counted */
    int int_words, longs, shorts, signs, unsigns, chars, floats, doubles, bools, complexes, int128s;
} Words;

static bool count_word(Parser *p, Words *w)
{
    static const struct {
        const char *word;
        size_t offset;
    } words[] = {{"int", offsetof(Words, int_words)},     {"long", offsetof(Words, longs)},
                 {"short", offsetof(Words, shorts)},      {"unsigned", offsetof(Words, unsigns)},
                 {"char", offsetof(Words, chars)},        {"float", offsetof(Words, floats)},
                 {"double", offsetof(Words, doubles)},    {"_Bool", offsetof(Words, bools)},
                 {"bool", offsetof(Words, bools)},        {"_Complex", offsetof(Words, complexes)},
                 {"__complex__", offsetof(Words, complexes)}, {"complex", offsetof(Words, complexes)},
                 {"__int128", offsetof(Words, int128s)},  {"signed", offsetof(Words, signs)},
                 {"__signed__", offsetof(Words, signs)},  {"__signed", offsetof(Words, signs)}};
    if (p->token != TK_NAME || p->was_param)
        return false;
    for (size_t i = 0; i < RI_COUNTOF(words); i++) {
        if (is_word(p, words[i].word)) {
            ++*(int *)(void *)((char *)w + words[i].offset);
            next(p);
            return true;
        }
    }
    return false;
}

static RiCbasic basic_of(Parser *p, const Words *w)
{
    int integers = w->int_words + w->shorts + w->int128s + w->chars;
    int others = w->floats + w->doubles + w->bools + w->complexes;
    int sign = w->signs + w->unsigns;
    bool is_unsigned = w->unsigns > 0;
    if (sign > 1 || w->longs > 2 || w->shorts > 1 || w->int_words > 1 || w->chars > 1 ||
        w->floats + w->doubles + w->bools > 1 ||
        (others > 0 && (sign > 0 || integers > 0)) || (w->chars && (w->int_words || w->longs || w->shorts)) ||
        (w->shorts && w->longs))
        fail(p, "no such combination of type words");
    if (w->complexes)
        return w->floats ? RI_C_CFLOAT : w->longs ? RI_C_CLDOUBLE : RI_C_CDOUBLE;
    if (w->doubles)
        return w->longs ? RI_C_LDOUBLE : RI_C_DOUBLE;
    if (w->floats || w->bools)
        return w->floats ? RI_C_FLOAT : RI_C_BOOL;
    if (w->chars)
        return w->signs ? RI_C_SCHAR : is_unsigned ? RI_C_UCHAR : RI_C_CHAR;
    if (w->int128s)
        return is_unsigned ? RI_C_UINT128 : RI_C_INT128;
    static const RiCbasic ids[4][2] = {{RI_C_INT, RI_C_UINT}, {RI_C_LONG, RI_C_ULONG}, {RI_C_LLONG, RI_C_ULLONG},
                                       {RI_C_SHORT, RI_C_USHORT}};
    return ids[w->shorts ? 3 : w->longs][is_unsigned];
}

static bool accept_qualifier(Parser *p, unsigned *qualifiers)
{
    if (accept_gnu(p, "const"))
        *qualifiers |= RI_CQ_CONST;
    else if (accept_gnu(p, "volatile"))
        *qualifiers |= RI_CQ_VOLATILE;
    else if (!accept_gnu(p, "restrict") && !accept_word(p, "_Atomic"))
        return false;
    return true;
}

static bool accept_storage(Parser *p, Specifiers *s)
{
    if (accept_word(p, "typedef"))
        s->is_typedef = true;
    else if (accept_word(p, "extern"))
        s->is_extern = true;
    else if (accept_word(p, "static"))
        s->is_static = true;
    else if (accept_gnu(p, "inline"))
        s->is_inline = true;
    else if (!accept_word(p, "register") && !accept_word(p, "auto") && !accept_word(p, "_Thread_local") &&
             !accept_word(p, "__thread") && !accept_word(p, "constexpr"))
        return false;
    return true;
}

/* typeof(type or expression) */
static RiCtype *parse_typeof(Parser *p)
{
    expect(p, '(');
    RiCtype *type = is_type_start(p) ? parse_type_name(p) : parse_expression(p, 0).type;
    expect(p, ')');
    return type;
}

static RiCtype *find_typedef(const Parser *p)
{
    if (p->token != TK_NAME)
        return NULL;
    const RiCdecl *decl = ri_ffi_find(p->T, p->name);
    return decl != NULL && decl->kind == RI_CD_TYPE ? decl->type : NULL;
}

/* A type that is one word, or a struct, union, enum, typeof; NULL: there is none. */
static RiCtype *parse_plain_type(Parser *p)
{
    RiCtype *type;
    if (p->token == TK_TYPE) {
        type = p->type;
        next(p);
        return type;
    }
    if (accept_word(p, "void"))
        return p->ffi->void_type;
    if (accept_word(p, "struct"))
        return parse_struct(p, false);
    if (accept_word(p, "union"))
        return parse_struct(p, true);
    if (accept_word(p, "enum"))
        return parse_enum(p);
    if (is_gnu_word(p, "typeof") || is_word(p, "typeof_unqual")) {
        next(p);
        return parse_typeof(p);
    }
    type = find_typedef(p);
    if (type != NULL)
        next(p);
    return type;
}

static RiCtype *with_mode(Parser *p, RiCtype *type, char mode)
{
    bool is_unsigned = (type->flags & RI_CT_UNSIGNED) != 0;
    if (type->kind == RI_CK_FLOAT)
        return mode == 'S' ? basic(p, RI_C_FLOAT) : mode == 'D' ? basic(p, RI_C_DOUBLE) : type;
    if (type->kind != RI_CK_INT)
        return type;
    switch (mode) {
    case 'Q': return basic(p, is_unsigned ? RI_C_UCHAR : RI_C_SCHAR);
    case 'H': return basic(p, is_unsigned ? RI_C_USHORT : RI_C_SHORT);
    case 'S': return basic(p, is_unsigned ? RI_C_UINT : RI_C_INT);
    case 'D': return basic(p, is_unsigned ? RI_C_ULONG : RI_C_LONG);
    default: return basic(p, is_unsigned ? RI_C_UINT128 : RI_C_INT128);
    }
}

/* What attributes of a declaration make of its type. */
static RiCtype *with_attributes(Parser *p, RiCtype *type, const Attributes *a)
{
    if (a->mode != 0)
        type = with_mode(p, type, a->mode);
    if (a->vector_size != 0) {
        bool known;
        uint64_t size = ri_ctype_size(type, &known);
        if (!known || size == 0 || a->vector_size % size != 0)
            fail(p, "bad vector_size");
        type = ri_ctype_aligned(p->T, ri_ctype_array(p->T, type, a->vector_size / size, 0), a->vector_size);
        type->flags |= RI_CT_OPAQUE;
    }
    return type;
}

static void parse_specifiers(Parser *p, Specifiers *s)
{
    Words words = {0};
    unsigned qualifiers = 0;
    bool has_words = false;
    for (;;) {
        if (accept_storage(p, s) || accept_qualifier(p, &qualifiers) || accept_attributes(p, &s->attributes))
            continue;
        if (s->type == NULL && count_word(p, &words)) {
            has_words = true;
            continue;
        }
        if (s->type != NULL || has_words || (s->type = parse_plain_type(p)) == NULL)
            break;
    }
    if (has_words)
        s->type = basic(p, basic_of(p, &words));
    if (s->type == NULL) {
        if (p->token == TK_NAME)
            fail(p, "undeclared or implicit type");
        fail(p, "type expected");
    }
    s->type = ri_ctype_qualified(p->T, with_attributes(p, s->type, &s->attributes), qualifiers);
}

static bool is_type_start(Parser *p)
{
    static const char *const words[] = {
        "void", "struct", "union", "enum", "const", "volatile", "int", "long", "short", "unsigned", "signed", "char", "float",
        "double", "_Bool", "bool", "_Complex", "__int128", "__signed__", "__signed", "__const", "__volatile__", "__extension__",
        "__attribute__", "__typeof__", "typeof", "__typeof", "_Atomic", "register", "complex", "__complex__", "restrict"};
    if (p->token == TK_TYPE)
        return true;
    if (p->token != TK_NAME)
        return false;
    for (size_t i = 0; i < RI_COUNTOF(words); i++) {
        if (is_word(p, words[i]))
            return true;
    }
    return is_convention(p) || find_typedef(p) != NULL;
}

/* -- Declarators -------------------------------------------------------------------------------------------------- */

static struct Step *add_step(Parser *p, Declarator *d, RiCkind kind)
{
    if (d->step_count == STEPS_MAX)
        fail(p, "declarator is too long");
    struct Step *step = &d->steps[d->step_count++];
    *step = (struct Step){.kind = (uint8_t)kind};
    return step;
}

static void parse_array(Parser *p, Declarator *d)
{
    struct Step *step = add_step(p, d, RI_CK_ARRAY);
    unsigned ignored = 0;
    while (accept_word(p, "static") || accept_qualifier(p, &ignored))
        continue;
    if (accept(p, '?')) {
        step->flags = RI_CT_VARIABLE;
    } else if (p->token == ']') {
        step->flags = RI_CT_UNSIZED;
    } else if (p->token == '*') {
        next(p);
        step->flags = RI_CT_UNSIZED;
    } else {
        Constant c = parse_expression(p, 0);
        if (!(c.type->flags & RI_CT_UNSIGNED) && (int64_t)c.value < 0)
            fail(p, "negative size of an array");
        step->count = c.value;
    }
    expect(p, ']');
}

/* An array is passed as a pointer, and so is a function. */
static RiCtype *decayed(Parser *p, RiCtype *type)
{
    if (type->kind == RI_CK_ARRAY && !(type->flags & RI_CT_OPAQUE))
        return ri_ctype_pointer(p->T, type->base);
    return type->kind == RI_CK_FUNCTION ? ri_ctype_pointer(p->T, type) : type;
}

static void parse_parameter(Parser *p, Members *m)
{
    Specifiers s = {.type = NULL};
    Declarator d = {.step_count = 0};
    parse_specifiers(p, &s);
    parse_declarator(p, &d);
    accept_attributes(p, &d.attributes);
    RiCfield *f = add_member(p, m);
    f->name = d.name;
    f->type = decayed(p, apply(p, &d, s.type));
    if (m->count > 1000)
        fail(p, "too many parameters");
}

/* The parameters; '(' has been read. */
static void parse_parameters(Parser *p, Declarator *d)
{
    Members m = {.count = 0};
    RiCtype *t = ri_ctype_new(p->T, RI_CK_FUNCTION, 0, 1);
    bool is_list = true;
    while (is_list && p->token != ')') {
        if (accept(p, TK_DOTS)) {
            t->flags = RI_CT_VARIADIC;
            break;
        }
        parse_parameter(p, &m);
        is_list = accept(p, ',');
    }
    expect(p, ')');
    if (m.count == 1 && m.fields[0].type->kind == RI_CK_VOID && m.fields[0].name == NULL)
        m.count = 0;
    for (uint32_t i = 0; i < m.count; i++) {
        if (m.fields[i].type->kind == RI_CK_VOID)
            fail(p, "parameter of type void");
    }
    t->fields = m.fields;
    t->count = m.count;
    add_step(p, d, RI_CK_FUNCTION)->function = t;
}

/* After '(': is it a declarator in parentheses, or are these parameters? */
static bool is_nested(Parser *p, const Declarator *d)
{
    (void)d;
    if (p->token == '*' || p->token == '&' || p->token == '(' || p->token == '[' || p->token == '^')
        return true;
    if (p->token == ')' || p->token == TK_DOTS)
        return false;
    return is_gnu_word(p, "attribute") || is_convention(p) || !is_type_start(p);
}

static void parse_suffixes(Parser *p, Declarator *d)
{
    for (;;) {
        if (p->token == '[' && !(p->at < p->end && *p->at == '[')) {
            next(p);
            parse_array(p, d);
        } else if (accept(p, '(')) {
            parse_parameters(p, d);
        } else if (!accept_attributes(p, &d->attributes)) {
            return;
        }
    }
}

typedef struct Pointers {
    uint32_t count;
    struct {
        bool is_reference;
        unsigned qualifiers;
    } items[STEPS_MAX];
} Pointers;

static void parse_pointers(Parser *p, Declarator *d, Pointers *pointers)
{
    pointers->count = 0;
    for (;;) {
        if (p->token == '*' || p->token == '&' || p->token == '^') {
            if (pointers->count == STEPS_MAX)
                fail(p, "declarator is too long");
            pointers->items[pointers->count].is_reference = p->token == '&';
            pointers->items[pointers->count++].qualifiers = 0;
            next(p);
        } else if (!accept_attributes(p, &d->attributes) &&
                   !(pointers->count > 0 && accept_qualifier(p, &pointers->items[pointers->count - 1].qualifiers))) {
            return;
        }
    }
}

static void parse_declarator(Parser *p, Declarator *d)
{
    Pointers pointers;
    enter(p);
    parse_pointers(p, d, &pointers);
    if (p->token == TK_NAME && d->name == NULL) {
        d->name = p->name;
        next(p);
    } else if (p->token == '(') {
        next(p);
        if (is_nested(p, d)) {
            parse_declarator(p, d);
            expect(p, ')');
        } else {
            parse_parameters(p, d);
        }
    }
    parse_suffixes(p, d);
    while (pointers.count > 0) {
        pointers.count--;
        bool is_reference = pointers.items[pointers.count].is_reference;
        struct Step *step = add_step(p, d, is_reference ? RI_CK_REFERENCE : RI_CK_POINTER);
        step->qualifiers = pointers.items[pointers.count].qualifiers;
    }
    p->depth--;
}

static RiCtype *apply_function(Parser *p, RiCtype *function, RiCtype *result)
{
    if (result->kind == RI_CK_ARRAY || result->kind == RI_CK_FUNCTION)
        fail(p, "a function cannot return that");
    function->base = result;
    return function;
}

/* The type that the declarator makes of the specifiers' type: its steps from the last to the first. Pointers of one group
 * were pushed last first, so they are taken in the order written. */
static RiCtype *apply(Parser *p, const Declarator *d, RiCtype *type)
{
    for (uint32_t i = d->step_count; i-- > 0;) {
        const struct Step *step = &d->steps[i];
        bool known;
        switch (step->kind) {
        case RI_CK_POINTER:
            if (type->kind == RI_CK_REFERENCE)
                fail(p, "pointer to a reference");
            type = ri_ctype_qualified(p->T, ri_ctype_pointer(p->T, type), step->qualifiers);
            break;
        case RI_CK_REFERENCE:
            type = ri_ctype_reference(p->T, type);
            break;
        case RI_CK_FUNCTION:
            type = apply_function(p, step->function, type);
            break;
        default:
            ri_ctype_size(type, &known);
            if (!known || type->kind == RI_CK_REFERENCE)
                fail(p, "array of what has no size");
            type = ri_ctype_array(p->T, type, step->count, step->flags);
            break;
        }
    }
    return type;
}

/* A type without a name, as in casts. */
static RiCtype *parse_type_name(Parser *p)
{
    Specifiers s = {.type = NULL};
    Declarator d = {.step_count = 0};
    parse_specifiers(p, &s);
    parse_declarator(p, &d);
    if (d.name != NULL)
        fail_name(p, "", d.name, "unexpected in a type");
    return apply(p, &d, s.type);
}

/* -- Declarations ------------------------------------------------------------------------------------------------- */

/* `= value`: kept for constants, passed over otherwise. True: *c is the value. */
static bool parse_initializer(Parser *p, const RiCtype *type, Constant *c)
{
    if (ri_ctype_is_integer(type)) {
        *c = parse_expression(p, 0);
        return true;
    }
    if (type->kind == RI_CK_FLOAT && type->size == sizeof(double) && p->token == TK_FLOAT) {
        memcpy(&c->value, &p->real, sizeof p->real);
        next(p);
        return true;
    }
    for (int depth = 0; depth > 0 || (p->token != ',' && p->token != ';'); next(p)) {
        if (p->token == TK_END)
            fail(p, "unfinished initializer");
        depth += p->token == '{' || p->token == '(';
        depth -= p->token == '}' || p->token == ')';
    }
    return false;
}

static RiCtype *typedef_type(Parser *p, RiCtype *type, const Specifiers *s, const Declarator *d)
{
    uint32_t align = d->attributes.align > s->attributes.align ? d->attributes.align : s->attributes.align;
    Attributes a = {.mode = d->attributes.mode, .vector_size = d->attributes.vector_size};
    type = with_attributes(p, type, &a);
    return align > 0 && align != ri_ctype_align(type) ? ri_ctype_aligned(p->T, type, align) : type;
}

/* One declarator of a declaration. True: a function's body has been passed over, which ends it. */
static bool parse_declared(Parser *p, const Specifiers *s)
{
    Declarator d = {.step_count = 0};
    Constant c;
    parse_declarator(p, &d);
    accept_attributes(p, &d.attributes);
    if (d.name == NULL)
        fail(p, "name expected");
    RiCtype *type = apply(p, &d, s->type);
    RiString *symbol = d.attributes.symbol != NULL ? d.attributes.symbol : s->attributes.symbol;
    if (s->is_typedef) {
        declare(p, d.name, RI_CD_TYPE, typedef_type(p, type, s, &d), 0, NULL);
        return false;
    }
    if (type->kind == RI_CK_FUNCTION) {
        declare(p, d.name, RI_CD_FUNCTION, type, 0, symbol);
        if (p->token != '{')
            return false;
        skip_body(p);
        return true;
    }
    if (accept(p, '=') && parse_initializer(p, type, &c)) {
        if (s->is_static || (type->qualifiers & RI_CQ_CONST)) {
            uint64_t value = type->kind == RI_CK_FLOAT ? c.value : wrapped(c.value, type->plain).value;
            declare(p, d.name, RI_CD_CONSTANT, type->plain, value, NULL);
            return false;
        }
    }
    declare(p, d.name, RI_CD_VARIABLE, with_attributes(p, type, &d.attributes), 0, symbol);
    return false;
}

static void parse_declaration(Parser *p)
{
    Specifiers s = {.type = NULL};
    if (accept(p, ';'))
        return;
    if (accept_word(p, "_Static_assert") || accept_word(p, "static_assert")) {
        parse_static_assert(p);
        return;
    }
    if (is_word(p, "extern") || is_word(p, "__extension__")) { /* extern "C" { … }: the braces are passed over */
        next(p);
        s.is_extern = true;
        if (p->token == TK_STRING) {
            next(p);
            p->externs += accept(p, '{');
            return;
        }
    }
    if (p->token == '}' && p->externs > 0) {
        p->externs--;
        next(p);
        return;
    }
    if (is_gnu_word(p, "asm")) {
        Attributes ignored = {.packed = false};
        accept_attributes(p, &ignored);
        expect(p, ';');
        return;
    }
    parse_specifiers(p, &s);
    if (accept(p, ';'))
        return;
    do {
        if (parse_declared(p, &s))
            return;
    } while (accept(p, ','));
    if (p->token != ';')
        fail(p, "';' expected");
    next(p);
}

static void begin(Parser *p, RiThread *T, RiString *text, const RiValue *params, uint32_t count)
{
    *p = (Parser){.T = T, .ffi = ri_ffi_state(T), .text = text, .line = 1, .param_count = count};
    RiValue *copy = ri_heap_alloc_raw(T->heap, count * sizeof *copy, true); /* the stack may move */
    for (uint32_t i = 0; i < count; i++)
        ri_copy(&copy[i], &params[i]);
    p->params = copy;
    p->at = ri_str_cstr(T->heap, text);
    p->end = p->at + text->size;
    next(p);
}

static void finish(Parser *p)
{
    if (p->token != TK_END)
        fail(p, "unexpected text");
    if (p->param_next < p->param_count)
        ri_error_no_position(p->T, "input:%u: too many arguments for $", p->line);
}

void ri_ffi_declare(RiThread *T, RiString *text, const RiValue *params, uint32_t count)
{
    Parser p;
    begin(&p, T, text, params, count);
    while (p.token != TK_END) {
        parse_declaration(&p);
        ri_poll(T);
    }
    finish(&p);
}

RiCtype *ri_ffi_parse_type(RiThread *T, RiString *text, const RiValue *params, uint32_t count)
{
    Parser p;
    begin(&p, T, text, params, count);
    RiCtype *type = parse_type_name(&p);
    finish(&p);
    return type;
}

uint64_t ri_ffi_evaluate(RiThread *T, RiString *text, RiCtype **type)
{
    Parser p;
    begin(&p, T, text, NULL, 0);
    Constant c = parse_expression(&p, 0);
    finish(&p);
    *type = c.type;
    return c.value;
}
