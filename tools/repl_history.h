/* What was typed, kept in a file for the sessions to come.
 *
 * The file is text: an entry begins at the beginning of a line, its further lines begin with a tab. Each entry is
 * appended when it is entered, under a lock, so several sessions at once lose nothing; whoever opens a file that has
 * become twice as long as it may be cuts it down to the newest entries. */
#ifndef RI_TOOLS_REPL_HISTORY_H
#define RI_TOOLS_REPL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct RiHistory RiHistory;

/* Where it is kept: $XDG_STATE_HOME/rille/history, or below ~/.local/state. False: nowhere (no HOME). */
bool ri_history_path(char *out, size_t size);
/* Open the file, made with its folders if need be, and tell of the newest `limit` entries, oldest first. NULL: it
 * cannot be kept, *problem (a static text or of strerror) says why. To be given back by ri_history_close. */
RiHistory *ri_history_open(const char *path, uint32_t limit, void (*tell)(const char *entry), const char **problem);
/* Append an entry. */
void ri_history_add(RiHistory *history, const char *text);
void ri_history_close(RiHistory *history);

#endif
