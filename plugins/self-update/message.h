/* SPDX-License-Identifier: Apache-2.0
 *
 * message - the feedback that the agent gives, word for word
 *
 * Two shapes, with the keys in this order and none left out:
 *
 *     {"status":S,"message":M,"actions":[]}
 *     {"status":S,"message":M,"actions":[{"component":{"id":"DOMAIN:COMPONENT","version":V},
 *                                         "status":AS,"progress":P,"message":AM}]}
 *
 * The texts are those of Leda's self-update agent, which people and tests know.  In the profile
 * "kanto" the words of the actions are those of Kanto's types. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct settings;

/* Texts that are also kept, and told when the activity ends. */
#define MESSAGE_TEXT_ACTIVATED "Self-update agent has activated the new OS image."
#define MESSAGE_TEXT_CONFIRMED "New OS image confirmed after reboot."

enum message_kind {
        MESSAGE_IDENTIFYING = 0, /* m1 */
        MESSAGE_IDENTIFIED,      /* m2 */
        MESSAGE_NOT_IDENTIFIED,  /* m3: text is the reason */
        MESSAGE_NOTHING,         /* IDENTIFIED without actions, before m4 */
        MESSAGE_SKIPPED,         /* m4 */
        MESSAGE_DOWNLOADING,     /* m5 */
        MESSAGE_DOWNLOADED,      /* m6 */
        MESSAGE_DOWNLOAD_FAILED, /* m7 */
        MESSAGE_CHECKING,        /* m8 */
        MESSAGE_INSTALLING,      /* m9 */
        MESSAGE_INSTALLED,       /* m10 */
        MESSAGE_INSTALL_FAILED,  /* m11 */
        MESSAGE_REJECTED,        /* m12 */
        MESSAGE_NOT_STREAMED,    /* m13 */
        MESSAGE_ACTIVATING,      /* m14 */
        MESSAGE_ACTIVATED,       /* m15 */
        MESSAGE_ACTIVATION_FAILED, /* m16 */
        MESSAGE_CLEANED,         /* m17 */
        MESSAGE_COMPLETE,        /* m18 */
        MESSAGE_INCOMPLETE,      /* m19 */
        MESSAGE_ROLLBACK,
        MESSAGE_ROLLED_BACK,
        MESSAGE_ROLLBACK_FAILED,
        MESSAGE_VERIFYING,
        MESSAGE_CONFIRMED,       /* the answer to VERIFY */
        MESSAGE_NOT_CONFIRMED,
        MESSAGE_LATE_COMPLETED,  /* the same when nobody asked */
        MESSAGE_COUNT,
};

struct message {
        enum message_kind kind;
        const char *version;     /* that is wanted */
        const char *text;        /* of the action; NULL: the one that belongs to the kind */
        const char *word;        /* of the action; NULL: the one that belongs to the kind */
        int progress;
};

/* domain: in front of the component's id.  The caller frees *ret.  -ENOMEM, -E2BIG. */
int message_write(const struct message *message, const char *domain,
                  const struct settings *settings, char **ret);

/* "Downloading 1.9 MiB..." */
enum { MESSAGE_AMOUNT_MAX = 64 };
void message_amount(const char *verb, uint64_t bytes, char buf[MESSAGE_AMOUNT_MAX]);
