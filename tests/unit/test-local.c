/* SPDX-License-Identifier: Apache-2.0
 *
 * Local instances of puppet.so, whose functions are in here: life, services, order, freeing. */
#define _GNU_SOURCE 1 /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/util/time.h"
#include "host/util/values.h"
#include "tests/fake/puppet.h"
#include "tests/unit/owner.h"

static struct puppet puppet;

/* What the plugin sees and does goes into the same list as what the owner sees. */
#define HOST(function, ...) puppet.host->function(puppet.host->ctx, __VA_ARGS__)

static void begin_with(const struct instance_config *model)
{
        struct instance_config config = *model;
        char settings[256];

        (void)snprintf(settings, sizeof(settings),
                       "{\"puppet\":\"%" PRIxPTR
                       "\",\"list\":[1, {\"a\":\"\\u00fc\"}],\"on\":true}",
                       (uintptr_t)&puppet);
        config.settings = settings;
        owner_begin("fake/puppet", &config);
}

static void begin(void)
{
        begin_with(&(struct instance_config){ .grants = INSTANCE_GRANT_SPAWN });
}

static void start(void)
{
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("started");
        owner.n_seen = owner.n_lines;
}

static void end(void)
{
        expect_no_more();
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        owner_end();
}

/* ------------------------------------------------------------------------------- life and order */

static int note_create(struct puppet *p)
{
        note("create %s %u.%u", p->host->id, p->host->abi_major, p->host->abi_minor);
        return 0;
}

static int note_start(struct puppet *p, uint32_t flags)
{
        (void)p;
        note("start %" PRIu32, flags);
        return 0;
}

static void note_stop(struct puppet *p)
{
        note("stop");
        p->host->stopped(p->host->ctx);
        note("stop returns");
}

static void note_destroy(struct puppet *p)
{
        (void)p;
        note("destroy");
}

START_TEST(a_life_goes_from_create_to_destroy)
{
        puppet = (struct puppet){
                .create = note_create,
                .start = note_start,
                .stop = note_stop,
                .destroy = note_destroy,
        };
        begin();
        ck_assert_int_eq(instance_start(owner.instance, UB_START_RECOVERED | UB_START_REBOOTED), 0);
        expect_no_more(); /* nothing happens inside of it */
        ck_assert_int_eq(instance_start(owner.instance, 0), -ESTALE);
        ck_assert_int_eq(instance_cancel(owner.instance, "a1"), -ESTALE);
        wait_for("started");
        expect("create guest 1.0");
        expect("start 5");
        expect("started 0");
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        ck_assert_int_eq(instance_stop(owner.instance), -ESTALE);
        ck_assert_int_eq(instance_cancel(owner.instance, "a1"), -ESTALE);
        expect_no_more();
        wait_for("stopped");
        expect("stop");
        expect("stop returns");
        expect("destroy");
        expect("stopped");
        expect_no_more();
        ck_assert_int_eq(instance_start(owner.instance, 0), -ESTALE);
        owner_end();
}
END_TEST

START_TEST(stop_may_come_right_after_start_or_without)
{
        puppet = (struct puppet){ .start = note_start, .destroy = note_destroy };
        begin();
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("start 0");
        expect("started 0");
        expect("destroy");
        expect("stopped");
        owner_end();

        begin();
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("stopped");
        expect_no_more();
        owner_end();
}
END_TEST

static void stop_later(struct puppet *p)
{
        note("stop");
        ck_assert_int_eq(p->host->timer(p->host->ctx, 1000, p->host->stopped,
                                        p->host->ctx, NULL),
                         0);
        /* This one must not run: the plugin is at rest before. */
        ck_assert_int_eq(p->host->timer(p->host->ctx, 1000 * USEC_PER_SEC,
                                        p->host->stopped, p->host->ctx, NULL),
                         0);
}

