/* Amounts as people write them: "32M", "1.5G", "300ms", "2s". */
#ifndef RI_BASE_QUANTITY_H
#define RI_BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes: a number, then nothing or K, M, G, T (powers of 1024; "KB", "KiB" and small letters as well). False if the text
 * is no such amount. */
bool ri_parse_size(const char *text, uint64_t *bytes);
/* Nanoseconds: a number, then s (or nothing), ms, us, ns, m, h. */
bool ri_parse_duration(const char *text, uint64_t *ns);

#endif
