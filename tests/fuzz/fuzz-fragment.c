/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-fragment - a file of conf.d, from its bytes to a registration
 *
 * Input: the file.  Blanking comments moves nothing; what is refused is explained, at a place in
 * the file; what is accepted has an id and an origin for each of its members, and becomes a
 * registration or faults with a text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/config/confd.h"
#include "host/json/json.h"
#include "host/json/pointer.h"

#define CHECK(x) ((x) ? (void)0 : __builtin_trap())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_blanked(const struct fragment *fragment)
{
        size_t i;

        for (i = 0; i < fragment->length; i++) {
                CHECK(fragment->plain[i] == fragment->text[i] || fragment->plain[i] == ' ');
                CHECK((fragment->plain[i] == '\n') == (fragment->text[i] == '\n'));
        }
}

static void count_fault(void *data, bool error, const char *pointer, const char *text)
{
        (void)error;
        CHECK(pointer_is_valid(pointer) && *text);
        ++*(size_t *)data;
}

static void check_origins(const struct registration *reg, const struct json *json,
                          struct pointer *at)
{
        size_t mark = at->length;
        const struct json *member;
        struct confd_origin origin;

        CHECK(confd_get_origin(reg, pointer_text(at), &origin) == 0);
        CHECK(origin.at.line >= 1 && origin.at.column >= 1);
        if (json_get_type(json) != JSON_TYPE_OBJECT)
                return;
        JSON_FOREACH(member, json) {
                CHECK(pointer_push_key(at, json_get_key(member)) == 0);
                check_origins(reg, member, at);
                pointer_cut(at, mark);
        }
}

static void check_registration(struct fragment *fragment)
{
        CLEANUP(registration_freep) struct registration *reg = NULL;
        CLEANUP_POINTER struct pointer at = POINTER_INIT;
        size_t faults = 0;

        CHECK(fragment->id && fragment_id_is_valid(fragment->id));
        CHECK(registration_new(fragment->id, fragment->role, &reg) == 0);
        CHECK(registration_add(reg, fragment) == 0);
        CHECK(registration_check_keys(fragment->json, count_fault, &faults) == 0);
        CHECK(registration_read(reg, count_fault, &faults) == 0);
        CHECK(reg->settings && (faults || reg->plugin));
        if (fragment->length <= 4096) /* finding each value costs a walk from the beginning */
                check_origins(reg, reg->effective, &at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(fragment_freep) struct fragment *fragment = NULL;
        CLEANUP(problems_done) struct problems problems = { .items = NULL };

        CHECK(fragment_new("conf.d/50-a.conf", (const char *)data, size, &problems, &fragment) ==
              0);
        check_blanked(fragment);
        if (fragment->json) {
                CHECK(problems.n_errors == 0);
                check_registration(fragment);
        } else {
                CHECK(problems.n_errors == 1 && problems.items[0].at.line >= 1);
                CHECK(*problems.items[0].text && strcmp(problems.items[0].id, "a") == 0);
        }
        return 0;
}