START_TEST(stopped_may_come_later)
{
        puppet = (struct puppet){ .stop = stop_later, .destroy = note_destroy };
        begin();
        start();
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("stop");
        expect("destroy");
        expect("stopped");
        expect_no_more();
        owner_end();
}
END_TEST

START_TEST(a_file_that_is_no_plugin_or_has_not_the_role_is_refused)
{
        owner_begin("bad/no-entry", &(struct instance_config){ .grants = 0 });
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("started -2 ");
        owner_end();

        owner.n_seen = owner.n_lines;
        owner_begin("bad/good", &(struct instance_config){ .role = INSTANCE_ROLE_CONNECTOR });
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("started");
        expect("started -95 plugin bad is no connector");
        owner_end();
}
END_TEST

START_TEST(settings_that_are_no_object_are_refused)
{
        struct instance_config config = {
                .id = "x",
                .role = INSTANCE_ROLE_AGENT,
                .plugin = "/x.so",
                .settings = "[]",
        };
        struct instance *instance;

        ck_assert_int_ge(sd_event_new(&owner.event), 0);
        ck_assert_int_eq(instance_new_local(&config, owner.event, &owner_events, NULL, &instance),
                         -EBADMSG);
        owner.event = sd_event_unref(owner.event);
}
END_TEST

/* ------------------------------------------------------------------------------------- requests */

static int answer_twice_later(struct puppet *p, const char *activity, const char *json)
{
        note("desired_state %s %s", activity, json);
        (void)p;
        return HOST(feedback, activity, "{\"status\":\"IDENTIFIED\"}");
}

static int refuse_command(struct puppet *p, const char *activity, const char *baseline,
                          int32_t command)
{
        (void)p;
        note("command %s %s %" PRId32, activity, baseline, command);
        return command == UB_CMD_DOWNLOAD ? 1 : -ENOTSUP; /* a count is a success */
}

START_TEST(requests_run_in_order_and_are_answered_after_what_they_led_to)
{
        puppet = (struct puppet){ .desired_state = answer_twice_later, .command = refuse_command };
        begin();
        start();
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        ck_assert_int_eq(instance_command(owner.instance, "a1", "b1", UB_CMD_DOWNLOAD), 0);
        ck_assert_int_eq(instance_command(owner.instance, "a1", "", 4711), 0);
        ck_assert_int_eq(instance_cancel(owner.instance, "a1"), 0);
        ck_assert_int_eq(instance_feedback_get(owner.instance, "a1"), 0);
        expect_no_more();
        wait_for("answered feedback_get");
        expect("desired_state a1 {}");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("answered desired_state a1 0");
        expect("command a1 b1 1");
        expect("answered command a1 0");
        expect("command a1  4711");
        expect("answered command a1 -95");
        expect("answered cancel a1 -95");
        expect("answered feedback_get a1 -95");
        end();
}
END_TEST

static char long_id[UB_MAX_ID + 2];

START_TEST(requests_beyond_the_limits_are_refused)
{
        CLEANUP_FREE char *json = malloc(UB_MAX_JSON + 2);

        puppet = (struct puppet){ .data = NULL };
        begin();
        start();
        memset(long_id, 'x', UB_MAX_ID + 1);
        memset(json, ' ', UB_MAX_JSON + 1);
        json[UB_MAX_JSON + 1] = '\0';
        ck_assert_int_eq(instance_desired_state(owner.instance, long_id, "{}"), -E2BIG);
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", json), -E2BIG);
        ck_assert_int_eq(instance_command(owner.instance, "a1", long_id, UB_CMD_UPDATE), -E2BIG);
        end();
}
END_TEST

START_TEST(the_queue_has_a_limit)
{
        int r = 0;
        int n = 0;

        puppet = (struct puppet){ .data = NULL };
        begin();
        start();
        while (r == 0 && n < 100000) {
                r = instance_activity_end(owner.instance, "a1");
                n++;
        }
        ck_assert_int_eq(r, -ENOBUFS);
        ck_assert_int_gt(n, 100);
        while (instance_stop(owner.instance) < 0)
                turn();
        wait_for("stopped");
        owner_end();
}
END_TEST

