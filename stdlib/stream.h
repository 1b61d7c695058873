/* Files as Lua programs see them: userdata around stdio's FILE, in the shape C modules expect (luaL_Stream).
 *
 * Whatever may make the host wait (opening, refilling a buffer, flushing one) happens in stream.c and nowhere else, so
 * that there is one place where a caller can be parked and a policy asked. */
#ifndef RI_STDLIB_STREAM_H
#define RI_STDLIB_STREAM_H

#include <stdio.h>

#include "stdlib/state.h"
#include "vm/machine/file.h"

#define RI_STREAM_TYPE "FILE*" /* registry key and __name of the metatable */

/* Same shape as lua_CFunction. NULL in a closed stream. Streams made here carry one of the three ri_stream_close_…
 * below, which serve as marks and are not called; those of C modules carry a function of theirs. */
typedef int (*RiStreamClose)(void *state);

typedef struct RiStream { /* data of the userdata: luaL_Stream */
    FILE *file;
    RiStreamClose close;
} RiStream;

typedef struct RiOwnStream { /* what ri_stream_new makes; C modules make the shorter one */
    RiStream stream;
    int32_t pid; /* of a command */
} RiOwnStream;

int ri_stream_close_file(void *state);     /* fclose */
int ri_stream_close_command(void *state);  /* pclose */
int ri_stream_close_standard(void *state); /* stays open */

/* In a forked process standard streams are the same, a file is one of its own at the same place (ri_host_duplicate), and so
 * is the stream of a command, which is not waited for there. Messages do not carry streams. */
extern const RiUserType ri_stream_type;

/* If there is no memory for another stream: collect, and run finalizers, so that files nobody can reach are closed. The stack may
 * move. Collects: yes. Traps: yes. */
void ri_stream_make_room(RiThread *T);

/* A new closed stream: the userdata, its `file` NULL. Collects: yes. */
RiUserdata *ri_stream_new(RiThread *T);
static inline RiStream *ri_stream_of(RiUserdata *u)
{
    return (RiStream *)(void *)u->data;
}

/* Open into a new stream. false: not opened, reason in errno. */
bool ri_stream_open_file(RiThread *T, RiStream *stream, const char *path, const char *mode);
/* The same, without waiting for the other end of a named pipe: RI_OPEN_WAITS if the current task waits for it now. */
typedef enum RiOpenStatus { RI_OPEN_DONE, RI_OPEN_FAILED, RI_OPEN_WAITS } RiOpenStatus;
RiOpenStatus ri_stream_try_open(RiThread *T, RiStream *stream, const char *path, const char *mode);
bool ri_stream_open_command(RiThread *T, RiStream *stream, const char *command, const char *mode);
bool ri_stream_open_temporary(RiThread *T, RiStream *stream);

/* -- Standard streams: those of descriptors 0, 1 and 2 --------------------------------------------------------- */
/* The stream that print (1), warnings and messages (2) and loading from the standard input (0) use: io.stdin and its like. */
static inline FILE *ri_stream_standard(RiThread *T, int n)
{
    FILE *const hosts[] = {stdin, stdout, stderr};
    RiUserdata *u = ri_stdlib(T)->standard[n];
    return RI_LIKELY(u != NULL) ? ri_stream_of(u)->file : hosts[n];
}
/* Descriptors 0 to 2 of `proc` may have changed: the standard streams in `state`, its libraries', go with them. What they had
 * buffered is written where it was meant to go, if `proc` is the running process. */
void ri_stream_follow_descriptors(RiThread *T, RiProc *proc, RiStdlib *state);
/* Write what this process has buffered, in all its streams. */
void ri_stream_flush_all(RiThread *T);
/* The file behind an open stream, a reference for the caller: what is written later to either comes after what was written
 * before. NULL: reason in errno. */
RiFile *ri_stream_to_file(RiThread *T, RiStream *stream);
bool ri_stream_files_forked(RiThread *T, RiProcess *child, uint32_t count); /* see exec/hooks.h */
void ri_stream_files_end(RiThread *T);

/* Over a file of the machine (not the host's); takes the reference over, also if it fails. */
bool ri_stream_open_over(RiThread *T, RiStream *stream, RiFile *file);
/* Over a descriptor of the process, which stays open. */
bool ri_stream_open_descriptor(RiThread *T, RiStream *stream, int64_t descriptor, const char *mode);
/* It is about to be closed. */
void ri_stream_forget(RiThread *T, FILE *file);
/* Start a shell command, if the process may; what is buffered is written first. Its pid, and *pipe_end (unless NULL) as
 * `mode` says; or -errno. */
