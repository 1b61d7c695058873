/* Colours: only where somebody can see them and has not said no. */
#include "tools/repl_style.h"

#include <string.h>
#include <unistd.h>

#include "vm/host/host.h"

const char *ri_style(bool color, RiStyle style)
{
    static const char *const codes[RI_STYLE_COUNT] = {
#define STYLE(name, code) code,
        RI_STYLES(STYLE)
#undef STYLE
    };
    return color ? codes[style] : "";
}

bool ri_style_is_wanted(int fd)
{
    const char *none = ri_host_getenv("NO_COLOR"), *terminal = ri_host_getenv("TERM");
    if (none != NULL && none[0] != '\0')
        return false;
    return terminal != NULL && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0 && isatty(fd);
}
