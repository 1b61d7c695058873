/* Compiler and matcher of Lua patterns: see strpattern.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "stdlib/strpattern.h"
#include "vm/base/planted.h"

#include <string.h>

enum {
    DEPTH_MAX = 200,      /* nested items until 5.4 calls a pattern too complex */
    POLL_STEPS = 1000,    /* attempts and retreats between two polls */
    CACHE_SETS = 128,     /* of two entries each */
    CACHED_SIZE_MAX = 4096
};

typedef enum Code {
    CODE_MATCH,    /* the end of the pattern */
    CODE_CHAR,     /* one byte */
    CODE_ANY,      /* . */
    CODE_SET,      /* a class */
    CODE_STRING,   /* a run of plain bytes */
    CODE_GREEDY,   /* * and + */
    CODE_LAZY,     /* - */
    CODE_OPTIONAL, /* ? */
    CODE_OPEN,
    CODE_POSITION,
    CODE_CLOSE,
    CODE_END, /* $ */
    CODE_BALANCE,
    CODE_FRONTIER,
    CODE_BACKREF,
    CODE_FAIL,
    CODE_ERROR
} Code;

typedef enum Follow { FOLLOW_ANY, FOLLOW_BYTE, FOLLOW_SET } Follow;
typedef enum First { FIRST_ANY, FIRST_BYTE, FIRST_SET, FIRST_STRING } First;
typedef enum Shape { SHAPE_PROGRAM, SHAPE_LITERAL, SHAPE_RUN } Shape;

typedef enum ErrorId {
    ERROR_ENDS_WITH_ESCAPE,
    ERROR_NO_BRACKET,
    ERROR_NO_BALANCE_ARGUMENTS,
    ERROR_NO_FRONTIER_SET,
    ERROR_CAPTURE_INDEX,
    ERROR_CAPTURE_CLOSE,
    ERROR_CAPTURE_COUNT,
    ERROR_DEPTH
} ErrorId;

static const char *const error_texts[] = {
    [ERROR_ENDS_WITH_ESCAPE] = "malformed pattern (ends with '%%')",
    [ERROR_NO_BRACKET] = "malformed pattern (missing ']')",
    [ERROR_NO_BALANCE_ARGUMENTS] = "malformed pattern (missing arguments to '%%b')",
    [ERROR_NO_FRONTIER_SET] = "missing '[' after '%%f' in pattern",
    [ERROR_CAPTURE_INDEX] = "invalid capture index %%%d",
    [ERROR_CAPTURE_CLOSE] = "invalid pattern capture",
    [ERROR_CAPTURE_COUNT] = "too many captures",
    [ERROR_DEPTH] = "pattern too complex",
};

struct RiPatternOp {
    uint8_t code;       /* Code */
    uint8_t kind;       /* of a repetition: CODE_CHAR, CODE_ANY or CODE_SET */
    uint8_t byte;       /* CHAR; BALANCE: the opening one */
    uint8_t mask;       /* SET, FRONTIER: bit in the table */
    uint8_t min;        /* GREEDY: 0 or 1 */
    uint8_t possessive; /* what was taken never needs to be given back */
    uint8_t follow;     /* Follow: which byte must come next for the rest to have a chance */
    uint8_t follow_byte, follow_mask;
    uint8_t follow_at_end; /* the rest may match at the end of the subject */
    uint8_t index;         /* capture; ERROR: ErrorId; BALANCE: the closing byte */
    uint8_t argument;      /* ERROR: its number */
    uint32_t table, follow_table; /* offsets in the pattern; while compiling: numbers of sets */
    uint32_t literal, length;     /* STRING: offset in the pattern and size */
};

/* -- Character classes ------------------------------------------------------------------------------------------- */

typedef struct Set {
    uint64_t words[4];
} Set;

static const Set set_alpha = {{0, 0x07FFFFFE07FFFFFEu, 0, 0}};
static const Set set_control = {{0x00000000FFFFFFFFu, 0x8000000000000000u, 0, 0}};
static const Set set_digit = {{0x03FF000000000000u, 0, 0, 0}};
static const Set set_graph = {{0xFFFFFFFE00000000u, 0x7FFFFFFFFFFFFFFFu, 0, 0}};
static const Set set_lower = {{0, 0x07FFFFFE00000000u, 0, 0}};
static const Set set_upper = {{0, 0x0000000007FFFFFEu, 0, 0}};
static const Set set_punct = {{0xFC00FFFE00000000u, 0x78000001F8000001u, 0, 0}};
static const Set set_space = {{0x0000000100003E00u, 0, 0, 0}};
static const Set set_alnum = {{0x03FF000000000000u, 0x07FFFFFE07FFFFFEu, 0, 0}};
static const Set set_hex = {{0x03FF000000000000u, 0x0000007E0000007Eu, 0, 0}};
static const Set set_zero = {{1, 0, 0, 0}};
static const Set set_all = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
static const Set set_none = {{0, 0, 0, 0}};

static void set_add(Set *set, unsigned char c)
{
    set->words[c >> 6] |= UINT64_C(1) << (c & 63);
}

static bool set_has(const Set *set, unsigned char c)
{
    return set->words[c >> 6] >> (c & 63) & 1;
}

static void set_unite(Set *set, const Set *other)
{
    for (int i = 0; i < 4; i++)
        set->words[i] |= other->words[i];
}

