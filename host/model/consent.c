/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/consent.h"

#include <string.h>

#include "host/model/command.h"
#include "host/model/place.h"

int consent_read(const struct json *payload, struct diag *diag, bool *ret_approved)
{
        const struct place at = { .key = "payload" };
        CLEANUP_FREE char *word = NULL;
        int r;

        r = place_check_object(&at, payload, diag);
        if (r == 0)
                r = place_take_text(NULL, payload, "status", PLACE_NAME_MAX, diag, &word);
        if (r < 0)
                return r;
        *ret_approved = strcmp(word, "APPROVED") == 0;
        return 0;
}

int consent_write(enum step step, char **ret)
{
        return command_write(step, "", ret);
}
