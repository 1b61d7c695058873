/* The heap: allocation, tracing of every type, weak tables, finalizers, several heaps and threads. */
#include <check.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "vm/object/func.h"
#include "vm/object/shape.h"
#include "vm/object/thread.h"
#include "vm/object/udata.h"

static RiHeap *heap;
static RiTable *root; /* what the tests keep alive hangs on it: heap->host is a root */

static void setup(void)
{
    heap = ri_heap_create(42);
    ck_assert_ptr_nonnull(heap);
    root = ri_table_new(heap, 0, 0);
    heap->host = root;
}

static void teardown(void)
{
    ri_heap_destroy(heap);
    heap = NULL;
}

/* Without the frame of the test and what it calls, where stale words may keep garbage alive: what is to stay hangs on
 * root. */
#define collect() ri_heap_collect_above(heap, __builtin_frame_address(0))

static RiString *str(const char *text)
{
    return ri_str_from_cstr(heap, text);
}

static RiValue get(const char *name)
{
    return ri_table_get_str(root, str(name));
}

static void put(const char *name, RiValue v)
{
    ri_table_set_str(heap, root, str(name), v);
}

static void set(RiTable *t, RiValue key, RiValue value)
{
    ck_assert_int_eq(ri_table_set(heap, t, key, value), RI_KEY_OK);
}

static RiTable *with_mode(const char *mode)
{
    RiTable *meta = ri_table_new(heap, 0, 0), *t = ri_table_new(heap, 0, 0);
    if (mode)
        ri_table_set_str(heap, meta, str("__mode"), ri_string_value(str(mode)));
    ri_table_set_meta(heap, t, meta);
    return t;
}

static RiValue object_of(const char *name) /* {name = name} */
{
    RiTable *t = ri_table_new(heap, 0, 1);
    ri_table_set_str(heap, t, str("name"), ri_string_value(str(name)));
    return ri_table_value(t);
}

static const char *name_of(RiValue v)
{
    ck_assert(ri_is_table(v));
    RiValue name = ri_table_get_str(v.p, str("name"));
    ck_assert(ri_is_string(name));
    return ri_str_data(name.p);
}

static uint32_t count_entries(const RiTable *t)
{
    uint64_t pos = 0;
    uint32_t count = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &pos, &key, &value))
        count++;
    return count;
}

/* -- Allocation ------------------------------------------------------------------------------------------------ */

START_TEST(object_space_is_zeroed)
{
    for (size_t size = 16; size < 9000; size += 112) {
        unsigned char *p = ri_heap_alloc(heap, size, RI_SPACE_OBJECT);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 8; i < size; i++)
            ck_assert_uint_eq(p[i], 0);
        ri_object_init(p, RI_TAG_BLOCK, 0, 0, 0);
        memset(p + 8, 0xee, size - 8);
        ri_heap_free(heap, p, size);
        p = ri_heap_alloc(heap, size, RI_SPACE_OBJECT);
        for (size_t i = 8; i < size; i++)
            ck_assert_uint_eq(p[i], 0);
        ri_object_init(p, RI_TAG_BLOCK, 0, 0, 0);
    }
}
END_TEST

START_TEST(blocks_do_not_overlap)
{
    enum { N = 3000 };
    unsigned char **blocks = calloc(N, sizeof *blocks);
    ri_heap_add_root(heap, blocks, N * sizeof *blocks);
    for (int i = 0; i < N; i++) {
        size_t size = 24 + (size_t)i * 7 % 1500;
        blocks[i] = ri_heap_alloc(heap, size, RI_SPACE_LEAF);
        ri_object_init(blocks[i], RI_TAG_BUFFER, 0, 0, 0);
        ((RiBuffer *)(void *)blocks[i])->capacity = size - 24;
        memset(blocks[i] + 24, i & 255, size - 24);
        if (i % 500 == 0)
            collect();
    }
    for (int i = 0; i < N; i++) {
        size_t size = 24 + (size_t)i * 7 % 1500;
        for (size_t k = 24; k < size; k++)
            ck_assert_uint_eq(blocks[i][k], i & 255);
    }
    ri_heap_remove_root(heap, blocks, N * sizeof *blocks);
    free(blocks);
}
END_TEST

START_TEST(count_follows_allocation_and_collection)
{
    collect();
    uint64_t before = ri_heap_count_bytes(heap);
    put("big", ri_string_value(ri_str_new_uninit(heap, 1000000)));
    uint64_t with = ri_heap_count_bytes(heap);
    ck_assert_uint_ge(with, before + 1000000);
    ck_assert_uint_le(with, before + 1010000);
    collect();
    uint64_t kept = ri_heap_count_bytes(heap);
    ck_assert_uint_ge(kept, before + 1000000);
    ck_assert_uint_le(kept, before + 1010000);
    put("big", ri_nil());
    collect();
    ck_assert_uint_le(ri_heap_count_bytes(heap), before + 10000);
}
END_TEST

START_TEST(count_of_small_objects_is_honest)
{
    collect();
    uint64_t before = ri_heap_count_bytes(heap);
    RiTable *list = ri_table_new(heap, 0, 0);
    put("list", ri_table_value(list));
    for (int i = 0; i < 10000; i++) {
        RiTable *t = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, t, 1, ri_int(i));
        ri_table_append(heap, list, ri_table_value(t));
    }
    uint64_t allocated = ri_heap_count_bytes(heap) - before;
    collect();
    uint64_t live = ri_heap_count_bytes(heap) - before;
    ck_assert_uint_ge(live, allocated * 9 / 10);
    ck_assert_uint_le(live, allocated * 11 / 10);
    ck_assert_uint_ge(live, 10000 * (48 + 48));
}
END_TEST

START_TEST(freeing_lowers_the_count)
{
    void *block = ri_heap_alloc(heap, 100000, RI_SPACE_LEAF);
    ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
    uint64_t with = ri_heap_count_bytes(heap);
    ri_heap_free(heap, block, 100000);
    ck_assert_uint_le(ri_heap_count_bytes(heap), with - 100000);
}
END_TEST

