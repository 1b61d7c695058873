/* Traps: why an instruction could not be carried out. They are precise: the instruction has had no effect, and is carried
 * out again if the cause is repaired. */
#ifndef RI_MACHINE_TRAP_H
#define RI_MACHINE_TRAP_H

#include "vm/machine/machine.h"

typedef enum RiTrapCause {
#define TRAP(id, name, priority, signal, text, doc) RI_TRAP_##id,
#include "vm/machine/traps.def"
#undef TRAP
    RI_TRAP_COUNT
} RiTrapCause;

typedef struct RiTrapInfo {
    const char *name, *signal, *text, *doc;
    int priority;
} RiTrapInfo;
extern const RiTrapInfo ri_trap_info[RI_TRAP_COUNT];

/* What an access wants; the values of RI_PROT_…. */
typedef enum RiAccess { RI_ACCESS_READ = 1, RI_ACCESS_WRITE = 2, RI_ACCESS_EXEC = 4 } RiAccess;

/* Why, in the words of the message's parentheses. */
typedef enum RiTrapReason {
    RI_REASON_NONE,
    RI_REASON_NOT_MAPPED,
    RI_REASON_NULL_PAGE,
    RI_REASON_READ_ONLY,
    RI_REASON_NO_ACCESS,      /* mapped without any right */
    RI_REASON_NOT_EXECUTABLE,
    RI_REASON_BEYOND_END,     /* of the address space */
    RI_REASON_BEYOND_FILE,
    RI_REASON_FILE_ERROR,     /* reading or writing the file failed */
    RI_REASON_SWAP_ERROR,
    RI_REASON_DEVICE,         /* no such register, or not for this size or kind of access */
    RI_REASON_MISALIGNED,
    RI_REASON_NO_FRAME,       /* all page frames are in use */
    RI_REASON_LIMIT,          /* the memory limit of the process */
    RI_REASON_COUNT
} RiTrapReason;

typedef struct RiTrap {
    uint8_t cause;   /* RiTrapCause */
    uint8_t access;  /* RiAccess, of memory traps; else 0 */
    uint8_t reason;  /* RiTrapReason */
    RiAddr address;  /* of the first byte that could not be accessed */
    uint64_t size;   /* of the whole access, bytes */
} RiTrap;

/* "page fault: write of 8 bytes at 0x00012ff8 (read-only)". Always ends the text with 0. */
void ri_trap_describe(const RiTrap *trap, char *out, size_t size);
extern const char *const ri_trap_reasons[RI_REASON_COUNT];

#endif
