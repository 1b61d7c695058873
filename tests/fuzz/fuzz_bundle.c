/* Bundles, what `rille bundle` appends to an executable: any bytes are entries or are refused, and what is found in them is what a
 * plain reader finds. Input: a byte that says how (is the trailer put right?), then entries and a trailer. */
#include "tests/fuzz/fuzz.h"
#include "vm/exec/bundle.h"

#define ENTRIES_MAX 64
#define HEADER 13

typedef struct Entry {
    size_t name, name_size, data, size; /* offsets */
    uint8_t kind;
} Entry;

static uint64_t number(const uint8_t *bytes, int size)
{
    uint64_t n = 0;
    for (int i = 0; i < size; i++)
        n |= (uint64_t)bytes[i] << 8 * i;
    return n;
}

/* The entries of doc and header; -1: they do not fill the bytes exactly. */
static int read_plainly(const uint8_t *bytes, size_t size, Entry entries[ENTRIES_MAX])
{
    int count = 0;
    for (size_t at = 0; at < size; count++) {
        if (size - at < HEADER || count == ENTRIES_MAX)
            return -1;
        __uint128_t name_size = number(bytes + at, 4), data_size = number(bytes + at + 5, 8);
        if (name_size + data_size > size - at - HEADER)
            return -1;
        entries[count] = (Entry){at + HEADER, (size_t)name_size, at + HEADER + (size_t)name_size, (size_t)data_size, bytes[at + 4]};
        at += HEADER + (size_t)name_size + (size_t)data_size;
    }
    return count;
}

static void compare(const RiBundle *bundle, const Entry *entries, int count)
{
    size_t at = 0;
    RiBundleEntry e;
    for (int i = 0; i < count; i++) {
        const char *bytes = bundle->bytes;
        FUZZ_CHECK(ri_bundle_next(bundle, &at, &e), "entry %d is missing", i);
        FUZZ_CHECK((uint8_t)e.kind == entries[i].kind && e.name == bytes + entries[i].name && e.name_size == entries[i].name_size &&
                       e.data == bytes + entries[i].data && e.size == entries[i].size,
                   "entry %d is another", i);
        int first = 0; /* of several with one name the first is found */
        while (entries[first].kind != entries[i].kind || entries[first].name_size != entries[i].name_size ||
               memcmp(bytes + entries[first].name, e.name, e.name_size) != 0)
            first++;
        FUZZ_CHECK(ri_bundle_find(bundle, e.kind, e.name, e.name_size, &e) && e.data == bytes + entries[first].data, "entry %d", i);
    }
    FUZZ_CHECK(!ri_bundle_next(bundle, &at, &e), "there is one too many");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Entry entries[ENTRIES_MAX];
    RiBundleTrailer trailer;
    if (size < 1)
        return 0;
    bool is_right = data[0] & 1;
    const uint8_t *bytes = data + 1;
    size--;
    if (!is_right) {
        if (size < RI_BUNDLE_TRAILER_SIZE)
            return 0;
        size -= RI_BUNDLE_TRAILER_SIZE;
        bool is_one = ri_bundle_read_trailer((const char *)bytes + size, &trailer);
        FUZZ_CHECK(is_one == (memcmp(bytes + size, "RILLEBND", 8) == 0) && trailer.count == number(bytes + size + 12, 4), "trailer");
    }
    int count = read_plainly(bytes, size, entries), programs = 0;
    if (count == -1 && size >= HEADER * ENTRIES_MAX)
        return 0; /* there may be more than the plain reader takes */
    for (int i = 0; i < count; i++)
        programs += entries[i].kind == RI_BUNDLE_PROGRAM;
    RiBundle bundle = {(const char *)bytes, size, is_right ? (uint32_t)count : trailer.count};
    bool sound = count >= 0 && programs == 1 && bundle.count == (uint32_t)count;
    FUZZ_CHECK(ri_bundle_is_sound(&bundle) == sound, "sound: expected %d", sound);
    if (sound)
        compare(&bundle, entries, count);
    RiBundleEntry e;
    ri_bundle_find(&bundle, RI_BUNDLE_PROGRAM, "", 0, &e);
    return 0;
}
