/* SPDX-License-Identifier: Apache-2.0
 *
 * keep - the remote agent's durable state
 *
 *     activity   {"id","runs","activated","step","open","baseline"}
 *     feedback   the last word that ended a step, as the host got it
 *     before     the inventory when the activity began
 *
 * Enough to answer feedback_get after a crash of ours, and to know what the agent, which did not
 * crash, may still be busy with.  Nothing waits for the disk: what a power failure takes back is
 * the last word or the last command, and then the host sends the command once more. */
#include "plugins/remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>
#include <update-broker/sdk/json.h>
#include <update-broker/sdk/log.h>

static int load_text(struct remote *remote, const char *key, char **ret)
{
        int r = ub_state_read(remote->host, key, ret, NULL);

        return r == -ENOENT ? 0 : r;
}

static int read_activity(const struct ub_json *root, struct activity *a)
{
        const char *baseline = "";
        const char *step = "";
        const char *id;
        int r;

        r = ub_json_need_string(root, "id", NULL, &id);
        if (r >= 0)
                r = ub_json_get_string(root, "step", NULL, &step);
        if (r >= 0)
                r = ub_json_get_string(root, "baseline", NULL, &baseline);
        if (r >= 0)
                r = ub_json_get_bool(root, "runs", NULL, &a->runs);
        if (r >= 0)
                r = ub_json_get_bool(root, "activated", NULL, &a->activated);
        if (r >= 0)
                r = ub_json_get_bool(root, "open", NULL, &a->open);
        if (r < 0)
                return r;
        a->id = strdup(id);
        a->baseline = strdup(baseline);
        a->step = step_from_text(step);
        a->open = a->open && a->step != STEP_NONE;
        return a->id && a->baseline ? 0 : -ENOMEM;
}

int keep_load(struct remote *remote)
{
        struct activity *a = &remote->activity;
        struct ub_json *root;
        char *text = NULL;
        int r;

        r = load_text(remote, "activity", &text);
        if (r < 0 || !text)
                return r;
        r = ub_json_parse(text, "activity", NULL, &root);
        free(text);
        if (r >= 0) {
                r = read_activity(root, a);
                (void)ub_json_free(root);
        }
        if (r == -EBADMSG) {
                /* An agent that stays down for good would be worse than one that starts over. */
                ub_warning(remote->host, "what is kept of the last activity cannot be read");
                activity_done(a, remote->host);
                return 0;
        }
        if (r >= 0)
                r = load_text(remote, "feedback", &a->feedback);
        if (r >= 0)
                r = load_text(remote, "before", &a->before);
        /* An agent at work is not asked; until it reports, that is what is known of it. */
        if (r >= 0 && a->before)
                r = (remote->inventory = strdup(a->before)) ? 0 : -ENOMEM;
        a->interrupted = a->open;
        a->alive = a->open; /* it was, when this process knew more */
        return r < 0 ? r : 0;
}

static void on_synced(void *data, int result)
{
        const struct remote *remote = data;

        if (result < 0)
                ub_warning(remote->host, "durable state: %s", strerror(-result));
}

/* What is too long for the durable state is done without. */
static int store_text(struct remote *remote, const char *key, const char *text)
{
        int r = ub_state_write(remote->host, key, text);

        return r == -E2BIG ? ub_state_write(remote->host, key, NULL) : r;
}

void keep_store(struct remote *remote)
{
        struct ub_json_writer w = UB_JSON_WRITER_INIT;
        struct activity *a = &remote->activity;
        char *text;
        int r;

        ub_json_open_object(&w, NULL);
        ub_json_put_string(&w, "id", a->id);
        ub_json_put_string(&w, "step", step_command(a->step));
        ub_json_put_string(&w, "baseline", a->baseline);
        ub_json_put_bool(&w, "runs", a->runs);
        ub_json_put_bool(&w, "activated", a->activated);
        ub_json_put_bool(&w, "open", a->open);
        ub_json_close_object(&w);
        r = ub_json_writer_finish(&w, &text);
        if (r >= 0) {
                r = ub_state_write(remote->host, "activity", text);
                free(text);
        }
        if (r >= 0)
                r = store_text(remote, "feedback", a->feedback);
        if (r >= 0)
                r = store_text(remote, "before", a->before);
        if (r >= 0)
                r = ub_state_sync(remote->host, on_synced, remote);
        if (r < 0)
                ub_warning(remote->host, "durable state: %s", strerror(-r));
}
