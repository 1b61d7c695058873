/* The interpreter: one dispatch loop over instruction words.
 *
 * Registers of the loop: T (running thread), pc, base (slot 0 of the frame), sp (first free slot), k (constants), caches.
 * Fast paths are here; everything else is a slow path in semantics.c, called with the state saved (SAVE) and followed by
 * RESUME, which reads all registers back from heap->running, so that a slow path may set up a frame, move the stack or
 * switch threads. Locals are the bottom of the operand stack: base[i]. With a hook or --stats, dispatch goes through the
 * hooked table: programs without them pay nothing. */
#include "vm/exec/breakpoint.h"
#include "vm/exec/call.h"
#include "vm/exec/hooks.h"
#include "vm/exec/intrinsics.h"
#include "vm/exec/memory.h"
#include "vm/exec/opcode.h"
#include "vm/exec/semantics.h"
#include "vm/exec/witness.h"

#ifndef RI_COMPUTED_GOTO
#define RI_COMPUTED_GOTO 1
#endif

/* -- Equality without metamethods: 0, 1, or 2 for "ask __eq" ------------------------------------------------------- */
static RI_ALWAYS_INLINE int equal_fast(const RiValue *a, const RiValue *b)
{
    if (a->tag == b->tag) {
        if (a->tag == RI_TAG_FLOAT)
            return a->n == b->n;
        if (a->u == b->u)
            return 1;
        if (a->tag < RI_TAG_LIGHT)
            return a->tag != RI_TAG_INT; /* nil, false, true carry no payload */
        if (a->tag == RI_TAG_STRING)
            return ri_str_equal(a->p, b->p);
        return a->tag == RI_TAG_TABLE || a->tag == RI_TAG_USERDATA || a->tag == RI_TAG_CDATA ? 2 : 0;
    }
    if (RI_UNLIKELY(a->tag == RI_TAG_CDATA || b->tag == RI_TAG_CDATA)) /* equal to numbers and nil, maybe */
        return 2;
    if (a->tag == RI_TAG_INT && b->tag == RI_TAG_FLOAT)
        return (double)a->i == b->n && (a->i >= -(1LL << 53) && a->i <= (1LL << 53) ? 1 : ri_raw_equal(*a, *b));
    if (a->tag == RI_TAG_FLOAT && b->tag == RI_TAG_INT)
        return (double)b->i == a->n && (b->i >= -(1LL << 53) && b->i <= (1LL << 53) ? 1 : ri_raw_equal(*a, *b));
    return 0;
}

static RI_ALWAYS_INLINE RiFeedback *fv_of(const RiValue *base)
{
    return ((const RiClosure *)base[-2].cp)->feedback;
}

static RI_ALWAYS_INLINE bool has_no_newindex(const RiTable *t)
{
    return t->meta == NULL || (t->meta->absent >> RI_MM_NEWINDEX & 1);
}

/* First execution of a NEWRECORD: find its shape. */
static RI_NOINLINE RiTable *new_record_slow(RiThread *T, const RiFeedback *fv, RiCache *cache, uint32_t site,
                                            const RiValue *values, uint32_t count)
{
    RiString *keys[256] = {NULL};
    const RiValue *first = fv->constants + fv->proto->sites[site].key;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = first[i].p;
    cache->shape = ri_shape_for_keys(T->heap, keys, count);
    if (cache->shape)
        return ri_table_new_record(T->heap, cache->shape, values, count);
    RiTable *t = ri_table_new(T->heap, 0, count);
    for (uint32_t i = 0; i < count; i++)
        ri_table_set_str(T->heap, t, keys[i], values[i]);
    return t;
}

#define SAVE()                                                                                     \
    do {                                                                                           \
        T->top = sp;                                                                               \
        T->pc = (uint32_t)(pc - code);                                                             \
    } while (0)

/* Read the registers back after anything that may have changed the frame. */
#define RESUME()                                                                                   \
    do {                                                                                           \
        T = heap->running;                                                                         \
        base = T->base;                                                                            \
        sp = T->top;                                                                               \
        const RiFeedback *fv_ = ((const RiClosure *)base[-2].cp)->feedback;                        \
        code = fv_->code;                                                                          \
        pc = code + T->pc;                                                                         \
        k = fv_->constants;                                                                        \
        caches = fv_->caches;                                                                      \
        SET_DISPATCH();                                                                            \
    } while (0)

/* The same after calls and returns: there may be machine code to go on with. */
#define RESUME_FRAME()                                                                             \
    do {                                                                                           \
        RESUME();                                                                                  \
        if (RI_UNLIKELY(fv_of(base)->native != NULL || T->pc == 0) && heap->hot_code != NULL)      \
            goto enter_native;                                                                     \
        NEXT;                                                                                      \
    } while (0)

/* A function called by C with so little to do that machine code cannot make up for being entered and left. What it calls and
 * loops that turn out to be hot get there by themselves. */
#define SHORT_WORDS 20

/* Parts of a link's tag word. */
#define LINK_WANTED ((uint64_t)0xff << RI_LINK_WANTED_SHIFT)
#define LINK_ACTIONS_OR_WANTED ((uint64_t)RI_LINK_ACTIONS << 8 | LINK_WANTED)
#define LINK_ACTIONS_OR_MORE ((uint64_t)RI_LINK_ACTIONS << 8 | (uint64_t)0xfe << RI_LINK_WANTED_SHIFT) /* than one result */

/* A slow path that gives an RiAction. */
#define SLOW(call)                                                                                 \
    do {                                                                                           \
        SAVE();                                                                                    \
        if (RI_UNLIKELY((call) == RI_LEAVE))                                                       \
            return;                                                                                \
        RESUME();                                                                                  \
        NEXT;                                                                                      \
    } while (0)

#define A RI_WORD_A(w)
#define B RI_WORD_B(w)
#define C RI_WORD_C(w)
#define D RI_WORD_D(w)
#define S RI_WORD_S(w)
#define E RI_WORD_E(w)
#define U RI_WORD_U(w)

#define PUSH(v)                                                                                    \
    do {                                                                                           \
        ri_store(sp, v);                                                                           \
        sp++;                                                                                      \
    } while (0)
#define PUSH_LINK()                                                                                \
    do {                                                                                           \
        sp->tag = RI_TAG_LINK;                                                                     \
        sp++;                                                                                      \
    } while (0)

#define UPVAL(i) (&((const RiClosure *)base[-2].cp)->upvals[i]->value)

/* Arithmetic: operands at pa, pb; result to dst, then `adjust` moves sp. x and y are the operands in the expressions. */
#define ARITH(event, int_expr, float_expr, pa, pb, dst, adjust)                                    \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        if (RI_LIKELY(a->tag == RI_TAG_INT && b->tag == RI_TAG_INT)) {                             \
            uint64_t x = a->u, y = b->u;                                                           \
            RiValue *d = (dst);                                                                    \
            d->u = (int_expr);                                                                     \
            d->tag = RI_TAG_INT;                                                                   \
            adjust;                                                                                \
            NEXT;                                                                                  \
        }                                                                                          \
        double x, y;                                                                               \
        if (RI_LIKELY(a->tag == RI_TAG_FLOAT)) {                                                   \
            x = a->n;                                                                              \
            if (RI_LIKELY(b->tag == RI_TAG_FLOAT))                                                 \
                y = b->n;                                                                          \
            else if (b->tag == RI_TAG_INT)                                                         \
                y = (double)b->i;                                                                  \
            else                                                                                   \
                SLOW(ri_slow_arith(T, event, *a, *b));                                             \
        } else if (a->tag == RI_TAG_INT && b->tag == RI_TAG_FLOAT) {                               \
            x = (double)a->i;                                                                      \
            y = b->n;                                                                              \
        } else {                                                                                   \
            SLOW(ri_slow_arith(T, event, *a, *b));                                                 \
        }                                                                                          \
        RiValue *d = (dst);                                                                        \
        d->n = (float_expr);                                                                       \
        d->tag = RI_TAG_FLOAT;                                                                     \
        adjust;                                                                                    \
        NEXT;                                                                                      \
    }