static int fail_busy(struct puppet *p, const char *activity, const char *json)
{
        (void)p;
        (void)json;
        return strcmp(activity, "a2") == 0 ? -EBUSY : 0;
}

START_TEST(a_refused_activity_leaves_the_present_one)
{
        puppet = (struct puppet){ .desired_state = fail_busy };
        begin();
        start();
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        ck_assert_int_eq(instance_desired_state(owner.instance, "a2", "{}"), 0);
        wait_for("answered desired_state a2");
        expect("answered desired_state a1 0");
        expect("answered desired_state a2 -16");
        owner.dispatching++;
        ck_assert_int_eq(HOST(feedback, "a2", "{\"status\":\"IDENTIFIED\"}"), -ENOENT);
        ck_assert_int_eq(HOST(feedback, "a1", "{\"status\":\"IDENTIFIED\"}"), 0);
        ck_assert_int_eq(HOST(reboot_request, "a2", "why"), -ENOENT);
        ck_assert_int_eq(HOST(reboot_request, "a1", "a new kernel"), 0);
        ck_assert_int_eq(HOST(reboot_request, "", "not well"), 0); /* outside of any activity */
        owner.dispatching--;
        expect("misbehaved answered an activity that does not run: feedback: no activity a2");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("misbehaved answered an activity that does not run: reboot_request: no activity a2");
        expect("reboot_request a1 a new kernel");
        expect("reboot_request  not well");
        ck_assert_int_eq(instance_activity_end(owner.instance, "a1"), 0);
        ck_assert_int_eq(instance_current_state_get(owner.instance, "q1"), 0);
        wait_for("answered current_state_get");
        expect("answered current_state_get q1 0");
        owner.dispatching++;
        ck_assert_int_eq(HOST(feedback, "a1", "{\"status\":\"COMPLETED\"}"), -ENOENT);
        ck_assert_int_eq(HOST(current_state, "q1", "{}"), 0);
        ck_assert_int_eq(HOST(current_state, "q1", "{}"), -ESTALE);
        ck_assert_int_eq(HOST(current_state, "", "{}"), 0);
        owner.dispatching--;
        owner.n_seen = owner.n_lines;
        end();
}
END_TEST

/* ----------------------------------------------------------------------------- settings, reload */

static int read_settings(struct puppet *p)
{
        char buf[64];

        note("on %d %s", p->host->setting(p->host->ctx, "/on", buf, sizeof(buf)), buf);
        note("list %d %s", p->host->setting(p->host->ctx, "/list/1", buf, sizeof(buf)), buf);
        note("text %d %s", p->host->setting(p->host->ctx, "/list/1/a", buf, sizeof(buf)), buf);
        note("short %d %s", p->host->setting(p->host->ctx, "/list/1", buf, 5), buf);
        note("size %d", p->host->setting(p->host->ctx, "/list/1", NULL, 0));
        note("none %d", p->host->setting(p->host->ctx, "/none", buf, sizeof(buf)));
        note("state %d", p->host->state_get(p->host->ctx, "key", buf, sizeof(buf)));
        return 0;
}

START_TEST(settings_are_read_in_create)
{
        puppet = (struct puppet){ .create = read_settings };
        begin();
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("started");
        expect("on 4 true");
        expect("list 14 {\"a\":\"\\u00fc\"}");
        expect("text 2 \xc3\xbc");
        expect("short 14 \xc3\xbc");
        expect("size 14");
        expect("none -2");
        expect("state -2");
        expect("started 0");
        end();
}
END_TEST

static int reload(struct puppet *p, const char *settings)
{
        char buf[16] = "";

        (void)p->host->setting(p->host->ctx, "/v", buf, sizeof(buf));
        note("reload %s %s", settings, buf);
        return buf[0] == '3' ? -EINVAL : 0;
}

