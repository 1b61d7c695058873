/* See pattern_model.h. */
#include "tests/support/pattern_model.h"

#include <string.h>

static bool in_class(int c, int letter)
{
    bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z', is_number = c >= '0' && c <= '9';
    bool result;
    switch (letter | 0x20) {
    case 'a':
        result = is_upper || is_lower;
        break;
    case 'd':
        result = is_number;
        break;
    case 'l':
        result = is_lower;
        break;
    case 'u':
        result = is_upper;
        break;
    case 's':
        result = c == ' ' || (c >= 9 && c <= 13);
        break;
    case 'w':
        result = is_upper || is_lower || is_number;
        break;
    case 'p':
        result = c > 32 && c < 127 && !is_upper && !is_lower && !is_number;
        break;
    case 'c':
        result = c < 32 || c == 127;
        break;
    case 'g':
        result = c > 32 && c < 127;
        break;
    case 'x':
        result = is_number || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f' && c >= 'A');
        break;
    case 'z': /* of 5.1, still there */
        result = c == 0;
        break;
    default:
        return c == letter;
    }
    return result != (letter >= 'A' && letter <= 'Z');
}

static const char *item_end(PatternModel *m, const char *p)
{
    char c = *p++;
    if (c == '%') {
        if (p == m->pattern_end) {
            m->error = "malformed pattern (ends with '%%')";
            return NULL;
        }
        return p + 1;
    }
    if (c == '[') {
        if (p < m->pattern_end && *p == '^')
            p++;
        do {
            if (p == m->pattern_end) {
                m->error = "malformed pattern (missing ']')";
                return NULL;
            }
            if (*p++ == '%' && p < m->pattern_end)
                p++;
        } while (p == m->pattern_end || *p != ']');
        return p + 1;
    }
    return p;
}

static bool in_set(int c, const char *p, const char *close)
{
    bool found = false, negated = p[1] == '^';
    for (p += negated ? 2 : 1; p < close; p++) {
        if (*p == '%') {
            p++;
            found |= in_class(c, (unsigned char)*p);
        } else if (p + 2 < close && p[1] == '-') {
            found |= (unsigned char)*p <= c && c <= (unsigned char)p[2];
            p += 2;
        } else {
            found |= (unsigned char)*p == c;
        }
    }
    return found != negated;
}

static bool one_matches(const PatternModel *m, const char *s, const char *p, const char *after)
{
    if (s >= m->end)
        return false;
    if (*p == '.')
        return true;
    if (*p == '%')
        return in_class((unsigned char)*s, (unsigned char)p[1]);
    if (*p == '[')
        return in_set((unsigned char)*s, p, after - 1);
    return *p == *s;
}

static const char *model_match(PatternModel *m, const char *s, const char *p);

static const char *model_capture(PatternModel *m, const char *s, const char *p)
{
    const char *result;
    if (*p == ')') {
        int open = m->level - 1;
        while (open >= 0 && m->captures[open].size != -1)
            open--;
        if (open < 0) {
            m->error = "invalid pattern capture";
            return NULL;
        }
        m->captures[open].size = s - m->captures[open].start;
        result = model_match(m, s, p + 1);
        if (result == NULL)
            m->captures[open].size = -1;
        return result;
    }
    bool is_position = p + 1 < m->pattern_end && p[1] == ')';
    if (m->level == PATTERN_MODEL_CAPTURES) {
        m->error = "too many captures";
        return NULL;
    }
    m->captures[m->level].start = s;
    m->captures[m->level++].size = is_position ? -2 : -1;
    result = model_match(m, s, p + (is_position ? 2 : 1));
    if (result == NULL)
        m->level--;
    return result;
}

static const char *model_match(PatternModel *m, const char *s, const char *p)
{
    const char *after, *result;
    if (--m->steps < 0) {
        m->error = "given up";
        return NULL;
    }
    if (p == m->pattern_end)
        return s;
    if (*p == '(' || *p == ')')
        return model_capture(m, s, p);
    if (*p == '$' && p + 1 == m->pattern_end)
        return s == m->end ? s : NULL;
    if (*p == '%' && p + 1 < m->pattern_end) {
        if (p[1] >= '0' && p[1] <= '9') {
            int i = p[1] - '1';
            if (i < 0 || i >= m->level || m->captures[i].size == -1) {
                m->error = "invalid capture index %%%d";
                m->error_index = i + 1;
                return NULL;
            }
            long size = m->captures[i].size;
            if (size < 0 || m->end - s < size || memcmp(s, m->captures[i].start, (size_t)size) != 0)
                return NULL;
            return model_match(m, s + size, p + 2);
        }
        if (p[1] == 'b') {
            if (m->pattern_end - p < 4) {
                m->error = "malformed pattern (missing arguments to '%%b')";
                return NULL;
            }
            int level = 0;
            if (s == m->end || *s != p[2])
                return NULL;
            for (; s < m->end; s++) {
                if (level > 0 && *s == p[3]) {
                    if (--level == 0)
                        return model_match(m, s + 1, p + 4);
                } else if (*s == p[2]) {
                    level++;
                }
            }
            return NULL;
        }
        if (p[1] == 'f') {
            if (p + 2 == m->pattern_end || p[2] != '[') {
                m->error = "missing '[' after '%%f' in pattern";
                return NULL;
            }
            after = item_end(m, p + 2);
            if (after == NULL)
                return NULL;
            int before = s == m->subject ? 0 : (unsigned char)s[-1], here = s == m->end ? 0 : (unsigned char)*s;
            if (in_set(before, p + 2, after - 1) || !in_set(here, p + 2, after - 1))
                return NULL;
            return model_match(m, s, after);
        }
    }
    after = item_end(m, p);
    if (after == NULL)
        return NULL;
    char suffix = after < m->pattern_end ? *after : '\0';
    bool first = one_matches(m, s, p, after);
    switch (suffix) {
    case '?':
        if (first && ((result = model_match(m, s + 1, after + 1)) != NULL || m->error != NULL))
            return result;
        return model_match(m, s, after + 1);
    case '*':
    case '+': {
        const char *last = s;
        while (one_matches(m, last, p, after))
            last++;
        for (; last >= s + (suffix == '+'); last--) {
            if ((result = model_match(m, last, after + 1)) != NULL || m->error != NULL)
                return result;
        }
        return NULL;
    }
    case '-':
        for (;;) {
            if ((result = model_match(m, s, after + 1)) != NULL || m->error != NULL)
                return result;
            if (!one_matches(m, s, p, after))
                return NULL;
            s++;
        }
    default:
        return first ? model_match(m, s + 1, after) : NULL;
    }
}

bool pattern_model_search(PatternModel *m, const char *subject, size_t size, const char *pattern, size_t pattern_size,
                          const char **start, const char **end)
{
    bool anchored = pattern_size > 0 && *pattern == '^';
    *m = (PatternModel){.steps = m->steps};
    m->subject = subject;
    m->end = subject + size;
    m->pattern_end = pattern + pattern_size;
    for (const char *s = subject; s <= m->end; s++) {
        m->level = 0;
        *end = model_match(m, s, pattern + anchored);
        if (*end != NULL) {
            *start = s;
            return true;
        }
        if (m->error != NULL || anchored)
            return false;
    }
    return false;
}
