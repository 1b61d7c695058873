/* Files that are written anew: what a file held stays until all that is to be there now has been written; then the new one takes its
 * name at once. Whoever is killed in between, or finds the disk full, leaves the old file as it was.
 *
 * What is no regular file (a pipe, a terminal), belongs to somebody else, or lies in a folder where nothing can be made, is written
 * in place. */
#ifndef RI_HOST_NEWFILE_H
#define RI_HOST_NEWFILE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct RiNewFile {
    FILE *file;  /* to be written to; NULL: there is none */
    char *path;  /* where it goes to, links followed */
    char *fresh; /* where it is until then: PATH.new-PID; NULL: written in place */
} RiNewFile;

/* True, and n->file; or false, and errno. */
bool ri_newfile_open(RiNewFile *n, const char *path);
/* Done: `ok` says whether all has been written; otherwise, and if the rest cannot be, the old file stays. False: it has not taken
 * its place; errno says why, if not `ok` as it was before. */
bool ri_newfile_close(RiNewFile *n, bool ok);

#endif
