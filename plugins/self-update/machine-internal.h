/* SPDX-License-Identifier: Apache-2.0
 *
 * machine-internal - what the files of the machine share */
#pragma once

#include "plugins/self-update/machine.h"
#include "plugins/self-update/message.h"

/* machine.c ------------------------------------------------------------------------------------ */

void machine_do(struct machine *m, const struct effect *effect);
/* Does it and has the outcome go to next. */
void machine_await(struct machine *m, struct track *track, const struct effect *effect,
                   machine_fn next);
/* The effects that are awaited most: a look at RAUC's slots, a mark ("good", "bad", "active"), a
 * while, and what RAUC says of a bundle (limit_usec 0: however long that takes; on the main
 * track). */
void machine_survey(struct machine *m, struct track *track, machine_fn next);
void machine_mark(struct machine *m, struct track *track, const char *mark, const char *slot,
                  machine_fn next);
void machine_pause(struct machine *m, struct track *track, uint64_t usec, machine_fn next);
void machine_inspect(struct machine *m, const char *bundle, uint64_t limit_usec, machine_fn next);
/* Of no track; its event carries the serial number that is returned. */
uint64_t machine_start_timer(struct machine *m, uint64_t usec);
/* What a track has waited for is of no interest any more. */
void machine_rest(struct track *track);
void machine_store(struct machine *m);
void machine_log(struct machine *m, int level, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
void machine_inventory(struct machine *m);
/* Has the host ask for a boot into the activated slot. */
void machine_ask_for_boot(struct machine *m);
/* Answers everybody who waits for the inventory. */
void machine_answer_gets(struct machine *m);

/* A step fails because of this result: when it means that RAUC is away, the bundle is not to blame
 * and stays for the next attempt. */
void machine_spare_bundle(struct machine *m, int result);

/* Takes up what an earlier life was at, once the host has shown that it still wants it. */
void machine_resume(struct machine *m);

/* Is the clock believable?  0: it is.  1: not yet, and next is called to ask again.  -EAGAIN: it
 * was waited for long enough; error says what is wrong. */
int machine_await_clock(struct machine *m, machine_fn next, struct ub_error *error);

/* Was the present boot found good, or is that nobody's business here? */
bool machine_is_confirmed(const struct machine *m);
/* May the slot that runs be marked active, which also says that it is good? */
bool machine_vouches(const struct machine *m);

/* machine-word.c ------------------------------------------------------------------------------- */

/* A word on the activity of the record.  text: NULL for the one that belongs to the kind.  It
 * becomes the last word, which is repeated when somebody asks. */
void machine_say(struct machine *m, enum message_kind kind, const char *text, int progress);
/* The same with the outcome that is kept: m17 to m19. */
void machine_say_kept(struct machine *m, enum message_kind kind);
/* A word on any activity, which is not kept. */
void machine_say_to(struct machine *m, const char *activity, enum message_kind kind,
                    const char *version, const char *text);
/* Says the last word once more. */
void machine_repeat(struct machine *m);
/* Ends a step: the new state is on disk before the word goes out. */
void machine_conclude(struct machine *m, enum state state, enum message_kind kind,
                      const char *text, int progress);
/* Ends a step badly.  kept: what CLEANUP will tell; NULL: the same text. */
void machine_fail(struct machine *m, enum message_kind kind, const char *text, const char *kept);
/* Gives an activity that nobody asked for its next command. */
void machine_drive_local(struct machine *m);
void machine_keep(struct machine *m, const char *status, const char *message);
void machine_remember(struct machine *m, const char *result, const char *message);

/* machine-figures.c ---------------------------------------------------------------------------- */

void figures_begin(struct machine *m);
/* So many bytes are there; the first time: before anything came. */
void figures_fetching(struct machine *m, uint64_t now);
void figures_installing(struct machine *m, const struct event *e);
/* Logs what the step has cost, when this word ends one. */
void figures_end(struct machine *m, enum message_kind kind);

/* The steps ------------------------------------------------------------------------------------ */

void identify_begin(struct machine *m, const struct event *e);
void identify_local(struct machine *m, const struct event *e);
/* Answers a desired state that can be answered at once, whatever goes on; true: it has. */
bool identify_screen(struct machine *m, const struct event *e);
void download_begin(struct machine *m);
/* Fetches the bundle of the activity as a whole. */
void download_fetch(struct machine *m, machine_fn next);
/* Where RAUC finds the bundle: its URL when it is streamed, otherwise the file. */
const char *download_source(const struct machine *m);
/* Gives the bundle of the activity the name that it is kept under. */
void download_name(struct machine *m);
/* Gives up the download; what has arrived stays. */
void download_stop(struct machine *m);
/* For a look at another request; if that is refused, it goes on. */
void download_pause(struct machine *m);
void download_go_on(struct machine *m);
void update_begin(struct machine *m);
void update_resume(struct machine *m);
/* A streamed installation has failed; true: the whole bundle is fetched and installed instead. */
bool update_without_streaming(struct machine *m, const char *why);
/* Ends UPDATE badly.  text: "" when RAUC gives no reason. */
void update_fail(struct machine *m, const char *text);
/* RAUC's answer to an inspection: 0, or -EBADMSG with the reason and the word for it.  A bundle
 * that is not the one that was noted is refused as well. */
int update_check_bundle(const struct machine *m, const struct event *e,
                        enum message_kind *ret_kind, char *reason, size_t size);
/* Keeps what tells this bundle from another. */
void update_note_bundle(struct machine *m, const struct bundle *bundle);
void update_on_installation(struct machine *m, const struct event *e);
void update_on_tick(struct machine *m);
void judge_begin(struct machine *m, int result, const char *text);
/* Reads the slots back that were written, see machine-compare.c, and goes on with one of the two.
 * bad: the target is marked bad, and why can stand in a failure. */
void compare_begin(struct machine *m, void (*good)(struct machine *m),
                   void (*bad)(struct machine *m, const char *why));
/* The reading is given up, and nothing goes on; false: nothing is being read. */
bool compare_stop(struct machine *m);
void activate_begin(struct machine *m);
/* The slot that ACTIVATE is about has booted already: what is it worth? */
void activate_on_trial(struct machine *m);
void back_begin(struct machine *m);
void back_clean_up(struct machine *m, const char *activity);
void back_cancel(struct machine *m);
void boot_start(struct machine *m);
void boot_verify(struct machine *m);
void boot_on_rauc_up(struct machine *m);
void boot_on_reboot_timer(struct machine *m);
/* The activity of a slot that failed its checks is over: boot. */
void boot_leave(struct machine *m, uint64_t after_usec);
