/* SPDX-License-Identifier: Apache-2.0
 *
 * feedback - see <update-broker/sdk/feedback.h> */
#define _GNU_SOURCE 1 /* asprintf */
#define UB_ABI_MINOR_WANTED 0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/error.h>
#include <update-broker/sdk/feedback.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/json.h>

#include "sdk/text.h"

static const char *or_null(const char *text)
{
        return text && *text ? text : NULL;
}

static void write_action(struct ub_json_writer *w, const struct ub_feedback_action *action,
                         const char *domain)
{
        char *id = NULL;

        if (asprintf(&id, "%s:%s", domain, action->id) < 0) {
                w->fault = -ENOMEM;
                return;
        }
        ub_json_open_object(w, NULL);
        ub_json_open_object(w, "component");
        ub_json_put_string(w, "id", id);
        ub_json_put_string(w, "version", or_null(action->version));
        ub_json_close_object(w);
        ub_json_put_string(w, "status", or_null(action->status));
        if (action->progress > 0)
                ub_json_put_int(w, "progress", action->progress < 100 ? action->progress : 100);
        ub_json_put_string(w, "message", or_null(action->message));
        ub_json_close_object(w);
        free(id);
}

int ub_feedback_to_json(const struct ub_feedback *feedback, const char *domain, char **ret)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        size_t i;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "baseline", or_null(feedback->baseline));
        ub_json_put_string(&w, "status", feedback->status);
        ub_json_put_string(&w, "message", or_null(feedback->message));
        if (feedback->n_actions > 0) {
                ub_json_open_array(&w, "actions");
                for (i = 0; i < feedback->n_actions; i++)
                        write_action(&w, &feedback->actions[i], domain);
                ub_json_close_array(&w);
        }
        ub_json_close_object(&w);
        return ub_json_writer_finish(&w, ret);
}

int ub_feedback_send(const struct ub_host *host, const char *activity,
                     const struct ub_feedback *feedback)
{
        char *json;
        int r;

        r = ub_feedback_to_json(feedback, ub_id(host), &json);
        if (r < 0)
                return r;
        r = ub_feedback(host, activity, json);
        free(json);
        return r;
}

int ub_feedback_send_text(const struct ub_host *host, const char *activity, const char *baseline,
                          const char *status, const char *format, ...)
{
        char message[2 * UB_ERROR_MAX];
        const struct ub_feedback feedback = {
                .baseline = baseline,
                .status = status,
                .message = message,
        };
        va_list args;

        message[0] = '\0';
        if (format) {
                va_start(args, format);
                (void)vsnprintf(message, sizeof(message), format, args);
                va_end(args);
                ub_text_cut(message, sizeof(message) - 2);
        }
        return ub_feedback_send(host, activity, &feedback);
}
