/* Texts of syntax errors. */
#include "compiler/diag.h"

#include "vm/exec/debuginfo.h"

#include "vm/base/num.h"

#include <string.h>

#define SHOWN_COLUMNS_MAX 160 /* bytes of a source line that are shown */

RI_NORETURN static void leave(RiFailure *failure, RiSbuf *text, uint32_t line, const char *at)
{
    uint32_t column = 1;
    while (at - column >= failure->source && at[-(ptrdiff_t)column] != '\n' && at[-(ptrdiff_t)column] != '\r')
        column++;
    failure->error->message = ri_sbuf_finish(text);
    failure->error->line = line;
    failure->error->column = column;
    longjmp(failure->jump, 1);
}

void ri_diag_throw(RiFailure *failure, uint32_t line, const char *at, const char *near, size_t near_size,
                   const char *message)
{
    char id[RI_ID_SIZE], number[RI_NUM_TEXT_MAX];
    RiSbuf text;
    ri_sbuf_init(&text, failure->heap);
    ri_chunk_id(id, failure->chunkname, strlen(failure->chunkname));
    ri_sbuf_add(&text, id, strlen(id));
    ri_sbuf_add_char(&text, ':');
    ri_sbuf_add(&text, number, ri_num_print_int(line, number));
    ri_sbuf_add(&text, ": ", 2);
    ri_sbuf_add(&text, message, strlen(message));
    if (near != NULL) {
        ri_sbuf_add(&text, " near ", 6);
        ri_sbuf_add(&text, near, near_size);
    }
    leave(failure, &text, line, at);
}

void ri_diag_throw_depth(RiFailure *failure, uint32_t line, const char *at)
{
    static const char message[] = "C stack overflow";
    RiSbuf text;
    ri_sbuf_init(&text, failure->heap);
    ri_sbuf_add(&text, message, sizeof message - 1);
    leave(failure, &text, line, at);
}

static const char *find_line(const char *source, const char *end, uint32_t line)
{
    const char *at = source;
    while (line > 1 && at < end) {
        char c = *at++;
        if (c == '\n' || c == '\r') {
            if (at < end && (*at == '\n' || *at == '\r') && *at != c)
                at++;
            line--;
        }
    }
    return line > 1 ? NULL : at;
}

static void add_margin(RiSbuf *out, const char *number, size_t size)
{
    for (size_t i = size; i < 6; i++)
        ri_sbuf_add_char(out, ' ');
    ri_sbuf_add(out, number, size);
    ri_sbuf_add(out, " | ", 3);
}

void ri_diag_render(const RiCompileError *error, const char *source, size_t size, RiSbuf *out)
{
    ri_sbuf_add_str(out, error->message);
    ri_sbuf_add_char(out, '\n');
    const char *end = source + size, *start = find_line(source, end, error->line);
    if (start == NULL)
        return;
    /* A long line is shown from a little before the error on. */
    size_t caret = error->column - 1;
    if (caret > SHOWN_COLUMNS_MAX / 2) {
        start += caret - SHOWN_COLUMNS_MAX / 2;
        caret = SHOWN_COLUMNS_MAX / 2;
    }
    const char *stop = start;
    while (stop < end && *stop != '\n' && *stop != '\r' && stop - start < SHOWN_COLUMNS_MAX)
        stop++;
    char number[RI_NUM_TEXT_MAX];
    add_margin(out, number, ri_num_print_int(error->line, number));
    for (const char *p = start; p < stop; p++)
        ri_sbuf_add_char(out, (unsigned char)*p < ' ' && *p != '\t' ? '?' : *p);
    ri_sbuf_add_char(out, '\n');
    add_margin(out, "", 0);
    for (size_t i = 0; i < caret; i++) /* tabs stay tabs, continuation bytes of UTF-8 take no column */
        if (start + i >= stop || ((unsigned char)start[i] & 0xc0) != 0x80)
            ri_sbuf_add_char(out, start + i < stop && start[i] == '\t' ? '\t' : ' ');
    ri_sbuf_add(out, "^\n", 2);
}
