/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/scenario.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/model/desired_state.h"
#include "host/model/duration.h"
#include "host/model/feedback.h"
#include "host/util/diag.h"

enum { TIMERS_MAX = 64,
       OUTPUTS_MAX = 256 };

struct armed {
        struct timer timer;
        uint64_t at;
};

struct scenario {
        struct orchestrator_config config;
        struct orchestrator *o;
        char *record;
        uint64_t now;
        struct armed timers[TIMERS_MAX];
        size_t n_timers;
        char *outputs[OUTPUTS_MAX];
        size_t n_outputs;
        size_t n_seen;
        const char *line;
};

/* -------------------------------------------------------------------------------------- effects */

static const char *letter(const char *domain)
{
        if (strcmp(domain, "containers") == 0)
                return "C";
        return strcmp(domain, "self-update") == 0 ? "S" : domain;
}

static const char *domain_of(char letter)
{
        return letter == 'C' ? "containers" : "self-update";
}

static void drop_timer(struct scenario *s, const struct timer *timer)
{
        size_t i;

        for (i = 0; i < s->n_timers; i++)
                if (s->timers[i].timer.kind == timer->kind &&
                    s->timers[i].timer.slot == timer->slot)
                        s->timers[i--] = s->timers[--s->n_timers];
}

static void out(struct scenario *s, const struct effect *e)
{
        char *text = NULL;
        int n = 0;

        switch (e->kind) {
        case EFFECT_FEEDBACK:
                n = asprintf(&text, "< V %s %s", e->activity, e->text);
                break;
        case EFFECT_DESIRED_STATE:
                n = asprintf(&text, "< %s %s desired %s", letter(e->domain), e->activity, e->text);
                break;
        case EFFECT_COMMAND:
                n = asprintf(&text, "< %s %s %s%s%s", letter(e->domain), e->activity,
                             step_to_string(e->step), *e->baseline ? " " : "", e->baseline);
                break;
        case EFFECT_CANCEL:
                n = asprintf(&text, "< %s %s cancel", letter(e->domain), e->activity);
                break;
        case EFFECT_FEEDBACK_GET:
                n = asprintf(&text, "< %s %s get", letter(e->domain), e->activity);
                break;
        case EFFECT_CONSENT:
                n = asprintf(&text, "< consent %s %s", e->activity, step_to_string(e->step));
                break;
        case EFFECT_CONSENT_END:
                n = asprintf(&text, "< consent end %s", e->activity);
                break;
        case EFFECT_INVENTORY:
                n = asprintf(&text, "< inventory %s", e->activity);
                break;
        case EFFECT_REBOOT:
                n = asprintf(&text, "< reboot");
                break;
        case EFFECT_STOPPED:
                n = asprintf(&text, "< stopped");
                break;
        case EFFECT_JOURNAL:
                free(s->record);
                s->record = strdup(e->text);
                return;
        case EFFECT_TIMER_ARM:
                drop_timer(s, &e->timer);
                ck_assert_uint_lt(s->n_timers, TIMERS_MAX);
                s->timers[s->n_timers++] = (struct armed){ e->timer, s->now + e->usec };
                return;
        case EFFECT_TIMER_DISARM:
                drop_timer(s, &e->timer);
                return;
        case EFFECT_ACTIVITY_END:
        case EFFECT_LOG:
                return;
        }
        ck_assert_int_gt(n, 0);
        ck_assert_uint_lt(s->n_outputs, OUTPUTS_MAX);
        s->outputs[s->n_outputs++] = text;
}

static void give(struct scenario *s, struct event event)
{
        struct effects effects = EFFECTS_INIT;
        size_t i;

        ck_assert_int_eq(orchestrator_step(s->o, &event, &effects), 0);
        for (i = 0; i < effects.n; i++)
                out(s, &effects.items[i]);
        effects_done(&effects);
}

/* --------------------------------------------------------------------------------------- inputs */

static struct json *parse(const char *text)
{
        const struct scan_rules rules = { .max_bytes = 1 << 20, .max_depth = 64, .object = true };
        struct diag diag = DIAG_INIT;
        struct json *json = NULL;

