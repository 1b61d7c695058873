/* Names of running functions and the stack traceback. */
#include "vm/exec/traceback.h"

#include <stdio.h>
#include <string.h>

#include "vm/exec/call.h"
#include "vm/exec/opcode.h"

/* A long stack is shown by its first and last levels. */
#define LEVELS_FIRST 10
#define LEVELS_LAST 11

/* -- What a function is called ---------------------------------------------------------------------------------- */

/* Opcodes that may call a metamethod, by the beginning of their names, and the event they call. */
typedef struct EventOfOpcode {
    const char *prefix, *event;
} EventOfOpcode;

static const EventOfOpcode event_of_opcode[] = {
    {"GETFIELD", "index"},    {"GETINDEX", "index"},    {"SELF", "index"}, {"SETFIELD", "newindex"},
    {"SETINDEX", "newindex"}, {"CONCAT", "concat"},     {"LEN", "len"},    {"UNM", "unm"},
    {"BNOT", "bnot"},         {"EQ", "eq"},             {"NE", "eq"},      {"LT", "lt"},
    {"GT", "lt"},             {"LE", "le"},             {"GE", "le"},      {"JEQ", "eq"},
    {"JLT", "lt"},            {"JGT", "lt"},            {"JLE", "le"},     {"JGE", "le"},
    {"ADD", "add"},           {"SUB", "sub"},           {"MUL", "mul"},    {"DIV", "div"},
    {"MOD", "mod"},           {"POW", "pow"},           {"IDIV", "idiv"},  {"BAND", "band"},
    {"BOR", "bor"},           {"BXOR", "bxor"},         {"SHL", "shl"},    {"SHR", "shr"},
    {"CLOSE", "close"},       {"RETURN", "close"},      {"RETURNV", "close"}, {"RETURN0", "close"},
    {"RETURN1", "close"},
};

static const char *event_called_by(RiOpcode op)
{
    const char *name = ri_op_info[op].name;
    size_t stem = strcspn(name, "_");
    for (size_t i = 0; i < RI_COUNTOF(event_of_opcode); i++) {
        const char *prefix = event_of_opcode[i].prefix;
        if (strlen(prefix) == stem && memcmp(prefix, name, stem) == 0)
            return event_of_opcode[i].event;
    }
    return NULL;
}

const char *ri_called_name(RiProcess *process, const RiProto *proto, uint32_t pc, const char **name)
{
    RiOpcode op = (RiOpcode)RI_WORD_OP(proto->code[pc]);
    const char *kind;
    switch (op) {
    case RI_OP_CALL:
    case RI_OP_CALLV:
    case RI_OP_TAILCALL:
    case RI_OP_TAILCALLV:
        return ri_describe_operand(process, proto, pc, 0, &kind, name) ? kind : NULL;
    case RI_OP_TFORCALL:
        *name = "for iterator";
        return "for iterator";
    default:
        *name = event_called_by(op);
        return *name != NULL ? "metamethod" : NULL;
    }
}

/* Is it the frame of a finalizer? What was going on when the collector called it, Lua or a library function, says nothing
 * about that. */
static bool is_finalizer(const RiThread *T, const RiFrame *frame)
{
    const RiProcess *process = T->process;
    return process->in_finalizer && process->finalizer_thread == T && process->finalizer_base == frame->base;
}

const char *ri_frame_name(RiThread *T, const RiFrame *frame, const char **name)
{
    *name = NULL;
    const RiLink *link = RI_LINK_OF(T->stack + frame->base);
    if (frame->is_tail || link->delta == 0)
        return NULL;
    if (is_finalizer(T, frame)) {
        *name = "__gc";
        return "metamethod";
    }
    RiValue caller = (T->stack + frame->base - link->delta)[-2];
    const RiProto *proto = ri_function_proto(caller);
    if (proto == NULL || link->flags & RI_LINK_UNWIND) /* __close called by an error, not by the caller's instruction */
        return NULL;
    if (link->flags & RI_LINK_ENTRY) { /* called by C while a Lua frame was on top: not by its instruction */
        *name = T->in_hook ? "?" : "__gc";
        return T->in_hook ? "hook" : "metamethod";
    }
    uint32_t pc = ri_link_pc(caller, link);
    if (pc == 0)
        return NULL;
    return ri_called_name(T->process, proto, pc - 1, name);
}

/* Look for `function` among the string keys of `t`, and in its tables while `depth` lasts. */
static RiString *find_field(RiThread *T, RiTable *t, RiValue function, int depth)
{
    uint64_t position = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &position, &key, &value)) {
        bool is_it = value.tag == function.tag && value.p == function.p; /* functions are equal only to themselves */
        if (is_it && ri_is_string(key))
            return key.p;
        if (depth > 1 && ri_is_table(value) && ri_is_string(key)) {
            RiString *inner = find_field(T, value.p, function, depth - 1);
            if (inner != NULL) {
                RiSbuf sb;
                ri_sbuf_init(&sb, T->heap);
                ri_sbuf_add_str(&sb, key.p);
                ri_sbuf_add_char(&sb, '.');
                ri_sbuf_add_str(&sb, inner);
                return ri_sbuf_finish(&sb);
            }
        }
    }
    return NULL;
}

RiString *ri_global_function_name(RiThread *T, RiValue function)
{
    RiValue loaded = ri_table_get_str(T->process->registry, ri_str_from_cstr(T->heap, "_LOADED"));
    RiString *name = ri_is_table(loaded) ? find_field(T, loaded.p, function, 2) : NULL;
    if (name != NULL && name->size > 3 && memcmp(ri_str_data(name), "_G.", 3) == 0)
        return ri_str_slice(T->heap, name, 3, name->size);
    return name;
}

