/* The terminal as a screen with keys: for programs that draw on all of it. */
#ifndef RI_HOST_TERMINAL_H
#define RI_HOST_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Keys beyond characters. */
enum { RI_KEY_NONE = -1, RI_KEY_UP = 256, RI_KEY_DOWN, RI_KEY_PAGE_UP, RI_KEY_PAGE_DOWN, RI_KEY_HOME, RI_KEY_END };

/* Is `fd` a terminal? */
bool ri_terminal_is(int fd);
/* Take over: keys come one by one and are not shown; the screen is one of its own. The way back is also found when the program
 * is ended by INT, TERM or HUP. False: standard input and output are no terminal. */
bool ri_terminal_begin(void);
void ri_terminal_end(void);
void ri_terminal_size(int *rows, int *columns);
/* The next key, or RI_KEY_NONE after timeout_ms or when the window has another size; 'q' at the end of the input. */
int ri_terminal_key(int timeout_ms);

#endif