static RI_NOINLINE void make_garbage(int rounds)
{
    for (int i = 0; i < rounds; i++) {
        RiTable *t = ri_table_new(heap, 0, 2);
        char text[40];
        snprintf(text, sizeof text, "garbage %d", i);
        ri_table_set_str(heap, t, str("name"), ri_string_value(str(text)));
    }
}

enum { MIDDLE_COUNT = 300, KEPT_EVERY = 10 };
static uintptr_t hidden[MIDDLE_COUNT]; /* complements: no references */

static size_t middle_size(uint32_t i)
{
    return 1000 + (size_t)(i * 113) % 33000; /* some below and above those that are kept as spare blocks */
}

/* Strings of 1 to 34 KB, each of one byte; every tenth is kept in `list`. */
static RI_NOINLINE uint32_t make_middle_strings(RiTable *list, uint32_t round)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < MIDDLE_COUNT; i++) {
        RiString *s = ri_str_new_uninit(heap, middle_size(i));
        memset(s->bytes, (int)('a' + (i + round) % 26), s->size);
        s->bytes[s->size] = '\0';
        for (uint32_t k = 0; k < MIDDLE_COUNT; k++)
            seen += ~hidden[k] == (uintptr_t)s;
        if (i % KEPT_EVERY == 0)
            ri_table_set_int(heap, list, (int64_t)round * MIDDLE_COUNT + i + 1, ri_string_value(s));
        else
            hidden[i] = ~(uintptr_t)s;
    }
    return seen;
}

static RI_NOINLINE void check_middle_strings(RiTable *list, uint32_t round)
{
    for (uint32_t i = 0; i < MIDDLE_COUNT; i += KEPT_EVERY) {
        const RiString *s = ri_table_get_int(list, (int64_t)round * MIDDLE_COUNT + i + 1).p;
        ck_assert_uint_eq(s->size, middle_size(i));
        for (size_t k = 0; k < s->size; k++)
            ck_assert_int_eq(s->bytes[k], (int)('a' + (i + round) % 26));
    }
}

START_TEST(middle_blocks_are_used_again)
{
    RiTable *list = ri_table_new(heap, 0, 0);
    uint32_t again = 0;
    put("list", ri_table_value(list));
    for (uint32_t round = 0; round < 8; round++) {
        again += make_middle_strings(list, round);
        collect();
    }
    ck_assert_uint_gt(again, 4 * MIDDLE_COUNT); /* of at most 7 * 0.9 */
    for (uint32_t round = 0; round < 8; round++)
        check_middle_strings(list, round);
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    ck_assert_uint_lt(stats.live_bytes, 8u * MIDDLE_COUNT / KEPT_EVERY * 20000 + 1000000);
}
END_TEST

START_TEST(freed_middle_blocks_come_back_first)
{
    static const size_t sizes[] = {1025, 1344, 1345, 2048, 2049, 4096, 4097, 20000, 32768};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        RiBuffer *block = ri_heap_alloc(heap, sizes[i], RI_SPACE_LEAF);
        ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
        ri_heap_free(heap, block, sizes[i]);
        ck_assert_ptr_eq(ri_heap_alloc(heap, sizes[i], RI_SPACE_LEAF), block);
        ri_object_init(block, RI_TAG_BUFFER, 0, 0, 0);
    }
}
END_TEST

START_TEST(collects_by_itself)
{
    for (int i = 0; i < 40; i++)
        make_garbage(20000);
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    ck_assert_uint_ge(stats.collections, 3);
    ck_assert_uint_lt(stats.heap_bytes, 100u << 20);
    ck_assert_uint_lt(ri_heap_count_bytes(heap), 20u << 20);
    ck_assert_uint_lt(stats.strings_interned, 400000);
}
END_TEST

START_TEST(stopped_collector_does_not_collect)
{
    heap->stopped = true;
    for (int i = 0; i < 20; i++)
        make_garbage(20000);
    RiHeapStats stats;
    ri_heap_stats(heap, &stats);
    ck_assert_uint_eq(stats.collections, 0);
}
END_TEST

static jmp_buf no_memory;
static void on_no_memory(RiHeap *h)
{
    (void)h;
    longjmp(no_memory, 1);
}

START_TEST(absurd_sizes_fail)
{
    heap->on_no_memory = on_no_memory;
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX / 2, (size_t)1 << 47};
    for (volatile size_t i = 0; i < RI_COUNTOF(sizes); i++) {
        if (setjmp(no_memory) == 0) {
            ri_heap_alloc(heap, sizes[i], RI_SPACE_LEAF);
            ck_abort_msg("size %zu was granted", sizes[i]);
        }
    }
    if (setjmp(no_memory) == 0) {
        ri_udata_new(heap, SIZE_MAX - 8, 1);
        ck_abort_msg("huge userdata");
    }
    if (setjmp(no_memory) == 0) {
        ri_heap_alloc(heap, (size_t)1 << 45, RI_SPACE_LEAF); /* more than any host has */
        ck_abort_msg("32 TB were granted");
    }
    ck_assert_int_eq(ri_table_length(root), 0); /* and life goes on */
    make_garbage(100);
    collect();
}
END_TEST

/* -- Tracing --------------------------------------------------------------------------------------------------- */

START_TEST(tables_keep_what_they_hold)
{
    RiTable *t = ri_table_new(heap, 4, 2);
    put("t", ri_table_value(t));
    for (int i = 1; i <= 5; i++)
        ri_table_set_int(heap, t, i, object_of("element"));
    ri_table_set_str(heap, t, str("field"), object_of("slot"));
    set(t, ri_float(1.5), object_of("entry"));
    set(t, object_of("key"), ri_int(1));
    for (int i = 0; i < 100; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%d", i);
        if (i == 30)
            put("early", ri_table_value(t));
        ri_table_set_str(heap, t, str(name), object_of(name));
    }
    for (int round = 0; round < 3; round++) {
        collect();
        make_garbage(5000);
    }
    for (int i = 1; i <= 5; i++)
        ck_assert_str_eq(name_of(ri_table_get_int(t, i)), "element");
    ck_assert_str_eq(name_of(ri_table_get_str(t, str("field"))), "slot");
    ck_assert_str_eq(name_of(ri_table_get(t, ri_float(1.5))), "entry");
    for (int i = 0; i < 100; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%d", i);
        ck_assert_str_eq(name_of(ri_table_get_str(t, str(name))), name);
    }
    uint32_t object_keys = 0;
    uint64_t pos = 0;
    RiValue key, value;
    while (ri_table_next_at(t, &pos, &key, &value)) {
        if (ri_is_table(key)) {
            ck_assert_str_eq(name_of(key), "key");
            object_keys++;
        }
    }
    ck_assert_uint_eq(object_keys, 1);
}
END_TEST

