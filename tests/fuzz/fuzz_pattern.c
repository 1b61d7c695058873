/* Patterns: compiled and matched against the plain recursive matcher. Input: a byte that divides what follows into pattern and
 * subject. */
#include "stdlib/strpattern.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/pattern_model.h"

#define MODEL_STEPS 200000 /* the model may need exponentially many */

static void compare_captures(const RiMatch *m, const PatternModel *model)
{
    FUZZ_CHECK(m->pattern->capture_count == model->level, "%d captures, expected %d", m->pattern->capture_count, model->level);
    for (int i = 0; i < model->level; i++) {
        long size = model->captures[i].size;
        FUZZ_CHECK(m->capture_start[i] == model->captures[i].start, "capture %d", i + 1);
        FUZZ_CHECK(size < 0 || m->capture_end[i] - m->capture_start[i] == size, "end of capture %d", i + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static RiHeap *heap;
    if (heap == NULL)
        heap = ri_heap_create(1);
    FuzzInput in = fuzz_input(data, size);
    size_t pattern_size;
    const char *pattern = fuzz_bytes(&in, 120, &pattern_size), *subject = (const char *)in.at;
    size_t subject_size = (size_t)(in.end - in.at) < 200 ? (size_t)(in.end - in.at) : 200;
    PatternModel model = {.steps = MODEL_STEPS};
    const char *start = NULL, *end = NULL;
    bool expected = pattern_model_search(&model, subject, subject_size, pattern, pattern_size, &start, &end);
    if (model.steps < 0) /* the matcher would take as long */
        return 0;
    RiMatch m;
    ri_match_init(&m, NULL, heap, ri_pattern_compile(heap, pattern, pattern_size, false), subject, subject_size);
    bool found = ri_match_search(&m, subject, NULL);
    /* It may give up where the model does not: by depth. */
    if (m.error != NULL && strstr(m.error, "too complex") != NULL)
        return 0;
    FUZZ_CHECK((m.error == NULL) == (model.error == NULL), "error %s, expected %s", m.error ? m.error : "none",
               model.error ? model.error : "none");
    if (m.error != NULL) {
        FUZZ_CHECK(strcmp(m.error, model.error) == 0, "error %s, expected %s", m.error, model.error);
        return 0;
    }
    FUZZ_CHECK(found == expected, "found %d, expected %d", found, expected);
    if (found) {
        FUZZ_CHECK(m.start == start && m.end == end, "at %td..%td, expected %td..%td", m.start - subject, m.end - subject,
                   start - subject, end - subject);
        compare_captures(&m, &model);
    }
    return 0;
}
