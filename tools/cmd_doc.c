/* `rille doc`: what library functions do. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/docs.h"
#include "tools/help.h"
#include "tools/repl_style.h"
#include "tools/tool.h"
#include "vm/host/files.h"

#define COLUMNS_MAX 110u

static uint32_t columns(void)
{
    uint16_t size[4];
    if (ri_host_fd_terminal_size(STDOUT_FILENO, size) < 0 || size[1] < 40)
        return 80;
    return size[1] < COLUMNS_MAX ? size[1] : COLUMNS_MAX;
}

static void print_name(const char *name, void *out)
{
    fprintf(out, "%s\n", name);
}

int ri_cmd_doc(RiTool *tool, int first)
{
    bool color = ri_style_is_wanted(STDOUT_FILENO), ok = true;
    if (first >= tool->argc) {
        ri_docs_print_index(stdout, color, columns());
    } else if (strcmp(tool->argv[first], "--list") == 0) {
        ri_docs_each(print_name, stdout);
    } else if (strcmp(tool->argv[first], "-k") == 0 && first + 1 < tool->argc) {
        ok = ri_docs_search(stdout, tool->argv[first + 1], color, columns()) > 0;
        if (!ok)
            fprintf(stderr, "%s: nothing speaks of '%s'\n", tool->name, tool->argv[first + 1]);
    } else if (tool->argv[first][0] == '-') {
        ri_help_complain(tool, "doc", "unexpected", tool->argv[first]);
        return EXIT_FAILURE;
    } else {
        for (int i = first; i < tool->argc; i++) {
            if (i > first)
                putchar('\n');
            ok = ri_docs_print(stdout, tool->argv[i], color, columns()) && ok;
        }
    }
    return fflush(stdout) == 0 && ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
