/* SPDX-License-Identifier: Apache-2.0
 *
 * message - see message.h */
#include "plugins/self-update/message.h"

#include <stdio.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/status.h>

#include "plugins/self-update/settings.h"

#define UPDATED "UPDATED" /* a word of Leda's agent only */

#define TEXT_IDENTIFIED "Self-update agent is about to perform an OS image update."
#define TEXT_SAME "Current OS image is equal to the target one from desired state."
#define TEXT_UPDATING "Self-update agent is performing an OS image update."
#define TEXT_ACTIVATING "Self-update agent is performing an OS image activation."
#define TEXT_NOT_ACTIVATED "Self-update agent has failed to activate the new OS image."
#define TEXT_ROLLBACK "Self-update agent is rolling back."

/* What each kind of message is made of.  Leda's agent calls the action UPDATING to the end of
 * UPDATE and through ACTIVATE; Kanto's types have words of their own for that. */
static const struct shape {
        const char *status; /* NULL: settings_final_status() */
        const char *text;   /* NULL: that of the message, which is a reason */
        bool action;
        const char *word;       /* of the action; NULL: that of the message */
        const char *kanto_word; /* NULL: the same */
        const char *action_text;
} shapes[MESSAGE_COUNT] = {
        [MESSAGE_IDENTIFYING] = { UB_IDENTIFYING,
                                  "Self-update agent has received new desired state "
                                  "request and is evaluating it.",
                                  false, NULL, NULL, NULL },
        [MESSAGE_IDENTIFIED] = { UB_IDENTIFIED, TEXT_IDENTIFIED, true, UB_IDENTIFIED, NULL,
                                 TEXT_IDENTIFIED },
        [MESSAGE_NOT_IDENTIFIED] = { UB_IDENTIFICATION_FAILED, NULL, false, NULL, NULL, NULL },
        [MESSAGE_NOTHING] = { UB_IDENTIFIED, TEXT_SAME, false, NULL, NULL, NULL },
        [MESSAGE_SKIPPED] = { UB_COMPLETED, TEXT_SAME, false, NULL, NULL, NULL },
        [MESSAGE_DOWNLOADING] = { UB_DOWNLOADING, TEXT_UPDATING, true, UB_DOWNLOADING, NULL, NULL },
        [MESSAGE_DOWNLOADED] = { UB_DOWNLOAD_SUCCESS, TEXT_UPDATING, true, UB_DOWNLOAD_SUCCESS,
                                 NULL, NULL },
        [MESSAGE_DOWNLOAD_FAILED] = { UB_DOWNLOAD_FAILURE, "Download failed.", true,
                                      UB_DOWNLOAD_FAILURE, NULL, NULL },
        [MESSAGE_CHECKING] = { UB_UPDATING, TEXT_UPDATING, true, UB_UPDATING, NULL,
                               "Checking bundle version and version in desired state request." },
        [MESSAGE_INSTALLING] = { UB_UPDATING, TEXT_UPDATING, true, UB_UPDATING, NULL,
                                 "RAUC install..." },
        [MESSAGE_INSTALLED] = { UB_UPDATE_SUCCESS, "Self-update completed, reboot required.", true,
                                UB_UPDATING, UB_UPDATE_SUCCESS,
                                "Writing partition completed, reboot required." },
        [MESSAGE_INSTALL_FAILED] = { UB_UPDATE_FAILURE, "Install failed.", true, UB_UPDATE_FAILURE,
                                     NULL, "Writing partition failed." },
        [MESSAGE_REJECTED] = { UB_UPDATE_FAILURE, "Update rejected.", true, UB_UPDATE_FAILURE, NULL,
                               "Bundle version does not match version in desired state request." },
        [MESSAGE_NOT_STREAMED] = { UB_RUNNING, TEXT_UPDATING, true, UB_UPDATING, NULL,
                                   "Install in streaming mode failed, trying in download mode." },
        [MESSAGE_ACTIVATING] = { UB_ACTIVATING, TEXT_ACTIVATING, true, UB_UPDATING, UB_ACTIVATING,
                                 TEXT_ACTIVATING },
        [MESSAGE_ACTIVATED] = { UB_ACTIVATION_SUCCESS, MESSAGE_TEXT_ACTIVATED, true, UPDATED,
                                UB_ACTIVATION_SUCCESS, MESSAGE_TEXT_ACTIVATED },
        [MESSAGE_ACTIVATION_FAILED] = { UB_ACTIVATION_FAILURE, TEXT_NOT_ACTIVATED, true,
                                        UB_UPDATE_FAILURE, UB_ACTIVATION_FAILURE,
                                        TEXT_NOT_ACTIVATED },
        [MESSAGE_CLEANED] = { UB_CLEANUP_SUCCESS, "Self-update agent has cleaned up after itself.",
                              true, NULL, NULL, NULL },
        [MESSAGE_COMPLETE] = { NULL, "Self-update completed.", true, NULL, NULL, NULL },
        [MESSAGE_INCOMPLETE] = { UB_INCOMPLETE, "Self-update incomplete.", true, NULL, NULL, NULL },
        [MESSAGE_ROLLBACK] = { UB_ROLLBACK, TEXT_ROLLBACK, true, UB_UPDATING, NULL, TEXT_ROLLBACK },
        [MESSAGE_ROLLED_BACK] = { UB_ROLLBACK_SUCCESS, "Self-update agent has rolled back.", true,
                                  UB_UPDATE_FAILURE, NULL, NULL },
        [MESSAGE_ROLLBACK_FAILED] = { UB_ROLLBACK_FAILURE,
                                      "Self-update agent has failed to roll back.", true,
                                      UB_UPDATE_FAILURE, NULL, NULL },
        [MESSAGE_VERIFYING] = { UB_VERIFYING, "Self-update agent is checking the new OS image.",
                                true, UB_UPDATING, NULL, NULL },
        [MESSAGE_CONFIRMED] = { UB_VERIFY_SUCCESS, MESSAGE_TEXT_CONFIRMED, true, UB_UPDATE_SUCCESS,
                                NULL, MESSAGE_TEXT_CONFIRMED },
        [MESSAGE_NOT_CONFIRMED] = { UB_VERIFY_FAILURE, NULL, true, UB_UPDATE_FAILURE, NULL, NULL },
        [MESSAGE_LATE_COMPLETED] = { UB_COMPLETED, MESSAGE_TEXT_CONFIRMED, true, UB_UPDATE_SUCCESS,
                                     NULL, MESSAGE_TEXT_CONFIRMED },
};