static bool set_equal(const Set *a, const Set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool set_meets(const Set *a, const Set *b)
{
    uint64_t common = 0;
    for (int i = 0; i < 4; i++)
        common |= a->words[i] & b->words[i];
    return common != 0;
}

static int set_count(const Set *set)
{
    int count = 0;
    for (int i = 0; i < 4; i++)
        count += __builtin_popcountll(set->words[i]);
    return count;
}

static unsigned char set_lowest(const Set *set) /* not empty */
{
    int i = 0;
    while (set->words[i] == 0)
        i++;
    return (unsigned char)(i * 64 + __builtin_ctzll(set->words[i]));
}

/* Add what %<letter> means; false if it is no class (then it stands for itself). */
static bool set_add_class(Set *set, unsigned char letter)
{
    const Set *class;
    switch (letter | 0x20) {
    case 'a':
        class = &set_alpha;
        break;
    case 'c':
        class = &set_control;
        break;
    case 'd':
        class = &set_digit;
        break;
    case 'g':
        class = &set_graph;
        break;
    case 'l':
        class = &set_lower;
        break;
    case 'p':
        class = &set_punct;
        break;
    case 's':
        class = &set_space;
        break;
    case 'u':
        class = &set_upper;
        break;
    case 'w':
        class = &set_alnum;
        break;
    case 'x':
        class = &set_hex;
        break;
    case 'z': /* deprecated, still understood */
        class = &set_zero;
        break;
    default:
        return false;
    }
    if (!set_has(&set_alpha, letter)) /* a control character that |0x20 turned into a letter */
        return false;
    for (int i = 0; i < 4; i++)
        set->words[i] |= letter & 0x20 ? class->words[i] : ~class->words[i];
    return true;
}

/* -- Compiler ---------------------------------------------------------------------------------------------------- */

enum { OPS_ON_STACK = 96, SETS_ON_STACK = 48, LITERALS_ON_STACK = 256 };

typedef struct Builder {
    RiPatternOp *ops;
    Set *sets;
    char *literals;
    uint32_t op_count, set_count, literal_count;
    uint32_t item_count; /* that 5.4's matcher would recurse for */
    uint32_t capture_count;
    uint8_t *capture_kinds;
    RiPatternOp inline_ops[OPS_ON_STACK];
    Set inline_sets[SETS_ON_STACK];
    char inline_literals[LITERALS_ON_STACK];
} Builder;

static RiPatternOp *emit(Builder *b, Code code)
{
    RiPatternOp *op = &b->ops[b->op_count++];
    memset(op, 0, sizeof *op);
    op->code = (uint8_t)code;
    return op;
}

static uint32_t set_number(Builder *b, const Set *set)
{
    for (uint32_t i = 0; i < b->set_count && i < 32; i++) {
        if (set_equal(&b->sets[i], set))
            return i;
    }
    b->sets[b->set_count] = *set;
    return b->set_count++;
}

static void emit_error(Builder *b, ErrorId id, unsigned argument)
{
    RiPatternOp *op = emit(b, CODE_ERROR);
    op->index = (uint8_t)id;
    op->argument = (uint8_t)argument;
}

/* The set between '[' at p and its ']'. Returns what follows the ']', or NULL if there is none. */
static const char *parse_set(const char *p, const char *end, Set *set)
{
    const char *scan = p + 1, *last;
    bool negated = false;
    if (scan < end && *scan == '^')
        scan++;
    do { /* the first character is never the closing bracket */
        if (scan >= end)
            return NULL;
        if (*scan++ == '%' && scan < end)
            scan++;
    } while (scan >= end || *scan != ']');
    last = scan;
    p++;
    if (*p == '^') {
        negated = true;
        p++;
    }
    *set = set_none;
    while (p < last) {
        unsigned char c = (unsigned char)*p;
        if (c == '%') {
            p++;
            if (!set_add_class(set, (unsigned char)*p))
                set_add(set, (unsigned char)*p);
            p++;
        } else if (p + 2 < last && p[1] == '-') {
            for (unsigned range = c; range <= (unsigned char)p[2]; range++)
                set_add(set, (unsigned char)range);
            p += 3;
        } else {
            set_add(set, c);
            p++;
        }
    }
    if (negated) {
        for (int i = 0; i < 4; i++)
            set->words[i] = ~set->words[i];
    }
    return last + 1;
}

static void emit_literal(Builder *b, unsigned char c)
{
    RiPatternOp *last = b->op_count > 0 ? &b->ops[b->op_count - 1] : NULL;
    if (last != NULL && last->code == CODE_CHAR) { /* two make a run */
        b->literals[b->literal_count] = (char)last->byte;
        last->code = CODE_STRING;
        last->literal = b->literal_count++;
        last->length = 1;
    }
    if (last != NULL && last->code == CODE_STRING) {
        b->literals[b->literal_count++] = (char)c;
        last->length++;
        return;
    }
    emit(b, CODE_CHAR)->byte = c;
}

/* A single character or class, and its suffix. Returns what follows; NULL after an error. */
static const char *compile_single(Builder *b, const char *p, const char *end)
{
    Set set = set_none;
    Code kind = CODE_CHAR;
    unsigned char byte = (unsigned char)*p;
    RiPatternOp *op;
    char suffix;
    if (byte == '%') {
        if (p + 1 == end) {
            emit_error(b, ERROR_ENDS_WITH_ESCAPE, 0);
            return NULL;
        }
        byte = (unsigned char)p[1];
        if (set_add_class(&set, byte))
            kind = CODE_SET;
        p += 2;
    } else if (byte == '[') {
        p = parse_set(p, end, &set);
        if (p == NULL) {
            emit_error(b, ERROR_NO_BRACKET, 0);
            return NULL;
        }
        kind = CODE_SET;
        if (set_count(&set) == 1) {
            kind = CODE_CHAR;
            byte = set_lowest(&set);
        } else if (set_equal(&set, &set_all)) {
            kind = CODE_ANY;
        }
    } else {
        if (byte == '.')
            kind = CODE_ANY;
        p++;
    }
    suffix = p < end ? *p : '\0';
    if (suffix != '*' && suffix != '+' && suffix != '-' && suffix != '?') {
        if (kind == CODE_CHAR) {
            emit_literal(b, byte);
            return p;
        }
        op = emit(b, kind);
    } else {
        op = emit(b, suffix == '-' ? CODE_LAZY : suffix == '?' ? CODE_OPTIONAL : CODE_GREEDY);
        op->min = suffix == '+';
        op->kind = (uint8_t)kind;
        b->item_count++;
        p++;
    }
    op->byte = byte;
    if (kind == CODE_SET)
        op->table = set_number(b, &set);
    return p;
}

/* Instructions for the whole text, without a leading '^'. */
/* The functions below compile what begins at p, one item: they return where the next one begins; NULL: the pattern ends
 * here, with an error or a code that always fails. */
static const char *compile_open(Builder *b, const char *p, const char *end)
{
    bool is_position = p + 1 < end && p[1] == ')';
    b->item_count++;
    if (b->capture_count >= RI_CAPTURES_MAX) {
        emit_error(b, ERROR_CAPTURE_COUNT, 0);
        return NULL;
    }
    emit(b, is_position ? CODE_POSITION : CODE_OPEN)->index = (uint8_t)b->capture_count;
    b->capture_kinds[b->capture_count++] = is_position ? RI_CAPTURE_POSITION : RI_CAPTURE_UNFINISHED;
    return p + 1 + is_position;
}

static const char *compile_close(Builder *b, const char *p)
{
    int index = (int)b->capture_count - 1;
    b->item_count++;
    while (index >= 0 && b->capture_kinds[index] != RI_CAPTURE_UNFINISHED)
        index--;
    if (index < 0) {
        emit_error(b, ERROR_CAPTURE_CLOSE, 0);
        return NULL;
    }
    emit(b, CODE_CLOSE)->index = (uint8_t)index;
    b->capture_kinds[index] = RI_CAPTURE_CLOSED;
    return p + 1;
}

static const char *compile_balance(Builder *b, const char *p, const char *end)
{
    if (end - p < 4) {
        emit_error(b, ERROR_NO_BALANCE_ARGUMENTS, 0);
        return NULL;
    }
    RiPatternOp *op = emit(b, CODE_BALANCE);
    op->byte = (uint8_t)p[2];
    op->index = (uint8_t)p[3];
    return p + 4;
}

static const char *compile_frontier(Builder *b, const char *p, const char *end)
{
    Set set;
    if (p + 2 == end || p[2] != '[') {
        emit_error(b, ERROR_NO_FRONTIER_SET, 0);
        return NULL;
    }
    p = parse_set(p + 2, end, &set);
    if (p == NULL) {
        emit_error(b, ERROR_NO_BRACKET, 0);
        return NULL;
    }
    emit(b, CODE_FRONTIER)->table = set_number(b, &set);
    return p;
}

static const char *compile_backref(Builder *b, const char *p)
{
    int index = p[1] - '1';
    if (index < 0 || (uint32_t)index >= b->capture_count || b->capture_kinds[index] == RI_CAPTURE_UNFINISHED) {
        emit_error(b, ERROR_CAPTURE_INDEX, (unsigned)(index + 1));
        return NULL;
    }
    if (b->capture_kinds[index] == RI_CAPTURE_POSITION) {
        emit(b, CODE_FAIL);
        return NULL;
    }
    emit(b, CODE_BACKREF)->index = (uint8_t)index;
    return p + 2;
}

static const char *compile_item(Builder *b, const char *p, const char *end)
{
    switch (*p) {
    case '(':
        return compile_open(b, p, end);
    case ')':
        return compile_close(b, p);
    case '$':
        if (p + 1 != end)
            break;
        emit(b, CODE_END);
        return end;
    case '%':
        if (p + 1 == end)
            break;
        if (p[1] == 'b')
            return compile_balance(b, p, end);
        if (p[1] == 'f')
            return compile_frontier(b, p, end);
        if (p[1] >= '0' && p[1] <= '9')
            return compile_backref(b, p);
        break;
    default:
        break;
    }
    return compile_single(b, p, end);
}

static void compile_text(Builder *b, const char *p, const char *end)
{
    while (p < end) {
        p = compile_item(b, p, end);
        if (p == NULL)
            return;
    }
    emit(b, CODE_MATCH);
}

/* What can be said of the rest of a program before it runs. */
typedef struct Rest {
    Set first;   /* it can only match where one of these comes next, */
    bool at_end; /* or at the end of the subject if this is set */
    bool always; /* it matches everywhere */
} Rest;

static void set_of_single(const Builder *b, const RiPatternOp *op, Code kind, Set *set)
{
    *set = set_none;
    if (kind == CODE_CHAR)
        set_add(set, op->byte);
    else if (kind == CODE_ANY)
        *set = set_all;
    else
        *set = b->sets[op->table];
}

/* Give `op` what it can use of `rest`, then put `op` in front of the rest. */
static void analyse_repetition(Builder *b, RiPatternOp *op, Rest *rest)
{
    Set own;
    set_of_single(b, op, (Code)op->kind, &own);
    if (op->code != CODE_LAZY)
        op->possessive = rest->always || !set_meets(&own, &rest->first);
    op->follow_at_end = rest->at_end;
    if (set_count(&rest->first) == 1) {
        op->follow = FOLLOW_BYTE;
        op->follow_byte = set_lowest(&rest->first);
    } else if (!set_equal(&rest->first, &set_all) && !op->possessive) {
        op->follow = FOLLOW_SET;
        op->follow_table = set_number(b, &rest->first);
    } else if (!rest->at_end && !op->possessive) { /* any byte, but not the end */
        op->follow = FOLLOW_SET;
        op->follow_table = set_number(b, &rest->first);
    }
    if (op->code == CODE_GREEDY && op->min > 0) {
        rest->first = own;
        rest->at_end = rest->always = false;
    } else {
        set_unite(&rest->first, &own);
    }
}

/* Walk the program from its end. */
static void analyse(Builder *b, Rest *rest)
{
    *rest = (Rest){.first = set_all, .at_end = true, .always = false};
    for (uint32_t i = b->op_count; i-- > 0;) {
        RiPatternOp *op = &b->ops[i];
        switch ((Code)op->code) {
        case CODE_MATCH:
            *rest = (Rest){.first = set_all, .at_end = true, .always = true};
            break;
        case CODE_CHAR:
        case CODE_ANY:
        case CODE_SET:
            set_of_single(b, op, (Code)op->code, &rest->first);
            rest->at_end = rest->always = false;
            break;
        case CODE_STRING:
            rest->first = set_none;
            set_add(&rest->first, (unsigned char)b->literals[op->literal]);
            rest->at_end = rest->always = false;
            break;
        case CODE_GREEDY:
        case CODE_LAZY:
        case CODE_OPTIONAL:
            analyse_repetition(b, op, rest);
            break;
        case CODE_OPEN:
        case CODE_POSITION:
        case CODE_CLOSE:
            break;
        case CODE_END:
            *rest = (Rest){.first = set_none, .at_end = true, .always = false};
            break;
        case CODE_BALANCE:
            rest->first = set_none;
            set_add(&rest->first, op->byte);
            rest->at_end = rest->always = false;
            break;
        case CODE_FRONTIER:
            for (int w = 0; w < 4; w++)
                rest->first.words[w] &= b->sets[op->table].words[w];
            rest->at_end = rest->at_end && set_has(&b->sets[op->table], 0);
            rest->always = false;
            break;
        case CODE_BACKREF:
        case CODE_ERROR:
            *rest = (Rest){.first = set_all, .at_end = true, .always = false};
            break;
        case CODE_FAIL:
            *rest = (Rest){.first = set_none, .at_end = false, .always = false};
            break;
        }
    }
}

static void choose_first(RiPattern *pattern, Builder *b, const Rest *rest, uint32_t *first_set)
{
    uint32_t i = 0;
    pattern->first_at_end = rest->at_end;
    if (set_count(&rest->first) == 1) {
        pattern->first = FIRST_BYTE;
        pattern->first_byte = set_lowest(&rest->first);
    } else if (!set_equal(&rest->first, &set_all)) {
        pattern->first = FIRST_SET;
        *first_set = set_number(b, &rest->first);
    }
    while (b->ops[i].code == CODE_OPEN || b->ops[i].code == CODE_POSITION)
        i++;
    if (b->ops[i].code == CODE_STRING) {
        pattern->first = FIRST_STRING;
        pattern->first_table = b->ops[i].literal;
        pattern->first_length = b->ops[i].length;
    }
}

static Shape choose_shape(const RiPattern *pattern, const Builder *b)
{
    const RiPatternOp *op = b->ops;
    if (pattern->is_deep || pattern->anchored || op[b->op_count - 1].code != CODE_MATCH)
        return SHAPE_PROGRAM;
    if (b->op_count == 2 && (op[0].code == CODE_CHAR || op[0].code == CODE_STRING))
        return SHAPE_LITERAL;
    if (op[0].code == CODE_OPEN && b->op_count == 4 && op[2].code == CODE_CLOSE)
        op++;
    else if (b->op_count != 2)
        return SHAPE_PROGRAM;
    if (op[0].code == CODE_GREEDY && op[0].min == 1 && op[0].kind == CODE_SET)
        return SHAPE_RUN;
    return SHAPE_PROGRAM;
}

static void *temporary(RiHeap *heap, size_t size)
{
    RiBuffer *block = ri_heap_alloc(heap, sizeof(RiBuffer) + size, RI_SPACE_LEAF);
    ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
    block->capacity = size;
    block->used = 0;
    return block;
}

/* How many codes and sets can there be at the most? */
static size_t count_specials(const char *text, size_t size)
{
    size_t special_count = 0;
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '(':
        case ')':
        case '%':
        case '.':
        case '[':
        case '*':
        case '+':
        case '-':
        case '?':
        case '$':
            special_count++;
            break;
        default:
            break;
        }
    }
    return special_count;
}