START_TEST(tables_with_outer_slots)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    put("t", ri_table_value(t));
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
    for (size_t i = 0; i < RI_COUNTOF(names); i++) {
        ri_table_set_str(heap, t, str(names[i]), object_of(names[i]));
        collect();
        make_garbage(200);
    }
    for (size_t i = 0; i < RI_COUNTOF(names); i++)
        ck_assert_str_eq(name_of(ri_table_get_str(t, str(names[i]))), names[i]);
}
END_TEST

START_TEST(large_arrays_and_dictionaries)
{
    RiTable *list = ri_table_new(heap, 0, 0), *dict = ri_table_new(heap, 0, 0);
    put("list", ri_table_value(list));
    put("dict", ri_table_value(dict));
    for (int i = 1; i <= 60000; i++) {
        RiTable *t = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, t, 1, ri_int(i));
        ri_table_append(heap, list, ri_table_value(t));
        set(dict, ri_float(i + 0.5), ri_table_value(t));
    }
    collect();
    make_garbage(60000);
    collect();
    for (int i = 1; i <= 60000; i++) {
        RiValue v = ri_table_get_int(list, i);
        ck_assert(ri_is_table(v));
        ck_assert_int_eq(ri_table_get_int(v.p, 1).i, i);
        ck_assert_ptr_eq(ri_table_get(dict, ri_float(i + 0.5)).p, v.p);
    }
}
END_TEST

START_TEST(long_lists)
{
    RiTable *list = NULL;
    for (int i = 0; i < 300000; i++) {
        RiTable *t = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, t, 1, list ? ri_table_value(list) : ri_int(-1));
        list = t;
        put("list", ri_table_value(list));
    }
    collect();
    int length = 0;
    for (RiValue v = get("list"); ri_is_table(v); v = ri_table_get_int(v.p, 1))
        length++;
    ck_assert_int_eq(length, 300000);
}
END_TEST

START_TEST(functions_keep_what_they_hold)
{
    RiProto *proto = ri_proto_new(heap);
    put("proto", ri_object(proto, RI_TAG_PROTO));
    proto->constants = ri_proto_alloc(heap, 2 * sizeof(RiValue), true);
    proto->constant_count = 2;
    ri_store(&proto->constants[0], ri_string_value(str("a constant that nobody else holds")));
    ri_store(&proto->constants[1], ri_string_value(str("__index")));
    proto->code = ri_proto_alloc(heap, 8, false);
    proto->code[0] = 7;
    proto->code_count = 1;
    proto->sites = ri_proto_alloc(heap, 2 * sizeof(RiSite), false);
    proto->sites[0].key = 1;
    proto->sites[1].key = RI_NO_KEY;
    proto->site_count = 2;
    RiFeedback *feedback = ri_feedback_new(heap, proto);
    ri_feedback_warm(heap, feedback);
    RiClosure *closure = ri_closure_new(heap, feedback, 2);
    put("closure", ri_object(closure, RI_TAG_CLOSURE));
    closure->upvals[0] = ri_cell_new(heap, object_of("captured"));
    closure->upvals[1] = ri_cell_new(heap, ri_int(5));
    RiNative *native = ri_native_new(heap, NULL, 2);
    put("native", ri_object(native, RI_TAG_NATIVE));
    RiValue upvalue = object_of("upvalue");
    ri_store(&native->upvals[1], upvalue);
    put("proto", ri_nil());
    for (int round = 0; round < 3; round++) {
        collect();
        make_garbage(5000);
    }
    closure = get("closure").p;
    ck_assert_uint_eq(closure->feedback->code[0], 7);
    ck_assert_str_eq(ri_str_data(closure->feedback->proto->constants[0].p), "a constant that nobody else holds");
    ck_assert_ptr_eq(closure->feedback->caches[0].key, heap->mm_names[RI_MM_INDEX]);
    ck_assert_ptr_null(closure->feedback->caches[1].key);
    ck_assert_str_eq(name_of(closure->upvals[0]->value), "captured");
    ck_assert_int_eq(closure->upvals[1]->value.i, 5);
    native = get("native").p;
    ck_assert_str_eq(name_of(native->upvals[1]), "upvalue");
    ck_assert(ri_is_nil(native->upvals[0]));
}
END_TEST

static RI_NOINLINE RiFeedback *feedback_with_cache(void)
{
    RiProto *proto = ri_proto_new(heap);
    proto->sites = ri_proto_alloc(heap, 2 * sizeof(RiSite), false);
    proto->sites[0].key = proto->sites[1].key = RI_NO_KEY;
    proto->site_count = 2;
    RiFeedback *feedback = ri_feedback_new(heap, proto);
    ri_feedback_warm(heap, feedback);
    put("feedback", ri_object(feedback, RI_TAG_FEEDBACK));
    RiTable *dead = object_of("dead").p, *alive = object_of("alive").p;
    put("alive", ri_table_value(alive));
    feedback->caches[0] = (RiCache){.shape = 9, .epoch = 1, .meta = dead, .holder = alive, .target = alive->slots};
    feedback->caches[1] = (RiCache){.shape = 9, .epoch = 1, .meta = alive, .holder = alive, .target = alive->slots};
    return feedback;
}

START_TEST(inline_caches_are_weak)
{
    RiFeedback *feedback = feedback_with_cache();
    collect();
    ck_assert_uint_eq(feedback->caches[0].shape, 0);
    ck_assert_ptr_null(feedback->caches[0].meta);
    ck_assert_ptr_null(feedback->caches[0].holder);
    ck_assert_uint_eq(feedback->caches[1].shape, 9);
    ck_assert_ptr_eq(feedback->caches[1].holder, get("alive").p);
}
END_TEST