START_TEST(reload_changes_the_settings_unless_it_fails)
{
        char buf[16];

        puppet = (struct puppet){ .reload = reload };
        begin();
        start();
        ck_assert_int_eq(instance_reload(owner.instance, "{\"v\":2}"), 0);
        ck_assert_int_eq(instance_reload(owner.instance, "{\"v\":3}"), 0);
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        ck_assert_int_eq(instance_reload(owner.instance, "{\"v\":4}"), 0);
        wait_for("answered desired_state");
        wait_for("answered reload  -16");
        expect("reload {\"v\":2} 2");
        expect("answered reload  0");
        expect("reload {\"v\":3} 3");
        expect("answered reload  -22");
        expect("answered desired_state a1 0");
        expect("answered reload  -16"); /* an activity runs */
        ck_assert_int_eq(HOST(setting, "/v", buf, sizeof(buf)), 1);
        ck_assert_str_eq(buf, "2");
        end();
}
END_TEST

/* ---------------------------------------------------------------------------------------- state */

static void note_done(void *name, int r)
{
        note("done %s %d", (const char *)name, r);
}

static int use_state(struct puppet *p, uint32_t flags)
{
        static char name[] = "sync";
        char buf[16] = "";

        (void)flags;
        note("got %d %s", p->host->state_get(p->host->ctx, "old", buf, sizeof(buf)), buf);
        note("put %d", p->host->state_put(p->host->ctx, "new", "abc", 3));
        note("got %d %s", p->host->state_get(p->host->ctx, "new", buf, sizeof(buf)), buf);
        note("put %d", p->host->state_put(p->host->ctx, "old", NULL, 0));
        note("got %d", p->host->state_get(p->host->ctx, "old", buf, sizeof(buf)));
        note("sync %d", p->host->state_sync(p->host->ctx, note_done, name));
        return 0;
}

START_TEST(state_is_seen_at_once_and_synced_by_the_owner)
{
        struct values *values;

        ck_assert_int_eq(values_new(UB_MAX_STATE, &values), 0);
        ck_assert_int_eq(values_put(values, "old", "1234", 4), 0);
        puppet = (struct puppet){ .start = use_state };
        owner.auto_sync = true;
        begin_with(&(struct instance_config){ .state = values });
        values_free(values); /* the instance has its own */
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("done");
        expect("got 4 1234");
        expect("state_put new abc");
        expect("put 0");
        expect("got 3 abc");
        expect("state_put old ");
        expect("put 0");
        expect("got -2");
        expect("state_sync");
        expect("sync 0");
        expect("started 0");
        expect("done sync 0");
        /* An id that was answered, or never given, does nothing. */
        ck_assert_int_eq(instance_state_synced(owner.instance, owner.last_sync, -EIO), 0);
        end();
}
END_TEST

static void stop_now(void *data, int r)
{
        struct puppet *p = data;

        note("synced %d", r);
        p->host->stopped(p->host->ctx);
}

static void sync_in_stop(struct puppet *p)
{
        ck_assert_int_eq(p->host->state_sync(p->host->ctx,
                                             stop_now, p),
                         0);
}

START_TEST(a_sync_may_delay_the_end)
{
        puppet = (struct puppet){ .stop = sync_in_stop, .destroy = note_destroy };
        owner.auto_sync = true;
        begin();
        start();
        ck_assert_int_eq(instance_stop(owner.instance), 0);
        wait_for("stopped");
        expect("state_sync");
        expect("synced 0");
        expect("destroy");
        expect("stopped");
        owner_end();
}
END_TEST

/* ---------------------------------------------------------------------------- wake, spawn, mqtt */

static void note_woken(struct puppet *p)
{
        (void)p;
        note("woken");
}

static void wake_in_handler(int signo)
{
        (void)signo;
        puppet.host->wake(puppet.host->ctx);
}

