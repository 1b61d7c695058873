/* `rille test`: see tools/lua/test.lua. */
#include "tools/script.h"

int ri_cmd_test(RiTool *tool, int first)
{
    return ri_script_run(tool, "test", first);
}