        if (json_parse(text, strlen(text), &rules, NULL, &diag, &json) < 0)
                ck_abort_msg("%s: %s", text, diag.text);
        return json;
}

static void give_desired_state(struct scenario *s, const char *id, const char *text)
{
        CLEANUP_JSON struct json *json = parse(text);
        struct event event = { .kind = EVENT_DESIRED_STATE, .activity = id };
        struct diag diag = DIAG_INIT;

        if (desired_state_read(json, &diag, &event.desired) < 0)
                ck_abort_msg("%s: %s", text, diag.text);
        give(s, event);
}

static void give_feedback(struct scenario *s, const char *domain, const char *id, const char *text)
{
        CLEANUP_JSON struct json *json = parse(text);
        CLEANUP(feedback_freep)
        struct feedback *feedback = NULL;
        struct diag diag = DIAG_INIT;

        if (feedback_read(json, &diag, &feedback) < 0)
                ck_abort_msg("%s: %s", text, diag.text);
        give(s, (struct event){
                        .kind = EVENT_FEEDBACK,
                        .domain = domain,
                        .activity = id,
                        .feedback = feedback,
                });
}

static void give_refusal(struct scenario *s, const char *domain, const char *id, const char *text)
{
        static const struct {
                const char *word;
                enum effect_kind request;
        } requests[] = {
                { "desired", EFFECT_DESIRED_STATE },
                { "command", EFFECT_COMMAND },
                { "cancel", EFFECT_CANCEL },
                { "get", EFFECT_FEEDBACK_GET },
        };
        char word[16];
        int result;
        size_t i;

        ck_assert_int_eq(sscanf(text, "refuses %15s %d", word, &result), 2);
        for (i = 0; i < ARRAY_SIZE(requests); i++)
                if (strcmp(requests[i].word, word) == 0)
                        break;
        ck_assert_uint_lt(i, ARRAY_SIZE(requests));
        give(s, (struct event){
                        .kind = EVENT_REFUSED,
                        .domain = domain,
                        .activity = id,
                        .request = requests[i].request,
                        .result = -result,
                        .text = "",
                });
}

static void start(struct scenario *s)
{
        static const char agents[] = "CS";
        struct diag diag = DIAG_INIT;
        size_t i;
        int r;

        s->n_timers = 0;
        s->o = orchestrator_free(s->o);
        if (s->record)
                r = orchestrator_restore(&s->config, s->record, strlen(s->record), &diag, &s->o);
        else
                r = orchestrator_new(&s->config, &s->o);
        if (r < 0)
                ck_abort_msg("%s", diag.text);
        give(s, (struct event){ .kind = EVENT_START });
        for (i = 0; i < s->config.n_agents; i++)
                give(s, (struct event){
                                .kind = EVENT_AGENT_STARTED,
                                .domain = domain_of(agents[i]),
                        });
}

static void pass_time(struct scenario *s, const char *text)
{
        uint64_t usec = 0;
        uint64_t end;

        ck_assert_int_eq(duration_from_string(text, &usec), 0);
        end = s->now + usec;
        for (;;) {
                struct armed *next = NULL;
                struct armed due;
                size_t i;

                for (i = 0; i < s->n_timers; i++)
                        if (s->timers[i].at <= end && (!next || s->timers[i].at < next->at))
                                next = &s->timers[i];
                if (!next)
                        break;
                due = *next;
                drop_timer(s, &due.timer);
                s->now = due.at;
                give(s, (struct event){ .kind = EVENT_TIMER, .timer = due.timer });
        }
        s->now = end;
}

static void agent_input(struct scenario *s, const char *domain, char *rest)
{
        char *text = strchr(rest, ' ');

        if (strcmp(rest, "starts") == 0) {
                give(s, (struct event){ .kind = EVENT_AGENT_STARTED, .domain = domain });
                return;
        }
        if (strcmp(rest, "dies") == 0) {
                give(s, (struct event){ .kind = EVENT_AGENT_DIED, .domain = domain, .text = "" });
                return;
        }
        if (strcmp(rest, "fails") == 0) {
                give(s, (struct event){
                                .kind = EVENT_AGENT_FAILED,
                                .domain = domain,
                                .text = "no such file",
                        });
                return;
        }
        ck_assert_ptr_nonnull(text);
        *text++ = '\0';
        if (strncmp(text, "refuses ", 8) == 0)
                give_refusal(s, domain, rest, text);
        else if (strcmp(text, "reboot") == 0)
                give(s, (struct event){
                                .kind = EVENT_REBOOT_REQUEST,
                                .domain = domain,
                                .activity = rest,
                                .text = "new software",
                        });
        else
                give_feedback(s, domain, rest, text);
}

