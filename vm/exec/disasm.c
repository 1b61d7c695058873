/* Prototypes as text, from the operand descriptors of the instruction table. */
#include "vm/exec/disasm.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/num.h"
#include "vm/exec/abstract.h"
#include "vm/exec/debuginfo.h"

#define STRING_SHOWN_MAX 40 /* bytes of a constant in a comment */
#define COLUMN_OPERANDS 28
#define COLUMN_COMMENT 48

RI_PRINTF(2, 3) static void add(RiSbuf *out, const char *format, ...)
{
    char text[160];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0)
        ri_sbuf_add(out, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static void pad_to(RiSbuf *out, size_t line_start, size_t column)
{
    do {
        ri_sbuf_add_char(out, ' ');
    } while (out->size < line_start + column);
}

static void add_quoted(RiSbuf *out, const RiString *s, size_t shown_max)
{
    const unsigned char *p = (const unsigned char *)ri_str_data(s);
    ri_sbuf_add_char(out, '"');
    for (size_t i = 0; i < s->size; i++) {
        if (i == shown_max) {
            add(out, "…\" (%zu bytes)", s->size);
            return;
        }
        if (p[i] == '"' || p[i] == '\\')
            add(out, "\\%c", p[i]);
        else if (p[i] == '\n')
            add(out, "\\n");
        else if (p[i] == '\t')
            add(out, "\\t");
        else if (p[i] < ' ' || p[i] == 127)
            add(out, "\\%03d", p[i]);
        else
            ri_sbuf_add_char(out, (char)p[i]);
    }
    ri_sbuf_add_char(out, '"');
}

static void add_constant(RiSbuf *out, RiValue v, size_t shown_max)
{
    char text[RI_NUM_TEXT_MAX];
    switch (v.tag) {
    case RI_TAG_NIL:
        add(out, "nil");
        break;
    case RI_TAG_FALSE:
    case RI_TAG_TRUE:
        add(out, v.tag == RI_TAG_TRUE ? "true" : "false");
        break;
    case RI_TAG_INT:
        ri_num_print_int(v.i, text);
        add(out, "%s", text);
        break;
    case RI_TAG_FLOAT:
        ri_num_print_float(v.n, text);
        add(out, "%s", text);
        break;
    case RI_TAG_STRING:
        add_quoted(out, v.p, shown_max);
        break;
    default:
        add(out, "(value of kind %u)", (unsigned)v.tag);
        break;
    }
}

static void add_where(RiSbuf *out, const RiProto *p)
{
    char id[RI_ID_SIZE];
    if (p->source != NULL)
        ri_chunk_id(id, ri_str_data(p->source), p->source->size);
    add(out, "<%s:%u>", p->source != NULL ? id : "?", (unsigned)p->line_defined);
}

/* -- Comments: what the operands stand for ----------------------------------------------------------------------- */

static void add_local(RiSbuf *out, const RiProto *p, uint32_t slot, uint32_t pc)
{
    /* A variable that this instruction initializes is active from the next one on. */
    uint32_t next = pc + ri_op_info[RI_WORD_OP(p->code[pc])].words;
    const char *name = ri_local_name_of_slot(p, slot, pc);
    if (name == NULL)
        name = ri_local_name_of_slot(p, slot, next);
    if (name != NULL)
        add(out, "%s", name);
    else
        add(out, "L%u", (unsigned)slot);
}

static void add_upvalue(RiSbuf *out, const RiProto *p, uint32_t index)
{
    if (index < p->upval_count && p->upvals[index].name != NULL)
        ri_sbuf_add_str(out, p->upvals[index].name);
    else
        add(out, "U%u", (unsigned)index);
}

static void add_constant_at(RiSbuf *out, const RiProto *p, uint32_t index)
{
    if (index < p->constant_count)
        add_constant(out, p->constants[index], STRING_SHOWN_MAX);
    else
        add(out, "K%u", (unsigned)index);
}

static bool is_identifier(const RiString *s)
{
    const char *p = ri_str_data(s);
    for (size_t i = 0; i < s->size; i++) {
        if (!(isalpha((unsigned char)p[i]) || p[i] == '_' || (i > 0 && isdigit((unsigned char)p[i]))))
            return false;
    }
    return s->size > 0;
}

static void add_site(RiSbuf *out, const RiProto *p, uint32_t index, uint32_t key_count)
{
    uint32_t key = index < p->site_count ? p->sites[index].key : RI_NO_KEY;
    if (key == RI_NO_KEY)
        return;
    for (uint32_t i = 0; i < key_count && key + i < p->constant_count; i++) {
        RiValue k = p->constants[key + i];
        ri_sbuf_add(out, i == 0 ? "." : " .", i == 0 ? 1 : 2);
        if (ri_is_string(k) && is_identifier(k.p))
            ri_sbuf_add_str(out, k.p);
        else
            add_constant_at(out, p, key + i);
    }
}

/* The operator of an arithmetic or comparing instruction by the stem of its name, or NULL. */
static const char *operator_of(const char *op_name)
{
    static const char *const pairs[][2] = {
        {"ADD", "+"},   {"SUB", "-"},  {"MUL", "*"},  {"DIV", "/"},  {"MOD", "%"},  {"POW", "^"},  {"IDIV", "//"},
        {"BAND", "&"},  {"BOR", "|"},  {"BXOR", "~"}, {"SHL", "<<"}, {"SHR", ">>"}, {"JEQ", "=="}, {"JLT", "<"},
        {"JLE", "<="},  {"JGT", ">"},  {"JGE", ">="},
    };
    size_t stem = strcspn(op_name, "_");
    if (op_name[stem] == '\0')
        return NULL;
    for (size_t i = 0; i < RI_COUNTOF(pairs); i++) {
        if (strlen(pairs[i][0]) == stem && memcmp(pairs[i][0], op_name, stem) == 0)
            return pairs[i][1];
    }
    return NULL;
}

static void add_operand_value(RiSbuf *out, const RiProto *p, uint32_t pc, const char *operand)
{
    uint32_t value = (uint32_t)ri_op_read_field(p->code + pc, operand[0]);
    if (operand[1] == 'L')
        add_local(out, p, value, pc);
    else if (operand[1] == 'U')
        add_upvalue(out, p, value);
    else
        add_constant_at(out, p, value);
}

/* "x + 1", "v < x": named operands around the operator; "v" stands for what lies on the stack. */
static void add_operation(RiSbuf *out, const RiProto *p, uint32_t pc, const char *operation)
{
    const RiOpInfo *info = &ri_op_info[RI_WORD_OP(p->code[pc])];
    const char *o = info->operands;
    size_t length = strlen(info->name);
    if (length > 4 && info->name[length - 4] == '_' && info->name[length - 1] == 'T') { /* _LLT, _LKT */
        add_operand_value(out, p, pc, o);
        add(out, " = ");
        o += 3;
    }
    if (info->pops > 0)
        add(out, "v");
    else {
        add_operand_value(out, p, pc, o);
        o += 3;
    }
    add(out, " %s ", operation);
    while (*o && !strchr("LKU", o[1])) /* the sense of a jump may come first */
        o += 3;
    add_operand_value(out, p, pc, o);
}

static void add_results(RiSbuf *out, uint32_t r)
{
    if (r == 0)
        add(out, "all results");
    else
        add(out, "%u result%s", (unsigned)r - 1, r == 2 ? "" : "s");
}

/* Comments that the operand kinds alone do not give; false if there is none of the kind. */
static bool add_special_comment(RiSbuf *out, const RiProto *p, uint32_t pc)
{
    const RiWord *code = p->code + pc;
    RiOpcode op = RI_WORD_OP(*code);
    uint32_t a = RI_WORD_A(*code);
    const char *operation = operator_of(ri_op_info[op].name);
    if (operation != NULL) {
        add_operation(out, p, pc, operation);
        return true;
    }
    switch (op) {
    case RI_OP_CALL:
        add(out, "%u argument%s, ", (unsigned)a, a == 1 ? "" : "s");
        add_results(out, RI_WORD_B(*code));
        return true;
    case RI_OP_CALLV:
        add_results(out, a);
        return true;
    case RI_OP_VARARG:
        if (a == 0)
            add(out, "all values");
        else
            add(out, "%u value%s", (unsigned)a - 1, a == 2 ? "" : "s");
        return true;
    case RI_OP_NEWRECORD:
        add_site(out, p, RI_WORD_D(*code), a);
        return true;
    case RI_OP_CLOSURE:
        if (RI_WORD_U(*code) < p->proto_count)
            add_where(out, p->protos[RI_WORD_U(*code)]);
        return true;
    case RI_OP_FORPREP:
    case RI_OP_FORLOOP:
        add_local(out, p, a + 3, pc);
        return true;
    case RI_OP_TFORCALL:
    case RI_OP_TFORLOOP:
    case RI_OP_TFORPREP:
    case RI_OP_CLOSE:
        return true; /* state slots have no names worth showing */
    default:
        return false;
    }
}

static void add_comment(RiSbuf *out, const RiProto *p, uint32_t pc)
{
    const RiWord *code = p->code + pc;
    if (add_special_comment(out, p, pc))
        return;
    const char *separator = "";
    for (const char *o = ri_op_info[RI_WORD_OP(*code)].operands; *o; o += o[2] ? 3 : 2) {
        if (o[1] == 'S') {
            add_site(out, p, (uint32_t)ri_op_read_field(code, o[0]), 1);
        } else if (strchr("LUK", o[1])) {
            add(out, "%s", separator);
            add_operand_value(out, p, pc, o);
            separator = " ";
        }
    }
}

/* -- Lines ------------------------------------------------------------------------------------------------------- */

static void add_operands(RiSbuf *out, const RiProto *p, uint32_t pc)
{
    const RiWord *code = p->code + pc;
    const RiOpInfo *info = &ri_op_info[RI_WORD_OP(*code)];
    const char *separator = "";
    for (const char *o = info->operands; *o; o += o[2] ? 3 : 2) {
        int64_t value = ri_op_read_field(code, o[0]);
        if (o[1] == 'J')
            add(out, "%s-> %lld", separator, (long long)(pc + info->words + value));
        else if (o[1] == 'I' || o[1] == 'N')
            add(out, "%s%lld", separator, (long long)value);
        else
            add(out, "%s%c%lld", separator, o[1], (long long)value);
        separator = " ";
    }
}

uint32_t ri_disasm_instruction(RiSbuf *out, const RiProto *p, uint32_t pc)
{
    size_t start = out->size;
    RiOpcode op = RI_WORD_OP(p->code[pc]);
    int32_t line = ri_proto_line(p, pc);
    if (line >= 0)
        add(out, "%5u %5d  ", (unsigned)pc, (int)line);
    else
        add(out, "%5u     -  ", (unsigned)pc);
    if (op >= RI_OP_COUNT || ri_op_info[op].words > p->code_count - pc) {
        add(out, "?             %08x", (unsigned)p->code[pc]);
        return pc + 1;
    }
    add(out, "%s", ri_op_info[op].name);
    if (ri_op_info[op].operands[0] != '\0') {
        pad_to(out, start, COLUMN_OPERANDS);
        add_operands(out, p, pc);
    }
    size_t before = out->size;
    pad_to(out, start, COLUMN_COMMENT);
    add(out, "; ");
    size_t comment = out->size;
    add_comment(out, p, pc);
    if (out->size == comment)
        out->size = before;
    return pc + ri_op_info[op].words;
}

static void add_depth(void *context, uint32_t pc, const RiAbstractState *state)
{
    int32_t *depths = context;
    depths[pc] = (int32_t)state->depth;
}

/* Depth before each word, -1 for what is not reached; NULL if it cannot be had. */
static int32_t *compute_depths(const RiProto *p)
{
    int32_t *depths = malloc(((size_t)p->code_count + 1) * sizeof(int32_t));
    uint32_t pc;
    if (depths == NULL)
        return NULL;
    for (uint32_t i = 0; i < p->code_count; i++)
        depths[i] = -1;
    ri_abstract_walk(p, false, add_depth, depths, &pc);
    return depths;
}

static void add_tables(RiSbuf *out, const RiProto *p)
{
    for (uint32_t i = 0; i < p->constant_count; i++) {
        add(out, "  K%-4u ", (unsigned)i);
        add_constant(out, p->constants[i], SIZE_MAX);
        ri_sbuf_add_char(out, '\n');
    }
    for (uint32_t i = 0; i < p->upval_count; i++) {
        const RiUpvalDesc *u = &p->upvals[i];
        add(out, "  U%-4u ", (unsigned)i);
        if (u->name != NULL)
            ri_sbuf_add_str(out, u->name);
        else
            add(out, "?");
        add(out, "  from %s%u\n", u->in_stack ? "L" : "U", (unsigned)u->index);
    }
    for (uint32_t i = 0; i < p->local_count; i++) {
        const RiLocalVar *v = &p->locals[i];
        add(out, "  L%-4u ", (unsigned)v->slot);
        ri_sbuf_add_str(out, v->name);
        add(out, "  %u..%u\n", (unsigned)v->start_pc, (unsigned)v->end_pc);
    }
    for (uint32_t i = 0; i < p->loop_count; i++)
        add(out, "  loop  %u..%u  uses %llx\n", (unsigned)p->loops[i].start_pc, (unsigned)p->loops[i].end_pc,
            (unsigned long long)p->loops[i].used_locals);
}

static void add_count(RiSbuf *out, uint32_t count, const char *what)
{
    add(out, ", %u %s%s", (unsigned)count, what, count == 1 ? "" : "s");
}

void ri_disasm_proto(RiSbuf *out, const RiProto *p, unsigned flags)
{
    add(out, p->line_defined == 0 ? "main " : "function ");
    add_where(out, p);
    add(out, "  %u words, %u parameter%s%s", (unsigned)p->code_count, p->param_count, p->param_count == 1 ? "" : "s",
        p->is_vararg ? " and more" : "");
    add_count(out, p->frame_size, "slot");
    add_count(out, p->upval_count, "upvalue");
    add_count(out, p->site_count, "site");
    ri_sbuf_add_char(out, '\n');
    if (flags & RI_DISASM_TABLES)
        add_tables(out, p);
    int32_t *depths = flags & RI_DISASM_DEPTHS ? compute_depths(p) : NULL;
    for (uint32_t pc = 0; pc < p->code_count;) {
        if (depths != NULL && depths[pc] >= 0)
            add(out, "%4d", (int)depths[pc]);
        else if (depths != NULL)
            add(out, "   -");
        pc = ri_disasm_instruction(out, p, pc);
        ri_sbuf_add_char(out, '\n');
    }
    free(depths);
    for (uint32_t i = 0; flags & RI_DISASM_NESTED && i < p->proto_count; i++) {
        ri_sbuf_add_char(out, '\n');
        ri_disasm_proto(out, p->protos[i], flags);
    }
}
