# tests: unit programs (unit/check_*.c, the Check framework), what they share (support/), and scripts.

EXTRA_DIST += %D%/coverage %D%/run-faults %D%/check-planted %D%/soak %D%/soak.lua %D%/run-check %D%/run-fuzz %D%/run-unit %D%/run-lang %D%/run-jit %D%/run-witness %D%/run-samples \
	%D%/run-capi %D%/check-layers %D%/check-globals %D%/globals.allow

# Both engines in one process on random programs; by itself some hundred of them.
check_PROGRAMS += %D%/fuzz/pair
tests_fuzz_pair_SOURCES = %D%/fuzz/pair.c

# Fuzz targets: with libFuzzer (--enable-fuzzers), or by fuzz_main.c, which replays and mutates the corpus.
if FUZZERS
FUZZ_MAIN =
FLAGS_FUZZ = $(AM_LDFLAGS) -fsanitize=fuzzer
else
check_LIBRARIES += librille_fuzz.a
librille_fuzz_a_SOURCES = %D%/fuzz/fuzz_main.c %D%/fuzz/fuzz.h
FUZZ_MAIN = librille_fuzz.a
FLAGS_FUZZ = $(AM_LDFLAGS)
endif
check_PROGRAMS += $(FUZZ_TARGETS)
fuzzers: $(FUZZ_TARGETS)
.PHONY: fuzzers

# sources begin (kept by tools/update-sources)
check_LIBRARIES += librille_support.a
LIB_SUPPORT = librille_support.a
OBJECTS_SUPPORT = $(librille_support_a_OBJECTS)
librille_support_a_CFLAGS = $(AM_CFLAGS) $(FLAGS_SUPPORT)
librille_support_a_SOURCES = \
	%D%/support/bare_machine.c \
	%D%/support/bare_machine.h \
	%D%/support/engine.c \
	%D%/support/engine.h \
	%D%/support/fuzz_guest.c \
	%D%/support/fuzz_guest.h \
	%D%/support/fuzz_lua.c \
	%D%/support/fuzz_lua.h \
	%D%/support/pattern_model.c \
	%D%/support/pattern_model.h \
	%D%/support/random_graph.h
if HAVE_CHECK
check_PROGRAMS += \
	%D%/unit/check_account \
	%D%/unit/check_alloc_failure \
	%D%/unit/check_asm \
	%D%/unit/check_asm_text \
	%D%/unit/check_bufcache \
	%D%/unit/check_chunk \
	%D%/unit/check_clone \
	%D%/unit/check_compile \
	%D%/unit/check_copy \
	%D%/unit/check_debuginfo \
	%D%/unit/check_device \
	%D%/unit/check_file \
	%D%/unit/check_frame \
	%D%/unit/check_heap \
	%D%/unit/check_host \
	%D%/unit/check_jit \
	%D%/unit/check_libs \
	%D%/unit/check_mount \
	%D%/unit/check_num \
	%D%/unit/check_opcode \
	%D%/unit/check_pagetable \
	%D%/unit/check_pattern \
	%D%/unit/check_policy \
	%D%/unit/check_rille \
	%D%/unit/check_shape \
	%D%/unit/check_shm \
	%D%/unit/check_sibling \
	%D%/unit/check_space \
	%D%/unit/check_str \
	%D%/unit/check_stream \
	%D%/unit/check_swap \
	%D%/unit/check_syscall \
	%D%/unit/check_table \
	%D%/unit/check_threads \
	%D%/unit/check_verify \
	%D%/unit/check_wall
endif
FUZZ_TARGETS = \
	%D%/fuzz/fuzz_bundle \
	%D%/fuzz/fuzz_capi \
	%D%/fuzz/fuzz_cdecl \
	%D%/fuzz/fuzz_chunk \
	%D%/fuzz/fuzz_dap \
	%D%/fuzz/fuzz_format \
	%D%/fuzz/fuzz_gc \
	%D%/fuzz/fuzz_http \
	%D%/fuzz/fuzz_message \
	%D%/fuzz/fuzz_number \
	%D%/fuzz/fuzz_pack \
	%D%/fuzz/fuzz_pages \
	%D%/fuzz/fuzz_path \
	%D%/fuzz/fuzz_pattern \
	%D%/fuzz/fuzz_policy \
	%D%/fuzz/fuzz_program \
	%D%/fuzz/fuzz_sched \
	%D%/fuzz/fuzz_signal \
	%D%/fuzz/fuzz_sort \
	%D%/fuzz/fuzz_source \
	%D%/fuzz/fuzz_string \
	%D%/fuzz/fuzz_syscall \
	%D%/fuzz/fuzz_table \
	%D%/fuzz/fuzz_utf8
tests_fuzz_fuzz_bundle_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_bundle_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_capi_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_capi_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_cdecl_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_cdecl_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_chunk_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_chunk_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_dap_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_dap_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_format_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_format_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_gc_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_gc_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_http_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_http_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_message_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_message_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_number_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_number_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_pack_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_pack_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_pages_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_pages_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_path_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_path_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_pattern_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_pattern_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_policy_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_policy_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_program_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_program_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_sched_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_sched_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_signal_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_signal_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_sort_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_sort_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_source_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_source_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_string_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_string_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_syscall_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_syscall_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_table_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_table_LDFLAGS = $(FLAGS_FUZZ)
tests_fuzz_fuzz_utf8_LDADD = $(FUZZ_MAIN) $(LDADD)
tests_fuzz_fuzz_utf8_LDFLAGS = $(FLAGS_FUZZ)
# sources end
