/* Saved chunks: a body that is anything, behind a right header and before a right checksum, is refused by the loader or the
 * verifier, or it runs, limited, and does no harm. Input: the body; a corpus of real ones is made with string.dump. */
#include <rille.h>

#include "tests/fuzz/fuzz.h"
#include "vm/exec/chunk.h"

#define HEADER_SIZE 42
#define CHECKSUM_SIZE 4
#define BODY_MAX 20000

/* doc/bytecode.md: eight bytes at a time, the last ones filled up with zeros. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        for (size_t k = 0; k < 8 && i + k < size; k++)
            word |= (uint64_t)bytes[i + k] << 8 * k;
        sum = (sum ^ word) * 0x100000001b3u;
        sum ^= sum >> 32;
    }
    return (uint32_t)sum;
}

static void put_u32(uint8_t *to, uint32_t u)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(u >> 8 * i);
}

static void ignore_output(void *data, rille_process *process, int stream, const char *bytes, size_t size)
{
    (void)data, (void)process, (void)stream, (void)bytes, (void)size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static rille_machine *machine;
    static unsigned inputs;
    static const uint8_t header[HEADER_SIZE] = {0x1b, 'L', 'u', 'a', 0x54, 0, 0x19, 0x93, '\r', '\n', 0x1a, '\n', 4, 8, 8,
                                                0x78, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x28, 0x77, 0x40,
                                                'R', 'I', 'L', 'L', 'E', RI_CHUNK_VERSION};
    static uint8_t chunk[HEADER_SIZE + BODY_MAX + CHECKSUM_SIZE];
    if (inputs++ % 2000 == 0) {
        rille_config config = {.memory_bytes = 8 << 20, .fuel = 20000, .output = ignore_output, .processes = 4};
        rille_machine_free(machine);
        machine = rille_machine_new(&config);
        FUZZ_CHECK(machine != NULL, "%s", rille_config_error());
    }
    if (size > BODY_MAX)
        return 0;
    memcpy(chunk, header, HEADER_SIZE);
    put_u32(chunk + HEADER_SIZE - 4, (uint32_t)size);
    memcpy(chunk + HEADER_SIZE, data, size);
    put_u32(chunk + HEADER_SIZE + size, checksum(chunk, HEADER_SIZE + size));
    rille_process *p = rille_spawn_text(machine, "chunk", (const char *)chunk, HEADER_SIZE + size + CHECKSUM_SIZE);
    if (p == NULL) { /* refused */
        FUZZ_CHECK(strstr(rille_error(machine), "bad binary format") != NULL, "%s", rille_error(machine));
        return 0;
    }
    rille_run(p, RILLE_UNTIL_EXIT);
    rille_process_free(p);
    return 0;
}