/* From numbers of sets and offsets of literals to offsets from the start of the pattern. */
static void place_tables(Builder *b, RiPattern *result, uint32_t first_set)
{
    for (uint32_t i = 0; i < b->op_count; i++) {
        RiPatternOp *op = &b->ops[i];
        op->mask = (uint8_t)(1u << op->table % 8);
        op->table = result->tables_at + op->table / 8 * 256;
        op->follow_mask = (uint8_t)(1u << op->follow_table % 8);
        op->follow_table = result->tables_at + op->follow_table / 8 * 256;
        op->literal += result->literals_at;
    }
    if (result->first == FIRST_SET) {
        result->first_mask = (uint8_t)(1u << first_set % 8);
        result->first_table = result->tables_at + first_set / 8 * 256;
    } else if (result->first == FIRST_STRING) {
        result->first_table += result->literals_at;
    }
}

/* A set is one bit in each of the 256 bytes of a table that it shares with seven others. */
static void write_set(uint8_t *table, const Set *set, uint8_t mask)
{
    for (unsigned word = 0; word < 4; word++) {
        for (uint64_t bits = set->words[word]; bits != 0; bits &= bits - 1)
            table[word * 64 + (unsigned)__builtin_ctzll(bits)] |= mask;
    }
}

/* One block: the head, codes, tables, literals. Collects. */
static RiPattern *build(RiHeap *heap, Builder *b, RiPattern *result, uint32_t first_set)
{
    size_t ops_size = b->op_count * sizeof(RiPatternOp);
    result->tables_at = (uint32_t)(sizeof(RiPattern) + ops_size);
    result->literals_at = result->tables_at + (b->set_count + 7) / 8 * 256;
    size_t total = (size_t)result->literals_at + b->literal_count;
    place_tables(b, result, first_set);
    RiPattern *pattern = ri_heap_alloc(heap, total, RI_SPACE_LEAF);
    *pattern = *result;
    ri_object_init(pattern, RI_TAG_BUFFER, 0, 0, 0);
    pattern->capacity = total - sizeof(RiBuffer);
    pattern->used = 0;
    memcpy(pattern + 1, b->ops, ops_size);
    memset((char *)pattern + result->tables_at, 0, result->literals_at - result->tables_at);
    for (uint32_t i = 0; i < b->set_count; i++)
        write_set((uint8_t *)pattern + result->tables_at + i / 8 * 256, &b->sets[i], (uint8_t)(1u << i % 8));
    memcpy((char *)pattern + result->literals_at, b->literals, b->literal_count);
    return pattern;
}