START_TEST(userdata_is_scanned)
{
    RiUserdata *u = ri_udata_new(heap, 100000, 3);
    put("u", ri_object(u, RI_TAG_USERDATA));
    ck_assert_uint_eq((uintptr_t)u->data % 16, 0);
    void **words = (void **)(void *)u->data;
    words[0] = object_of("first").p;
    words[12499] = object_of("last").p;
    RiValue v = object_of("uservalue");
    ri_store(&u->uservalues[2], v);
    u->meta = object_of("meta").p;
    for (int round = 0; round < 3; round++) {
        collect();
        make_garbage(5000);
    }
    u = get("u").p;
    ck_assert_str_eq(name_of(ri_table_value(((void **)(void *)u->data)[0])), "first");
    ck_assert_str_eq(name_of(ri_table_value(((void **)(void *)u->data)[12499])), "last");
    ck_assert_str_eq(name_of(u->uservalues[2]), "uservalue");
    ck_assert(ri_is_nil(u->uservalues[0]));
    ck_assert_str_eq(name_of(ri_table_value(u->meta)), "meta");
}
END_TEST

START_TEST(empty_userdata)
{
    RiUserdata *u = ri_udata_new(heap, 0, 0);
    ck_assert_ptr_null(u->uservalues);
    ck_assert_uint_eq(u->size, 0);
    collect();
}
END_TEST

static RI_NOINLINE RiThread *thread_with_values(RiTable *weak)
{
    RiThread *thread = ri_thread_new(heap, NULL, 40);
    put("thread", ri_object(thread, RI_TAG_THREAD));
    for (int i = 0; i < 30; i++) {
        RiValue v = object_of("slot");
        set(weak, v, ri_int(i));
        ri_store(&thread->stack[i], v);
    }
    thread->top = thread->stack + 20;
    thread->stack[3].tag = RI_TAG_LINK; /* a link with more above its tag, whose payload is no pointer */
    thread->stack[3].u = 0x123456789abcdef0;
    RI_LINK_OF(thread->stack + 4)->extra = 77;
    thread->stack[4].tag |= (uint64_t)5 << 32; /* a function's slot keeps something in the upper half */
    return thread;
}

START_TEST(stacks_are_traced_up_to_top)
{
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    RiThread *thread = thread_with_values(weak);
    collect();
    ck_assert_uint_eq(count_entries(weak), 19);
    for (int i = 0; i < 20; i++) {
        if (i != 3)
            ck_assert_str_eq(name_of((RiValue){.u = thread->stack[i].u, .tag = RI_TAG_TABLE}), "slot");
    }
}
END_TEST

START_TEST(stacks_move)
{
    RiThread *thread = ri_thread_new(heap, NULL, 40);
    heap->running = thread;
    ck_assert_ptr_eq(thread->stack_limit, thread->stack + 40 - RI_STACK_RESERVE);
    for (int i = 0; i < 10; i++) {
        RiValue v = object_of("x");
        ri_store(thread->top, v);
        thread->top++;
    }
    thread->base = thread->stack + 4;
    ri_thread_resize_stack(thread, 10000);
    ck_assert_int_eq(thread->top - thread->stack, 10);
    ck_assert_int_eq(thread->base - thread->stack, 4);
    ck_assert_uint_eq(thread->stack_capacity, 10000);
    collect();
    for (int i = 0; i < 10; i++)
        ck_assert_str_eq(name_of(thread->stack[i]), "x");
    ri_thread_resize_stack(thread, 40);
    for (int i = 0; i < 10; i++)
        ck_assert_str_eq(name_of(thread->stack[i]), "x");
}
END_TEST

typedef struct Block {
    RiObject object;
    void *pointers[600];
} Block;

START_TEST(blocks_are_scanned)
{
    Block *block = ri_heap_alloc_block(heap, sizeof *block);
    put("block", ri_object(block, RI_TAG_BLOCK));
    for (int i = 0; i < 600; i++)
        block->pointers[i] = object_of("pointed at").p;
    for (int round = 0; round < 3; round++) {
        collect();
        make_garbage(5000);
    }
    block = get("block").p;
    for (int i = 0; i < 600; i++)
        ck_assert_str_eq(name_of(ri_table_value(block->pointers[i])), "pointed at");
}
END_TEST

START_TEST(added_roots_are_scanned)
{
    void **words = calloc(1000, sizeof *words);
    for (int i = 0; i < 20; i++)
        ri_heap_add_root(heap, words + i * 50, 50 * sizeof *words);
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    for (int i = 0; i < 1000; i++) {
        RiValue v = object_of("rooted");
        words[i] = v.p;
        set(weak, v, ri_int(i));
    }
    collect();
    ck_assert_uint_eq(count_entries(weak), 1000);
    for (int i = 0; i < 10; i++)
        ri_heap_remove_root(heap, words + i * 50, 50 * sizeof *words);
    collect();
    ck_assert_uint_le(count_entries(weak), 502);
    ck_assert_uint_ge(count_entries(weak), 500);
    for (int i = 10; i < 20; i++)
        ri_heap_remove_root(heap, words + i * 50, 50 * sizeof *words);
    free(words);
}
END_TEST

/* -- Weak tables ----------------------------------------------------------------------------------------------- */

static RI_NOINLINE void fill_weak(RiTable *t, RiTable *strong, int count)
{
    for (int i = 1; i <= count; i++) {
        RiValue key = object_of("key"), value = object_of("value");
        if (i % 2 == 0)
            ri_table_append(heap, strong, key);
        if (i % 4 == 0)
            ri_table_append(heap, strong, value);
        set(t, key, value);
    }
}

/* Half of the keys and a quarter of the values are kept by root.strong. */
static RI_NOINLINE void fill_weak_and_strong(RiTable *weak)
{
    RiTable *strong = ri_table_new(heap, 0, 0);
    put("strong", ri_table_value(strong));
    fill_weak(weak, strong, 1000);
}

static RI_NOINLINE void check_strong(const RiTable *weak)
{
    RiTable *strong = get("strong").p;
    for (int i = 1; i <= 750; i += 3) {
        RiValue value = ri_table_get(weak, ri_table_get_int(strong, i));
        ck_assert_str_eq(name_of(value), "value");
    }
    put("strong", ri_nil());
}