START_TEST(wakes_coalesce_and_may_come_from_a_signal_handler)
{
        const struct sigaction action = { .sa_handler = wake_in_handler };

        puppet = (struct puppet){ .woken = note_woken };
        begin();
        start();
        for (int i = 0; i < 1000; i++)
                puppet.host->wake(puppet.host->ctx);
        wait_for("woken");
        expect("woken");
        settle();
        expect_no_more();

        ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
        ck_assert_int_eq(raise(SIGUSR1), 0);
        wait_for("woken");
        expect("woken");
        end();
}
END_TEST

static void note_ended(void *data, int32_t code, int32_t status)
{
        (void)data;
        note("ended %s %" PRId32, code == CLD_EXITED ? "exited" : "killed", status);
}

static int spawn_env(struct puppet *p, const char *activity, const char *json)
{
        static const char *const argv[] = { "/usr/bin/env", NULL };
        const struct ub_spawn command = {
                .size = sizeof(command),
                .argv = argv,
                .in_fd = -1,
                .out_fd = ((int *)p->data)[1],
                .err_fd = -1,
        };

        (void)activity;
        (void)json;
        return HOST(spawn, &command, note_ended, NULL, NULL);
}

static int spawn_wrong(struct puppet *p, const char *activity, const char *json)
{
        static const char *const relative[] = { "env", NULL };
        static const char *const missing[] = { "/does/not/exist", NULL };
        struct ub_spawn command = {
                .size = sizeof(command), .in_fd = -1, .out_fd = -1, .err_fd = -1
        };

        (void)p;
        (void)activity;
        (void)json;
        note("none %d", HOST(spawn, &command, note_ended, NULL, NULL));
        command.argv = relative;
        note("relative %d", HOST(spawn, &command, note_ended, NULL, NULL));
        command.argv = missing;
        command.flags = 1;
        note("flags %d", HOST(spawn, &command, note_ended, NULL, NULL));
        command.flags = 0;
        note("missing %d", HOST(spawn, &command, note_ended, NULL, NULL));
        return 0;
}

START_TEST(a_program_runs_with_a_plain_environment)
{
        char text[256] = "";
        int fds[2];

        ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
        puppet = (struct puppet){ .desired_state = spawn_env, .data = fds };
        begin();
        start();
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        wait_for("ended");
        expect("answered desired_state a1 0");
        expect("ended exited 0");
        ck_assert_int_gt(read(fds[0], text, sizeof(text) - 1), 0);
        ck_assert_str_eq(text, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                               "LANG=C.UTF-8\n");
        (void)close(fds[0]);
        (void)close(fds[1]);
        end();
}
END_TEST

START_TEST(a_program_that_cannot_run_is_an_error)
{
        puppet = (struct puppet){ .desired_state = spawn_wrong };
        begin();
        start();
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        wait_for("answered");
        expect("misbehaved passed a bad argument: spawn: no command");
        expect("none -22");
        expect("misbehaved passed a bad argument: spawn: argv[0] is not an absolute path");
        expect("relative -22");
        expect("misbehaved passed a bad argument: spawn: unknown flags");
        expect("flags -22");
        expect("missing -2");
        expect("answered desired_state a1 0");
        end();
}
END_TEST

static void note_message(void *data, const char *topic, const void *payload, size_t length,
                         uint32_t flags)
{
        (void)data;
        note("message %s %.*s %" PRIu32, topic, (int)length, (const char *)payload, flags);
}

static void note_connected(void *data, uint32_t connected)
{
        (void)data;
        note("connected %" PRIu32, connected);
}

static uint64_t subscription;