/* Division and power: always floats. */
#define ARITH_FLOAT(event, float_expr, pa, pb, dst, adjust)                                        \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        double x, y;                                                                               \
        if (RI_LIKELY(a->tag == RI_TAG_FLOAT))                                                     \
            x = a->n;                                                                              \
        else if (a->tag == RI_TAG_INT)                                                             \
            x = (double)a->i;                                                                      \
        else                                                                                       \
            SLOW(ri_slow_arith(T, event, *a, *b));                                                 \
        if (RI_LIKELY(b->tag == RI_TAG_FLOAT))                                                     \
            y = b->n;                                                                              \
        else if (b->tag == RI_TAG_INT)                                                             \
            y = (double)b->i;                                                                      \
        else                                                                                       \
            SLOW(ri_slow_arith(T, event, *a, *b));                                                 \
        RiValue *d = (dst);                                                                        \
        d->n = (float_expr);                                                                       \
        d->tag = RI_TAG_FLOAT;                                                                     \
        adjust;                                                                                    \
        NEXT;                                                                                      \
    }

/* Integer division and remainder: zero divisors go the slow way. */
#define ARITH_DIVIDE(event, int_fn, float_expr, pa, pb, dst, adjust)                               \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        if (RI_LIKELY(a->tag == RI_TAG_INT && b->tag == RI_TAG_INT && b->i != 0)) {                \
            int64_t r = int_fn(a->i, b->i);                                                        \
            RiValue *d = (dst);                                                                    \
            ri_set_int(d, r);                                                                      \
            adjust;                                                                                \
            NEXT;                                                                                  \
        }                                                                                          \
        if (RI_LIKELY(a->tag == RI_TAG_FLOAT && b->tag == RI_TAG_FLOAT)) {                         \
            double x = a->n, y = b->n;                                                             \
            RiValue *d = (dst);                                                                    \
            d->n = (float_expr);                                                                   \
            d->tag = RI_TAG_FLOAT;                                                                 \
            adjust;                                                                                \
            NEXT;                                                                                  \
        }                                                                                          \
        SLOW(ri_slow_arith(T, event, *a, *b));                                                     \
    }

#define BITWISE(event, expr, pa, pb, dst, adjust)                                                  \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        if (RI_LIKELY(a->tag == RI_TAG_INT && b->tag == RI_TAG_INT)) {                             \
            int64_t x = a->i, y = b->i;                                                            \
            RiValue *d = (dst);                                                                    \
            ri_set_int(d, (expr));                                                                 \
            adjust;                                                                                \
            NEXT;                                                                                  \
        }                                                                                          \
        SLOW(ri_slow_arith(T, event, *a, *b));                                                     \
    }

#define SS sp - 2, sp - 1, sp - 2, sp--
#define SL sp - 1, base + A, sp - 1, (void)0
#define SK sp - 1, k + D, sp - 1, (void)0
#define LL base + A, base + B, sp, sp++
#define LK base + A, k + D, sp, sp++
#define LLT base + B, base + C, base + A, (void)0
#define LKT base + B, k + C, base + A, (void)0
#define ARITH_(...) ARITH(__VA_ARGS__)
#define ARITH_FLOAT_(...) ARITH_FLOAT(__VA_ARGS__)
#define ARITH_DIVIDE_(...) ARITH_DIVIDE(__VA_ARGS__)
#define BITWISE_(...) BITWISE(__VA_ARGS__)

/* Comparison to a truth value `cond`, then `use(cond)`. Operands as written; GT and GE swap for the metamethod. */
#define COMPARE(event, op, swap, fn, pa, pb, use)                                                  \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        bool cond;                                                                                 \
        if (RI_LIKELY(a->tag == RI_TAG_INT && b->tag == RI_TAG_INT)) {                             \
            cond = a->i op b->i;                                                                   \
        } else if (RI_LIKELY(a->tag == RI_TAG_FLOAT && b->tag == RI_TAG_FLOAT)) {                  \
            cond = a->n op b->n;                                                                   \
        } else if (ri_is_number(*a) && ri_is_number(*b)) {                                         \
            cond = swap ? fn(*b, *a) : fn(*a, *b);                                                 \
        } else if (a->tag == RI_TAG_STRING && b->tag == RI_TAG_STRING) {                           \
            cond = ri_str_compare(a->cp, b->cp) op 0;                                              \
        } else {                                                                                   \
            SLOW(swap ? ri_slow_compare(T, event, *b, *a) : ri_slow_compare(T, event, *a, *b));    \
        }                                                                                          \
        use;                                                                                       \
    }
#define EQUAL(pa, pb, use)                                                                         \
    {                                                                                              \
        const RiValue *a = (pa), *b = (pb);                                                        \
        int cond = equal_fast(a, b);                                                               \
        if (RI_UNLIKELY(cond == 2))                                                                \
            SLOW(ri_slow_equal(T, *a, *b));                                                        \
        use;                                                                                       \
    }
/* Branch with the offset in the second word. */
#define BRANCH_IF(taken)                                                                           \
    do {                                                                                           \
        if (taken)                                                                                 \
            pc += (int32_t)*pc + 1;                                                                \
        else                                                                                       \
            pc++;                                                                                  \
        NEXT;                                                                                      \
    } while (0)
#define JUMP(adjust, sense) adjust; BRANCH_IF((int)cond == (int)(sense))
#define TO_BOOL(truth)                                                                             \
    sp--;                                                                                          \
    sp[-1].u = 0;                                                                                  \
    sp[-1].tag = (uint64_t)RI_TAG_FALSE + (uint64_t)(truth);                                       \
    NEXT

/* o.key through the cache; found: `use` with v pointing at the value. */
#define GET_FIELD(po, cache, use)                                                                  \
    {                                                                                              \
        const RiValue *o = (po);                                                                   \
        RiCache *c = (cache);                                                                      \
        if (RI_LIKELY(o->tag == RI_TAG_TABLE)) {                                                   \
            const RiTable *t = o->cp;                                                              \
            if (RI_LIKELY(t->shape == c->shape)) {                                                 \
                const RiValue *v = (const RiValue *)(const void *)((const char *)t->slots + c->offset); \
                if (RI_LIKELY(v->tag != RI_TAG_NIL) || t->meta == NULL) {                          \
                    use;                                                                           \
                }                                                                                  \
                if (t->meta == c->meta && c->epoch == heap->epoch) {                               \
                    v = c->target;                                                                 \
                    use;                                                                           \
                }                                                                                  \
            } else if (t->shape == c->next_shape && t->meta == c->meta && c->epoch == heap->epoch) { \
                const RiValue *v = c->target;                                                      \
                use;                                                                               \
            }                                                                                      \
            const RiValue *v = ri_find_field(T, (RiTable *)t, c);                                  \
            if (RI_LIKELY(v != NULL)) {                                                            \
                use;                                                                               \
            }                                                                                      \
        } else if (c->next_shape == RI_SHAPE_OF_STRINGS && o->tag == RI_TAG_STRING &&              \
                   c->epoch == heap->epoch) {                                                      \
            const RiValue *v = c->target;                                                          \
            use;                                                                                   \
        }                                                                                          \
        SLOW(ri_slow_get_field(T, *o, c));                                                         \
    }