/* -- Where a function is ---------------------------------------------------------------------------------------- */

const char *ri_function_source(RiThread *T, RiValue function, size_t *size)
{
    const RiProto *proto = ri_function_proto(function);
    const char *source = proto == NULL ? "=[C]" : "=?";
    *size = strlen(source);
    if (proto != NULL && proto->source != NULL) {
        source = ri_str_cstr(T->heap, proto->source);
        *size = proto->source->size;
    }
    return source;
}

int32_t ri_frame_line(RiThread *T, const RiFrame *frame)
{
    const RiProto *proto = ri_function_proto(ri_frame_function(T, frame));
    if (proto == NULL)
        return -1;
    return ri_proto_line(proto, frame->pc > 0 ? frame->pc - 1 : 0);
}

/* -- Traceback -------------------------------------------------------------------------------------------------- */

static void add_text(RiSbuf *sb, const char *text)
{
    ri_sbuf_add(sb, text, strlen(text));
}

static void add_function_name(RiThread *T, RiThread *of, RiSbuf *sb, const RiFrame *frame, const char *short_source)
{
    RiValue function = ri_frame_function(of, frame);
    const RiProto *proto = ri_function_proto(function);
    const char *kind, *name;
    RiString *global = ri_global_function_name(T, function);
    if (global != NULL) {
        add_text(sb, "function '");
        ri_sbuf_add_str(sb, global);
        add_text(sb, "'");
    } else if ((kind = ri_frame_name(of, frame, &name)) != NULL) {
        add_text(sb, kind);
        add_text(sb, " '");
        add_text(sb, name);
        add_text(sb, "'");
    } else if (proto == NULL) {
        add_text(sb, "?");
    } else if (proto->line_defined == 0) {
        add_text(sb, "main chunk");
    } else {
        char place[RI_ID_SIZE + 32];
        snprintf(place, sizeof place, "function <%s:%u>", short_source, (unsigned)proto->line_defined);
        add_text(sb, place);
    }
}

static void add_level(RiThread *T, RiThread *of, RiSbuf *sb, const RiFrame *frame)
{
    char short_source[RI_ID_SIZE], place[RI_ID_SIZE + 32];
    size_t size;
    const char *source = ri_function_source(of, ri_frame_function(of, frame), &size);
    int32_t line = ri_frame_line(of, frame);
    ri_chunk_id(short_source, source, size);
    if (line <= 0)
        snprintf(place, sizeof place, "\n\t%s: in ", short_source);
    else
        snprintf(place, sizeof place, "\n\t%s:%d: in ", short_source, (int)line);
    add_text(sb, place);
    add_function_name(T, of, sb, frame, short_source);
    if (frame->is_tail)
        add_text(sb, "\n\t(...tail calls...)");
}

/* Finding a level costs as much as it is deep, so the last one of a long stack is searched, not counted. */
static int last_level(RiThread *of)
{
    RiFrame frame;
    int there = 0, beyond = 1; /* level 0 needs no test: without it, the answer -1 or 0 makes no difference */
    while (ri_frame_at(of, beyond, &frame)) {
        there = beyond;
        beyond *= 2;
    }
    while (beyond - there > 1) {
        int middle = there + (beyond - there) / 2;
        if (ri_frame_at(of, middle, &frame))
            there = middle;
        else
            beyond = middle;
    }
    return there;
}

RiString *ri_traceback(RiThread *T, RiThread *of, const char *msg, int level)
{
    int last = last_level(of);
    int until_skip = last - level > LEVELS_FIRST + LEVELS_LAST ? LEVELS_FIRST : -1;
    RiFrame frame;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    if (msg != NULL) {
        add_text(&sb, msg);
        ri_sbuf_add_char(&sb, '\n');
    }
    add_text(&sb, "stack traceback:");
    for (; ri_frame_at(of, level, &frame); level++) {
        if (until_skip-- != 0) {
            add_level(T, of, &sb, &frame);
        } else {
            char note[64];
            int skipped = last - level - LEVELS_LAST;
            snprintf(note, sizeof note, "\n\t...\t(skipping %d levels)", skipped);
            add_text(&sb, note);
            level += skipped;
        }
    }
    return ri_sbuf_finish(&sb);
}

/* -- The message handler ------------------------------------------------------------------------------------------ */

static int32_t add_traceback(RiThread *T, RiValue *args, uint32_t nargs)
{
    RiValue error = ri_arg(args, nargs, 0);
    RiString *text = ri_to_string_raw(T, error);
    char note[80];
    if (text == NULL) {
        RiValue tostring = ri_metafield(T, error, RI_MM_TOSTRING);
        if (!ri_is_nil(tostring)) {
            ri_push(T, tostring);
            ri_push_link(T);
            ri_push(T, error);
            ri_call(T, 1, 1);
            RiValue made = T->top[-1];
            if (ri_is_string(made))
                return ri_return1(T->base, made);
        }
        snprintf(note, sizeof note, "(error object is a %s value)", ri_type_names[ri_type(error)]);
    }
    RiString *trace = ri_traceback(T, T, text != NULL ? ri_str_cstr(T->heap, text) : note, 1);
    return ri_return_string(T->base, trace);
}

const RiLibFn ri_traceback_handler = {.name = "?", .call = add_traceback};
