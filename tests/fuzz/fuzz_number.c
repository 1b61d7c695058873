/* Numbers as text: what is read as a number, by the rules of the manual (§3.1, §3.4.3) and strtod; what is printed against
 * printf, and read again. Input: the text; its first eight bytes are a number to print as well. */
#include <ctype.h>
#include <math.h>

#include "tests/fuzz/fuzz.h"
#include "vm/base/num.h"

#define DIGITS_DECIMAL "0123456789"
#define DIGITS_HEX "0123456789abcdefABCDEF"

static bool is_space(char c)
{
    return c != '\0' && strchr(" \f\n\r\t\v", c) != NULL;
}

/* sign? digits ('.' digits)? exponent?, at least one digit; whether an integer in *is_integer. */
static bool is_numeral(const char *s, bool is_hex, bool *is_integer)
{
    const char *digits = is_hex ? DIGITS_HEX : DIGITS_DECIMAL;
    size_t before = strspn(s, digits), after = 0;
    s += before;
    *is_integer = true;
    if (*s == '.') {
        after = strspn(++s, digits);
        s += after;
        *is_integer = false;
    }
    if (before + after == 0)
        return false;
    if (tolower((unsigned char)*s) == (is_hex ? 'p' : 'e')) {
        s++;
        s += *s == '+' || *s == '-';
        size_t count = strspn(s, DIGITS_DECIMAL);
        if (count == 0)
            return false;
        s += count;
        *is_integer = false;
    }
    return *s == '\0';
}

static RiNumKind model(const char *text, size_t size, int64_t *integer, double *number)
{
    static char copy[4200];
    if (size >= sizeof copy || memchr(text, '\0', size) != NULL)
        return RI_NUM_NONE;
    while (size > 0 && is_space(text[size - 1]))
        size--;
    while (size > 0 && is_space(*text))
        text++, size--;
    memcpy(copy, text, size);
    copy[size] = '\0';
    const char *s = copy;
    bool negative = *s == '-', is_hex, is_integer;
    s += *s == '-' || *s == '+';
    is_hex = s[0] == '0' && tolower((unsigned char)s[1]) == 'x';
    if (!is_numeral(s + 2 * is_hex, is_hex, &is_integer))
        return RI_NUM_NONE;
    uint64_t value = 0;
    bool overflows = false;
    for (const char *d = s + 2 * is_hex; is_integer && *d != '\0'; d++) {
        unsigned digit = isdigit((unsigned char)*d) ? (unsigned)(*d - '0') : (unsigned)(tolower((unsigned char)*d) - 'a' + 10);
        if (is_hex) {
            value = value * 16 + digit;
        } else {
            overflows = overflows || value > (UINT64_C(0x7fffffffffffffff) + negative - digit) / 10;
            value = value * 10 + digit;
        }
    }
    if (is_integer && !overflows) {
        *integer = (int64_t)(negative ? 0 - value : value);
        return RI_NUM_INT;
    }
    *number = strtod(copy, NULL);
    return RI_NUM_FLOAT;
}

static void check_parse(const char *text, size_t size)
{
    int64_t i = 0, model_i = 0;
    double n = 0, model_n = 0;
    RiNumKind expected = model(text, size, &model_i, &model_n), kind = ri_num_parse(text, size, &i, &n);
    FUZZ_CHECK(kind == expected, "kind %d, expected %d: %.*s", kind, expected, (int)size, text);
    FUZZ_CHECK(kind != RI_NUM_INT || i == model_i, "%lld, expected %lld", (long long)i, (long long)model_i);
    FUZZ_CHECK(kind != RI_NUM_FLOAT || memcmp(&n, &model_n, sizeof n) == 0, "%a, expected %a", n, model_n);
}

static void check_print(double n, unsigned digits)
{
    char text[RI_NUM_TEXT_MAX], expected[500];
    size_t size = ri_num_print_float(n, text);
    snprintf(expected, sizeof expected, "%.14g", n);
    if (expected[strspn(expected, "-0123456789")] == '\0')
        strcat(expected, ".0");
    FUZZ_CHECK(size == strlen(text) && strcmp(text, expected) == 0, "%s, expected %s", text, expected);
    if (!isfinite(n))
        return;
    if ((size = ri_num_print_fixed(n, digits % 18, text)) > 0) {
        snprintf(expected, sizeof expected, "%.*f", (int)(digits % 18), n);
        FUZZ_CHECK(size == strlen(text) && strcmp(text, expected) == 0, "%%.%uf: %s, expected %s", digits % 18, text, expected);
    }
    if ((size = ri_num_print_general(n, digits % 17 + 1, text)) > 0) {
        snprintf(expected, sizeof expected, "%.*g", (int)(digits % 17 + 1), n);
        FUZZ_CHECK(size == strlen(text) && strcmp(text, expected) == 0, "%%.%ug: %s, expected %s", digits % 17 + 1, text, expected);
    }
    snprintf(text, sizeof text, "%.17g", n);
    check_parse(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_parse((const char *)data, size);
    FuzzInput in = fuzz_input(data, size);
    uint64_t word = fuzz_word(&in, 8);
    double n;
    memcpy(&n, &word, sizeof n);
    check_print(n, fuzz_byte(&in));
    int64_t i = (int64_t)word;
    char text[RI_NUM_TEXT_MAX], expected[RI_NUM_TEXT_MAX];
    size_t length = ri_num_print_int(i, text);
    snprintf(expected, sizeof expected, "%lld", (long long)i);
    FUZZ_CHECK(length == strlen(expected) && strcmp(text, expected) == 0, "%s, expected %s", text, expected);
    if (in.at < in.end) { /* few digits: numbers as people write them */
        check_print((double)(int32_t)word / (double)(1u << data[0] % 20), data[0]);
    }
    return 0;
}
