/* Machine code for debuggers: the JIT interface of GDB, which LLDB follows as well.
 *
 * A debugger puts a breakpoint on __jit_debug_register_code and reads __jit_debug_descriptor; both names are fixed. Each piece
 * of code gets a small ELF object in memory: one function symbol, and call frame information, so that backtraces go
 * through machine code to the C functions around it.
 *
 *     header | .text (no bytes: it is where it is) | .eh_frame | .symtab | .strtab | .shstrtab | section headers */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/core.h"

/* -- The interface ------------------------------------------------------------------------------------------------------- */

struct jit_code_entry {
    struct jit_code_entry *next_entry, *prev_entry;
    const char *symfile_addr;
    uint64_t symfile_size;
};

struct jit_descriptor {
    uint32_t version, action_flag; /* 1; 0: nothing, 1: register, 2: unregister */
    struct jit_code_entry *relevant_entry, *first_entry;
};

__attribute__((visibility("default"))) extern struct jit_descriptor __jit_debug_descriptor;
__attribute__((visibility("default"))) void __jit_debug_register_code(void);

struct jit_descriptor __jit_debug_descriptor = {.version = 1};

RI_NOINLINE void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory"); /* not empty: calls stay */
}

static void act(uint32_t action, struct jit_code_entry *entry)
{
    __jit_debug_descriptor.action_flag = action;
    __jit_debug_descriptor.relevant_entry = entry;
    __jit_debug_register_code();
    __jit_debug_descriptor.action_flag = 0;
}

/* -- Objects --------------------------------------------------------------------------------------------------------------- */

enum { SECTION_NONE, SECTION_TEXT, SECTION_EH_FRAME, SECTION_SYMTAB, SECTION_STRTAB, SECTION_NAMES, SECTION_COUNT };

typedef struct Object {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTION_COUNT];
    Elf64_Sym symbols[2];
    uint8_t eh_frame[128];
    char names[64];
    char strings[1 + RI_JIT_NAME_BYTES];
} Object;

struct RiJitObject {
    RiJitObject *next;
    struct jit_code_entry entry;
    Object object;
};

static const char section_names[] = "\0.text\0.eh_frame\0.symtab\0.strtab\0.shstrtab";

static void put(uint8_t **to, const void *bytes, size_t size)
{
    memcpy(*to, bytes, size);
    *to += size;
}

#define PUT(to, ...)                                                                               \
    do {                                                                                           \
        const uint8_t bytes_[] = {__VA_ARGS__};                                                    \
        put(to, bytes_, sizeof bytes_);                                                            \
    } while (0)

enum { DWARF_RBX = 3, DWARF_RBP = 6, DWARF_RSP = 7, DWARF_RETURN = 16, CFA_DEF = 0x0c, CFA_OFFSET = 0x80 };

#define ENTER_BYTES 80 /* what emit_enter pushes, and the return address */

/* Where the frame of a piece ends. Functions have pushed nothing but 8 bytes; what is entered by `bottom` stands where `enter` has
 * left the machine stack: all registers of C callers below. Data alignment is -8, so offsets count words downwards. */
static void put_rules(uint8_t **to, bool is_bottom)
{
    if (!is_bottom) {
        PUT(to, CFA_DEF, DWARF_RSP, 16, CFA_OFFSET | DWARF_RETURN, 1);
        return;
    }
    PUT(to, CFA_DEF, DWARF_RSP, ENTER_BYTES, CFA_OFFSET | DWARF_RETURN, 1, CFA_OFFSET | DWARF_RBX, 2, CFA_OFFSET | DWARF_RBP, 3);
    PUT(to, CFA_OFFSET | 12, 4, CFA_OFFSET | 13, 5, CFA_OFFSET | 14, 6, CFA_OFFSET | 15, 7);
}

static void pad_and_size(uint8_t *from, uint8_t **to)
{
    while ((size_t)(*to - from) % 8 != 4)
        *(*to)++ = 0; /* DW_CFA_nop */
    uint32_t size = (uint32_t)(*to - from - 4);
    memcpy(from, &size, 4);
}

