/* Warnings: warn(), and errors in finalizers. */
#include "vm/exec/warn.h"

#include <stdio.h>
#include <string.h>

void ri_warn(RiProcess *process, const char *message, bool continues)
{
    /* Only a shown warning is ever "to be continued": while warnings are off each piece is looked at alone. */
    if (!process->warning_continues) {
        if (!continues && message[0] == '@') {
            if (strcmp(message, "@on") == 0)
                process->warnings_on = true;
            else if (strcmp(message, "@off") == 0)
                process->warnings_on = false;
            return;
        }
        if (!process->warnings_on)
            return;
        fputs("Lua warning: ", stderr);
    }
    fputs(message, stderr);
    if (!continues)
        fputc('\n', stderr);
    fflush(stderr);
    process->warning_continues = continues;
}