START_TEST(weak_keys)
{
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    fill_weak_and_strong(weak);
    collect();
    ck_assert_uint_ge(count_entries(weak), 500);
    ck_assert_uint_le(count_entries(weak), 502);
    check_strong(weak);
    collect();
    ck_assert_uint_le(count_entries(weak), 2);
}
END_TEST

START_TEST(weak_values)
{
    RiTable *weak = with_mode("v");
    put("weak", ri_table_value(weak));
    fill_weak_and_strong(weak);
    collect();
    ck_assert_uint_ge(count_entries(weak), 250);
    ck_assert_uint_le(count_entries(weak), 252);
}
END_TEST

START_TEST(weak_keys_and_values)
{
    RiTable *weak = with_mode("kv");
    put("weak", ri_table_value(weak));
    fill_weak_and_strong(weak);
    collect();
    ck_assert_uint_ge(count_entries(weak), 250);
    ck_assert_uint_le(count_entries(weak), 252);
}
END_TEST

static RI_NOINLINE void fill_parts(RiTable *t)
{
    for (int i = 1; i <= 20; i++)
        ri_table_set_int(heap, t, i, i == 7 || i == 11 ? ri_int(i) : object_of("element"));
    ri_table_set_str(heap, t, str("a"), object_of("field"));
    ri_table_set_str(heap, t, str("b"), ri_string_value(str("a string of some length is a value")));
    ri_table_set_str(heap, t, str("c"), object_of("field"));
    ri_table_set_str(heap, t, str("d"), object_of("field"));
    ri_table_set_str(heap, t, str("e"), ri_bool(true));
    set(t, ri_float(0.5), object_of("entry"));
    set(t, ri_float(0.25), ri_float(1));
    set(t, ri_bool(true), ri_string_value(ri_str_new_uninit(heap, 1000)));
}

START_TEST(weak_values_in_every_part)
{
    RiTable *weak = with_mode("v");
    put("weak", ri_table_value(weak));
    fill_parts(weak);
    collect();
    make_garbage(5000);
    ck_assert_int_eq(ri_table_length(weak), 11);
    ck_assert_int_eq(ri_table_get_int(weak, 7).i, 7);
    ck_assert(ri_is_nil(ri_table_get_int(weak, 6)));
    ck_assert(ri_is_nil(ri_table_get_int(weak, 20)));
    ck_assert(ri_is_nil(ri_table_get_str(weak, str("a"))));
    ck_assert(ri_is_nil(ri_table_get_str(weak, str("d"))));
    ck_assert_str_eq(ri_str_data(ri_table_get_str(weak, str("b")).p), "a string of some length is a value");
    ck_assert(ri_is_bool(ri_table_get_str(weak, str("e"))));
    ck_assert(ri_is_nil(ri_table_get(weak, ri_float(0.5))));
    ck_assert(ri_is_float(ri_table_get(weak, ri_float(0.25))));
    ck_assert(ri_is_string(ri_table_get(weak, ri_bool(true))));
    ck_assert_uint_eq(count_entries(weak), 6);
}
END_TEST

START_TEST(weak_keys_keep_the_rest)
{
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    fill_parts(weak);
    set(weak, ri_string_value(ri_str_new(heap, "a long string as a key, which is a value and not an object", 58)),
        object_of("under a string"));
    for (int round = 0; round < 3; round++) {
        collect();
        make_garbage(5000);
    }
    ck_assert_int_eq(ri_table_length(weak), 20);
    ck_assert_str_eq(name_of(ri_table_get_int(weak, 20)), "element");
    ck_assert_str_eq(name_of(ri_table_get_str(weak, str("d"))), "field");
    ck_assert_str_eq(name_of(ri_table_get(weak, ri_float(0.5))), "entry");
    ck_assert_uint_eq(count_entries(weak), 29);
}
END_TEST

static RI_NOINLINE void make_cycles(RiTable *t, int count)
{
    for (int i = 0; i < count; i++) {
        RiValue key = object_of("key");
        RiTable *value = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, value, 1, key); /* the value refers to the key */
        set(t, key, ri_table_value(value));
    }
}

START_TEST(ephemeron_cycles_die)
{
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    make_cycles(weak, 1000);
    collect();
    ck_assert_uint_le(count_entries(weak), 2);
}
END_TEST

/* n tables, each the key of the next in the same (or alternating) ephemeron tables. */
static RI_NOINLINE void make_chain(RiTable *weak, RiTable *other, int count, bool backwards)
{
    RiTable *keep = ri_table_new(heap, 0, 0);
    for (int i = 0; i <= count; i++)
        ri_table_append(heap, keep, object_of("link"));
    for (int n = 0; n < count; n++) {
        int i = backwards ? count - n : n + 1;
        set(i % 2 ? weak : other, ri_table_get_int(keep, i), ri_table_get_int(keep, i + 1));
    }
    put("head", ri_table_get_int(keep, 1));
}

static RI_NOINLINE void check_chain(const RiTable *weak, const RiTable *other, int count)
{
    RiValue v = get("head");
    for (int i = 1; i <= count; i++)
        v = ri_table_get(i % 2 ? weak : other, v);
    ck_assert_str_eq(name_of(v), "link");
    put("head", ri_nil());
}

START_TEST(ephemeron_chains)
{
    for (int variant = 0; variant < 4; variant++) {
        RiTable *weak = with_mode("k"), *other = variant & 1 ? with_mode("k") : weak;
        put("weak", ri_table_value(weak));
        put("other", ri_table_value(other));
        make_chain(weak, other, 300, variant & 2);
        collect();
        make_garbage(2000);
        collect();
        ck_assert_uint_eq(count_entries(weak) + (other != weak ? count_entries(other) : 0), 300);
        check_chain(weak, other, 300);
        collect();
        ck_assert_uint_le(count_entries(weak) + (other != weak ? count_entries(other) : 0), 3);
    }
}
END_TEST