static void other_input(struct scenario *s, char *word, char *id, char *text)
{
        if (strcmp(word, "V") == 0)
                give_desired_state(s, id, text);
        else if (strcmp(word, "V!") == 0)
                give(s, (struct event){ .kind = EVENT_INVALID, .activity = id, .text = text });
        else if (strcmp(word, "delivered") == 0)
                give(s, (struct event){ .kind = EVENT_DELIVERED, .activity = id });
        else if (strcmp(word, "cancel") == 0)
                give(s, (struct event){ .kind = EVENT_CANCEL, .activity = id });
        else if (strcmp(word, "owner") == 0)
                give(s, (struct event){
                                .kind = EVENT_CONSENT,
                                .activity = id,
                                .approved = strcmp(text, "APPROVED") == 0,
                        });
        else if (strcmp(word, "fact") == 0)
                give(s, (struct event){ .kind = EVENT_FACT, .name = id, .text = text });
        else if (strcmp(word, "reboot") == 0 && strcmp(id, "due") == 0)
                give(s, (struct event){ .kind = EVENT_REBOOT_DUE, .domain = "self-update" });
        else if (strcmp(word, "reboot") == 0)
                give(s, (struct event){ .kind = EVENT_REBOOT_FAILED, .text = "inhibited" });
        else
                ck_abort_msg("no such input: %s", s->line);
}

static void input(struct scenario *s, char *line)
{
        char *rest = strchr(line, ' ');
        char *text = NULL;

        if (rest)
                *rest++ = '\0';
        if (strcmp(line, "C") == 0 || strcmp(line, "S") == 0) {
                agent_input(s, domain_of(*line), rest);
        } else if (strcmp(line, "stop") == 0) {
                give(s, (struct event){ .kind = EVENT_STOP });
        } else if (strcmp(line, "crash") == 0) {
                start(s);
        } else if (strcmp(line, "boot") == 0) {
                s->config.boot_id = "another";
                start(s);
        } else {
                text = strchr(rest, ' ');
                if (text)
                        *text++ = '\0';
                other_input(s, line, rest, text);
        }
}

static char *unquote(const char *line)
{
        char *copy = strdup(line);
        char *p;

        ck_assert_ptr_nonnull(copy);
        for (p = copy; *p; p++)
                if (*p == '\'' || *p == '`')
                        *p = *p == '`' ? '\'' : '"';
        return copy;
}

static void expect(struct scenario *s, const char *line)
{
        if (s->n_seen == s->n_outputs)
                ck_abort_msg("expected and missing: %s", line);
        ck_assert_str_eq(s->outputs[s->n_seen], line);
        s->n_seen++;
}

static void expect_nothing(const struct scenario *s, const char *before)
{
        if (s->n_seen < s->n_outputs)
                ck_abort_msg("not expected before %s: %s", before, s->outputs[s->n_seen]);
}

void scenario_run(const struct orchestrator_config *config, const char *const *lines)
{
        struct scenario s = { .config = *config };
        size_t i;

        start(&s);
        for (; *lines; lines++) {
                CLEANUP_FREE char *line = unquote(*lines);

                s.line = *lines;
                if (*line == '<') {
                        expect(&s, line);
                        continue;
                }
                expect_nothing(&s, *lines);
                if (*line == '.')
                        pass_time(&s, line + 2);
                else
                        input(&s, line + 2);
        }
        expect_nothing(&s, "the end");
        for (i = 0; i < s.n_outputs; i++)
                free(s.outputs[i]);
        free(s.record);
        s.o = orchestrator_free(s.o);
}
