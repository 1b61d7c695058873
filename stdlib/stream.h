/* Files as Lua programs see them: userdata around stdio's FILE, in the shape C modules expect (luaL_Stream).
 *
 * Whatever may make the host wait (opening, refilling a buffer, flushing one) happens in stream.c and nowhere else, so
 * that there is one place where a caller can be parked and a policy asked. */
#ifndef RI_STDLIB_STREAM_H
#define RI_STDLIB_STREAM_H

#include <stdio.h>

#include "stdlib/state.h"

#define RI_STREAM_TYPE "FILE*" /* registry key and __name of the metatable */

/* Same shape as lua_CFunction. NULL in a closed stream. Streams made here carry one of the three ri_stream_close_…
 * below, which serve as marks and are not called; those of C modules carry a function of theirs. */
typedef int (*RiStreamClose)(void *state);

typedef struct RiStream { /* data of the userdata: luaL_Stream */
    FILE *file;
    RiStreamClose close;
} RiStream;

int ri_stream_close_file(void *state);     /* fclose */
int ri_stream_close_command(void *state);  /* pclose */
int ri_stream_close_standard(void *state); /* stays open */

/* In a forked process standard streams are the same, a file is one of its own at the same place (ri_host_duplicate), and so
 * is the stream of a command, which is not waited for there. Messages do not carry streams. */
extern const RiUserType ri_stream_type;

/* A new closed stream: the userdata, its `file` NULL. Collects: yes. */
RiUserdata *ri_stream_new(RiThread *T);
static inline RiStream *ri_stream_of(RiUserdata *u)
{
    return (RiStream *)(void *)u->data;
}

/* Open into a new stream. false: not opened, reason in errno. */
bool ri_stream_open_file(RiThread *T, RiStream *stream, const char *path, const char *mode);
bool ri_stream_open_command(RiThread *T, RiStream *stream, const char *command, const char *mode);
bool ri_stream_open_temporary(RiThread *T, RiStream *stream);

/* -- Reading: NULL or false at the end of the file (or after an error: ferror tells). Collect: yes. -------------- */
RiString *ri_stream_read_line(RiThread *T, FILE *file, bool keep_newline);
RiString *ri_stream_read_chars(RiThread *T, FILE *file, size_t count); /* count > 0: at most so many */
RiString *ri_stream_read_all(RiThread *T, FILE *file);                 /* never NULL */
bool ri_stream_read_number(RiThread *T, FILE *file, RiValue *number);
bool ri_stream_has_more(RiThread *T, FILE *file);

/* -- Writing: false after an error, reason in errno -------------------------------------------------------------- */
bool ri_stream_write(RiThread *T, FILE *file, const char *bytes, size_t size);
bool ri_stream_flush(RiThread *T, FILE *file);

/* -- Results in the manner of the io library: nil, "name: reason", errno ------------------------------------------ */
int32_t ri_return_file_result(RiThread *T, bool ok, const char *name);
/* true or nil, "exit" or "signal", code */
int32_t ri_return_child_result(RiThread *T, int wait_status);

/* -- Chunks from files ------------------------------------------------------------------------------------------- */
#define RI_ERRFILE 6 /* LUA_ERRFILE: continues RiCallStatus */
/* luaL_loadfilex: push the function of the file (NULL: stdin), or push a message and return another status than RI_OK.
 * Skips a byte order mark and a first line that begins with '#'. mode NULL: both kinds. */
int ri_load_file(RiThread *T, const char *path, const char *mode);

#endif
