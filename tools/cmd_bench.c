/* `rille bench`: see tools/lua/bench.lua. */
#include "tools/script.h"

int ri_cmd_bench(RiTool *tool, int first)
{
    return ri_script_run(tool, "bench", first);
}