RiPattern *ri_pattern_compile(RiHeap *heap, const char *text, size_t size, bool literal_anchor)
{
    Builder b;
    RiPattern result;
    RiBuffer *more_ops = NULL, *more_sets = NULL, *more_literals = NULL; /* on the C stack: seen by the collector */
    size_t special_count = count_specials(text, size);
    uint32_t first_set = 0;
    Rest rest;
    b.op_count = b.set_count = b.literal_count = b.item_count = b.capture_count = 0;
    b.ops = b.inline_ops;
    b.sets = b.inline_sets;
    b.literals = b.inline_literals;
    if (3 * special_count + 4 > OPS_ON_STACK) {
        more_ops = temporary(heap, (3 * special_count + 4) * sizeof(RiPatternOp));
        b.ops = (RiPatternOp *)(void *)more_ops->bytes;
    }
    if (2 * special_count + 2 > SETS_ON_STACK) {
        more_sets = temporary(heap, (2 * special_count + 2) * sizeof(Set));
        b.sets = (Set *)(void *)more_sets->bytes;
    }
    if (size > LITERALS_ON_STACK) {
        more_literals = temporary(heap, size);
        b.literals = more_literals->bytes;
    }
    memset(&result, 0, sizeof result);
    b.capture_kinds = result.capture_kinds;
    result.literal_anchor = literal_anchor;
    if (size > 0 && *text == '^' && !literal_anchor) {
        result.anchored = true;
        text++;
        size--;
    }
    compile_text(&b, text, text + size);
    result.is_deep = b.item_count >= DEPTH_MAX;
    result.capture_count = (uint8_t)b.capture_count;
    analyse(&b, &rest);
    choose_first(&result, &b, &rest, &first_set);
    result.shape = (uint8_t)choose_shape(&result, &b);
    result.op_count = b.op_count;
    RiPattern *pattern = build(heap, &b, &result, first_set);
    __asm__ volatile("" : : "r"(more_ops), "r"(more_sets), "r"(more_literals)); /* until here */
    return pattern;
}

