/* :time, :bench, :mem, :ps. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/repl.h"
#include "vm/exec/call.h"
#include "vm/host/host.h"
#include "vm/machine/sched.h"

#define BENCH_NS 1000000000u    /* how long :bench goes on */
#define BENCH_PART_NS 20000000u /* of one of its measurements */
#define BENCH_PARTS_MAX 200

/* "1.23 ms", "45.6 ns" */
static void text_of_ns(double ns, char out[32])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    size_t unit = 0;
    while (ns >= 1000 && unit + 1 < RI_COUNTOF(units)) {
        ns /= 1000;
        unit++;
    }
    snprintf(out, 32, ns < 10 ? "%.2f %s" : ns < 100 ? "%.1f %s" : "%.0f %s", ns, units[unit]);
}

static void text_of_bytes(double bytes, char out[32])
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < RI_COUNTOF(units)) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* -- :time --------------------------------------------------------------------------------------------------------- */

RiParsed ri_repl_do_time(RiRepl *repl, const char *argument)
{
    RiParsed parsed = ri_repl_compile_or_tell(repl, argument);
    if (parsed != RI_PARSED)
        return parsed;
    RiHeapStats before, after;
    uint32_t count;
    char wall[32], cpu[32], bytes[32];
    ri_heap_stats(repl->T->heap, &before);
    uint64_t wall_ns = ri_host_monotonic_ns(), cpu_ns = ri_host_process_cpu_ns();
    bool ok = ri_repl_call(repl, &count);
    wall_ns = ri_host_monotonic_ns() - wall_ns;
    cpu_ns = ri_host_process_cpu_ns() - cpu_ns;
    ri_heap_stats(repl->T->heap, &after);
    if (ok)
        ri_repl_show_results(repl, count);
    text_of_ns((double)wall_ns, wall);
    text_of_ns((double)cpu_ns, cpu);
    text_of_bytes((double)(after.allocated_bytes - before.allocated_bytes), bytes);
    ri_repl_note(repl, RI_STYLE_NOTE, "%s, %s of processor time, %s allocated, %" PRIu64 " collection%s", wall, cpu,
                 bytes, after.collections - before.collections, after.collections - before.collections == 1 ? "" : "s");
    return RI_PARSED;
}

/* -- :bench -------------------------------------------------------------------------------------------------------- */

typedef struct Bench {
    RiValue function;
    uint64_t runs;
    double parts[BENCH_PARTS_MAX]; /* ns of one run, measured over some ms each */
    uint32_t part_count;
} Bench;

/* Time of `runs` runs. */
static uint64_t measure(RiThread *T, RiValue function, uint64_t runs)
{
    uint64_t start = ri_host_monotonic_ns();
    for (uint64_t i = 0; i < runs; i++) {
        ri_push(T, function);
        ri_push_link(T);
        ri_call(T, 0, 0);
        ri_poll(T);
    }
    return ri_host_monotonic_ns() - start;
}

static void bench(RiRepl *repl, void *argument)
{
    Bench *b = argument;
    RiThread *T = repl->T;
    uint64_t runs = 1, start = ri_host_monotonic_ns(), ns;
    ri_push(T, b->function);
    while ((ns = measure(T, b->function, runs)) < BENCH_PART_NS / 2 && ri_host_monotonic_ns() - start < BENCH_NS)
        runs *= ns < BENCH_PART_NS / 20 ? 4 : 2;
    do {
        ns = measure(T, b->function, runs);
        b->parts[b->part_count++] = (double)ns / (double)runs;
        b->runs += runs;
    } while (b->part_count < BENCH_PARTS_MAX && ri_host_monotonic_ns() - start < BENCH_NS);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

RiParsed ri_repl_do_bench(RiRepl *repl, const char *argument)
{
    RiParsed parsed = ri_repl_compile_or_tell(repl, argument);
    if (parsed != RI_PARSED)
        return parsed;
    Bench b = {.function = repl->T->top[-1]};
    if (!ri_repl_protect(repl, bench, &b) || b.part_count == 0)
        return RI_PARSED;
    char least[32], median[32], most[32];
    qsort(b.parts, b.part_count, sizeof b.parts[0], compare_doubles);
    text_of_ns(b.parts[0], least);
    text_of_ns(b.parts[b.part_count / 2], median);
    text_of_ns(b.parts[b.part_count - 1], most);
    printf("%s%s%s a run  %s(least %s, most %s; %" PRIu64 " runs in %u part%s)%s\n",
           ri_repl_style(repl, RI_STYLE_STRONG), median, ri_repl_style(repl, RI_STYLE_PLAIN),
           ri_repl_style(repl, RI_STYLE_NOTE), least, most, b.runs, (unsigned)b.part_count,
           b.part_count == 1 ? "" : "s", ri_repl_style(repl, RI_STYLE_PLAIN));
    fflush(stdout);
    return RI_PARSED;
}

/* -- :mem ---------------------------------------------------------------------------------------------------------- */

RiParsed ri_repl_do_mem(RiRepl *repl, const char *argument)
{
    RiHeapStats now;
    const RiHeapStats *seen = &repl->seen;
    char live[32], heap[32], fresh[32], resident[32];
    (void)argument;
    ri_heap_stats(repl->T->heap, &now);
    text_of_bytes((double)ri_heap_count_bytes(repl->T->heap), live);
    text_of_bytes((double)now.heap_bytes, heap);
    text_of_bytes((double)(now.allocated_bytes - seen->allocated_bytes), fresh);
    text_of_bytes((double)ri_host_resident_bytes(), resident);
    printf("%-12s %s in use, %s with what is free in the heap; the host sees %s\n", "memory", live, heap, resident);
    printf("%-12s %s allocated, %" PRIu64 " collection%s in %.1f ms\n", "since then", fresh,
           now.collections - seen->collections, now.collections - seen->collections == 1 ? "" : "s",
           (double)(now.collect_ns - seen->collect_ns) / 1e6);
    printf("%-12s %" PRIu64 " interned\n", "strings", now.strings_interned);
    fflush(stdout);
    repl->seen = now;
    return RI_PARSED;
}

/* -- :ps ----------------------------------------------------------------------------------------------------------- */

RiParsed ri_repl_do_ps(RiRepl *repl, const char *argument)
{
    static const char program[] =
        "local list = require 'process'.list()\n"
        "table.sort(list, function(a, b) return a.pid < b.pid end)\n"
        "print(('%6s %7s %-9s %7s %9s  %s'):format('pid', 'parent', 'state', 'threads', 'cpu', 'name'))\n"
        "for _, p in ipairs(list) do\n"
        "  print(('%6d %7d %-9s %7d %8.3fs  %s'):format(p.pid, p.parent or 0, p.state, p.threads or 0, p.cpu or 0, "
        "p.name))\n"
        "end\n";
    uint32_t count;
    (void)argument;
    if (ri_load(repl->T, program, sizeof program - 1, "=:ps", "t") == RI_OK)
        ri_repl_call(repl, &count);
    return RI_PARSED;
}
