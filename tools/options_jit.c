/* --jit, --jit-stats, --perf-map and their like. */
#include "tools/options_jit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vm/base/quantity.h"
#include "vm/exec/witness.h"

#define WITNESS_STATES_MAX 20000000u

/* Words that only set something. */
static bool take_word(RiTool *tool, const char *word)
{
    if (strcmp(word, "--jit=on") == 0 || strcmp(word, "--jit=always") == 0) {
        tool->jit_off = false;
        tool->jit.always = strcmp(word, "--jit=always") == 0;
    } else if (strcmp(word, "--jit=off") == 0) {
        tool->jit_off = true;
    } else if (strcmp(word, "--jit-stats") == 0) {
        tool->jit.counts = true;
    } else if (strcmp(word, "--jit-traps") == 0) {
        tool->jit.traps = true;
    } else if (strcmp(word, "--gdb-jit") == 0) {
        tool->jit.gdb = true;
    } else if (strcmp(word, "--jit-pages=two") == 0) {
        tool->jit.views = RI_CODE_TWO;
    } else if (strcmp(word, "--jit-pages=switched") == 0) {
        tool->jit.views = RI_CODE_SWITCHED;
    } else if (strcmp(word, "--jit-pages=none") == 0) {
        tool->jit.views = RI_CODE_NONE;
    } else if (strcmp(word, "--perf-map") == 0 || strcmp(word, "--perf-map=lines") == 0) {
        tool->jit.perf_map = true;
        tool->jit.perf_lines = strcmp(word, "--perf-map") != 0;
    } else {
        return false;
    }
    return true;
}

/* FILE[,FROM,COUNT]: see vm/exec/witness.h. */
static bool open_witness(RiTool *tool, const char *words)
{
    char path[1000] = "";
    uint64_t from = 0, count = 0;
    size_t size = strcspn(words, ",");
    snprintf(path, sizeof path, "%.*s", (int)size, words);
    if (words[size] == ',' && sscanf(words + size, ",%" SCNu64 ",%" SCNu64, &from, &count) != 2)
        return false;
    if (!tool->jit.witness)
        tool->jit.witness = ri_witness_open(path, WITNESS_STATES_MAX, from, count);
    return tool->jit.witness != NULL;
}

int ri_jit_options_take(RiTool *tool, char **argv, int *i)
{
    const char *word = argv[*i];
    uint64_t bytes;
    if (take_word(tool, word))
        return 1;
    if (strncmp(word, "--witness=", 10) == 0)
        return open_witness(tool, word + 10) ? 1 : -1;
    if (strncmp(word, "--jit-code", 10) != 0 || (word[10] != '=' && word[10] != '\0'))
        return 0;
    const char *value = word[10] ? word + 11 : argv[++*i];
    if (value == NULL || !ri_parse_size(value, &bytes) || bytes < RI_JIT_CODE_BYTES_MIN || bytes > RI_JIT_CODE_BYTES_MAX)
        return -1;
    tool->jit.code_bytes = (size_t)bytes;
    return 1;
}

void ri_jit_options_skip(char **argv, int *i)
{
    if (strcmp(argv[*i], "--jit-code") == 0)
        ++*i;
}

const char *ri_jit_options_expected(const char *word)
{
    if (strncmp(word, "--jit-code", 10) == 0)
        return "a size from 512K to 1G";
    return strncmp(word, "--witness=", 10) == 0 ? "a file that can be written" : NULL;
}
