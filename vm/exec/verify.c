/* Rules for what lies around the code of a prototype; the code itself is judged by the abstract walk. */
#include "vm/exec/verify.h"

#include "vm/exec/abstract.h"

#include <stdio.h>

#define NESTING_MAX 250 /* functions in functions; the compiler stops at 200 */

static const char *check_constants(const RiProto *p)
{
    for (uint32_t i = 0; i < p->constant_count; i++) {
        RiValue k = p->constants[i];
        if (k.tag > RI_TAG_FLOAT && k.tag != RI_TAG_STRING)
            return "constant of a kind that is not allowed";
        if (k.tag == RI_TAG_STRING && k.p == NULL)
            return "constant string is missing";
    }
    return NULL;
}

static const char *check_debug_data(const RiProto *p, uint32_t *pc)
{
    if (p->has_lines && (p->line_deltas == NULL || p->line_mark_count == 0 || p->line_marks[0].pc != 0))
        return "line information does not start at the first instruction";
    for (uint32_t i = 0; i < p->line_mark_count; i++) {
        *pc = p->line_marks[i].pc;
        if (*pc >= p->code_count || (i > 0 && *pc <= p->line_marks[i - 1].pc))
            return "line information out of order";
    }
    for (uint32_t i = 0; p->has_lines && i < p->code_count; i++) {
        /* Every word that cannot be reached by adding differences needs a mark of its own. */
        if (p->line_deltas[i] == INT8_MIN) {
            uint32_t low = 0, high = p->line_mark_count;
            while (low < high) {
                uint32_t middle = low + (high - low) / 2;
                if (p->line_marks[middle].pc < i)
                    low = middle + 1;
                else
                    high = middle;
            }
            *pc = i;
            if (low == p->line_mark_count || p->line_marks[low].pc != i)
                return "line of an instruction is missing";
        }
    }
    for (uint32_t i = 0; i < p->local_count; i++) {
        const RiLocalVar *v = &p->locals[i];
        *pc = v->start_pc;
        if (v->name == NULL || v->slot >= p->frame_size || v->start_pc > v->end_pc || v->end_pc > p->code_count)
            return "local variable out of range";
        if (i > 0 && v->start_pc < p->locals[i - 1].start_pc)
            return "local variables out of order";
    }
    for (uint32_t i = 0; i < p->loop_count; i++) {
        *pc = p->loops[i].start_pc;
        if (p->loops[i].start_pc > p->loops[i].end_pc || p->loops[i].end_pc > p->code_count)
            return "loop out of range";
    }
    return NULL;
}

static const char *check_sites(const RiProto *p)
{
    for (uint32_t i = 0; i < p->site_count; i++) {
        uint32_t key = p->sites[i].key;
        if (key != RI_NO_KEY && (key >= p->constant_count || !ri_is_string(p->constants[key]) ||
                                 !ri_str_is_interned(p->constants[key].p)))
            return "key of a site is not a short string";
    }
    return NULL;
}

static const char *verify_nested(const RiProto *p, uint32_t *pc, unsigned level)
{
    const char *rule;
    *pc = 0;
    if (level > NESTING_MAX)
        return "functions nested too deep";
    if ((rule = check_constants(p)) != NULL || (rule = check_sites(p)) != NULL)
        return rule;
    if (p->upval_count > 255)
        return "too many upvalues";
    for (uint32_t i = 0; i < p->proto_count; i++) {
        if (p->protos[i] == NULL)
            return "nested function is missing";
    }
    if ((rule = check_debug_data(p, pc)) != NULL) /* the walk wants variables in order */
        return rule;
    if ((rule = ri_abstract_walk(p, false, NULL, NULL, pc)) != NULL)
        return rule;
    for (uint32_t i = 0; i < p->proto_count; i++) {
        if ((rule = verify_nested(p->protos[i], pc, level + 1)) != NULL)
            return rule;
    }
    *pc = 0;
    return NULL;
}

const char *ri_verify(const RiProto *proto, char message[128], uint32_t *pc)
{
    const char *rule = verify_nested(proto, pc, 0);
    if (rule == NULL)
        return NULL;
    snprintf(message, 128, "%s, at %u", rule, (unsigned)*pc);
    return message;
}