/* One CIE and one FDE. Returns the size. */
static size_t make_eh_frame(uint8_t *out, uint64_t start, uint64_t size, bool is_bottom)
{
    uint8_t *to = out + 4;
    PUT(&to, 0, 0, 0, 0, 1, 0, 1, 0x78, DWARF_RETURN); /* id, version 1, no augmentation, alignments 1 and -8 */
    put_rules(&to, is_bottom);
    pad_and_size(out, &to);
    uint8_t *fde = to;
    to += 4;
    uint32_t back = (uint32_t)(to - out);
    put(&to, &back, 4);
    put(&to, &start, 8);
    put(&to, &size, 8);
    pad_and_size(fde, &to);
    PUT(&to, 0, 0, 0, 0);
    return (size_t)(to - out);
}

static void set_section(Object *o, int section, uint32_t name, uint32_t type, const void *data, size_t size)
{
    o->sections[section] = (Elf64_Shdr){.sh_name = name, .sh_type = type, .sh_size = size, .sh_addralign = 8,
                                        .sh_offset = (Elf64_Off)((const char *)data - (const char *)o)};
}

static void make_object(Object *o, uint64_t start, uint64_t size, const char *name, bool is_bottom)
{
    *o = (Object){.header = {.e_type = ET_REL, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_ehsize = sizeof o->header,
                             .e_shoff = offsetof(Object, sections), .e_shentsize = sizeof(Elf64_Shdr),
                             .e_shnum = SECTION_COUNT, .e_shstrndx = SECTION_NAMES}};
    memcpy(o->header.e_ident, ELFMAG, SELFMAG);
    o->header.e_ident[EI_CLASS] = ELFCLASS64;
    o->header.e_ident[EI_DATA] = ELFDATA2LSB;
    o->header.e_ident[EI_VERSION] = EV_CURRENT;
    memcpy(o->names, section_names, sizeof section_names);
    snprintf(o->strings + 1, sizeof o->strings - 1, "%s", name);
    o->symbols[1] = (Elf64_Sym){.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = SECTION_TEXT, .st_size = size};
    set_section(o, SECTION_TEXT, 1, SHT_NOBITS, o, size);
    o->sections[SECTION_TEXT].sh_addr = start;
    o->sections[SECTION_TEXT].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    set_section(o, SECTION_EH_FRAME, 7, SHT_PROGBITS, o->eh_frame, make_eh_frame(o->eh_frame, start, size, is_bottom));
    o->sections[SECTION_EH_FRAME].sh_flags = SHF_ALLOC;
    set_section(o, SECTION_SYMTAB, 17, SHT_SYMTAB, o->symbols, sizeof o->symbols);
    o->sections[SECTION_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
    o->sections[SECTION_SYMTAB].sh_link = SECTION_STRTAB;
    o->sections[SECTION_SYMTAB].sh_info = 1;
    set_section(o, SECTION_STRTAB, 25, SHT_STRTAB, o->strings, sizeof o->strings);
    set_section(o, SECTION_NAMES, 33, SHT_STRTAB, o->names, sizeof o->names);
}

/* -- For pieces.c ------------------------------------------------------------------------------------------------------------ */

void ri_jit_gdb_add(RiJit *j, RiJitPiece piece)
{
    RiJitObject *new = calloc(1, sizeof *new);
    if (!new)
        return;
    char name[RI_JIT_NAME_BYTES];
    ri_jit_piece_name(&piece, false, name);
    uint64_t start = (uint64_t)(uintptr_t)ri_jit_run_address(j, piece.start);
    /* A return address is looked up by the byte before it: that of `bottom` lies in the piece before. */
    bool is_bottom = !piece.proto && piece.start <= j->bottom_address && piece.end >= j->bottom_address;
    make_object(&new->object, start, piece.end - piece.start, name, is_bottom);
    new->entry.symfile_addr = (const char *)&new->object;
    new->entry.symfile_size = sizeof new->object;
    new->entry.next_entry = __jit_debug_descriptor.first_entry;
    if (new->entry.next_entry)
        new->entry.next_entry->prev_entry = &new->entry;
    __jit_debug_descriptor.first_entry = &new->entry;
    new->next = j->objects;
    j->objects = new;
    act(1, &new->entry);
}

void ri_jit_gdb_forget(RiJit *j)
{
    for (RiJitObject *object = j->objects, *next; object; object = next) {
        struct jit_code_entry *entry = &object->entry;
        next = object->next;
        if (entry->prev_entry)
            entry->prev_entry->next_entry = entry->next_entry;
        else
            __jit_debug_descriptor.first_entry = entry->next_entry;
        if (entry->next_entry)
            entry->next_entry->prev_entry = entry->prev_entry;
        act(2, entry);
        free(object);
    }
    j->objects = NULL;
}