#define SET_FIELD(po, cache, pv, adjust)                                                           \
    {                                                                                              \
        const RiValue *o = (po), *v = (pv);                                                        \
        RiCache *c = (cache);                                                                      \
        if (RI_LIKELY(o->tag == RI_TAG_TABLE)) {                                                   \
            RiTable *t = o->p;                                                                     \
            if (RI_LIKELY(t->shape == c->shape)) {                                                 \
                RiValue *slot = (RiValue *)(void *)((char *)t->slots + c->offset);                 \
                if (RI_LIKELY(slot->tag != RI_TAG_NIL && v->tag != RI_TAG_NIL) ||                  \
                    (has_no_newindex(t) && !(t->flags & RI_TABLE_DELEGATE))) {                     \
                    ri_copy(slot, v);                                                              \
                    adjust;                                                                        \
                    NEXT;                                                                          \
                }                                                                                  \
            } else if (t->shape == c->epoch && c->shape == 0 && v->tag != RI_TAG_NIL && has_no_newindex(t) && \
                       !(t->flags & RI_TABLE_DELEGATE) && c->offset < t->slot_capacity * sizeof(RiValue)) { \
                RiValue *slot = (RiValue *)(void *)((char *)t->slots + c->offset);                 \
                ri_copy(slot, v);                                                                  \
                t->shape = c->next_shape;                                                          \
                adjust;                                                                            \
                NEXT;                                                                              \
            }                                                                                      \
        }                                                                                          \
        SLOW(ri_slow_set_field(T, *o, c, *v));                                                     \
    }

#define GET_INDEX(po, pk, dst, adjust)                                                             \
    {                                                                                              \
        const RiValue *o = (po), *key = (pk);                                                      \
        if (RI_LIKELY(o->tag == RI_TAG_TABLE)) {                                                   \
            const RiTable *t = o->cp;                                                              \
            RiValue v;                                                                             \
            if (RI_LIKELY(key->tag == RI_TAG_INT))                                                 \
                v = ri_table_get_int(t, key->i);                                                   \
            else if (key->tag == RI_TAG_STRING && ri_str_is_interned(key->cp))                     \
                v = ri_table_get_str(t, key->cp);                                                  \
            else                                                                                   \
                v = ri_table_get(t, *key);                                                         \
            if (RI_LIKELY(v.tag != RI_TAG_NIL) || t->meta == NULL) {                               \
                RiValue *d = (dst);                                                                \
                ri_store(d, v);                                                                    \
                adjust;                                                                            \
                NEXT;                                                                              \
            }                                                                                      \
        }                                                                                          \
        if (o->tag == RI_TAG_USERDATA) {                                                           \
            RiValue v;                                                                             \
            if (RI_LIKELY(ri_view_try_get(T, o->cp, key, &v))) {                                   \
                RiValue *d = (dst);                                                                \
                ri_store(d, v);                                                                    \
                adjust;                                                                            \
                NEXT;                                                                              \
            }                                                                                      \
        }                                                                                          \
        SLOW(ri_slow_index(T, *o, *key));                                                          \
    }
#define GET_INDEX_INT(po, index, dst, adjust)                                                      \
    {                                                                                              \
        const RiValue *o = (po);                                                                   \
        if (RI_LIKELY(o->tag == RI_TAG_TABLE)) {                                                   \
            const RiTable *t = o->cp;                                                              \
            RiValue v = ri_table_get_int(t, index);                                                \
            if (RI_LIKELY(v.tag != RI_TAG_NIL) || t->meta == NULL) {                               \
                RiValue *d = (dst);                                                                \
                ri_store(d, v);                                                                    \
                adjust;                                                                            \
                NEXT;                                                                              \
            }                                                                                      \
        }                                                                                          \
        if (o->tag == RI_TAG_USERDATA) {                                                           \
            const RiValue key = ri_int(index);                                                     \
            RiValue v;                                                                             \
            if (RI_LIKELY(ri_view_try_get(T, o->cp, &key, &v))) {                                  \
                RiValue *d = (dst);                                                                \
                ri_store(d, v);                                                                    \
                adjust;                                                                            \
                NEXT;                                                                              \
            }                                                                                      \
        }                                                                                          \
        SLOW(ri_slow_index(T, *o, ri_int(index)));                                                 \
    }

