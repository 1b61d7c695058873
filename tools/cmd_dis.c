/* `rille dis`: the bytecode of a program. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

#include "stdlib/stream.h"
#include "tools/help.h"
#include "tools/tool.h"
#include "vm/exec/disasm.h"
#include "vm/host/host.h"

typedef struct Options {
    const char *bad;  /* the word that is not understood; NULL: something is missing */
    const char *path; /* NULL: standard input */
    const char *text; /* of -e */
    unsigned flags;
    bool native, is_patient;
} Options;

static bool parse(const RiTool *tool, Options *o)
{
    *o = (Options){.flags = RI_DISASM_NESTED | RI_DISASM_TABLES};
    bool has_script = false;
    for (int i = tool->first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "--main") == 0) {
            o->flags &= ~(unsigned)RI_DISASM_NESTED;
        } else if (strcmp(word, "--brief") == 0) {
            o->flags &= ~(unsigned)RI_DISASM_TABLES;
        } else if (strcmp(word, "--depth") == 0) {
            o->flags |= RI_DISASM_DEPTHS;
        } else if (strcmp(word, "--native") == 0) {
            o->native = true;
        } else if (strcmp(word, "--jit=on") == 0) {
            o->is_patient = true;
        } else if (strcmp(word, "-e") == 0 && i + 1 < tool->argc && !has_script) {
            o->text = tool->argv[++i];
            has_script = true;
        } else if ((word[0] != '-' || word[1] == '\0') && !has_script) {
            o->path = word[0] == '-' ? NULL : word;
            has_script = true;
        } else {
            o->bad = word;
            return false;
        }
    }
    return has_script;
}

/* -- Machine code ------------------------------------------------------------------------------------------------ */

#define LINE_BYTES 12u

static void print_bytes(FILE *out, const uint8_t *bytes, size_t size, uint32_t offset)
{
    for (size_t at = 0; at < size; at += LINE_BYTES) {
        fprintf(out, "    %6" PRIx32 " ", offset + (uint32_t)at);
        for (size_t i = at; i < size && i < at + LINE_BYTES; i++)
            fprintf(out, " %02x", bytes[i]);
        fputc('\n', out);
    }
}

#ifdef HAVE_CAPSTONE
/* Looked for when it is needed: a program that only runs shall not wait for it to be loaded. */
typedef struct Capstone {
    cs_err (*open)(cs_arch arch, cs_mode mode, csh *handle);
    size_t (*disasm)(csh handle, const uint8_t *code, size_t size, uint64_t address, size_t count, cs_insn **insn);
    void (*free)(cs_insn *insn, size_t count);
    cs_err (*close)(csh *handle);
} Capstone;

static bool find(void *library, const char *symbol, void *function)
{
    const char *error;
    void *address = ri_host_find_symbol(library, symbol, &error);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static bool load_capstone(Capstone *cs)
{
    static const char *const names[] = {"libcapstone.so.5", "libcapstone.so.4", "libcapstone.so"};
    const char *error;
    void *library = NULL;
    for (size_t i = 0; i < RI_COUNTOF(names) && library == NULL; i++)
        library = ri_host_load_library(names[i], false, &error);
    return library != NULL && find(library, "cs_open", &cs->open) && find(library, "cs_disasm", &cs->disasm) &&
           find(library, "cs_free", &cs->free) && find(library, "cs_close", &cs->close);
}

static void print_code(FILE *out, const uint8_t *bytes, size_t size, uint32_t offset)
{
    Capstone cs;
    csh handle;
    cs_insn *lines;
    size_t done = 0;
    if (load_capstone(&cs) && cs.open(CS_ARCH_X86, CS_MODE_64, &handle) == CS_ERR_OK) {
        size_t count = cs.disasm(handle, bytes, size, offset, 0, &lines);
        for (size_t i = 0; i < count; i++) {
            fprintf(out, "    %6" PRIx64 "  %-8s %s\n", lines[i].address, lines[i].mnemonic, lines[i].op_str);
            done += lines[i].size;
        }
        if (count > 0)
            cs.free(lines, count);
        cs.close(&handle);
    }
    print_bytes(out, bytes + done, size - done, offset + (uint32_t)done); /* what is no instruction */
}
#else
#define print_code print_bytes
#endif

/* The program on top of the stack is run, then listed. */
static bool run_and_list(const RiTool *tool, RiThread *T)
{
    ri_push_link(T);
    bool ok = ri_tool_report(tool, T, ri_tool_call(T, 0, 0, NULL));
    fflush(stdout);
    if (T->heap->jit == NULL) {
        ri_tool_message(tool, "no machine code can be made here");
        return false;
    }
    ri_jit_print_listing(T->heap, stdout, print_code);
    return fflush(stdout) == 0 && ok;
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTool *tool = ri_tool_of(args);
    Options o;
    parse(tool, &o);
    if (o.native)
        ri_open_libraries(T);
    int status = o.text != NULL ? (int)ri_load(T, o.text, strlen(o.text), "=(command line)", NULL)
                                : ri_load_file(T, o.path, NULL);
    if (!ri_tool_report(tool, T, status))
        return ri_return_bool(T->base, false);
    if (o.native)
        return ri_return_bool(T->base, run_and_list(tool, T));
    const RiClosure *main_function = T->top[-1].p;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_disasm_proto(&sb, main_function->feedback->proto, o.flags);
    bool ok = fwrite(sb.data, 1, sb.size, stdout) == sb.size && fflush(stdout) == 0;
    if (!ok)
        ri_tool_message(tool, "cannot write the listing");
    return ri_return_bool(T->base, ok);
}

int ri_cmd_dis(RiTool *tool, int first)
{
    static const RiLibFn body = {.name = "?", .call = run};
    Options o;
    tool->first = first;
    if (!parse(tool, &o)) {
        ri_help_complain(tool, "dis", o.bad != NULL ? "unexpected" : "a script is needed", o.bad);
        return EXIT_FAILURE;
    }
    tool->jit.lists = o.native;
    tool->jit.always = o.native && !o.is_patient;
    return ri_tool_run(tool, &body);
}
