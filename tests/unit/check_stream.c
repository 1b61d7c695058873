/* Reading and writing streams: lines across buffers, numerals, block reads, chunks from files. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib/stream.h"
#include "vm/embed/open.h"
#include "vm/host/host.h"

static RiThread *T;

static void setup(void)
{
    T = ri_open();
    ck_assert_ptr_nonnull(T);
    ri_open_libraries(T);
}

static void teardown(void)
{
    ri_close(T);
}

/* A file with these bytes, to be read from its start. */
static FILE *file_with(const char *bytes, size_t size)
{
    FILE *file = ri_host_open_temporary();
    ck_assert_ptr_nonnull(file);
    ck_assert(ri_stream_write(T, file, bytes, size));
    rewind(file);
    return file;
}

static void check_text(const RiString *s, const char *expected, size_t size)
{
    ck_assert_ptr_nonnull(s);
    ck_assert_uint_eq(s->size, size);
    ck_assert(memcmp(ri_str_data(s), expected, size) == 0);
}

START_TEST(lines_end_at_newlines_and_at_the_end)
{
    FILE *file = file_with("one\n\nt\0o\nlast", 13);
    check_text(ri_stream_read_line(T, file, false), "one", 3);
    check_text(ri_stream_read_line(T, file, true), "\n", 1);
    check_text(ri_stream_read_line(T, file, true), "t\0o\n", 4);
    check_text(ri_stream_read_line(T, file, false), "last", 4);
    ck_assert_ptr_null(ri_stream_read_line(T, file, false));
    ck_assert_ptr_null(ri_stream_read_line(T, file, true));
    fclose(file);
}
END_TEST

START_TEST(long_lines_cross_buffers)
{
    enum { LONG = 100001 };
    char *bytes = malloc(LONG + 4);
    memset(bytes, 'x', LONG);
    memcpy(bytes + LONG, "\nend", 4);
    FILE *file = file_with(bytes, LONG + 4);
    check_text(ri_stream_read_line(T, file, false), bytes, LONG);
    check_text(ri_stream_read_line(T, file, false), "end", 3);
    rewind(file);
    check_text(ri_stream_read_all(T, file), bytes, LONG + 4);
    check_text(ri_stream_read_all(T, file), "", 0);
    fclose(file);
    free(bytes);
}
END_TEST

START_TEST(a_pushed_back_byte_is_read_first)
{
    FILE *file = file_with("bc\n", 3);
    ungetc('a', file);
    check_text(ri_stream_read_line(T, file, false), "abc", 3);
    fclose(file);
}
END_TEST

START_TEST(blocks_are_read_up_to_the_end)
{
    FILE *file = file_with("0123456789", 10);
    check_text(ri_stream_read_chars(T, file, 4), "0123", 4);
    ck_assert_int_eq(ri_stream_look(T, file), RI_READ_DONE);
    check_text(ri_stream_read_chars(T, file, (size_t)1 << 60), "456789", 6);
    ck_assert_ptr_null(ri_stream_read_chars(T, file, 1));
    ck_assert_int_eq(ri_stream_look(T, file), RI_READ_END);
    fclose(file);
}
END_TEST

static void check_number(FILE *file, RiValue expected)
{
    RiValue got;
    ck_assert(ri_stream_read_number(T, file, &got));
    ck_assert_uint_eq(got.tag, expected.tag);
    ck_assert_uint_eq(got.u, expected.u);
}

START_TEST(numerals_are_read_as_lua_does)
{
    static const char text[] = " 12 -0x1F\n.5 1e3 0x.8p1 +7,";
    FILE *file = file_with(text, sizeof text - 1);
    check_number(file, ri_int(12));
    check_number(file, ri_int(-31));
    check_number(file, ri_float(0.5));
    check_number(file, ri_float(1000.0));
    check_number(file, ri_float(1.0));
    check_number(file, ri_int(7));
    ck_assert_int_eq(getc(file), ',');
    fclose(file);
}
END_TEST

START_TEST(bad_numerals_are_refused)
{
    static const char *const bad[] = {"", "x", "-", "0x", "1e", ".", "0x.p1"};
    RiValue got;
    for (size_t i = 0; i < RI_COUNTOF(bad); i++) {
        FILE *file = file_with(bad[i], strlen(bad[i]));
        ck_assert_msg(!ri_stream_read_number(T, file, &got), "%s", bad[i]);
        fclose(file);
    }
    char digits[300];
    memset(digits, '1', sizeof digits);
    FILE *file = file_with(digits, sizeof digits);
    ck_assert(!ri_stream_read_number(T, file, &got));
    fclose(file);
}
END_TEST

START_TEST(streams_start_closed_and_open_once)
{
    RiStream *stream = ri_stream_of(ri_stream_new(T));
    ck_assert(stream->close == NULL);
    ck_assert(!ri_stream_open_file(T, stream, "/no/such/file", "r"));
    ck_assert(stream->close == NULL);
    ck_assert(ri_stream_open_temporary(T, stream));
    ck_assert(stream->close == ri_stream_close_file);
    ck_assert_uint_eq(sizeof *stream, 16);
    ri_stream_forget(T, stream->file);
    fclose(stream->file);
    stream->close = NULL;
}
END_TEST

/* Load these bytes as a file and check the status. */
static int load_bytes(const char *bytes, size_t size)
{
    char name[RI_HOST_TEMPORARY_NAME_SIZE];
    ck_assert(ri_host_temporary_name(name));
    FILE *file = ri_host_open(name, "wb");
    fwrite(bytes, 1, size, file);
    fclose(file);
    int status = ri_load_file(T, name, NULL);
    ri_host_remove(name);
    return status;
}

START_TEST(first_lines_with_a_hash_are_skipped)
{
    static const char *const good[] = {"return 1", "#!/bin/x\nreturn 1", "\xef\xbb\xbfreturn 1", "\xef\xbb\xbf# x\nreturn 1", "#", ""};
    for (size_t i = 0; i < RI_COUNTOF(good); i++) {
        RiValue *top = T->top;
        ck_assert_int_eq(load_bytes(good[i], strlen(good[i])), RI_OK);
        ck_assert_int_eq(T->top - top, 1);
        ck_assert_uint_eq(T->top[-1].tag, RI_TAG_CLOSURE);
        T->top--;
    }
    ck_assert_int_eq(load_bytes("\xef\xbbx", 3), RI_ERRSYNTAX);
    T->top--;
    ck_assert_int_eq(load_bytes("#\n= 1", 5), RI_ERRSYNTAX);
    ck_assert_ptr_nonnull(strstr(ri_str_cstr(T->heap, T->top[-1].p), ":2: "));
    T->top--;
    ck_assert_int_eq(ri_load_file(T, "/no/such/file", NULL), RI_ERRFILE);
    ck_assert_str_eq(ri_str_cstr(T->heap, T->top[-1].p), "cannot open /no/such/file: No such file or directory");
    T->top--;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *cases = tcase_create("stream");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, lines_end_at_newlines_and_at_the_end);
    tcase_add_test(cases, long_lines_cross_buffers);
    tcase_add_test(cases, a_pushed_back_byte_is_read_first);
    tcase_add_test(cases, blocks_are_read_up_to_the_end);
    tcase_add_test(cases, numerals_are_read_as_lua_does);
    tcase_add_test(cases, bad_numerals_are_refused);
    tcase_add_test(cases, streams_start_closed_and_open_once);
    tcase_add_test(cases, first_lines_with_a_hash_are_skipped);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