#define SET_INDEX(po, pk, pv, adjust)                                                              \
    {                                                                                              \
        const RiValue *o = (po), *key = (pk), *v = (pv);                                           \
        if (RI_LIKELY(o->tag == RI_TAG_TABLE)) {                                                   \
            RiTable *t = o->p;                                                                     \
            if (RI_LIKELY(has_no_newindex(t))) {                                                   \
                if (RI_LIKELY(key->tag == RI_TAG_INT)) {                                           \
                    if (RI_LIKELY(ri_table_try_set_int(t, key->i, *v))) {                          \
                        adjust;                                                                    \
                        NEXT;                                                                      \
                    }                                                                              \
                    T->top = sp;                                                                   \
                    if ((uint64_t)key->i - 1 == t->array->count && v->tag != RI_TAG_NIL)           \
                        ri_table_append(heap, t, *v);                                              \
                    else                                                                           \
                        ri_table_set_int(heap, t, key->i, *v);                                     \
                    adjust;                                                                        \
                    NEXT;                                                                          \
                }                                                                                  \
                if (key->tag == RI_TAG_STRING && ri_str_is_interned(key->cp)) {                    \
                    T->top = sp;                                                                   \
                    ri_table_set_str(heap, t, key->p, *v);                                         \
                    adjust;                                                                        \
                    NEXT;                                                                          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        if (o->tag == RI_TAG_USERDATA && RI_LIKELY(ri_view_try_set(T, o->cp, key, v))) {           \
            adjust;                                                                                \
            NEXT;                                                                                  \
        }                                                                                          \
        SLOW(ri_slow_set_index(T, *o, *key, *v));                                                  \
    }

#define SAFE_POINT()                                                                               \
    do {                                                                                           \
        if (RI_BUDGET_IS_SPENT(heap)) {                                                            \
            SAVE();                                                                                \
            if (ri_safe_point(T))                                                                  \
                return;                                                                            \
            RESUME();                                                                              \
        }                                                                                          \
    } while (0)

/* With --stats, or for a witness: before each instruction. */
#define OBSERVE()                                                                                  \
    do {                                                                                           \
        stats->opcodes[RI_WORD_OP(w)]++;                                                           \
        if (stats->witness && RI_WORD_OP(w) != RI_OP_NATIVE && RI_WORD_OP(w) != RI_OP_WARM) {      \
            pc--;                                                                                  \
            SAVE();                                                                                \
            pc++;                                                                                  \
            T->base = base;                                                                        \
            ri_witness_tell(stats->witness, T);                                                    \
        }                                                                                          \
    } while (0)

/* What a hook calls runs without: whatever allows them again comes by SET_DISPATCH. */
#define HOOKS_ARE_ON (T->hook_mask != 0 && T->hook_allowed)

#if RI_COMPUTED_GOTO
#define CASE(name) L_##name:
#define DISPATCH() goto *dispatch[RI_WORD_OP(w)]
#define NEXT                                                                                       \
    do {                                                                                           \
        w = *pc++;                                                                                 \
        DISPATCH();                                                                                \
    } while (0)
#define SET_DISPATCH() dispatch = RI_UNLIKELY(HOOKS_ARE_ON || stats) ? hooked : plain
#else
#define CASE(name) case RI_OP_##name:
#define DISPATCH() goto dispatch_word
#define NEXT goto next
#define SET_DISPATCH() hooked_now = HOOKS_ARE_ON || stats || heap->hot_code != NULL
#endif

/* Surely no line event at word `pc`, after one at `last`: most instructions of a line. */
static RI_ALWAYS_INLINE bool stays_on_line(const RiProto *proto, uint32_t last, uint32_t pc)
{
    return proto->has_lines && pc > last && pc - last <= 2 && proto->line_deltas[pc] == 0 &&
           proto->line_deltas[last + 1] == 0;
}

RI_UNINSTRUMENTED void ri_execute(RiThread *T)
{
#if RI_COMPUTED_GOTO
    static const void *const labels[256] = {
        [RI_OP_COUNT ... 255] = &&L_bad,
#define OP(name, format, pops, pushes, flags, weight, effect, meaning) [RI_OP_##name] = &&L_##name,
#include "vm/exec/opcodes.def"
#undef OP
    };
    static const void *const hooked[256] = {[0 ... 255] = &&L_hooked};
    static const void *const counting[256] = { /* with a JIT: back-edges look for machine code */
        [RI_OP_COUNT ... 255] = &&L_bad,
#define OP(name, format, pops, pushes, flags, weight, effect, meaning) \
    [RI_OP_##name] = RI_OP_##name == RI_OP_LOOP || RI_OP_##name == RI_OP_FORLOOP || RI_OP_##name == RI_OP_TFORCALL ? &&L_back_edge : &&L_##name,
#include "vm/exec/opcodes.def"
#undef OP
    };
    const void *const *dispatch;
#else
    bool hooked_now;
#endif
    RiHeap *const heap = T->heap;
    RiStats *const stats = T->process->stats;
#if RI_COMPUTED_GOTO
    const void *const *const plain = heap->hot_code != NULL ? counting : labels;
#endif
    const RiWord *pc, *code;
    RiValue *base, *sp;
    RiValue *k;
    RiCache *caches;
    RiWord w;
    /* of do_call */
    RiValue *func;
    uint32_t nargs;
    int32_t wanted;

    RESUME();
    if (T->pc == 0 && fv_of(base)->proto->code_count <= SHORT_WORDS && base[-1].tag >> 8 & RI_LINK_ENTRY)
        NEXT;
    if (heap->hot_code == NULL)
        NEXT;
enter_native: /* the registers are saved */
    if (RI_UNLIKELY(T->hook_mask & RI_HOOK_CHANGED) && heap->native_sp == NULL)
        T->hook_mask &= (uint8_t)~RI_HOOK_CHANGED;
    if (RI_LIKELY(!T->hook_mask && (!stats || stats->with_native))) {
        switch (T->process->hooks->enter_native(T)) {
        case RI_NATIVE_STAY:
            break;
        case RI_NATIVE_GO_ON:
            RESUME();
            break;
        case RI_NATIVE_LEAVE:
            return;
        case RI_NATIVE_SAFE_POINT:
            if (ri_safe_point(heap->running))
                return;
            RESUME_FRAME();
        }
    }
    w = *pc++;
#if RI_COMPUTED_GOTO
    if (dispatch == counting)
        goto *labels[RI_WORD_OP(w)]; /* no second look at a back-edge */
    if (stats && !T->hook_mask) {
        OBSERVE();
        goto *labels[RI_WORD_OP(w)];
    }
    DISPATCH();
L_back_edge:
    if (RI_LIKELY(++fv_of(base)->loops < heap->hot_loops))
        goto *labels[RI_WORD_OP(w)];
    pc--;
    SAVE();
    goto enter_native;
L_hooked:
#else
    goto looked;
next:
    w = *pc++;
dispatch_word:
    if (RI_UNLIKELY(hooked_now)) {
        bool is_back_edge = RI_WORD_OP(w) == RI_OP_LOOP || RI_WORD_OP(w) == RI_OP_FORLOOP || RI_WORD_OP(w) == RI_OP_TFORCALL;
        if (heap->hot_code != NULL && is_back_edge && ++fv_of(base)->loops >= heap->hot_loops) {
            pc--;
            SAVE();
            goto enter_native;
        }
    }
looked:
    if (RI_UNLIKELY(hooked_now))
#endif
    {
        if (stats)
            OBSERVE();
        bool is_internal = RI_WORD_OP(w) == RI_OP_WARM || RI_WORD_OP(w) == RI_OP_NATIVE;
        uint32_t mask = is_internal ? 0 : T->hook_mask & (RI_HOOK_LINE | RI_HOOK_COUNT);
        if (mask == RI_HOOK_COUNT && T->hook_left > 1 && T->hook_allowed) {
            T->hook_left--;
        } else if (mask == RI_HOOK_LINE && stays_on_line(fv_of(base)->proto, T->hook_last_pc, (uint32_t)(pc - 1 - code))) {
            T->hook_last_pc = (uint32_t)(pc - 1 - code);
        } else if (mask != 0) {
            SAVE();
            ri_hook_instruction(T);
            RESUME();
            w = pc[-1];
        }
#if RI_COMPUTED_GOTO
        if (stats && stats->with_native && plain == counting && !T->hook_mask && counting[RI_WORD_OP(w)] == &&L_back_edge) {
            stats->opcodes[RI_WORD_OP(w)] -= fv_of(base)->loops + 1 >= heap->hot_loops; /* not done yet */
            goto L_back_edge;
        }
        goto *labels[RI_WORD_OP(w)];
#endif
    }
#if !RI_COMPUTED_GOTO
hidden_by_break:
    switch ((RiOpcode)RI_WORD_OP(w))
#endif
    {
    /* -- Constants and the stack -- */
    CASE(NOP)
    {
        NEXT;
    }
    CASE(LOADNIL)
    {
        for (uint32_t n = A; n > 0; n--) {
            ri_set_nil(sp);
            sp++;
        }
        NEXT;
    }
    CASE(LOADTRUE)
    {
        sp->u = 0;
        sp->tag = RI_TAG_TRUE;
        sp++;
        NEXT;
    }
    CASE(LOADFALSE)
    {
        sp->u = 0;
        sp->tag = RI_TAG_FALSE;
        sp++;
        NEXT;
    }
    CASE(LOADINT)
    {
        ri_set_int(sp, E);
        sp++;
        NEXT;
    }
    CASE(LOADFLT)
    {
        ri_set_float(sp, (double)E);
        sp++;
        NEXT;
    }
    CASE(LOADK)
    {
        ri_copy(sp, k + U);
        sp++;
        NEXT;
    }
    CASE(POP)
    {
        sp -= A;
        NEXT;
    }

    CASE(SWAP)
    {
        RiValue v = sp[-2];
        ri_copy(sp - 2, sp - 1);
        ri_store(sp - 1, v);
        NEXT;
    }

    /* -- Locals, cells, upvalues -- */
    CASE(GETLOCAL)
    {
        ri_copy(sp, base + A);
        sp++;
        NEXT;
    }
    CASE(GETLOCAL2)
    {
        ri_copy(sp, base + A);
        ri_copy(sp + 1, base + B);
        sp += 2;
        NEXT;
    }
    CASE(SETLOCAL)
    {
        sp--;
        ri_copy(base + A, sp);
        NEXT;
    }
    CASE(MOVELOCAL)
    {
        ri_copy(base + A, base + B);
        NEXT;
    }
    CASE(SETLOCALK)
    {
        ri_copy(base + A, k + D);
        NEXT;
    }
    CASE(SETLOCALI)
    {
        ri_set_int(base + A, S);
        NEXT;
    }
    CASE(NEWCELL)
    {
        T->top = sp;
        RiValue v = base[A];
        base[A].p = ri_cell_new(heap, v);
        base[A].tag = RI_TAG_CELL;
        NEXT;
    }
    CASE(GETCELL)
    {
        ri_copy(sp, &((const RiCell *)base[A].cp)->value);
        sp++;
        NEXT;
    }
    CASE(SETCELL)
    {
        sp--;
        ri_copy(&((RiCell *)base[A].p)->value, sp);
        NEXT;
    }
    CASE(GETUPVAL)
    {
        ri_copy(sp, UPVAL(A));
        sp++;
        NEXT;
    }
    CASE(SETUPVAL)
    {
        sp--;
        ri_copy(UPVAL(A), sp);
        NEXT;
    }

    /* -- Fields -- */
    CASE(GETFIELD)
    GET_FIELD(sp - 1, caches + U, { ri_copy(sp - 1, v); NEXT; })
    CASE(GETFIELD_L)
    GET_FIELD(base + A, caches + D, { ri_copy(sp, v); sp++; NEXT; })
    CASE(GETFIELD_U)
    GET_FIELD(UPVAL(A), caches + D, { ri_copy(sp, v); sp++; NEXT; })
    CASE(GETFIELD_UM)
    GET_FIELD(UPVAL(A), caches + D, { ri_copy(sp, v); sp++; PUSH_LINK(); NEXT; })
    CASE(GETFIELD_LM)
    GET_FIELD(base + A, caches + D, { ri_copy(sp, v); sp++; PUSH_LINK(); NEXT; })
    CASE(SELF)
    GET_FIELD(sp - 1, caches + U, {
        RiValue self = sp[-1];
        ri_copy(sp - 1, v);
        PUSH_LINK();
        PUSH(self);
        NEXT;
    })
    CASE(SELF_L)
    GET_FIELD(base + A, caches + D, {
        ri_copy(sp, v);
        sp++;
        PUSH_LINK();
        ri_copy(sp, o);
        sp++;
        NEXT;
    })
    CASE(SETFIELD)
    SET_FIELD(sp - 2, caches + U, sp - 1, sp -= 2)
    CASE(SETFIELD_L)
    SET_FIELD(base + A, caches + D, sp - 1, sp--)
    CASE(SETFIELD_U)
    SET_FIELD(UPVAL(A), caches + D, sp - 1, sp--)
    CASE(INITFIELD)
    SET_FIELD(sp - 2, caches + U, sp - 1, sp--)

    /* -- Indexing -- */
    CASE(GETINDEX)
    GET_INDEX(sp - 2, sp - 1, sp - 2, sp--)
    CASE(GETINDEX_KL)
    GET_INDEX(sp - 1, base + A, sp - 1, (void)0)
    CASE(GETINDEX_OL)
    GET_INDEX(base + A, sp - 1, sp - 1, (void)0)
    CASE(GETINDEX_LL)
    GET_INDEX(base + A, base + B, sp, sp++)
    CASE(GETINDEX_UL)
    GET_INDEX(UPVAL(A), base + B, sp, sp++)
    CASE(GETINDEX_I)
    GET_INDEX_INT(sp - 1, E, sp - 1, (void)0)
    CASE(GETINDEX_LI)
    GET_INDEX_INT(base + A, S, sp, sp++)
    CASE(SETINDEX)
    SET_INDEX(sp - 3, sp - 2, sp - 1, sp -= 3)
    CASE(SETINDEX_OL)
    SET_INDEX(base + A, sp - 2, sp - 1, sp -= 2)
    CASE(SETINDEX_LL)
    SET_INDEX(base + A, base + B, sp - 1, sp--)
    CASE(SETINDEX_LLL)
    SET_INDEX(base + A, base + B, base + C, (void)0)
    CASE(SETINDEX_LI)
    {
        const RiValue index = ri_int(S);
        SET_INDEX(base + A, &index, sp - 1, sp--)
    }

    /* -- Tables -- */
    CASE(NEWTABLE)
    {
        SAVE();
        RiCache *c = caches + D;
        RiTable *t = ri_table_new(heap, A, c->offset);
        ri_set_table(sp, t);
        sp++;
        uint32_t samples = c->epoch++;
        if (RI_UNLIKELY((samples & (samples - 1)) == 0))
            ri_table_sample(heap, t, &c->offset);
        NEXT;
    }
    CASE(NEWRECORD)
    {
        SAVE();
        RiCache *c = caches + D;
        uint32_t count = A;
        RiTable *t;
        if (RI_LIKELY(c->shape))
            t = ri_table_new_record(heap, c->shape, sp - count, count);
        else
            t = new_record_slow(T, ((const RiClosure *)base[-2].cp)->feedback, c, D, sp - count, count);
        sp -= count;
        ri_set_table(sp, t);
        sp++;
        NEXT;
    }
    CASE(NEWARRAY)
    {
        SAVE();
        uint32_t count = D;
        RiTable *t = ri_table_new_array(heap, sp - count, count);
        sp -= count;
        ri_set_table(sp, t);
        sp++;
        NEXT;
    }
    CASE(SETLIST)
    {
        SAVE();
        uint32_t count = A;
        ri_table_set_list(heap, sp[-(int32_t)count - 1].p, (int32_t)*pc++, sp - count, count);
        sp -= count;
        NEXT;
    }
    CASE(SETLISTV)
    {
        SAVE();
        RiValue *t = base + U;
        ri_table_set_list(heap, t->p, (int32_t)*pc++, t + 1, (uint32_t)(sp - t - 1));
        sp = t + 1;
        NEXT;
    }

    /* -- Arithmetic -- */
#define ADD_(...) ARITH_(RI_MM_ADD, x + y, x + y, __VA_ARGS__)
#define SUB_(...) ARITH_(RI_MM_SUB, x - y, x - y, __VA_ARGS__)
#define MUL_(...) ARITH_(RI_MM_MUL, x * y, x * y, __VA_ARGS__)
#define DIV_(...) ARITH_FLOAT_(RI_MM_DIV, x / y, __VA_ARGS__)
#define POW_(...) ARITH_FLOAT_(RI_MM_POW, ri_float_pow(x, y), __VA_ARGS__)
#define MOD_(...) ARITH_DIVIDE_(RI_MM_MOD, ri_int_mod, ri_float_mod(x, y), __VA_ARGS__)
#define IDIV_(...) ARITH_DIVIDE_(RI_MM_IDIV, ri_int_idiv, floor(x / y), __VA_ARGS__)
#define BAND_(...) BITWISE_(RI_MM_BAND, x & y, __VA_ARGS__)
#define BOR_(...) BITWISE_(RI_MM_BOR, x | y, __VA_ARGS__)
#define BXOR_(...) BITWISE_(RI_MM_BXOR, x ^ y, __VA_ARGS__)
#define SHL_(...) BITWISE_(RI_MM_SHL, ri_int_shl(x, y), __VA_ARGS__)
#define SHR_(...) BITWISE_(RI_MM_SHR, ri_int_shr(x, y), __VA_ARGS__)
    CASE(ADD) ADD_(SS)
    CASE(SUB) SUB_(SS)
    CASE(MUL) MUL_(SS)
    CASE(DIV) DIV_(SS)
    CASE(MOD) MOD_(SS)
    CASE(POW) POW_(SS)
    CASE(IDIV) IDIV_(SS)
    CASE(BAND) BAND_(SS)
    CASE(BOR) BOR_(SS)
    CASE(BXOR) BXOR_(SS)
    CASE(SHL) SHL_(SS)
    CASE(SHR) SHR_(SS)
    CASE(ADD_L) ADD_(SL)
    CASE(SUB_L) SUB_(SL)
    CASE(MUL_L) MUL_(SL)
    CASE(DIV_L) DIV_(SL)
    CASE(MOD_L) MOD_(SL)
    CASE(BAND_L) BAND_(SL)
    CASE(BXOR_L) BXOR_(SL)
    CASE(ADD_K) ADD_(SK)
    CASE(SUB_K) SUB_(SK)
    CASE(MUL_K) MUL_(SK)
    CASE(DIV_K) DIV_(SK)
    CASE(MOD_K) MOD_(SK)
    CASE(POW_K) POW_(SK)
    CASE(IDIV_K) IDIV_(SK)
    CASE(BAND_K) BAND_(SK)
    CASE(BOR_K) BOR_(SK)
    CASE(BXOR_K) BXOR_(SK)
    CASE(SHL_K) SHL_(SK)
    CASE(SHR_K) SHR_(SK)
    CASE(ADD_LL) ADD_(LL)
    CASE(SUB_LL) SUB_(LL)
    CASE(MUL_LL) MUL_(LL)
    CASE(DIV_LL) DIV_(LL)
    CASE(MOD_LL) MOD_(LL)
    CASE(BAND_LL) BAND_(LL)
    CASE(ADD_LK) ADD_(LK)
    CASE(SUB_LK) SUB_(LK)
    CASE(MUL_LK) MUL_(LK)
    CASE(DIV_LK) DIV_(LK)
    CASE(MOD_LK) MOD_(LK)
    CASE(IDIV_LK) IDIV_(LK)
    CASE(BAND_LK) BAND_(LK)
    CASE(SHL_LK) SHL_(LK)
    CASE(SHR_LK) SHR_(LK)
    CASE(ADD_LLT) ADD_(LLT)
    CASE(SUB_LLT) SUB_(LLT)
    CASE(MUL_LLT) MUL_(LLT)
    CASE(ADD_LKT) ADD_(LKT)
    CASE(SUB_LKT) SUB_(LKT)
    CASE(MUL_LKT) MUL_(LKT)
    CASE(UNM)
    {
        RiValue *v = sp - 1;
        if (v->tag == RI_TAG_INT) {
            v->u = 0 - v->u;
            NEXT;
        }
        if (v->tag == RI_TAG_FLOAT) {
            v->n = -v->n;
            NEXT;
        }
        SLOW(ri_slow_arith(T, RI_MM_UNM, *v, *v));
    }
    CASE(BNOT)
    {
        RiValue *v = sp - 1;
        if (v->tag == RI_TAG_INT) {
            v->u = ~v->u;
            NEXT;
        }
        SLOW(ri_slow_arith(T, RI_MM_BNOT, *v, *v));
    }
    CASE(NOT)
    {
        uint64_t truth = sp[-1].tag <= RI_TAG_FALSE;
        sp[-1].u = 0;
        sp[-1].tag = RI_TAG_FALSE + truth;
        NEXT;
    }
    CASE(LEN)
    {
        RiValue *v = sp - 1;
        if (v->tag == RI_TAG_TABLE && ((const RiTable *)v->cp)->meta == NULL) {
            ri_set_int(v, ri_table_length(v->cp));
            NEXT;
        }
        if (v->tag == RI_TAG_STRING) {
            ri_set_int(v, (int64_t)((const RiString *)v->cp)->size);
            NEXT;
        }
        SLOW(ri_slow_len(T, *v));
    }
    CASE(LEN_L)
    {
        const RiValue *v = base + A;
        if (v->tag == RI_TAG_TABLE && ((const RiTable *)v->cp)->meta == NULL) {
            ri_set_int(sp, ri_table_length(v->cp));
            sp++;
            NEXT;
        }
        if (v->tag == RI_TAG_STRING) {
            ri_set_int(sp, (int64_t)((const RiString *)v->cp)->size);
            sp++;
            NEXT;
        }
        SLOW(ri_slow_len(T, *v));
    }
    CASE(CONCAT)
    SLOW(ri_slow_concat(T, A));

    /* -- Comparison -- */
#define LT_(...) COMPARE(RI_MM_LT, <, false, ri_number_less, __VA_ARGS__)
#define LE_(...) COMPARE(RI_MM_LE, <=, false, ri_number_less_equal, __VA_ARGS__)
#define GT_(...) COMPARE(RI_MM_LT, >, true, ri_number_less, __VA_ARGS__)
#define GE_(...) COMPARE(RI_MM_LE, >=, true, ri_number_less_equal, __VA_ARGS__)
    CASE(EQ) EQUAL(sp - 2, sp - 1, TO_BOOL(cond))
    CASE(NE) EQUAL(sp - 2, sp - 1, TO_BOOL(!cond))
    CASE(LT) LT_(sp - 2, sp - 1, TO_BOOL(cond))
    CASE(LE) LE_(sp - 2, sp - 1, TO_BOOL(cond))
    CASE(GT) GT_(sp - 2, sp - 1, TO_BOOL(cond))
    CASE(GE) GE_(sp - 2, sp - 1, TO_BOOL(cond))

    /* -- Jumps -- */
    CASE(JMP)
    {
        pc += E;
        NEXT;
    }
    CASE(LOOP)
    {
        sp = base + A;
        pc += (int32_t)*pc + 1;
        SAFE_POINT();
        NEXT;
    }
    CASE(TEST)
    {
        sp--;
        BRANCH_IF((sp->tag > RI_TAG_FALSE) == C);
    }
    CASE(TEST_L)
    BRANCH_IF((base[A].tag > RI_TAG_FALSE) == C);
    CASE(TESTKEEP)
    {
        if ((sp[-1].tag > RI_TAG_FALSE) == C) {
            pc += (int32_t)*pc + 1;
        } else {
            pc++;
            sp--;
        }
        NEXT;
    }
    CASE(JEQ) EQUAL(sp - 2, sp - 1, JUMP(sp -= 2, C))
    CASE(JLT) LT_(sp - 2, sp - 1, JUMP(sp -= 2, C))
    CASE(JLE) LE_(sp - 2, sp - 1, JUMP(sp -= 2, C))
    CASE(JGT) GT_(sp - 2, sp - 1, JUMP(sp -= 2, C))
    CASE(JGE) GE_(sp - 2, sp - 1, JUMP(sp -= 2, C))
    CASE(JEQ_L) EQUAL(sp - 1, base + A, JUMP(sp--, C))
    CASE(JLT_L) LT_(sp - 1, base + A, JUMP(sp--, C))
    CASE(JLE_L) LE_(sp - 1, base + A, JUMP(sp--, C))
    CASE(JGT_L) GT_(sp - 1, base + A, JUMP(sp--, C))
    CASE(JGE_L) GE_(sp - 1, base + A, JUMP(sp--, C))
    CASE(JEQ_K) EQUAL(sp - 1, k + D, JUMP(sp--, A))
    CASE(JLT_K) LT_(sp - 1, k + D, JUMP(sp--, A))
    CASE(JLE_K) LE_(sp - 1, k + D, JUMP(sp--, A))
    CASE(JGT_K) GT_(sp - 1, k + D, JUMP(sp--, A))
    CASE(JGE_K) GE_(sp - 1, k + D, JUMP(sp--, A))
    CASE(JEQ_LL) EQUAL(base + A, base + B, JUMP((void)0, C))
    CASE(JLT_LL) LT_(base + A, base + B, JUMP((void)0, C))
    CASE(JLE_LL) LE_(base + A, base + B, JUMP((void)0, C))
    CASE(JGT_LL) GT_(base + A, base + B, JUMP((void)0, C))
    CASE(JGE_LL) GE_(base + A, base + B, JUMP((void)0, C))
    CASE(JEQ_LK) EQUAL(base + A, k + B, JUMP((void)0, C))
    CASE(JLT_LK) LT_(base + A, k + B, JUMP((void)0, C))
    CASE(JLE_LK) LE_(base + A, k + B, JUMP((void)0, C))
    CASE(JGT_LK) GT_(base + A, k + B, JUMP((void)0, C))
    CASE(JGE_LK) GE_(base + A, k + B, JUMP((void)0, C))

    /* -- Loops -- */
    CASE(FORPREP)
    {
        SAVE();
        RiValue *state = base + A;
        if (ri_for_prepare(T, state)) {
            sp = state + 4;
            pc++;
        } else {
            sp = state;
            pc += (int32_t)*pc + 1;
        }
        NEXT;
    }
    CASE(FORLOOP)
    {
        RiValue *state = base + A;
        if (RI_LIKELY(state[2].tag == RI_TAG_INT)) {
            if (state[1].u > 0) {
                state[1].u--;
                int64_t i = (int64_t)(state[0].u + state[2].u);
                state[0].i = i;
                ri_set_int(&state[3], i);
                sp = state + 4;
                pc += (int32_t)*pc + 1;
                SAFE_POINT();
                NEXT;
            }
        } else {
            double step = state[2].n, i = state[0].n + step;
            if (step > 0 ? i <= state[1].n : state[1].n <= i) {
                state[0].n = i;
                ri_set_float(&state[3], i);
                sp = state + 4;
                pc += (int32_t)*pc + 1;
                SAFE_POINT();
                NEXT;
            }
        }
        sp = state;
        pc++;
        NEXT;
    }
    CASE(TFORPREP)
    {
        SAVE();
        RiValue *state = base + A;
        ri_mark_tbc(T, state + 3);
        if (state[3].tag == RI_TAG_NIL)
            state[3].u = 0; /* hidden position of next */
        pc += (int32_t)*pc + 1;
        NEXT;
    }
    CASE(TFORCALL)
    {
        RiValue *state = base + A;
        RiValue key, value;
        sp = state + 4;
        if (state[0].tag == RI_TAG_LIBFN && state[1].tag == RI_TAG_TABLE) {
            if (state[0].cp == &ri_libfn_next && state[3].tag == RI_TAG_NIL) {
                const RiTable *t = state[1].cp;
                uint64_t pos = state[3].u;
                if (pos == 0 && state[2].tag != RI_TAG_NIL && !ri_table_position_after(t, state[2], &pos))
                    goto call_iterator;
                if (!ri_table_next_at(t, &pos, &key, &value)) {
                    pc += 2;
                    NEXT;
                }
                state[3].u = pos;
                goto iterated;
            }
            if (state[0].cp == &ri_libfn_ipairs_iterator && state[2].tag == RI_TAG_INT) {
                const RiTable *t = state[1].cp;
                key = ri_int((int64_t)(state[2].u + 1));
                value = ri_table_get_int(t, key.i);
                if (value.tag == RI_TAG_NIL) {
                    if (t->meta != NULL)
                        goto call_iterator;
                    pc += 2;
                    NEXT;
                }
                goto iterated;
            }
        }
    call_iterator:
        ri_copy(sp, state);
        sp[1].tag = RI_TAG_LINK;
        ri_copy(sp + 2, state + 1);
        ri_copy(sp + 3, state + 2);
        func = sp;
        sp += 4;
        nargs = 2;
        wanted = B;
        goto do_call;
    iterated:
        ri_store(&state[2], key);
        ri_store(&state[4], key);
        uint32_t results = B;
        if (RI_LIKELY(results >= 2)) {
            ri_store(&state[5], value);
            for (uint32_t i = 2; i < results; i++)
                ri_set_nil(&state[4 + i]);
        }
        sp = state + 4 + results;
        pc += (int32_t)pc[1] + 2;
        SAFE_POINT();
        NEXT;
    }
    CASE(TFORLOOP)
    {
        RiValue *state = base + A;
        if (state[4].tag == RI_TAG_NIL) {
            sp = state + 4;
            pc++;
            NEXT;
        }
        ri_copy(&state[2], &state[4]);
        pc += (int32_t)*pc + 1;
        SAFE_POINT();
        NEXT;
    }

    /* -- Calls -- */
    CASE(MARK)
    {
        PUSH_LINK();
        NEXT;
    }
    CASE(GETLOCAL_M)
    {
        ri_copy(sp, base + A);
        sp++;
        PUSH_LINK();
        NEXT;
    }
    CASE(GETUPVAL_M)
    {
        ri_copy(sp, UPVAL(A));
        sp++;
        PUSH_LINK();
        NEXT;
    }
    CASE(CALLV)
    {
        func = base + D;
        nargs = (uint32_t)(sp - func) - 2;
        wanted = (int32_t)A - 1;
        goto do_call;
    }
    CASE(CALL)
    {
        nargs = A;
        wanted = (int32_t)B - 1;
        func = sp - nargs - 2;
    }
do_call:
    {
        if (RI_LIKELY(func->tag == RI_TAG_CLOSURE)) {
            const RiFeedback *fv = ((const RiClosure *)func->cp)->feedback;
            RiValue *callee = func + 2;
            if (RI_LIKELY(!fv->is_vararg && callee + fv->frame_size <= T->stack_limit && !T->hook_mask)) {
                ri_link_write(callee, pc, (uint32_t)(callee - base), wanted, 0, 0);
                uint32_t params = fv->param_count;
                for (; RI_UNLIKELY(nargs < params); nargs++)
                    ri_set_nil(&callee[nargs]);
                base = callee;
                T->base = base;
                sp = base + params;
                code = fv->code;
                pc = fv->start;
                k = fv->constants;
                caches = fv->caches;
                if (RI_BUDGET_IS_SPENT(heap)) {
                    pc = code;
                    SAVE();
                    if (ri_safe_point(T))
                        return;
                    RESUME_FRAME();
                }
                NEXT;
            }
        } else if (RI_LIKELY((func->tag == RI_TAG_LIBFN || func->tag == RI_TAG_NATIVE || func->tag == RI_TAG_CFUNC) &&
                             !T->hook_mask && sp <= T->stack_limit)) {
            const RiLibFn *fn = ri_row_of(T, *func);
            RiValue *args = func + 2;
            int32_t done;
            if (RI_UNLIKELY(fn->intrinsic >= RI_INTRINSIC_MEM_FIRST) &&
                (done = ri_memory_intrinsic(T, fn->intrinsic, func, nargs)) >= 0) {
                for (; done < wanted; done++)
                    ri_set_nil(&func[done]);
                sp = func + (wanted < 0 ? done : wanted);
                NEXT;
            }
            uint32_t delta = (uint32_t)(args - base);
            ri_link_write(args, pc, delta, wanted, 0, 0);
            T->base = args;
            T->top = sp;
            int32_t n = fn->call(T, args, nargs);
            if (RI_LIKELY(n >= 0 && !T->hook_mask)) {
                func = T->base - 2;
                base = T->base - delta;
                T->base = base;
                if (wanted < 0) {
                    sp = func + n;
                } else {
                    for (; RI_UNLIKELY(n < wanted); n++)
                        ri_set_nil(&func[n]);
                    sp = func + wanted;
                }
                NEXT;
            }
            if (ri_serve_inline(T, n, pc, delta, wanted) == RI_LEAVE)
                return;
            RESUME_FRAME();
        }
        SAVE();
        if (ri_precall(T, func, nargs, wanted, 0) == RI_LEAVE)
            return;
        if (RI_BUDGET_IS_SPENT(heap) && ri_safe_point(heap->running))
            return;
        RESUME_FRAME();
    }
    CASE(TAILCALLV)
    {
        func = base + U;
        nargs = (uint32_t)(sp - func) - 2;
        goto do_tailcall;
    }
    CASE(TAILCALL)
    {
        nargs = A;
        func = sp - nargs - 2;
    }
do_tailcall:
    {
        SAVE();
        if (ri_tailcall(T, func, nargs) == RI_LEAVE)
            return;
        if (RI_BUDGET_IS_SPENT(heap) && ri_safe_point(heap->running))
            return;
        RESUME_FRAME();
    }
    CASE(RETURN0)
    {
        uint64_t link = base[-1].tag;
        if (RI_UNLIKELY((link & LINK_ACTIONS_OR_MORE) != 0)) { /* wanted: all or none */
            func = sp;
            nargs = 0;
            goto do_return;
        }
        sp = base - 2 - (link >> RI_LINK_EXTRA_SHIFT);
        goto return_to_caller;
    }
    CASE(RETURN_L)
    {
        ri_copy(sp, base + A);
        sp++;
    }
    CASE(RETURN1)
    {
        uint64_t link = base[-1].tag;
        if (RI_LIKELY((link & LINK_ACTIONS_OR_WANTED) == 2u << RI_LINK_WANTED_SHIFT)) {
            RiValue *to = base - 2 - (link >> RI_LINK_EXTRA_SHIFT);
            ri_copy(to, sp - 1);
            sp = to + 1;
        } else if ((link & LINK_ACTIONS_OR_MORE) == 0) {
            RiValue *to = base - 2 - (link >> RI_LINK_EXTRA_SHIFT);
            ri_copy(to, sp - 1);
            sp = to + ((link & LINK_WANTED) == 0); /* all: one; none */
        } else {
            func = sp - 1;
            nargs = 1;
            goto do_return;
        }
    }
return_to_caller:
    {
        const RiLink *link = RI_LINK_OF(base);
        pc = link->pc;
        base -= base[-1].tag >> RI_LINK_DELTA_SHIFT & RI_LINK_DELTA_MASK;
        w = *pc++;
        T->base = base;
        const RiFeedback *fv = ((const RiClosure *)base[-2].cp)->feedback;
        code = fv->code;
        k = fv->constants;
        caches = fv->caches;
        if (RI_UNLIKELY(fv->native != NULL)) {
            pc--;
            SAVE();
            goto enter_native;
        }
        DISPATCH();
    }
    CASE(RETURN)
    {
        nargs = D;
        func = sp - nargs;
        goto do_return;
    }
    CASE(RETURNV)
    {
        func = base + U;
        nargs = (uint32_t)(sp - func);
    }
do_return:
    {
        SAVE();
        if (ri_return_values(T, func, nargs) == RI_LEAVE)
            return;
        RESUME_FRAME();
    }
    CASE(VARARG)
    {
        uint32_t extra = RI_LINK_OF(base)->extra;
        uint32_t params = ((const RiClosure *)base[-2].cp)->feedback->param_count;
        uint32_t count = extra - 2 - params;
        int32_t results = (int32_t)A - 1;
        if (results < 0) {
            results = (int32_t)count;
            if (RI_UNLIKELY(sp + count > T->stack_limit)) {
                SAVE();
                ri_stack_grow(T, count);
                RESUME();
            }
        }
        const RiValue *from = base - extra + params;
        for (int32_t i = 0; i < results; i++) {
            if ((uint32_t)i < count)
                ri_copy(sp, &from[i]);
            else
                ri_set_nil(sp);
            sp++;
        }
        NEXT;
    }
    CASE(CLOSURE)
    {
        SAVE();
        const RiClosure *self = base[-2].cp;
        RiFeedback *fv = self->feedback;
        RiFeedback *child = RI_LIKELY(fv->children && fv->children[U]) ? fv->children[U] : ri_feedback_child(heap, fv, U);
        const RiProto *proto = child->proto;
        RiClosure *closure = ri_closure_new(heap, child, proto->upval_count);
        for (uint32_t i = 0; i < proto->upval_count; i++) {
            const RiUpvalDesc *desc = &proto->upvals[i];
            closure->upvals[i] = desc->in_stack ? base[desc->index].p : self->upvals[desc->index];
        }
        sp->p = closure;
        sp->tag = RI_TAG_CLOSURE;
        sp++;
        NEXT;
    }
    CASE(TBC)
    {
        SAVE();
        ri_mark_tbc(T, base + A);
        NEXT;
    }
    CASE(CLOSE)
    {
        uint32_t level = (uint32_t)(base - T->stack) + A;
        if (RI_UNLIKELY(T->tbc_count && ri_has_tbc(T, level))) {
            RiAction action;
            SAVE();
            if (ri_close_next(T, level, &action) && action == RI_LEAVE)
                return;
            RESUME();
        }
        NEXT;
    }
    CASE(NATIVE)
    {
        pc = code;
        SAVE();
        goto enter_native;
    }
    CASE(WARM)
    {
        SAVE();
        RiFeedback *fv = ((const RiClosure *)base[-2].cp)->feedback;
        ri_feedback_warm(heap, fv);
        T->pc = 0;
        RESUME_FRAME();
    }
    CASE(BREAK)
    {
        SAVE();
        ri_breakpoint_hit(T);
        RESUME();
        w = fv_of(base)->proto->code[pc - 1 - code];
#if RI_COMPUTED_GOTO
        goto *labels[RI_WORD_OP(w)];
#else
        goto hidden_by_break;
#endif
    }
#if RI_COMPUTED_GOTO
L_bad:
    ri_unreachable();
#else
    case RI_OP_COUNT:
    default:
        ri_unreachable();
#endif
    }
}