bool ri_pattern_is_plain(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (text[i]) {
        case '^':
        case '$':
        case '*':
        case '+':
        case '?':
        case '.':
        case '(':
        case '[':
        case '%':
        case '-':
            return false;
        default:
            break;
        }
    }
    return true;
}

/* -- Cache ------------------------------------------------------------------------------------------------------- */

typedef struct CacheEntry {
    RiString *key;
    RiPattern *pattern;
} CacheEntry;

typedef struct PatternCache { /* of a process; two entries to a set, the newer one first */
    RiObject object;
    uint64_t reserved;
    CacheEntry sets[CACHE_SETS][2];
    void *spare;
} PatternCache;

static RI_COLD RiPattern *compile_into_cache(RiThread *T, RiString *key, bool literal_anchor, size_t index)
{
    RiPattern *pattern = ri_pattern_compile(T->heap, ri_str_data(key), key->size, literal_anchor);
    PatternCache *cache = T->process->patterns;
    if (key->size > CACHED_SIZE_MAX)
        return pattern;
    if (cache == NULL)
        T->process->patterns = cache = ri_heap_alloc_block(T->heap, sizeof *cache);
    cache->sets[index][1] = cache->sets[index][0];
    cache->sets[index][0].key = key;
    cache->sets[index][0].pattern = pattern;
    return pattern;
}

RiPattern *ri_pattern_of(RiThread *T, RiString *key, bool literal_anchor)
{
    PatternCache *cache = T->process->patterns;
    size_t index = ((uintptr_t)key >> 4 ^ (uintptr_t)key >> 12 ^ literal_anchor) % CACHE_SETS;
    if (RI_LIKELY(cache != NULL)) {
        CacheEntry *entry = cache->sets[index];
        if (RI_LIKELY(entry[0].key == key && entry[0].pattern->literal_anchor == literal_anchor))
            return entry[0].pattern;
        if (entry[1].key == key && entry[1].pattern->literal_anchor == literal_anchor)
            return entry[1].pattern;
    }
    return compile_into_cache(T, key, literal_anchor, index);
}

void **ri_pattern_spare(RiThread *T)
{
    PatternCache *cache = T->process->patterns;
    return cache != NULL ? &cache->spare : NULL;
}

/* -- Matcher ----------------------------------------------------------------------------------------------------- */