/* The first that there is; the last one always is. */
static const char *first(const char *a, const char *b, const char *c)
{
        if (a)
                return a;
        return b ? b : c;
}

int message_write(const struct message *message, const char *domain,
                  const struct settings *settings, char **ret)
{
        const struct shape *shape = &shapes[message->kind];
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        const char *text = first(shape->text, message->text, "");
        const char *word = shape->word;
        char id[SETTINGS_NAME_MAX * 2];

        if (settings->profile == PROFILE_KANTO && shape->kanto_word)
                word = shape->kanto_word;
        (void)snprintf(id, sizeof(id), "%s:%s", domain, settings->component);
        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "status", first(shape->status, settings_final_status(settings), ""));
        ub_json_put_string(&w, "message", text);
        ub_json_open_array(&w, "actions");
        if (shape->action) {
                ub_json_open_object(&w, NULL);
                ub_json_open_object(&w, "component");
                ub_json_put_string(&w, "id", id);
                ub_json_put_string(&w, "version", message->version);
                ub_json_close_object(&w);
                ub_json_put_string(&w, "status", first(message->word, word, ""));
                ub_json_put_int(&w, "progress", message->progress);
                ub_json_put_string(&w, "message",
                                   first(message->text, shape->action_text, text));
                ub_json_close_object(&w);
        }
        ub_json_close_array(&w);
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

void message_amount(const char *verb, uint64_t bytes, char buf[MESSAGE_AMOUNT_MAX])
{
        (void)snprintf(buf, MESSAGE_AMOUNT_MAX, "%s %.1f MiB...", verb,
                       (double)bytes / (1024 * 1024));
}
