/* SPDX-License-Identifier: Apache-2.0
 *
 * consent - the owner is asked {"command":"DOWNLOAD|UPDATE|ACTIVATE"} and answers
 * {"status":"APPROVED|DENIED"} */
#pragma once

#include <stdbool.h>

#include "host/json/json.h"
#include "host/model/status.h"

struct diag;

/* *ret_approved: the status is exactly APPROVED.  Any other word, and none, is a denial: consent is
 * never guessed.  -EBADMSG: not an answer at all, so the wait goes on. */
int consent_read(const struct json *payload, struct diag *diag, bool *ret_approved);

/* *ret is the caller's to free. */
int consent_write(enum step step, char **ret);
