/* Traps in words. */
#include "vm/machine/trap.h"

#include <inttypes.h>
#include <stdio.h>

const RiTrapInfo ri_trap_info[RI_TRAP_COUNT] = {
#define TRAP(id, trap_name, trap_priority, trap_signal, trap_text, trap_doc)                       \
    [RI_TRAP_##id] = {.name = trap_name, .signal = trap_signal, .text = trap_text, .doc = trap_doc, \
                      .priority = trap_priority},
#include "vm/machine/traps.def"
#undef TRAP
};

const char *const ri_trap_reasons[RI_REASON_COUNT] = {
    [RI_REASON_NONE] = "",
    [RI_REASON_NOT_MAPPED] = "not mapped",
    [RI_REASON_NULL_PAGE] = "null page",
    [RI_REASON_READ_ONLY] = "read-only",
    [RI_REASON_NO_ACCESS] = "no access",
    [RI_REASON_NOT_EXECUTABLE] = "not executable",
    [RI_REASON_BEYOND_END] = "beyond the address space",
    [RI_REASON_BEYOND_FILE] = "beyond the end of the file",
    [RI_REASON_FILE_ERROR] = "file error",
    [RI_REASON_SWAP_ERROR] = "swap error",
    [RI_REASON_DEVICE] = "no such device register",
    [RI_REASON_MISALIGNED] = "misaligned",
    [RI_REASON_NO_FRAME] = "no free page frame",
    [RI_REASON_LIMIT] = "memory limit",
};

static const char *access_name(uint8_t access)
{
    return access == RI_ACCESS_WRITE ? "write" : access == RI_ACCESS_EXEC ? "execute" : "read";
}

void ri_trap_describe(const RiTrap *trap, char *out, size_t size)
{
    ri_assert(trap->cause < RI_TRAP_COUNT && trap->reason < RI_REASON_COUNT);
    const char *text = ri_trap_info[trap->cause].text, *reason = ri_trap_reasons[trap->reason];
    if (trap->access == 0) {
        snprintf(out, size, trap->reason != RI_REASON_NONE ? "%s (%s)" : "%s", text, reason);
        return;
    }
    snprintf(out, size, "%s: %s of %" PRIu64 " byte%s at 0x%08" PRIx32 " (%s)", text, access_name(trap->access), trap->size,
             trap->size == 1 ? "" : "s", trap->address, reason);
}