static int use_mqtt(struct puppet *p, uint32_t flags)
{
        static char name[] = "publish";
        const struct ub_mqtt *mqtt = p->host->get(p->host->ctx, UB_SERVICE_MQTT);
        void *ctx = p->host->ctx;

        (void)flags;
        ck_assert_ptr_nonnull(mqtt);
        note("publish %d",
             mqtt->publish(ctx, "car/x", "hi", 2, 1, UB_MQTT_RETAIN, note_done, name));
        note("publish %d", mqtt->publish(ctx, "car/x", NULL, 0, 0, 0, NULL, NULL));
        note("publish %d", mqtt->publish(ctx, "truck", "hi", 2, 0, 0, NULL, NULL));
        note("publish %d", mqtt->publish(ctx, "car/+", "hi", 2, 0, 0, NULL, NULL));
        note("publish %d", mqtt->publish(ctx, "car/x", "hi", 2, 3, 0, NULL, NULL));
        note("subscribe %d", mqtt->subscribe(ctx, "car/+", 1, note_message, NULL, &subscription));
        note("subscribe %d", mqtt->subscribe(ctx, "#", 1, note_message, NULL, &subscription));
        note("watch %d", mqtt->watch(ctx, note_connected, NULL));
        return 0;
}

START_TEST(mqtt_is_used_within_the_granted_topics)
{
        static const char *const topics[] = { "car/#", NULL };
        uint64_t id;

        puppet = (struct puppet){ .start = use_mqtt };
        begin_with(&(struct instance_config){ .grants = INSTANCE_GRANT_MQTT, .topics = topics });
        ck_assert_int_eq(instance_start(owner.instance, 0), 0);
        wait_for("connected");
        expect("mqtt_publish car/x hi 1 1");
        expect("publish 0");
        expect("mqtt_publish car/x  0 0");
        expect("publish 0");
        expect("misbehaved asked for what is not granted: "
               "publish: truck: not among the topics of the registration");
        expect("publish -1");
        expect("misbehaved passed a bad argument: publish: car/+: not a topic");
        expect("publish -22");
        expect("misbehaved passed a bad argument: publish: no payload, qos above 2, or unknown "
               "flags");
        expect("publish -22");
        expect("mqtt_subscribe car/+ 1");
        expect("subscribe 0");
        expect("misbehaved asked for what is not granted: "
               "subscribe: #: not among the topics of the registration");
        expect("subscribe -1");
        expect("watch 0");
        expect("started 0");
        expect("connected 0");
        ck_assert_uint_eq(owner.last_publish, 0); /* of the second one: nobody waits */

        id = owner.last_subscription;
        ck_assert_uint_eq(id, subscription);
        ck_assert_int_eq(instance_mqtt_published(owner.instance, 1, 0), 0);
        ck_assert_int_eq(instance_mqtt_message(owner.instance, id, "car/y", "yo", 2, 1), 0);
        ck_assert_int_eq(instance_mqtt_connected(owner.instance, true), 0);
        wait_for("connected");
        expect("done publish 0");
        expect("message car/y yo 1");
        expect("connected 1");

        owner.dispatching++;
        ((const struct ub_mqtt *)puppet.host->get(puppet.host->ctx, UB_SERVICE_MQTT))
                ->unsubscribe(puppet.host->ctx, id);
        owner.dispatching--;
        expect("mqtt_unsubscribe it");
        ck_assert_int_eq(instance_mqtt_message(owner.instance, id, "car/y", "late", 4, 0), 0);
        end();
}
END_TEST

static int use_orchestrator(struct puppet *p, const char *activity, const char *json)
{
        const struct ub_orchestrator *o = p->host->get(p->host->ctx, UB_SERVICE_ORCHESTRATOR);
        void *ctx = p->host->ctx;

        note("connector %s %s", activity, json);
        ck_assert_ptr_nonnull(o);
        note("r %d", o->desired_state(ctx, "a1", "{\"domains\":[]}"));
        note("r %d", o->command(ctx, "a1", "{\"command\":\"CANCEL\"}"));
        note("r %d", o->current_state_get(ctx, "a2"));
        note("r %d", o->owner_consent(ctx, "a1", "nonsense"));
        return 0;
}