void ri_match_init(RiMatch *m, RiThread *T, RiHeap *heap, const RiPattern *pattern, const char *subject, size_t size)
{
    m->pattern = pattern;
    m->thread = T;
    m->heap = heap;
    m->subject = subject;
    m->subject_end = subject + size;
    m->error = NULL;
    m->error_index = 0;
    m->steps = RI_UNLIKELY(heap->budget <= 0) ? 0 : POLL_STEPS; /* somebody is waiting already */
    m->frames = m->inline_frames;
    if (RI_UNLIKELY(pattern->op_count > RI_MATCH_FRAMES_INLINE)) {
        /* Objects do not move, so a pointer behind the header is safe as long as `frames` itself keeps the block. */
        RiMatchFrame *frames = ri_heap_alloc(heap, (pattern->op_count + 1) * sizeof(RiMatchFrame), RI_SPACE_LEAF);
        ri_object_init(frames, RI_TAG_BUFFER, 0, 0, 0);
        ((RiBuffer *)(void *)frames)->capacity = pattern->op_count * sizeof(RiMatchFrame);
        ((RiBuffer *)(void *)frames)->used = 0;
        m->frames = frames;
    }
}

const char ri_match_suspended[] = "suspended";

RI_NOINLINE bool ri_match_poll(RiMatch *m)
{
    m->steps = POLL_STEPS;
    return m->thread != NULL && ri_poll_due(m->thread);
}

/* Long runs count as several steps. */
static RI_ALWAYS_INLINE void count_bytes(RiMatch *m, size_t bytes)
{
    m->steps -= (int32_t)(bytes >> 6 & 0xffffff);
}

static RI_ALWAYS_INLINE bool single_matches(const RiPattern *pattern, const RiPatternOp *op, char c)
{
    if (op->kind == CODE_SET)
        return ((const uint8_t *)pattern)[op->table + (unsigned char)c] & op->mask;
    return op->kind == CODE_ANY || (unsigned char)c == op->byte;
}

/* May the rest after `op` match at `s`? */
static RI_ALWAYS_INLINE bool follow_allows(const RiPattern *pattern, const RiPatternOp *op, const char *s,
                                           const char *end)
{
    if (op->follow == FOLLOW_ANY)
        return true;
    if (s == end)
        return op->follow_at_end;
    if (op->follow == FOLLOW_BYTE)
        return (unsigned char)*s == op->follow_byte;
    return ((const uint8_t *)pattern)[op->follow_table + (unsigned char)*s] & op->follow_mask;
}

/* As many as match from s on. */
static RI_ALWAYS_INLINE const char *run_of_singles(const RiPattern *pattern, const RiPatternOp *op, const char *s,
                                                   const char *end)
{
    if (op->kind == CODE_SET) {
        const uint8_t *table = (const uint8_t *)pattern + op->table;
        uint8_t mask = op->mask;
        while (s < end && (table[(unsigned char)*s] & mask))
            s++;
    } else if (op->kind == CODE_ANY) {
        s = end;
    } else {
        while (s < end && (unsigned char)*s == op->byte)
            s++;
    }
    return s;
}

/* The first place at or after s where the rest after lazy `op` may match, with singles all the way; NULL: none. */
static RI_ALWAYS_INLINE const char *advance_lazily(RiMatch *m, const RiPatternOp *op, const char *s, const char *end)
{
    const RiPattern *pattern = m->pattern;
    const char *from = s;
    if (op->kind == CODE_ANY && op->follow == FOLLOW_BYTE) {
        const char *found = s < end ? memchr(s, op->follow_byte, (size_t)(end - s)) : NULL;
        if (found == NULL)
            count_bytes(m, (size_t)(end - s));
        return found != NULL ? found : op->follow_at_end ? end : NULL;
    }
    while (!follow_allows(pattern, op, s, end)) {
        if (s == end || !single_matches(pattern, op, *s)) {
            count_bytes(m, (size_t)(s - from));
            return NULL;
        }
        s++;
    }
    return s;
}

/* Match the whole program at s. Returns the end of the match or NULL. Safe points are between a failure and the retreat
 * to the newest choice: there the choices and captures are all there is to keep. `resumed`: go on from there. */