int ri_stream_start_command(RiThread *T, const char *command, const char *mode, int *pipe_end);

/* Wait for that command: RI_LIB_BLOCK if the current task waits now; else 0, and *status, as waitpid gives it (-1, with
 * errno, if that failed). */
int32_t ri_stream_wait_command(RiThread *T, int pid, int *status);

/* Can it be read (RI_EVENT_IN), written (RI_EVENT_OUT) without making the host wait? If not, the current task waits for that
 * already, and the caller returns RI_LIB_BLOCK. Always true while the machine has nobody else to run. */
bool ri_stream_is_ready(RiThread *T, FILE *file, unsigned event);

/* -- Reading into a buffer, which may hold a part already. RI_READ_WAITS: as above, to be called again with the same buffer.
 * RI_READ_END: the end of the file, or an error (ferror tells). Collect: yes. ------------------------------------ */
typedef enum RiReadStatus { RI_READ_DONE, RI_READ_END, RI_READ_WAITS } RiReadStatus;
RiReadStatus ri_stream_take_line(RiThread *T, FILE *file, RiSbuf *sb, bool keep_newline);
RiReadStatus ri_stream_take_chars(RiThread *T, FILE *file, RiSbuf *sb, size_t count);
RiReadStatus ri_stream_take_all(RiThread *T, FILE *file, RiSbuf *sb);
RiReadStatus ri_stream_look(RiThread *T, FILE *file); /* takes nothing: is there more, or the end? */
RiReadStatus ri_stream_take_number(RiThread *T, FILE *file, RiSbuf *sb, RiValue *number); /* sb: empty at first */

/* -- The same, waiting where they are: NULL or false at the end of the file (or after an error). Collect: yes. ----- */
RiString *ri_stream_read_line(RiThread *T, FILE *file, bool keep_newline);
RiString *ri_stream_read_chars(RiThread *T, FILE *file, size_t count); /* count > 0: at most so many */
RiString *ri_stream_read_all(RiThread *T, FILE *file);                 /* never NULL */
bool ri_stream_read_number(RiThread *T, FILE *file, RiValue *number);

/* -- Writing: false after an error, reason in errno -------------------------------------------------------------- */
bool ri_stream_write(RiThread *T, FILE *file, const char *bytes, size_t size); /* waits where it is, as does flush */
bool ri_stream_flush(RiThread *T, FILE *file);
/* Write bytes[*done … size - 1], *done being how many have gone; 0 at first. RI_WRITE_WAITS as RI_READ_WAITS. */
typedef enum RiWriteStatus { RI_WRITE_DONE, RI_WRITE_FAILED, RI_WRITE_WAITS } RiWriteStatus;
RiWriteStatus ri_stream_put(RiThread *T, FILE *file, const char *bytes, size_t size, size_t *done);
RiWriteStatus ri_stream_try_flush(RiThread *T, FILE *file);

/* -- Results in the manner of the io library: nil, "name: reason", errno ------------------------------------------ */
/* What Ctrl-C has interrupted is not reported but raised: "interrupted!". */
int32_t ri_return_file_result(RiThread *T, bool ok, const char *name);
/* true or nil, "exit" or "signal", code */
int32_t ri_return_child_result(RiThread *T, int wait_status);

/* -- Chunks from files ------------------------------------------------------------------------------------------- */
#define RI_ERRFILE 6 /* LUA_ERRFILE: continues RiCallStatus */
/* luaL_loadfilex: push the function of the file (NULL: stdin), or push a message and return another status than RI_OK.
 * Skips a byte order mark and a first line that begins with '#'. mode NULL: both kinds. */
int ri_load_file(RiThread *T, const char *path, const char *mode); /* as the host sees files: for the command */
/* As the process may see them. After RI_ERRFILE errno says why. */
int ri_load_guest_file(RiThread *T, const char *path, const char *mode);
/* The same for library functions, which wait without holding others up: with `nargs` values in their frame they get the
 * function or message above these, and *status; or RI_LIB_BLOCK, to be called again by their resume function with the same
 * (RI_LOADING_SLOTS more values lie in the frame then). Uses the frame's step: ri_is_loading, from 0xffff0 on. */
#define RI_LOADING_SLOTS 2u
int32_t ri_load_in_frame(RiThread *T, uint32_t nargs, const char *path, const char *mode, int *status);
bool ri_is_loading(const RiThread *T);

#endif
