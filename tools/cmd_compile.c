/* `rille compile`: a program as saved bytecode. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stdlib/stream.h"
#include "tools/help.h"
#include "tools/tool.h"
#include "vm/exec/chunk.h"
#include "vm/exec/disasm.h"
#include "vm/host/newfile.h"

typedef struct Options {
    const char *bad;    /* the word that is not understood; NULL: something is missing */
    const char *path;   /* NULL: standard input */
    const char *output; /* NULL: from the path */
    bool strip, list, only_check;
} Options;

static bool parse(const RiTool *tool, Options *o)
{
    *o = (Options){0};
    bool has_script = false;
    for (int i = tool->first; i < tool->argc; i++) {
        const char *word = tool->argv[i];
        if (strcmp(word, "-s") == 0) {
            o->strip = true;
        } else if (strcmp(word, "-p") == 0) {
            o->only_check = true;
        } else if (strcmp(word, "--list") == 0) {
            o->list = true;
        } else if (strcmp(word, "-o") == 0 && i + 1 < tool->argc) {
            o->output = tool->argv[++i];
        } else if ((word[0] != '-' || word[1] == '\0') && !has_script) {
            o->path = word[0] == '-' ? NULL : word;
            has_script = true;
        } else {
            o->bad = word;
            return false;
        }
    }
    return has_script && (o->path != NULL || o->output != NULL || o->only_check);
}

/* "dir/prog.lua" -> "dir/prog.rbc" */
static RiString *output_name(RiThread *T, const char *path)
{
    size_t size = strlen(path);
    if (size > 4 && strcmp(path + size - 4, ".lua") == 0)
        size -= 4;
    RiSbuf sb;
    ri_sbuf_init(&sb, T->heap);
    ri_sbuf_add(&sb, path, size);
    ri_sbuf_add(&sb, ".rbc", 4);
    return ri_sbuf_finish(&sb);
}

static bool write_file(const RiTool *tool, const char *path, const RiString *bytes)
{
    RiNewFile new;
    bool ok = ri_newfile_open(&new, path);
    if (ok)
        ok = ri_newfile_close(&new, fwrite(ri_str_data(bytes), 1, bytes->size, new.file) == bytes->size);
    if (!ok) {
        char text[400];
        snprintf(text, sizeof text, "cannot write %.250s: %s", path, strerror(errno));
        ri_tool_message(tool, text);
    }
    return ok;
}

static int32_t run(RiThread *T, RiValue *args, uint32_t nargs)
{
    (void)nargs;
    RiTool *tool = ri_tool_of(args);
    Options o;
    parse(tool, &o);
    if (!ri_tool_report(tool, T, ri_load_file(T, o.path, NULL)))
        return ri_return_bool(T->base, false);
    const RiProto *proto = ((const RiClosure *)T->top[-1].p)->feedback->proto;
    if (o.list) {
        RiSbuf sb;
        ri_sbuf_init(&sb, T->heap);
        ri_disasm_proto(&sb, proto, RI_DISASM_NESTED | RI_DISASM_TABLES);
        fwrite(sb.data, 1, sb.size, stdout);
        fflush(stdout);
    }
    bool ok = true;
    if (!o.only_check) {
        RiString *bytes = ri_chunk_dump(T->heap, proto, o.strip);
        const char *path = o.output != NULL ? o.output : ri_str_cstr(T->heap, output_name(T, o.path));
        ok = write_file(tool, path, bytes);
    }
    return ri_return_bool(T->base, ok);
}

int ri_cmd_compile(RiTool *tool, int first)
{
    static const RiLibFn body = {.name = "?", .call = run};
    Options o;
    tool->first = first;
    if (!parse(tool, &o)) {
        ri_help_complain(tool, "compile", o.bad != NULL ? "unexpected" : "a script is needed", o.bad);
        return EXIT_FAILURE;
    }
    return ri_tool_run(tool, &body);
}