START_TEST(mode_may_come_and_go)
{
    RiTable *weak = with_mode(NULL);
    put("weak", ri_table_value(weak));
    fill_weak(weak, ri_table_new(heap, 0, 0), 100);
    collect();
    ck_assert_uint_eq(count_entries(weak), 100);
    ri_table_set_str(heap, weak->meta, str("__mode"), ri_string_value(str("v")));
    collect();
    ck_assert_uint_le(count_entries(weak), 2);
    fill_weak(weak, ri_table_new(heap, 0, 0), 100);
    ri_table_set_str(heap, weak->meta, str("__mode"), ri_nil());
    collect();
    ck_assert_uint_ge(count_entries(weak), 100);
    ri_table_set_str(heap, weak->meta, str("__mode"), ri_string_value(str("k")));
    ri_table_set_meta(heap, weak, NULL);
    collect();
    ck_assert_uint_ge(count_entries(weak), 100);
}
END_TEST

START_TEST(mode_in_a_large_metatable)
{
    RiTable *weak = with_mode(NULL);
    put("weak", ri_table_value(weak));
    for (int i = 0; i < 200; i++) {
        char name[20];
        snprintf(name, sizeof name, "method%d", i);
        ri_table_set_str(heap, weak->meta, str(name), ri_int(i));
    }
    ri_table_set_str(heap, weak->meta, str("__mode"), ri_string_value(str("k")));
    fill_weak(weak, ri_table_new(heap, 0, 0), 100);
    collect();
    ck_assert_uint_le(count_entries(weak), 2);
}
END_TEST

START_TEST(weak_table_in_weak_table)
{
    RiTable *outer = with_mode("k");
    put("outer", ri_table_value(outer));
    RiValue key = object_of("key");
    put("key", key);
    RiTable *inner = with_mode("v");
    set(outer, key, ri_table_value(inner));
    fill_weak(inner, ri_table_new(heap, 0, 0), 50);
    set(inner, ri_int(-1), key);
    inner = NULL;
    collect();
    inner = ri_table_get(outer, get("key")).p;
    ck_assert_ptr_nonnull(inner);
    ck_assert_uint_le(count_entries(inner), 3);
    ck_assert_str_eq(name_of(ri_table_get(inner, ri_int(-1))), "key");
}
END_TEST

static RI_NOINLINE void add_and_remove(RiTable *t)
{
    for (int i = 0; i < 6; i++) {
        RiString *s = ri_str_new_uninit(heap, 1 << 20);
        memset((char *)s + offsetof(RiString, bytes), 'a' + i, 1 << 20);
        set(t, ri_string_value(s), ri_int(i));
        set(t, ri_string_value(s), ri_nil());
        RiValue key = object_of("removed");
        set(t, key, ri_int(1));
        set(t, key, ri_nil());
    }
}

START_TEST(removed_keys_die)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    put("t", ri_table_value(t));
    collect();
    uint64_t before = ri_heap_count_bytes(heap);
    add_and_remove(t);
    collect();
    ck_assert_uint_le(ri_heap_count_bytes(heap), before + 200000);
    /* And nobody looks at them any more. */
    make_garbage(1000);
    RiString *other = ri_str_new_uninit(heap, 1 << 20);
    memset((char *)other + offsetof(RiString, bytes), 'a', 1 << 20);
    ck_assert(ri_is_nil(ri_table_get(t, ri_string_value(other))));
    set(t, ri_string_value(other), ri_int(99));
    ck_assert_int_eq(ri_table_get(t, ri_string_value(other)).i, 99);
}
END_TEST

START_TEST(removed_key_that_lives_can_be_passed)
{
    RiTable *t = ri_table_new(heap, 0, 0);
    put("t", ri_table_value(t));
    RiString *s = ri_str_new(heap, "a key of more than forty bytes that stays alive", 47);
    put("s", ri_string_value(s));
    set(t, ri_string_value(s), ri_int(1));
    set(t, ri_float(2.5), ri_int(2));
    set(t, ri_string_value(s), ri_nil());
    collect();
    uint64_t pos;
    RiValue key, value;
    ck_assert(ri_table_position_after(t, ri_string_value(s), &pos));
    ck_assert(ri_table_next_at(t, &pos, &key, &value));
    ck_assert(ri_is_float(key));
}
END_TEST

/* -- Finalizers ------------------------------------------------------------------------------------------------ */

static RI_NOINLINE void register_objects(int count, RiTable *keep)
{
    for (int i = 1; i <= count; i++) {
        RiTable *t = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, t, 1, ri_int(i));
        ri_table_set_int(heap, t, 2, object_of("child"));
        ri_heap_register_finalizer(heap, ri_table_value(t));
        if (keep)
            ri_table_append(heap, keep, ri_table_value(t));
    }
}

START_TEST(finalizers_come_in_reverse_order)
{
    register_objects(1000, NULL);
    ck_assert(!ri_heap_has_finalizable(heap));
    collect();
    ck_assert(ri_heap_has_finalizable(heap));
    ck_assert(heap->attention);
    ck_assert_int_eq(heap->budget, 0);
    make_garbage(2000);
    int64_t last = 1001;
    int count = 0;
    for (RiValue v; !ri_is_nil(v = ri_heap_take_finalizable(heap));) {
        int64_t i = ri_table_get_int(v.p, 1).i;
        ck_assert_int_lt(i, last);
        ck_assert_str_eq(name_of(ri_table_get_int(v.p, 2)), "child");
        last = i;
        count++;
        if (count == 500) {
            collect(); /* the rest goes on waiting */
            make_garbage(2000);
        }
    }
    ck_assert_int_ge(count, 998);
    ck_assert(!ri_heap_has_finalizable(heap));
    collect();
    ck_assert(ri_is_nil(ri_heap_take_finalizable(heap)));
}
END_TEST

START_TEST(reachable_objects_are_not_finalized)
{
    RiTable *keep = ri_table_new(heap, 0, 0);
    put("keep", ri_table_value(keep));
    register_objects(100, keep);
    for (int i = 0; i < 3; i++)
        collect();
    ck_assert(!ri_heap_has_finalizable(heap));
    put("keep", ri_nil());
    keep = NULL;
    collect();
    ck_assert(ri_heap_has_finalizable(heap));
}
END_TEST

