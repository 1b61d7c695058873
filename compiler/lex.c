/* The lexer. Reads memory, never past `end`; names and plain strings are interned straight from the source. */
#include "compiler/lex.h"

#include "vm/base/num.h"

#include <stdio.h>
#include <string.h>

/* -- Characters -------------------------------------------------------------------------------------------------- */

enum { CHAR_LETTER = 1, CHAR_DIGIT = 2, CHAR_HEX = 4, CHAR_SPACE = 8, CHAR_NEWLINE = 16, CHAR_PRINT = 32 };

#define PAUSE_BYTES 4096

/* Letters with '_', whatever the locale says. */
static const uint8_t char_class[256] = {
    ['\t'] = CHAR_SPACE,
    ['\n'] = CHAR_SPACE | CHAR_NEWLINE,
    ['\v'] = CHAR_SPACE,
    ['\f'] = CHAR_SPACE,
    ['\r'] = CHAR_SPACE | CHAR_NEWLINE,
    [' '] = CHAR_SPACE | CHAR_PRINT,
    ['!' ... '/'] = CHAR_PRINT,
    ['0' ... '9'] = CHAR_DIGIT | CHAR_HEX | CHAR_PRINT,
    [':' ... '@'] = CHAR_PRINT,
    ['A' ... 'F'] = CHAR_LETTER | CHAR_HEX | CHAR_PRINT,
    ['G' ... 'Z'] = CHAR_LETTER | CHAR_PRINT,
    ['[' ... '^'] = CHAR_PRINT,
    ['_'] = CHAR_LETTER | CHAR_PRINT,
    ['`'] = CHAR_PRINT,
    ['a' ... 'f'] = CHAR_LETTER | CHAR_HEX | CHAR_PRINT,
    ['g' ... 'z'] = CHAR_LETTER | CHAR_PRINT,
    ['{' ... '~'] = CHAR_PRINT,
};

static inline bool is(const RiLexer *lx, const char *p, int classes)
{
    return p < lx->end && (char_class[(uint8_t)*p] & classes);
}

static inline bool is_char(const RiLexer *lx, const char *p, char c)
{
    return p < lx->end && *p == c;
}

/* Sources can be huge, and a process that reads one may be stopped: let it be seen now and then. Throws then. */
static RI_NOINLINE void pause_at(RiLexer *lx, const char *p)
{
    lx->pause_at = (size_t)(lx->end - p) > PAUSE_BYTES ? p + PAUSE_BYTES : lx->end + 1;
    ri_heap_pause_copy(lx->heap);
}