static RI_ALWAYS_INLINE const char *run_program(RiMatch *m, const char *s, bool resumed)
{
    const RiPattern *pattern = m->pattern;
    const RiPatternOp *op = (const RiPatternOp *)(const void *)(pattern + 1);
    const char *end = m->subject_end;
    RiMatchFrame *base = m->frames + (m->frames != m->inline_frames); /* the header takes the place of one */
    RiMatchFrame *frame = base;
    uint32_t depth = 1;
    const bool deep = pattern->is_deep;

    if (resumed) {
        frame = base + m->frame_count;
        goto retreat;
    }

#define DEEPER()                                                                                   \
    do {                                                                                           \
        if (RI_UNLIKELY(deep) && ++depth > DEPTH_MAX) {                                            \
            m->error = error_texts[ERROR_DEPTH];                                                   \
            return NULL;                                                                           \
        }                                                                                          \
    } while (0)

    for (;; op++) {
        switch ((Code)op->code) {
        case CODE_MATCH:
            return s;
        case CODE_CHAR:
            if (s == end || (unsigned char)*s != op->byte)
                goto fail;
            s++;
            continue;
        case CODE_ANY:
            if (s == end)
                goto fail;
            s++;
            continue;
        case CODE_SET:
            if (s == end || !(((const uint8_t *)pattern)[op->table + (unsigned char)*s] & op->mask))
                goto fail;
            s++;
            continue;
        case CODE_STRING:
            if ((size_t)(end - s) < op->length || memcmp(s, (const char *)pattern + op->literal, op->length) != 0)
                goto fail;
            s += op->length;
            continue;
        case CODE_GREEDY: {
            const char *last = run_of_singles(pattern, op, s, end);
            const char *limit = s + op->min;
            if (last < limit)
                goto fail;
            if (last > s)
                DEEPER();
            if (RI_UNLIKELY(last - s > 256))
                count_bytes(m, (size_t)(last - s));
            s = last;
            if (op->possessive || s == limit)
                continue;
            while (!follow_allows(pattern, op, s, end)) {
                if (s == limit)
                    goto fail;
                s--;
            }
            if (s > limit) {
                frame->op = op;
                frame->at = s;
                frame->limit = limit;
                frame->depth = depth;
                frame++;
            }
            continue;
        }
        case CODE_LAZY: {
            if (deep && s < end && single_matches(pattern, op, *s))
                DEEPER();
            s = advance_lazily(m, op, s, end);
            if (s == NULL)
                goto fail;
            if (s < end) {
                frame->op = op;
                frame->at = s;
                frame->depth = depth;
                frame++;
            }
            continue;
        }
        case CODE_OPTIONAL:
            if (s < end && single_matches(pattern, op, *s)) {
                if (!op->possessive) {
                    frame->op = op;
                    frame->at = s;
                    frame->depth = depth;
                    frame++;
                }
                DEEPER();
                s++;
            }
            continue;
        case CODE_OPEN:
        case CODE_POSITION:
            DEEPER();
            m->capture_start[op->index] = s;
            continue;
        case CODE_CLOSE:
            DEEPER();
            m->capture_end[op->index] = s;
            continue;
        case CODE_END:
            if (s != end)
                goto fail;
            continue;
        case CODE_BALANCE: {
            size_t level = 1;
            const char *from = s;
            if (s == end || (unsigned char)*s != op->byte)
                goto fail;
            for (;;) {
                if (++s == end)
                    goto fail_after_scan;
                if ((unsigned char)*s == op->index) {
                    if (--level == 0)
                        break;
                } else if ((unsigned char)*s == op->byte) {
                    level++;
                }
            }
            s++;
            continue;
        fail_after_scan:
            count_bytes(m, (size_t)(s - from));
            goto fail;
        }
        case CODE_FRONTIER: {
            const uint8_t *table = (const uint8_t *)pattern + op->table;
            unsigned char before = s == m->subject ? 0 : (unsigned char)s[-1];
            unsigned char after = s == end ? 0 : (unsigned char)*s;
            if ((table[before] & op->mask) || !(table[after] & op->mask))
                goto fail;
            continue;
        }
        case CODE_BACKREF: {
            const char *capture = m->capture_start[op->index];
            size_t size = (size_t)(m->capture_end[op->index] - capture);
            count_bytes(m, size);
            if ((size_t)(end - s) < size || memcmp(capture, s, size) != 0)
                goto fail;
            s += size;
            continue;
        }
        case CODE_ERROR:
            m->error = error_texts[op->index];
            m->error_index = op->argument;
            return NULL;
        case CODE_FAIL:
            goto fail;
        }
    fail:
        if (ri_match_poll_due(m)) {
            m->frame_count = (uint32_t)(frame - base);
            m->error = ri_match_suspended;
            return NULL;
        }
    retreat:
        for (;;) { /* find the newest choice with an alternative left */
            if (frame == base)
                return NULL;
            frame--;
            op = frame->op;
            s = frame->at;
            depth = frame->depth;
            if (op->code == CODE_GREEDY) {
                const char *limit = frame->limit;
                do {
                    s--;
                } while (s > limit && !follow_allows(pattern, op, s, end));
                if (RI_UNLIKELY(frame->at - s > 256))
                    count_bytes(m, (size_t)(frame->at - s));
                if (s > limit) {
                    frame->at = s;
                    frame++;
                    break;
                }
                if (!RI_PLANTED(patterns) && follow_allows(pattern, op, s, end))
                    break;
            } else if (op->code == CODE_LAZY) {
                if (single_matches(pattern, op, *s)) {
                    s = advance_lazily(m, op, s + 1, end);
                    if (s != NULL) {
                        if (s < end) {
                            frame->at = s;
                            frame++;
                        }
                        break;
                    }
                }
            } else { /* optional: without it */
                break;
            }
        }
    }
#undef DEEPER
}

static RI_NOINLINE const char *run(RiMatch *m, const char *s)
{
    return run_program(m, s, false);
}

static RI_NOINLINE const char *run_on(RiMatch *m)
{
    return run_program(m, NULL, true);
}

/* memchr, without a call where the byte is near; NULL if it is not in [s, end). */
static RI_ALWAYS_INLINE const char *find_byte(const char *s, const char *end, unsigned char byte)
{
    const char *near = end - s > 12 ? s + 12 : end;
    for (; s < near; s++) {
        if ((unsigned char)*s == byte)
            return s;
    }
    return s < end ? memchr(s, byte, (size_t)(end - s)) : NULL;
}

const char *ri_find_bytes(const char *text, size_t size, const char *needle, size_t needle_size)
{
    const char *s = text, *last;
    if (needle_size == 0)
        return text;
    if (needle_size > size)
        return NULL;
    if (needle_size == 1)
        return memchr(text, *needle, size);
    last = text + (size - needle_size); /* where it may begin at the latest */
    /* memmem builds a table first: worth it only after some candidates have failed and much is left. */
    for (unsigned failures = 0; s <= last; s++) {
        s = memchr(s, *needle, (size_t)(last - s) + 1);
        if (s == NULL)
            return NULL;
        if (s[1] == needle[1] && s[needle_size - 1] == needle[needle_size - 1] &&
            memcmp(s, needle, needle_size) == 0)
            return s;
        if (++failures > 8 && last - s > 256)
            return memmem(s + 1, size - (size_t)(s + 1 - text), needle, needle_size);
    }
    return NULL;
}

/* Try to match at s. */
static RI_ALWAYS_INLINE bool attempt(RiMatch *m, const char *s, const char *refused)
{
    const char *e = run(m, s);
    if (e == NULL || e == refused)
        return false;
    m->start = s;
    m->end = e;
    return true;
}

