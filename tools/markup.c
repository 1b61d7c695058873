/* See markup.h. */
#include "tools/markup.h"

void ri_markup_text(FILE *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        switch (bytes[i]) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\r':
        case '\0':
            break;
        default:
            fputc(bytes[i], out);
        }
    }
}