static inline void maybe_pause(RiLexer *lx, const char *p)
{
    if (RI_UNLIKELY(p >= lx->pause_at))
        pause_at(lx, p);
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

const char *const ri_lex_keywords[] = {
#define KEYWORD(id, text, first, last) text,
#define SYMBOL(id, text)
#define CLASS(id, text)
#include "compiler/tokens.def"
#undef KEYWORD
#undef SYMBOL
#undef CLASS
    NULL,
};

/* -- Messages ---------------------------------------------------------------------------------------------------- */

const char *ri_token_text(int kind, char buffer[RI_TOKEN_TEXT_MAX])
{
    static const char *const texts[] = {
#define KEYWORD(id, text, first, last) "'" text "'",
#define SYMBOL(id, text) "'" text "'",
#define CLASS(id, text) text,
#include "compiler/tokens.def"
#undef KEYWORD
#undef SYMBOL
#undef CLASS
    };
    if (kind > RI_TOKEN_BEFORE_FIRST)
        return texts[kind - RI_TOKEN_BEFORE_FIRST - 1];
    if (char_class[kind & 0xff] & CHAR_PRINT)
        snprintf(buffer, RI_TOKEN_TEXT_MAX, "'%c'", kind);
    else
        snprintf(buffer, RI_TOKEN_TEXT_MAX, "'<\\%d>'", kind & 0xff);
    return buffer;
}

/* Message near these bytes, quoted; as a C string, that is up to the first NUL. */
RI_NORETURN static void error_near_bytes(RiLexer *lx, const char *message, const char *at, const char *bytes, size_t size)
{
    RiSbuf near;
    ri_sbuf_init(&near, lx->heap);
    ri_sbuf_add_char(&near, '\'');
    ri_sbuf_add(&near, bytes, strnlen(bytes, size));
    ri_sbuf_add_char(&near, '\'');
    ri_diag_throw(lx->failure, lx->line, at, near.data, near.size, message);
}

RI_NORETURN static void error_near_end(RiLexer *lx, const char *message)
{
    ri_diag_throw(lx->failure, lx->line, lx->end, "<eof>", 5, message);
}

/* A string literal is shown as it was read: delimiters and the bytes it stands for. */
RI_NORETURN static void error_near_string(RiLexer *lx, const char *message)
{
    const RiToken *t = &lx->token;
    size_t width = 1;
    if (*t->start == '[')
        while (t->start[width++] == '=')
            ;
    RiSbuf text;
    ri_sbuf_init(&text, lx->heap);
    ri_sbuf_add(&text, t->start, width);
    ri_sbuf_add_str(&text, t->string);
    for (size_t i = width; i-- > 0;)
        ri_sbuf_add_char(&text, t->start[i] == '[' ? ']' : t->start[i]);
    error_near_bytes(lx, message, t->start, text.data, text.size);
}

void ri_lex_error(RiLexer *lx, const char *message)
{
    char buffer[RI_TOKEN_TEXT_MAX];
    const RiToken *t = &lx->token;
    switch (t->kind) {
    case RI_TOKEN_STRING:
        error_near_string(lx, message);
    case RI_TOKEN_NAME:
        error_near_bytes(lx, message, t->start, ri_str_data(t->string), t->string->size);
    case RI_TOKEN_INT:
    case RI_TOKEN_FLOAT: {
        const char *stop = t->start;
        while (is(lx, stop, CHAR_LETTER | CHAR_DIGIT) || is_char(lx, stop, '.') ||
               ((is_char(lx, stop, '+') || is_char(lx, stop, '-')) && strchr("eEpP", stop[-1]) != NULL))
            stop++;
        error_near_bytes(lx, message, t->start, t->start, (size_t)(stop - t->start));
    }
    case 0: /* a NUL byte in the source: 5.4 has nothing to show either */
        ri_lex_error_plain(lx, message);
    default: {
        const char *text = ri_token_text(t->kind, buffer);
        ri_diag_throw(lx->failure, lx->line, t->start, text, strlen(text), message);
    }
    }
}

void ri_lex_error_plain(RiLexer *lx, const char *message)
{
    ri_diag_throw(lx->failure, lx->line, lx->token.start, NULL, 0, message);
}

/* -- Strings of the chunk ---------------------------------------------------------------------------------------- */

static void rehash_long_strings(RiLexer *lx)
{
    RI_VEC(RiString *) grown = {NULL, NULL, 0, 0};
    uint32_t capacity = lx->long_strings.capacity ? lx->long_strings.capacity * 2 : 64;
    ri_vec_reserve(lx->heap, &grown, capacity, RI_VEC_POINTERS); /* zeroed: the capacity is a power of two */
    for (uint32_t i = 0; i < lx->long_strings.capacity; i++) {
        RiString *s = lx->long_strings.items[i];
        if (s == NULL)
            continue;
        uint32_t at = ri_str_hash(lx->heap, s) & (grown.capacity - 1);
        while (grown.items[at] != NULL)
            at = (at + 1) & (grown.capacity - 1);
        grown.items[at] = s;
    }
    if (lx->long_strings.block != NULL)
        ri_heap_free(lx->heap, lx->long_strings.block, 16 + lx->long_strings.capacity * sizeof(RiString *));
    lx->long_strings.items = grown.items;
    lx->long_strings.block = grown.block;
    lx->long_strings.capacity = grown.capacity;
}

static RI_NOINLINE RiString *long_string(RiLexer *lx, const char *bytes, size_t size)
{
    RiString *s = ri_str_new(lx->heap, bytes, size);
    if (lx->long_string_count * 4 >= lx->long_strings.capacity * 3)
        rehash_long_strings(lx);
    uint32_t mask = lx->long_strings.capacity - 1;
    uint32_t at = ri_str_hash(lx->heap, s) & mask;
    for (; lx->long_strings.items[at] != NULL; at = (at + 1) & mask) {
        if (ri_str_equal(lx->long_strings.items[at], s))
            return lx->long_strings.items[at];
    }
    lx->long_strings.items[at] = s;
    lx->long_string_count++;
    return s;
}

RiString *ri_lex_string(RiLexer *lx, const char *bytes, size_t size)
{
    return RI_LIKELY(size <= RI_STR_SHORT_MAX) ? ri_str_new(lx->heap, bytes, size) : long_string(lx, bytes, size);
}

/* -- Names ------------------------------------------------------------------------------------------------------- */

typedef struct Keyword {
    char text[9];
    uint8_t size;
    int16_t kind;
} Keyword;

#define KEYWORD_HASH(first, last, size) (((first)*3 + (last)*13 + (size)) & 63)

static const Keyword keywords[64] = {
#define KEYWORD(id, text, first, last) [KEYWORD_HASH(first, last, sizeof text - 1)] = {text, sizeof text - 1, RI_TOKEN_##id},
#define SYMBOL(id, text)
#define CLASS(id, text)
#include "compiler/tokens.def"
#undef KEYWORD
#undef SYMBOL
#undef CLASS
};

static int read_name(RiLexer *lx, const char *start, RiToken *token)
{
    const char *p = start + 1, *end = lx->end;
    while (p < end && (char_class[(uint8_t)*p] & (CHAR_LETTER | CHAR_DIGIT)))
        maybe_pause(lx, p++);
    lx->at = p;
    size_t size = (size_t)(p - start);
    uint8_t first = (uint8_t)start[0], last = (uint8_t)p[-1];
    const Keyword *keyword = &keywords[KEYWORD_HASH(first, last, size)];
    if (keyword->size == size && memcmp(keyword->text, start, size) == 0)
        return keyword->kind;
    uint32_t middle = (uint8_t)start[size / 2];
    RiString **cached = &lx->names[(first * 5 + last * 31 + middle * 17 + (uint32_t)size) & (RI_NAME_CACHE_SIZE - 1)];
    RiString *s = *cached;
    if (s == NULL || s->size != size || memcmp(ri_str_data(s), start, size) != 0)
        *cached = s = ri_lex_string(lx, start, size);
    token->string = s;
    return RI_TOKEN_NAME;
}

/* -- Numerals ---------------------------------------------------------------------------------------------------- */

/* Liberal about what belongs to a numeral, so that "3x" and "1..2" are errors. */
static int read_number(RiLexer *lx, const char *start, RiToken *token)
{
    const char *p = start;
    char exponent = 'e';
    /* Most numerals are a few digits. */
    uint64_t small = 0;
    while (is(lx, p, CHAR_DIGIT) && p - start < 18)
        small = small * 10 + (uint64_t)(*p++ - '0');
    if (p > start && !is(lx, p, CHAR_LETTER | CHAR_DIGIT) && !is_char(lx, p, '.')) {
        lx->at = p;
        token->integer = (int64_t)small;
        return RI_TOKEN_INT;
    }
    p = *start == '.' ? start + 1 : start;
    if (*p == '0' && p + 1 < lx->end && (p[1] | 0x20) == 'x') {
        exponent = 'p';
        p += 2;
    }
    for (;; p++) {
        maybe_pause(lx, p);
        if (p < lx->end && (*p | 0x20) == exponent) {
            if (is_char(lx, p + 1, '+') || is_char(lx, p + 1, '-'))
                p++;
        } else if (!is(lx, p, CHAR_HEX) && !is_char(lx, p, '.')) {
            break;
        }
    }
    if (is(lx, p, CHAR_LETTER)) /* touching a letter: force an error */
        p++;
    lx->at = p;
    switch (ri_num_parse(start, (size_t)(p - start), &token->integer, &token->number)) {
    case RI_NUM_INT:
        return RI_TOKEN_INT;
    case RI_NUM_FLOAT:
        return RI_TOKEN_FLOAT;
    default:
        error_near_bytes(lx, "malformed number", start, start, (size_t)(p - start));
    }
}

/* -- Line ends, long brackets ------------------------------------------------------------------------------------ */

/* Skip one line end, of one or two characters. */
static const char *skip_newline(RiLexer *lx, const char *p)
{
    char first = *p++;
    if (is(lx, p, CHAR_NEWLINE) && *p != first)
        p++;
    lx->line++;
    return p;
}

/* At '[': the number of '=' in an opening long bracket; -1 if it is a plain '['; -2 if "[=" is not one. */
static int long_bracket_level(const RiLexer *lx, const char *p)
{
    const char *start = ++p;
    while (is_char(lx, p, '='))
        p++;
    if (is_char(lx, p, '['))
        return (int)(p - start);
    return p == start ? -1 : -2;
}

/* Find the end of a long bracket whose contents start at `p`; returns where "]=*]" begins. Counts lines, and says
 * whether there are carriage returns. */
static const char *long_bracket_end(RiLexer *lx, const char *p, int level, const char *what, uint32_t start_line,
                                    bool *has_returns)
{
    *has_returns = false;
    while (p < lx->end) {
        char c = *p;
        maybe_pause(lx, p);
        if (c == ']') {
            const char *q = p + 1;
            while (is_char(lx, q, '='))
                q++;
            if (q - p - 1 == level && is_char(lx, q, ']'))
                return p;
            p = q;
        } else if (char_class[(uint8_t)c] & CHAR_NEWLINE) {
            *has_returns |= c == '\r';
            const char *next = skip_newline(lx, p);
            *has_returns |= next - p > 1;
            p = next;
        } else {
            p++;
        }
    }
    char message[80];
    snprintf(message, sizeof message, "unfinished long %s (starting at line %u)", what, start_line);
    error_near_end(lx, message);
}

/* Contents with every line end as '\n'. */
static RiString *normalize_lines(RiLexer *lx, const char *p, const char *stop)
{
    RiSbuf text;
    ri_sbuf_init(&text, lx->heap);
    lx->pause_at = p; /* this is the second time */
    while (p < stop) {
        maybe_pause(lx, p);
        char c = *p++;
        if (c == '\n' || c == '\r') {
            if (p < stop && (*p == '\n' || *p == '\r') && *p != c)
                p++;
            c = '\n';
        }
        ri_sbuf_add_char(&text, c);
    }
    return ri_lex_string(lx, text.data, text.size);
}

static int read_long_string(RiLexer *lx, const char *start, int level, RiToken *token)
{
    bool has_returns;
    uint32_t start_line = lx->line;
    const char *p = start + level + 2;
    if (is(lx, p, CHAR_NEWLINE))
        p = skip_newline(lx, p);
    const char *stop = long_bracket_end(lx, p, level, "string", start_line, &has_returns);
    lx->at = stop + level + 2;
    token->string = has_returns ? normalize_lines(lx, p, stop) : ri_lex_string(lx, p, (size_t)(stop - p));
    return RI_TOKEN_STRING;
}

/* After "--". Returns the first byte after the comment. */
static const char *skip_comment(RiLexer *lx, const char *p)
{
    if (is_char(lx, p, '[')) {
        int level = long_bracket_level(lx, p);
        bool has_returns;
        if (level >= 0)
            return long_bracket_end(lx, p + level + 2, level, "comment", lx->line, &has_returns) + level + 2;
    }
    while (p < lx->end && !(char_class[(uint8_t)*p] & CHAR_NEWLINE))
        maybe_pause(lx, p++);
    return p;
}

/* -- Quoted strings ---------------------------------------------------------------------------------------------- */

typedef struct Quoted {
    RiLexer *lx;
    const char *start; /* the opening quote */
    const char *p;
    RiSbuf text; /* the value so far, after the quote */
} Quoted;

/* An escape sequence that began at `escape` is wrong at q->p: show the string so far, the escape as written, and the
 * offending byte. */
RI_NORETURN static void escape_error(Quoted *q, const char *escape, const char *message)
{
    const char *stop = q->p < q->lx->end ? q->p + 1 : q->p;
    ri_sbuf_add(&q->text, escape, (size_t)(stop - escape));
    error_near_bytes(q->lx, message, escape, q->text.data, q->text.size);
}

static unsigned read_hex_digit(Quoted *q, const char *escape)
{
    if (!is(q->lx, q->p, CHAR_HEX))
        escape_error(q, escape, "hexadecimal digit expected");
    return hex_value(*q->p++);
}

static void add_utf8(RiSbuf *text, uint32_t code)
{
    char bytes[6];
    int n = 0;
    if (code < 0x80) {
        ri_sbuf_add_char(text, (char)code);
        return;
    }
    uint32_t first_max = 0x3f; /* largest value that fits the first byte */
    do {
        bytes[n++] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
        first_max >>= 1;
    } while (code > first_max);
    ri_sbuf_add_char(text, (char)((~first_max << 1) | code));
    while (n > 0)
        ri_sbuf_add_char(text, bytes[--n]);
}

/* \u{XXX}, with q->p at the brace. */
static void read_utf8_escape(Quoted *q, const char *escape)
{
    if (!is_char(q->lx, q->p, '{'))
        escape_error(q, escape, "missing '{'");
    q->p++;
    uint32_t code = read_hex_digit(q, escape);
    while (is(q->lx, q->p, CHAR_HEX)) {
        if (code > 0x7fffffffu >> 4)
            escape_error(q, escape, "UTF-8 value too large");
        code = code << 4 | hex_value(*q->p++);
    }
    if (!is_char(q->lx, q->p, '}'))
        escape_error(q, escape, "missing '}'");
    q->p++;
    add_utf8(&q->text, code);
}

static void read_decimal_escape(Quoted *q, const char *escape)
{
    unsigned value = 0;
    if (!is(q->lx, q->p, CHAR_DIGIT))
        escape_error(q, escape, "invalid escape sequence");
    for (int i = 0; i < 3 && is(q->lx, q->p, CHAR_DIGIT); i++)
        value = value * 10 + (unsigned)(*q->p++ - '0');
    if (value > 255)
        escape_error(q, escape, "decimal escape too large");
    ri_sbuf_add_char(&q->text, (char)value);
}

static void skip_spaces(Quoted *q)
{
    while (is(q->lx, q->p, CHAR_SPACE)) {
        maybe_pause(q->lx, q->p);
        if (is(q->lx, q->p, CHAR_NEWLINE))
            q->p = skip_newline(q->lx, q->p);
        else
            q->p++;
    }
}

/* At a backslash. */
static void read_escape(Quoted *q)
{
    static const char from[] = "abfnrtv\\\"'", to[] = "\a\b\f\n\r\t\v\\\"'";
    const char *escape = q->p++;
    if (q->p == q->lx->end)
        return; /* the caller finds the string unfinished */
    const char *known = *q->p ? strchr(from, *q->p) : NULL;
    if (known != NULL) {
        q->p++;
        ri_sbuf_add_char(&q->text, to[known - from]);
        return;
    }
    switch (*q->p) {
    case 'x':
        q->p++;
        {
            unsigned high = read_hex_digit(q, escape);
            ri_sbuf_add_char(&q->text, (char)(high << 4 | read_hex_digit(q, escape)));
        }
        break;
    case 'u':
        q->p++;
        read_utf8_escape(q, escape);
        break;
    case '\n':
    case '\r':
        q->p = skip_newline(q->lx, q->p);
        ri_sbuf_add_char(&q->text, '\n');
        break;
    case 'z':
        q->p++;
        skip_spaces(q);
        break;
    default:
        read_decimal_escape(q, escape);
        break;
    }
}

/* A string with an escape, or an unfinished one; [start, p) has been looked at. */
static RI_NOINLINE int read_string_slow(RiLexer *lx, const char *start, const char *p, RiToken *token)
{
    Quoted q = {.lx = lx, .start = start, .p = p};
    ri_sbuf_init(&q.text, lx->heap);
    ri_sbuf_add(&q.text, start, (size_t)(p - start)); /* with the quote, for messages */
    for (;;) {
        if (q.p == lx->end)
            error_near_end(lx, "unfinished string");
        char c = *q.p;
        maybe_pause(lx, q.p);
        if (c == *start)
            break;
        if (c == '\n' || c == '\r')
            error_near_bytes(lx, "unfinished string", start, q.text.data, q.text.size);
        if (c == '\\') {
            read_escape(&q);
        } else {
            ri_sbuf_add_char(&q.text, c);
            q.p++;
        }
    }
    lx->at = q.p + 1;
    token->string = ri_lex_string(lx, q.text.data + 1, q.text.size - 1);
    return RI_TOKEN_STRING;
}

static int read_string(RiLexer *lx, const char *start, RiToken *token)
{
    const char *p = start + 1, *end = lx->end;
    char quote = *start;
    while (p < end && *p != quote && *p != '\\' && *p != '\n' && *p != '\r')
        maybe_pause(lx, p++);
    if (RI_UNLIKELY(p == end || *p != quote))
        return read_string_slow(lx, start, p, token);
    lx->at = p + 1;
    token->string = ri_lex_string(lx, start + 1, (size_t)(p - start - 1));
    return RI_TOKEN_STRING;
}

/* -- Tokens ------------------------------------------------------------------------------------------------------ */

/* c, or `longer` if `second` follows it. */
static int one_or_two(RiLexer *lx, const char *p, char second, int longer)
{
    if (is_char(lx, p + 1, second)) {
        lx->at = p + 2;
        return longer;
    }
    lx->at = p + 1;
    return (uint8_t)*p;
}

static int read_bracket(RiLexer *lx, const char *p, RiToken *token)
{
    int level = long_bracket_level(lx, p);
    if (level >= 0)
        return read_long_string(lx, p, level, token);
    if (level == -2) {
        const char *stop = p + 1;
        while (is_char(lx, stop, '='))
            stop++;
        error_near_bytes(lx, "invalid long string delimiter", p, p, (size_t)(stop - p));
    }
    lx->at = p + 1;
    return '[';
}

static int read_dots(RiLexer *lx, const char *p, RiToken *token)
{
    if (is_char(lx, p + 1, '.')) {
        bool three = is_char(lx, p + 2, '.');
        lx->at = p + (three ? 3 : 2);
        return three ? RI_TOKEN_DOTS : RI_TOKEN_CONCAT;
    }
    if (is(lx, p + 1, CHAR_DIGIT))
        return read_number(lx, p, token);
    lx->at = p + 1;
    return '.';
}

static int read_token(RiLexer *lx, RiToken *token)
{
    const char *p = lx->at;
    for (;;) {
        if (p == lx->end) {
            lx->at = token->start = p;
            return RI_TOKEN_EOS;
        }
        char c = *p;
        uint8_t class = char_class[(uint8_t)c];
        if (class & CHAR_SPACE) {
            maybe_pause(lx, p);
            p = class & CHAR_NEWLINE ? skip_newline(lx, p) : p + 1;
            continue;
        }
        token->start = p;
        if (class & CHAR_LETTER)
            return read_name(lx, p, token);
        if (class & CHAR_DIGIT)
            return read_number(lx, p, token);
        switch (c) {
        case '-':
            if (is_char(lx, p + 1, '-')) {
                p = skip_comment(lx, p + 2);
                continue;
            }
            break;
        case '[':
            return read_bracket(lx, p, token);
        case '=':
            return one_or_two(lx, p, '=', RI_TOKEN_EQ);
        case '<':
            return is_char(lx, p + 1, '<') ? one_or_two(lx, p, '<', RI_TOKEN_SHL) : one_or_two(lx, p, '=', RI_TOKEN_LE);
        case '>':
            return is_char(lx, p + 1, '>') ? one_or_two(lx, p, '>', RI_TOKEN_SHR) : one_or_two(lx, p, '=', RI_TOKEN_GE);
        case '/':
            return one_or_two(lx, p, '/', RI_TOKEN_IDIV);
        case '~':
            return one_or_two(lx, p, '=', RI_TOKEN_NE);
        case ':':
            return one_or_two(lx, p, ':', RI_TOKEN_DBCOLON);
        case '"':
        case '\'':
            return read_string(lx, p, token);
        case '.':
            return read_dots(lx, p, token);
        default:
            break;
        }
        lx->at = p + 1;
        return (uint8_t)c;
    }
}

void ri_lex_init(RiLexer *lx, RiHeap *heap, RiFailure *failure, const char *source, size_t size)
{
    memset(lx, 0, sizeof *lx);
    lx->at = lx->token.start = source;
    lx->end = source + size;
    lx->pause_at = size > PAUSE_BYTES ? source + PAUSE_BYTES : lx->end + 1;
    lx->line = lx->last_line = 1;
    lx->heap = heap;
    lx->failure = failure;
}

void ri_lex_next(RiLexer *lx)
{
    lx->last_line = lx->line;
    maybe_pause(lx, lx->at);
    if (RI_UNLIKELY(lx->has_ahead)) {
        lx->token = lx->ahead;
        lx->has_ahead = false;
    } else {
        lx->token.kind = read_token(lx, &lx->token);
    }
}

int ri_lex_peek(RiLexer *lx)
{
    if (!lx->has_ahead) {
        lx->ahead.kind = read_token(lx, &lx->ahead);
        lx->has_ahead = true;
    }
    return lx->ahead.kind;
}
