/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/command.h"

#include <errno.h>
#include <string.h>

#include "host/model/place.h"
#include "host/util/diag.h"

struct command *command_free(struct command *c)
{
        if (c)
                free(c->baseline);
        free(c);
        return NULL;
}

int command_read(const struct json *payload, struct diag *diag, struct command **ret)
{
        const struct place at = { .key = "payload" };
        const struct place word_at = { .key = "command" };
        CLEANUP(command_freep)
        struct command *c = calloc(1, sizeof(*c));
        CLEANUP_FREE char *word = NULL;
        int r;

        if (!c)
                return diag_set(diag, -ENOMEM, "out of memory");
        r = place_check_object(&at, payload, diag);
        if (r == 0)
                r = place_take_name(NULL, payload, "command", PLACE_ID_MAX, diag, &word);
        if (r == 0)
                r = place_take_text(NULL, payload, "baseline", PLACE_ID_MAX, diag, &c->baseline);
        if (r < 0)
                return r;
        c->cancel = strcmp(word, "CANCEL") == 0;
        c->step = step_from_string(word);
        if (!c->cancel && (c->step == STEP_NONE || c->step == STEP_IDENTIFY))
                return place_fault(&word_at, diag, -EBADMSG, "no such command: \"%s\"", word);
        if (strcmp(c->baseline, "*") == 0)
                c->baseline[0] = '\0';
        *ret = TAKE_PTR(c);
        return 0;
}

int command_write(enum step step, const char *baseline, char **ret)
{
        CLEANUP_JSON struct json *object = json_new_object();

        if (!object || json_set(object, "command", json_new_string(step_to_string(step))) < 0 ||
            place_put_text(object, "baseline", baseline) < 0)
                return -ENOMEM;
        return json_print(object, JSON_LAYOUT_COMPACT, ret);
}
