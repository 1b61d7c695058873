/* `rille bundle`: see tools/lua/bundle.lua. */
#include "tools/script.h"

int ri_cmd_bundle(RiTool *tool, int first)
{
    return ri_script_run(tool, "bundle", first);
}