START_TEST(all_are_finalized_at_the_end)
{
    RiTable *keep = ri_table_new(heap, 0, 0);
    put("keep", ri_table_value(keep));
    register_objects(100, keep);
    ri_heap_finalize_all(heap);
    for (int i = 100; i >= 1; i--) {
        RiValue v = ri_heap_take_finalizable(heap);
        ck_assert(ri_is_table(v));
        ck_assert_int_eq(ri_table_get_int(v.p, 1).i, i);
        ck_assert(!(((RiTable *)v.p)->flags & RI_TABLE_FINALIZER));
    }
    ck_assert(ri_is_nil(ri_heap_take_finalizable(heap)));
}
END_TEST

START_TEST(may_be_registered_again)
{
    register_objects(1, NULL);
    for (int i = 0; i < 5; i++) {
        ri_heap_finalize_all(heap);
        RiValue v = ri_heap_take_finalizable(heap);
        ck_assert(ri_is_table(v));
        ri_heap_register_finalizer(heap, v);
        ri_heap_register_finalizer(heap, v); /* counts once */
    }
    ri_heap_finalize_all(heap);
    ck_assert(ri_is_table(ri_heap_take_finalizable(heap)));
    ck_assert(ri_is_nil(ri_heap_take_finalizable(heap)));
}
END_TEST

static RI_NOINLINE void register_in_weak(RiTable *keys, RiTable *values)
{
    for (int i = 1; i <= 50; i++) {
        RiTable *t = ri_table_new(heap, 0, 0);
        ri_table_set_int(heap, t, 1, ri_int(i));
        set(keys, ri_table_value(t), ri_int(i));
        set(values, ri_int(i), ri_table_value(t));
        ri_heap_register_finalizer(heap, ri_table_value(t));
    }
}

/* Manual §2.5.4: resurrected objects are removed from weak values before running their finalizers, and from weak keys
 * only in the next cycle. */
START_TEST(resurrection_and_weak_tables)
{
    RiTable *keys = with_mode("k"), *values = with_mode("v");
    put("keys", ri_table_value(keys));
    put("values", ri_table_value(values));
    register_in_weak(keys, values);
    collect();
    ck_assert_uint_eq(count_entries(keys), 50);
    ck_assert_uint_le(count_entries(values), 1);
    while (!ri_is_nil(ri_heap_take_finalizable(heap)))
        ;
    collect();
    ck_assert_uint_le(count_entries(keys), 1);
}
END_TEST

/* -- Several heaps, threads -------------------------------------------------------------------------------------- */

START_TEST(two_heaps_on_a_thread)
{
    RiHeap *first = heap;
    RiTable *first_root = root;
    RiTable *weak = with_mode("k");
    put("weak", ri_table_value(weak));
    fill_weak(weak, ri_table_new(heap, 0, 0), 100);
    put("kept", object_of("of the first"));

    heap = ri_heap_create(7);
    root = ri_table_new(heap, 0, 0);
    heap->host = root;
    RiTable *other_weak = with_mode("k");
    put("weak", ri_table_value(other_weak));
    fill_weak(other_weak, ri_table_new(heap, 0, 0), 100);
    put("kept", object_of("of the second"));
    register_objects(10, NULL);
    collect();
    make_garbage(5000);
    collect();
    ck_assert_uint_le(count_entries(other_weak), 3); /* its own */
    ck_assert(ri_heap_has_finalizable(heap));
    ck_assert_str_eq(name_of(get("kept")), "of the second");

    RiHeap *second = heap;
    heap = first;
    root = first_root;
    ck_assert_str_eq(name_of(get("kept")), "of the first");
    ck_assert_uint_eq(count_entries(weak), 100); /* not touched by the other's collection */
    collect();
    ck_assert_uint_le(count_entries(weak), 3);
    ri_heap_destroy(second);
    collect();
    make_garbage(5000);
    ck_assert_str_eq(name_of(get("kept")), "of the first");
}
END_TEST

typedef struct Worker {
    uint64_t seed;
    int failures;
} Worker;

/* Builds trees of tables and strings in a heap of its own and checks them. */
static void *work(void *argument)
{
    Worker *worker = argument;
    RiHeap *own = ri_heap_create(worker->seed);
    RiTable *top = ri_table_new(own, 0, 0);
    own->host = top;
    for (int i = 0; i < 60000; i++) {
        RiTable *t = ri_table_new(own, 0, 0);
        char text[40];
        int size = snprintf(text, sizeof text, "text %d", i);
        ri_table_set_str(own, t, ri_str_from_cstr(own, "s"), ri_string_value(ri_str_new(own, text, (size_t)size)));
        ri_table_set_int(own, t, 1, ri_int(i));
        ri_table_set_int(own, top, i % 1000 + 1, ri_table_value(t));
        if (i % 5000 == 0)
            ri_heap_collect(own);
    }
    for (int i = 59000; i < 60000; i++) {
        RiValue v = ri_table_get_int(top, i % 1000 + 1);
        char text[40];
        snprintf(text, sizeof text, "text %d", i);
        if (!ri_is_table(v) || ri_table_get_int(v.p, 1).i != i) {
            worker->failures++;
            continue;
        }
        RiValue s = ri_table_get_str(v.p, ri_str_from_cstr(own, "s"));
        if (!ri_is_string(s) || strcmp(ri_str_data(s.p), text) != 0 || s.p != ri_str_from_cstr(own, text))
            worker->failures++;
    }
    ri_heap_destroy(own);
    return NULL;
}

START_TEST(heaps_on_several_threads)
{
    enum { N = 4 };
    pthread_t threads[N];
    Worker workers[N] = {{0}};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            workers[i] = (Worker){.seed = (uint64_t)i + 1};
            ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
        }
        make_garbage(10000);
        collect();
        for (int i = 0; i < N; i++) {
            pthread_join(threads[i], NULL);
            ck_assert_int_eq(workers[i].failures, 0);
        }
    }
    collect();
}
END_TEST

static void *create_first(void *unused)
{
    (void)unused;
    Worker worker = {.seed = 1};
    work(&worker);
    return worker.failures ? (void *)1 : NULL;
}