START_TEST(a_connector_speaks_with_the_orchestrator)
{
        puppet = (struct puppet){ .connector_feedback = use_orchestrator };
        begin_with(&(struct instance_config){ .role = INSTANCE_ROLE_CONNECTOR });
        start();
        ck_assert_int_eq(
                instance_connector_feedback(owner.instance, "a1", "{\"status\":\"RUNNING\"}"), 0);
        ck_assert_int_eq(instance_connector_current_state(owner.instance, "a1", "{}"), 0);
        ck_assert_int_eq(instance_connector_owner_consent(owner.instance, "a1", "{}"), 0);
        wait_for("answered owner_consent");
        expect("connector a1 {\"status\":\"RUNNING\"}");
        expect("orchestrator 1 a1 {\"domains\":[]}");
        expect("r 0");
        expect("orchestrator 2 a1 {\"command\":\"CANCEL\"}");
        expect("r 0");
        expect("orchestrator 3 a2 ");
        expect("r 0");
        ck_assert_ptr_nonnull(strstr(owner.lines[owner.n_seen++], "sent bad JSON"));
        expect("r -74");
        expect("answered feedback a1 0");
        expect("answered current_state a1 0");
        expect("answered owner_consent a1 -95");
        end();
}
END_TEST

/* -------------------------------------------------------------------------------- freeing, logs */

static int log_line(struct puppet *p, const char *activity, const char *json)
{
        struct ub_log record = { .size = sizeof(record), .level = 99, .text = "line\n" };

        (void)json;
        p->host->log(p->host->ctx, &record);
        (void)HOST(state_put, "key", "x", 1);
        return HOST(feedback, activity, "{\"status\":\"IDENTIFIED\"}");
}

/* What an abandoned plugin holds on to, so that a leak checker sees it, too. */
static const struct ub_host *volatile abandoned[8];

START_TEST(freed_inside_any_handler_it_is_silent_from_there_on)
{
        static const char *const lines[] = { "started",  "log",      "state_put",
                                             "feedback", "answered", "stopped" };

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                puppet = (struct puppet){ .desired_state = log_line };
                owner.free_at = lines[i];
                begin();
                ck_assert_int_eq(instance_start(owner.instance, 0), 0);
                wait_for("started");
                if (owner.instance) {
                        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
                        ck_assert_int_eq(instance_stop(owner.instance), 0);
                }
                settle();
                abandoned[i] = puppet.host;
                ck_assert_ptr_null(owner.instance);
                ck_assert_str_eq(owner.free_at ? owner.free_at : "", "");
                ck_assert_msg(strncmp(owner.lines[owner.n_lines - 1], lines[i], strlen(lines[i])) ==
                                      0,
                              "%s after %s", owner.lines[owner.n_lines - 1], lines[i]);
                owner.n_seen = owner.n_lines;
                owner_end();
        }
}
END_TEST

static void *call_on(void *data)
{
        const struct ub_host *host = data;
        const struct ub_log record = { .size = sizeof(record), .text = "still here" };

        for (int i = 0; i < 100; i++) {
                host->log(host->ctx, &record);
                host->wake(host->ctx);
                ck_assert_int_lt(host->feedback(host->ctx, "a1", "{}"), 0);
        }
        return NULL;
}

