/* What --stats prints: where the instructions and the memory went. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/tool.h"
#include "vm/machine/frame.h"
#include "vm/exec/opcode.h"
#include "vm/exec/semantics.h"

#define SHOWN_MAX 30 /* instructions in the list */

static void print_opcodes(const RiStats *stats, int lines)
{
    uint64_t total = 0;
    bool shown[RI_OP_COUNT] = {false};
    for (int op = 0; op < RI_OP_COUNT; op++)
        total += stats->opcodes[op];
    fprintf(stderr, "instructions        %16" PRIu64 "\n", total);
    for (int line = 0; line < lines; line++) {
        int most = -1;
        for (int op = 0; op < RI_OP_COUNT; op++) {
            bool counts = !shown[op] && (stats->opcodes[op] > 0 || lines == RI_OP_COUNT);
            if (counts && (most < 0 || stats->opcodes[op] > stats->opcodes[most]))
                most = op;
        }
        if (most < 0)
            return;
        shown[most] = true;
        fprintf(stderr, "  %-16s  %16" PRIu64 "  %5.1f %%\n", ri_op_info[most].name, stats->opcodes[most],
                100.0 * (double)stats->opcodes[most] / (double)(total ? total : 1));
    }
}

static uint64_t count_named(const RiStats *stats, const char *prefix)
{
    uint64_t count = 0;
    for (int op = 0; op < RI_OP_COUNT; op++) {
        if (strncmp(ri_op_info[op].name, prefix, strlen(prefix)) == 0)
            count += stats->opcodes[op];
    }
    return count;
}

/* Look-ups on the way along a chain of tables can miss, too. */
static void print_caches(const char *what, uint64_t count, uint64_t misses)
{
    uint64_t hits = misses < count ? count - misses : 0;
    fprintf(stderr, "%-18s  %16" PRIu64 "  %5.1f %% cache hits\n", what, count,
            count ? 100.0 * (double)hits / (double)count : 0.0);
}

/* Who ran, how often turns changed, and what was asked for. */
static void print_processes(const RiMachine *machine)
{
    if (machine == NULL)
        return;
    const RiMachineStats *s = &machine->stats;
    fprintf(stderr, "processes           %16" PRIu64 " made, %" PRIu64 " of them forked, %" PRIu64 " ended\n",
            1 + s->spawns + s->forks, s->forks, s->exits);
    fprintf(stderr, "switches            %16" PRIu64 ", %" PRIu64 " pre-emptions, %" PRIu64 " ticks\n", s->switches,
            s->preemptions, s->ticks);
    fprintf(stderr, "system calls        %16" PRIu64 " by number, %" PRIu64 " by io and os; %" PRIu64 " messages, %" PRIu64
            " signals\n", s->syscalls, s->library_calls, s->messages, s->signals);
}

/* What the machine's paged memory did, if it was used. */
static void print_memory(const RiMachine *machine)
{
    const RiFrames *frames = machine != NULL ? machine->frames : NULL;
    if (frames == NULL)
        return;
    const RiFrameStats *s = &frames->stats;
    fprintf(stderr, "page frames         %16" PRIu32 " in use, %" PRIu32 " at most, of %" PRIu32 "\n", frames->in_use,
            s->in_use_max, frames->limit);
    fprintf(stderr, "page faults         %16" PRIu64 " minor, %" PRIu64 " major, %" PRIu64 " pages of zeros, %" PRIu64
            " copied\n", s->minor_faults, s->major_faults, s->zero_fills, s->copies);
    fprintf(stderr, "swapped             %16" PRIu64 " in, %" PRIu64 " out, %" PRIu64 " evictions, %" PRIu64
            " second chances\n", s->swap_in, s->swap_out, s->evictions, s->second_chances);
    fprintf(stderr, "TLB                 %16" PRIu64 " fills, %" PRIu64 " flushes\n", s->tlb_fills, s->tlb_flushes);
}

void ri_print_stats(RiThread *T, const RiStats *stats, bool all)
{
    RiHeapStats heap;
    ri_heap_stats(T->heap, &heap);
    fflush(stdout);
    print_opcodes(stats, all ? RI_OP_COUNT : SHOWN_MAX);
    print_caches("field reads", count_named(stats, "GETFIELD") + count_named(stats, "SELF"), stats->cache_misses_get);
    print_caches("field writes", count_named(stats, "SETFIELD"), stats->cache_misses_set);
    fprintf(stderr, "allocated           %16" PRIu64 " bytes, %" PRIu64 " live, %" PRIu64 " in the heap\n",
            heap.allocated_bytes, heap.live_bytes, heap.heap_bytes);
    fprintf(stderr, "collections         %16" PRIu64 " in %.1f ms\n", heap.collections, (double)heap.collect_ns / 1e6);
    fprintf(stderr, "interned strings    %16" PRIu64 "\n", heap.strings_interned);
    const RiMachine *machine = T->process->proc != NULL ? T->process->proc->machine : NULL;
    print_processes(machine);
    print_memory(machine);
}
