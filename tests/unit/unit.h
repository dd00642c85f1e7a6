/* SPDX-License-Identifier: Apache-2.0
 *
 * unit - the frame of a unit test program
 *
 *     START_TEST(masked_fragment_is_ignored) { ... } END_TEST
 *     UNIT_MAIN("confd", masked_fragment_is_ignored, ...)
 *
 * Each test runs in a child of its own (check's fork mode, which also blames a leak on the test
 * that leaks) and becomes one line of TAP, named by its sentence. */
#pragma once

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

/* What the sanitizers make of a null pointer's use, and what a memory limit would be to them. */
#ifdef __SANITIZE_ADDRESS__
#define UNIT_SANITIZED true
#define UNIT_CRASH "exited with status 1"
#else
#define UNIT_SANITIZED false
#define UNIT_CRASH "killed by SIGSEGV"
#endif

/* From here on the leak checker says nothing, for a test that leaves something behind on
 * purpose. */
static inline void unit_leaves_something(void)
{
#ifdef __SANITIZE_ADDRESS__
        __lsan_disable();
#endif
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t n,
                           double timeout_sec)
{
        Suite *suite = suite_create(name);
        SRunner *runner = srunner_create(suite);
        size_t i;

        for (i = 0; i < n; i++) {
                TCase *tcase = tcase_create(tests[i]->name);

                tcase_set_timeout(tcase, timeout_sec);
                tcase_add_test(tcase, tests[i]);
                suite_add_tcase(suite, tcase);
        }
        srunner_set_tap(runner, "-");
        srunner_run_all(runner, CK_SILENT);
        n = (size_t)srunner_ntests_failed(runner);
        srunner_free(runner);
        return n ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define UNIT_MAIN_TIMEOUT(suite, sec, ...)                                          \
        int main(void)                                                              \
        {                                                                           \
                const TTest *const tests[] = { __VA_ARGS__ };                       \
                                                                                    \
                return unit_run(suite, tests, sizeof(tests) / sizeof(tests[0]), sec); \
        }
#define UNIT_MAIN(suite, ...) UNIT_MAIN_TIMEOUT(suite, 20, __VA_ARGS__)