START_TEST(an_abandoned_plugin_may_go_on_calling)
{
        pthread_t thread;

        puppet = (struct puppet){ .destroy = note_destroy };
        begin();
        start();
        owner_end(); /* while it runs */
        ck_assert_int_eq(pthread_create(&thread, NULL, call_on, (void *)puppet.host), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(HOST(state_put, "key", "x", 1), -ESTALE);
        puppet.host->stopped(puppet.host->ctx);
        expect_no_more();
}
END_TEST

static char long_line[2 * UB_MAX_LOG];

static int log_long(struct puppet *p, const char *activity, const char *json)
{
        const struct ub_log record = {
                .size = sizeof(record),
                .level = UB_LOG_DEBUG,
                .text = long_line,
        };

        (void)activity;
        (void)json;
        p->host->log(p->host->ctx, &record);
        return 0;
}

static size_t logged;

static void measure(void *data, int level, const char *file, int line, const char *func,
                    const char *text)
{
        (void)data;
        (void)level;
        (void)file;
        (void)line;
        (void)func;
        logged = strlen(text);
}

START_TEST(a_long_line_is_cut_between_characters)
{
        struct instance_events events = owner_events;
        struct instance_config config;
        char settings[64];
        char path[4096];

        events.log = measure;
        puppet = (struct puppet){ .desired_state = log_long };
        (void)snprintf(settings, sizeof(settings), "{\"puppet\":\"%" PRIxPTR "\"}",
                       (uintptr_t)&puppet);
        (void)snprintf(path, sizeof(path), "%s/tests/fake/.libs/puppet.so", getenv("top_builddir"));
        config = (struct instance_config){
                .id = "x",
                .role = INSTANCE_ROLE_AGENT,
                .plugin = path,
                .settings = settings,
        };
        /* One byte, and then characters of two: the limit falls into the middle of one. */
        memset(long_line, 'x', 1);
        for (size_t i = 1; i + 2 < sizeof(long_line); i += 2)
                memcpy(long_line + i, "\xc3\xbc", 2);
        ck_assert_int_ge(sd_event_new(&owner.event), 0);
        ck_assert_int_eq(instance_new_local(&config, owner.event, &events, NULL, &owner.instance),
                         0);
        start();
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        wait_for("answered");
        expect("answered desired_state a1 0"); /* and no complaint about UTF-8 */
        ck_assert_uint_eq(logged, UB_MAX_LOG - 1);
        end();
}
END_TEST

START_TEST(instances_of_one_plugin_do_not_disturb_each_other)
{
        struct puppet first;
        struct instance *first_instance;
        sd_event *first_event;

        puppet = (struct puppet){ .desired_state = log_line };
        begin();
        start();
        first = puppet;
        first_instance = owner.instance;
        first_event = owner.event;

        begin(); /* create() changes nothing but the puppet's host */
        start();
        ck_assert_ptr_ne(first.host, puppet.host);
        end();

        puppet = first;
        owner.instance = first_instance;
        owner.event = first_event;
        owner.n_seen = owner.n_lines;
        ck_assert_int_eq(instance_desired_state(owner.instance, "a1", "{}"), 0);
        wait_for("answered");
        expect("log 6 line");
        expect("state_put key x");
        expect("feedback a1 {\"status\":\"IDENTIFIED\"}");
        expect("answered desired_state a1 0");
        end();
}
END_TEST

UNIT_MAIN("local", a_life_goes_from_create_to_destroy, stop_may_come_right_after_start_or_without,
          stopped_may_come_later, a_file_that_is_no_plugin_or_has_not_the_role_is_refused,
          settings_that_are_no_object_are_refused,
          requests_run_in_order_and_are_answered_after_what_they_led_to,
          requests_beyond_the_limits_are_refused, the_queue_has_a_limit,
          a_refused_activity_leaves_the_present_one, settings_are_read_in_create,
          reload_changes_the_settings_unless_it_fails,
          state_is_seen_at_once_and_synced_by_the_owner, a_sync_may_delay_the_end,
          wakes_coalesce_and_may_come_from_a_signal_handler,
          a_program_runs_with_a_plain_environment, a_program_that_cannot_run_is_an_error,
          mqtt_is_used_within_the_granted_topics, a_connector_speaks_with_the_orchestrator,
          freed_inside_any_handler_it_is_silent_from_there_on,
          an_abandoned_plugin_may_go_on_calling, a_long_line_is_cut_between_characters,
          instances_of_one_plugin_do_not_disturb_each_other)
