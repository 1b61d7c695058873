/* `rille dis`: the bytecode of a program. */
#include <stdio.h>
#include <string.h>

#include "stdlib/stream.h"
#include "tools/tool.h"
#include "vm/exec/disasm.h"

typedef struct Options {
    const char *path; /* NULL: standard input */
    const char *text; /* of -e */
    unsigned flags;
} Options;

static const char usage[] =
    "usage: %s dis [options] script      (- reads standard input; saved chunks are welcome too)\n"
    "  -e stat     list the string 'stat' instead of a script\n"
    "  --main      without the functions inside\n"
    "  --brief     without the lists of constants, upvalues and variables\n"
    "  --depth     with the depth of the stack before each instruction\n";

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
        } else if (strcmp(word, "-e") == 0 && i + 1 < tool->argc && !has_script) {
            o->text = tool->argv[++i];
            has_script = true;
        } else if ((word[0] != '-' || word[1] == '\0') && !has_script) {
            o->path = word[0] == '-' ? NULL : word;
            has_script = true;
        } else {
            return false;
        }
    }
    return has_script;
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTool *tool = ri_tool_of(args);
    Options o;
    parse(tool, &o);
    int status = o.text != NULL ? (int)ri_load(T, o.text, strlen(o.text), "=(command line)", NULL)
                                : ri_load_file(T, o.path, NULL);
    if (!ri_tool_report(tool, T, status))
        return ri_return_bool(T->base, false);
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
        fprintf(stderr, usage, tool->name);
        return EXIT_FAILURE;
    }
    return ri_tool_run(tool, &body);
}
