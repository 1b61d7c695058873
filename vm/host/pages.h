/* Pages of the host: reservations of address space, a memory file whose pages can be mapped at several places, and files
 * mapped into guest memory. Sizes and offsets are multiples of RI_PAGE_BYTES unless said otherwise. Errors: errno is set.
 * Collects: no. Traps: no. */
#ifndef RI_HOST_PAGES_H
#define RI_HOST_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RI_PAGE_SHIFT 12
#define RI_PAGE_BYTES 4096u

/* Rights; also those of guest pages. */
enum { RI_PROT_NONE = 0, RI_PROT_READ = 1, RI_PROT_WRITE = 2, RI_PROT_EXEC = 4 };

/* -- Address space --------------------------------------------------------------------------------------------- */
size_t ri_pages_host_size(void); /* of a host page, bytes */
/* Address space that can be neither read nor written; costs nothing else. NULL if there is none. */
char *ri_pages_reserve(size_t size);
void ri_pages_release(char *start, size_t size); /* whatever is mapped there */
/* Map `size` bytes of fd at `at`, over what was there, shared with all other mappings. RI_PROT_EXEC is left out. */
bool ri_pages_map(char *at, size_t size, int fd, uint64_t offset, unsigned prot);
/* Turn a part of a reservation back into address space without access. */
bool ri_pages_unmap(char *at, size_t size);
bool ri_pages_protect(char *at, size_t size, unsigned prot);
/* How many separate mappings the host allows this process. */
uint32_t ri_pages_mappings_max(void);
/* Main memory, pages. */
uint64_t ri_pages_installed(void);

/* -- Memory files ---------------------------------------------------------------------------------------------- */
/* A file of zeros in memory, without a name. -1, errno. */
int ri_pages_open_memory(uint64_t size);
/* All of it, readable and writable. NULL, errno. */
char *ri_pages_view(int fd, uint64_t size);
/* The view's translations of this range are dropped; the contents stay. */
void ri_pages_forget(char *view, size_t size);
/* The contents are dropped: zeros from now on. False: the host cannot do that; they stay. */
bool ri_pages_punch(int fd, uint64_t offset, size_t size);

/* -- Files ----------------------------------------------------------------------------------------------------- */
/* Any sizes and offsets here. */
typedef struct RiFileId {
    uint64_t device, inode;
} RiFileId;

int ri_pages_file_open(const char *path);           /* made if missing, empty, read and write. -1, errno */
int ri_pages_file_dup(int fd);                      /* closed by exec. -1, errno */
void ri_pages_file_close(int fd);
bool ri_pages_file_identify(int fd, RiFileId *id);  /* false: not a regular file (errno EACCES, ENODEV) */
int64_t ri_pages_file_size(int fd);                 /* -1, errno */
bool ri_pages_file_resize(int fd, uint64_t size);
unsigned ri_pages_file_rights(int fd);              /* RI_PROT_READ, RI_PROT_WRITE: how it was opened */
/* All `size` bytes, less at the end of the file. Returns the count, or -1 and errno. */
int64_t ri_pages_file_read(int fd, void *to, size_t size, uint64_t offset);
int64_t ri_pages_file_write(int fd, const void *from, size_t size, uint64_t offset);
bool ri_pages_file_sync(int fd); /* contents are on the medium */

#endif
