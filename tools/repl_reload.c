#include "tools/repl.h"
RiParsed ri_repl_do_reload(RiRepl *repl, const char *argument)
{
    (void)repl; (void)argument; return RI_PARSED;
}