bool ri_match_search(RiMatch *m, const char *from, const char *refused)
{
    const RiPattern *pattern = m->pattern;
    const char *s = from, *end = m->subject_end;
    const uint8_t *table;
    uint8_t mask;
    if (pattern->anchored) {
        if (attempt(m, s, refused))
            return true;
        goto stopped;
    }
    switch ((First)pattern->first) {
    case FIRST_ANY:
        for (;; s++) {
            if (s == end && !pattern->first_at_end)
                return false;
            if (attempt(m, s, refused))
                return true;
            if (m->error != NULL || s == end)
                goto stopped;
        }
    case FIRST_BYTE:
        for (; s < end; s++) {
            s = find_byte(s, end, pattern->first_byte);
            if (s == NULL)
                break;
            if (pattern->shape == SHAPE_LITERAL) {
                m->start = s;
                m->end = s + 1;
                return true;
            }
            if (attempt(m, s, refused))
                return true;
            if (m->error != NULL)
                goto stopped;
        }
        break;
    case FIRST_STRING:
        for (;; s++) {
            const char *literal = (const char *)pattern + pattern->first_table;
            s = ri_find_bytes(s, (size_t)(end - s), literal, pattern->first_length);
            if (s == NULL)
                return false;
            if (pattern->shape == SHAPE_LITERAL) {
                m->start = s;
                m->end = s + pattern->first_length;
                return true;
            }
            if (attempt(m, s, refused))
                return true;
            if (m->error != NULL)
                goto stopped;
        }
    case FIRST_SET:
        table = (const uint8_t *)pattern + pattern->first_table;
        mask = pattern->first_mask;
        if (pattern->shape == SHAPE_RUN) {
            while (s < end && !(table[(unsigned char)*s] & mask))
                s++;
            if (s == end)
                return false;
            m->start = m->capture_start[0] = s;
            do {
                s++;
            } while (s < end && (table[(unsigned char)*s] & mask));
            m->end = m->capture_end[0] = s;
            return true;
        }
        for (; s < end; s++) {
            if (!(table[(unsigned char)*s] & mask))
                continue;
            if (attempt(m, s, refused))
                return true;
            if (m->error != NULL)
                goto stopped;
        }
        break;
    }
    s = end;
    if (!pattern->first_at_end)
        return false;
    if (attempt(m, end, refused))
        return true;
stopped: /* or, at the end, without a match */
    m->start = s;
    return false;
}

/* -- Suspended searches ------------------------------------------------------------------------------------------ */

typedef struct SavedFrame {
    size_t at, limit;   /* offsets in the subject */
    uint32_t op, depth; /* number of the instruction */
} SavedFrame;

struct RiMatchState {
    RiObject object; /* RI_TAG_BLOCK */
    const RiPattern *pattern;
    size_t start;    /* of the attempt */
    size_t capture_start[RI_CAPTURES_MAX], capture_end[RI_CAPTURES_MAX];
    uint32_t frame_count;
    uint32_t times;  /* saved */
    SavedFrame frames[]; /* as many as the pattern has instructions */
};

RiMatchState *ri_match_save(const RiMatch *m, RiMatchState *state)
{
    const RiPattern *pattern = m->pattern;
    const RiPatternOp *ops = (const RiPatternOp *)(const void *)(pattern + 1);
    const RiMatchFrame *frames = m->frames + (m->frames != m->inline_frames);
    if (state == NULL) {
        state = ri_heap_alloc_block(m->heap, sizeof *state + pattern->op_count * sizeof(SavedFrame));
        ri_block_describe(state, offsetof(RiMatchState, start), false);
    }
    state->pattern = pattern;
    state->start = (size_t)(m->start - m->subject);
    for (uint32_t i = 0; i < pattern->capture_count; i++) { /* some may not have been set: nonsense, but never used */
        state->capture_start[i] = (size_t)((uintptr_t)m->capture_start[i] - (uintptr_t)m->subject);
        state->capture_end[i] = (size_t)((uintptr_t)m->capture_end[i] - (uintptr_t)m->subject);
    }
    state->frame_count = m->frame_count;
    state->times++;
    for (uint32_t i = 0; i < m->frame_count; i++) {
        SavedFrame *f = &state->frames[i];
        f->op = (uint32_t)(frames[i].op - ops);
        f->depth = frames[i].depth;
        f->at = (size_t)(frames[i].at - m->subject);
        f->limit = frames[i].op->code == CODE_GREEDY ? (size_t)(frames[i].limit - m->subject) : 0;
    }
    return state;
}

bool ri_match_go_on(RiMatch *m, RiThread *T, RiHeap *heap, const RiMatchState *state, const char *subject, size_t size,
                    const char *refused)
{
    const RiPattern *pattern = state->pattern;
    const RiPatternOp *ops = (const RiPatternOp *)(const void *)(pattern + 1);
    const char *s, *e;
    RiMatchFrame *frames;
    ri_match_init(m, T, heap, pattern, subject, size);
    if (m->steps == 0) /* stress: longer and longer intervals, so that long searches come to an end */
        m->steps = state->times < POLL_STEPS ? (int32_t)state->times - 1 : POLL_STEPS;
    frames = m->frames + (m->frames != m->inline_frames);
    m->start = s = subject + state->start;
    for (uint32_t i = 0; i < pattern->capture_count; i++) {
        m->capture_start[i] = (const char *)((uintptr_t)subject + state->capture_start[i]);
        m->capture_end[i] = (const char *)((uintptr_t)subject + state->capture_end[i]);
    }
    m->frame_count = state->frame_count;
    for (uint32_t i = 0; i < state->frame_count; i++) {
        const SavedFrame *f = &state->frames[i];
        frames[i].op = ops + f->op;
        frames[i].depth = f->depth;
        frames[i].at = subject + f->at;
        frames[i].limit = subject + f->limit;
    }
    e = run_on(m);
    if (e != NULL && e != refused) {
        m->end = e;
        return true;
    }
    if (m->error != NULL || pattern->anchored || s == m->subject_end)
        return false;
    return ri_match_search(m, s + 1, refused);
}