/* The first heap of the process is made on a thread that is not the main one (in the child that Check forks). */
START_TEST(first_heap_off_the_main_thread)
{
    pthread_t thread;
    void *failed;
    ck_assert_int_eq(pthread_create(&thread, NULL, create_first, NULL), 0);
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
    setup();
    make_garbage(10000);
    collect();
    teardown();
}
END_TEST

/* -- Lines of prototypes ----------------------------------------------------------------------------------------- */

START_TEST(lines)
{
    int8_t deltas[300];
    RiLineMark marks[3] = {{0, 10}, {100, 500}, {228, 501}};
    for (int i = 0; i < 300; i++)
        deltas[i] = i % 10 == 0;
    deltas[0] = deltas[100] = INT8_MIN;
    deltas[228] = 0;
    RiProto proto = {
        .line_deltas = deltas, .line_marks = marks, .line_mark_count = 3, .code_count = 300, .has_lines = 1};
    ck_assert_int_eq(ri_proto_line(&proto, 0), 10);
    ck_assert_int_eq(ri_proto_line(&proto, 9), 10);
    ck_assert_int_eq(ri_proto_line(&proto, 10), 11);
    ck_assert_int_eq(ri_proto_line(&proto, 99), 19);
    ck_assert_int_eq(ri_proto_line(&proto, 100), 500);
    ck_assert_int_eq(ri_proto_line(&proto, 115), 501);
    ck_assert_int_eq(ri_proto_line(&proto, 228), 501);
    ck_assert_int_eq(ri_proto_line(&proto, 231), 502);
    ck_assert_int_eq(ri_proto_line(&proto, 300), -1);
    proto.has_lines = 0;
    ck_assert_int_eq(ri_proto_line(&proto, 5), -1);
}
END_TEST

START_TEST(raw_equality)
{
    ck_assert(ri_raw_equal(ri_int(1), ri_float(1)));
    ck_assert(ri_raw_equal(ri_float(-0.0), ri_int(0)));
    ck_assert(!ri_raw_equal(ri_int((1ll << 53) + 1), ri_float(9007199254740992.0)));
    ck_assert(!ri_raw_equal(ri_int(INT64_MAX), ri_float(9223372036854775808.0)));
    ck_assert(ri_raw_equal(ri_float(-9223372036854775808.0), ri_int(INT64_MIN)));
    RiValue nan = ri_float(__builtin_nan(""));
    ck_assert(!ri_raw_equal(nan, nan));
    ck_assert(ri_raw_equal(ri_nil(), (RiValue){.u = 5, .tag = RI_TAG_NIL}));
    ck_assert(!ri_raw_equal(ri_nil(), ri_bool(false)));
    ck_assert(ri_raw_equal(ri_bool(true), ri_bool(true)));
    const char *text = "a string of more than forty bytes, not interned";
    ck_assert(ri_raw_equal(ri_string_value(str(text)), ri_string_value(str(text))));
    ck_assert(!ri_raw_equal(object_of("a"), object_of("a")));
    ck_assert_int_eq(ri_type(ri_bool(false)), RI_TYPE_BOOLEAN);
    ck_assert_int_eq(ri_type(ri_float(0)), RI_TYPE_NUMBER);
    ck_assert_str_eq(ri_type_names[ri_type(ri_table_value(root))], "table");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("heap");
    TCase *tc = tcase_create("heap");
    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, object_space_is_zeroed);
    tcase_add_test(tc, blocks_do_not_overlap);
    tcase_add_test(tc, count_follows_allocation_and_collection);
    tcase_add_test(tc, count_of_small_objects_is_honest);
    tcase_add_test(tc, freeing_lowers_the_count);
    tcase_add_test(tc, middle_blocks_are_used_again);
    tcase_add_test(tc, freed_middle_blocks_come_back_first);
    tcase_add_test(tc, collects_by_itself);
    tcase_add_test(tc, stopped_collector_does_not_collect);
    tcase_add_test(tc, absurd_sizes_fail);
    tcase_add_test(tc, tables_keep_what_they_hold);
    tcase_add_test(tc, tables_with_outer_slots);
    tcase_add_test(tc, large_arrays_and_dictionaries);
    tcase_add_test(tc, long_lists);
    tcase_add_test(tc, functions_keep_what_they_hold);
    tcase_add_test(tc, inline_caches_are_weak);
    tcase_add_test(tc, userdata_is_scanned);
    tcase_add_test(tc, empty_userdata);
    tcase_add_test(tc, stacks_are_traced_up_to_top);
    tcase_add_test(tc, stacks_move);
    tcase_add_test(tc, blocks_are_scanned);
    tcase_add_test(tc, added_roots_are_scanned);
    tcase_add_test(tc, weak_keys);
    tcase_add_test(tc, weak_values);
    tcase_add_test(tc, weak_keys_and_values);
    tcase_add_test(tc, weak_values_in_every_part);
    tcase_add_test(tc, weak_keys_keep_the_rest);
    tcase_add_test(tc, ephemeron_cycles_die);
    tcase_add_test(tc, ephemeron_chains);
    tcase_add_test(tc, mode_may_come_and_go);
    tcase_add_test(tc, mode_in_a_large_metatable);
    tcase_add_test(tc, weak_table_in_weak_table);
    tcase_add_test(tc, removed_keys_die);
    tcase_add_test(tc, removed_key_that_lives_can_be_passed);
    tcase_add_test(tc, finalizers_come_in_reverse_order);
    tcase_add_test(tc, reachable_objects_are_not_finalized);
    tcase_add_test(tc, all_are_finalized_at_the_end);
    tcase_add_test(tc, may_be_registered_again);
    tcase_add_test(tc, resurrection_and_weak_tables);
    tcase_add_test(tc, two_heaps_on_a_thread);
    tcase_add_test(tc, heaps_on_several_threads);
    tcase_add_test(tc, lines);
    tcase_add_test(tc, raw_equality);
    suite_add_tcase(suite, tc);
    TCase *bare = tcase_create("bare");
    tcase_set_timeout(bare, 120);
    tcase_add_test(bare, first_heap_off_the_main_thread);
    suite_add_tcase(suite, bare);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
