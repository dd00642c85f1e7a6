/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "host/model/precondition.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "tests/unit/unit.h"

/* The facts of all tests. */
static const char *lookup(void *data, const char *name)
{
        static const char *const facts[][2] = {
                { "device.mode", "DRIVING" },
                { "device.battery", "40" },
                { "device.pluggedIn", "true" },
                { "text", "abc" },
                { "zero", "0.0" },
        };
        size_t i;

        (void)data;
        for (i = 0; i < ARRAY_SIZE(facts); i++)
                if (strcmp(facts[i][0], name) == 0)
                        return facts[i][1];
        return NULL;
}

static struct precondition *parse(const char *text)
{
        struct precondition *p = NULL;
        struct diag diag = DIAG_INIT;

        if (precondition_new(text, &diag, &p) < 0)
                ck_abort_msg("%s: %s", text, diag.text);
        return p;
}

START_TEST(answers_are_three_valued)
{
        static const struct {
                const char *text;
                enum truth truth;
        } cases[] = {
                { "", TRUTH_TRUE },
                { "  ", TRUTH_TRUE },
                { "device.mode=DRIVING", TRUTH_TRUE },
                { "device.mode=MAINTENANCE", TRUTH_FALSE },
                { "device.mode==DRIVING", TRUTH_TRUE },
                { "device.mode!=DRIVING", TRUTH_FALSE },
                { "device.mode=driving", TRUTH_FALSE },
                { "device.pluggedIn=TRUE", TRUTH_TRUE },
                { "device.battery>75", TRUTH_FALSE },
                { "device.battery>=40", TRUTH_TRUE },
                { "device.battery<40.5", TRUTH_TRUE },
                { "device.battery<=39", TRUTH_FALSE },
                { "device.battery=4e1", TRUTH_TRUE },
                { "zero=0", TRUTH_TRUE },
                { "text>1", TRUTH_UNKNOWN },
                { "text=\"abc\"", TRUTH_TRUE },
                { "missing=1", TRUTH_UNKNOWN },
                { "missing!=1", TRUTH_UNKNOWN },
                { "AND(missing=1,device.battery>75)", TRUTH_FALSE },
                { "AND(missing=1,device.battery=40)", TRUTH_UNKNOWN },
                { "OR(missing=1,device.battery=40)", TRUTH_TRUE },
                { "or ( missing = 1 , device.battery > 75 )", TRUTH_UNKNOWN },
                { "NOT(missing=1)", TRUTH_UNKNOWN },
                { "not(device.battery>75)", TRUTH_TRUE },
                { "device.battery=40,device.mode=DRIVING", TRUTH_TRUE },
                { "device.battery=40,missing=1", TRUTH_UNKNOWN },
                { "AND(device.mode=DRIVING,OR(device.battery>75,device.pluggedIn=true))",
                  TRUTH_TRUE },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct precondition *p = parse(cases[i].text);

                ck_assert_msg(precondition_evaluate(p, lookup, NULL) == cases[i].truth, "%s",
                              cases[i].text);
                precondition_free(p);
        }
}
END_TEST

START_TEST(what_is_missing_is_said_in_a_sentence)
{
        static const struct {
                const char *text;
                const char *sentence;
        } cases[] = {
                { "device.mode=DRIVING", "" },
                { "AND(device.mode=MAINTENANCE,device.battery=40,missing>1)",
                  "device.mode=MAINTENANCE (is DRIVING) and missing>1 (unknown)" },
                { "AND(device.battery=40,OR(device.battery>75,missing=1))",
                  "(device.battery>75 (is 40) or missing=1 (unknown))" },
                { "NOT(AND(device.battery=40,device.pluggedIn=true))",
                  "not (device.battery=40 (is 40) and device.pluggedIn=true (is true))" },
        };
        char buf[256];
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct precondition *p = parse(cases[i].text);

                ck_assert_str_eq(precondition_explain(p, lookup, NULL, buf, sizeof(buf)),
                                 cases[i].sentence);
                precondition_free(p);
        }
}
END_TEST

START_TEST(a_sentence_that_does_not_fit_ends_in_dots)
{
        struct precondition *p = parse("missing=1,missing=2,missing=3");
        char buf[16];

        ck_assert_str_eq(precondition_explain(p, lookup, NULL, buf, sizeof(buf)),
                         "missing=1 (u...");
        precondition_free(p);
}
END_TEST

START_TEST(faults_are_named_with_their_place)
{
        static const struct {
                const char *text;
                const char *fault;
        } cases[] = {
                { "=1", "character 1: expected AND, OR, NOT or the name of a fact" },
                { "a", "character 2: expected one of = != < <= > >=" },
                { "a=", "character 3: expected a value" },
                { "a=\"b", "character 3: the quoted value does not end" },
                { "a=1 b=2", "character 5: expected , or the end" },
                { "AND(a=1", "character 8: expected , or )" },
                { "NOT(a=1,b=2)", "character 8: expected )" },
                { "XOR(a=1)", "character 1: no such function; there are AND, OR and NOT" },
                { "a=1,", "character 5: expected AND, OR, NOT or the name of a fact" },
                { "AND()", "character 5: expected AND, OR, NOT or the name of a fact" },
        };
        size_t i;

        for (i = 0; i < ARRAY_SIZE(cases); i++) {
                struct precondition *p = NULL;
                struct diag diag = DIAG_INIT;

                ck_assert_int_eq(precondition_new(cases[i].text, &diag, &p), -EBADMSG);
                ck_assert_str_eq(diag.text, cases[i].fault);
                ck_assert_ptr_null(p);
        }
}
END_TEST

START_TEST(limits_hold)
{
        struct precondition *p = NULL;
        struct diag diag = DIAG_INIT;
        char text[PRECONDITION_TEXT_MAX + 2];
        size_t i;

        memset(text, ' ', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        ck_assert_int_eq(precondition_new(text, &diag, &p), -E2BIG);
        for (i = 0; i < 4 * (PRECONDITION_DEPTH_MAX + 1); i += 4)
                memcpy(text + i, "NOT(", 4);
        text[i] = '\0';
        ck_assert_int_eq(precondition_new(text, &diag, &p), -E2BIG);
        ck_assert_str_eq(diag.text, "nested deeper than 16");
        for (i = 0; i < 4 * PRECONDITION_NODES_MAX; i += 4)
                memcpy(text + i, "a=1,", 4);
        memcpy(text + i, "a=1", 4);
        ck_assert_int_eq(precondition_new(text, &diag, &p), -E2BIG);
        ck_assert_str_eq(diag.text, "more than 128 terms");
}
END_TEST

UNIT_MAIN("precondition", answers_are_three_valued, what_is_missing_is_said_in_a_sentence,
          a_sentence_that_does_not_fit_ends_in_dots, faults_are_named_with_their_place, limits_hold)
