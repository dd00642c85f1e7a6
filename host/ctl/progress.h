/* SPDX-License-Identifier: Apache-2.0
 *
 * progress - how far the components of an activity are, for somebody who watches
 *
 * On a terminal: a block of lines with bars that is redrawn where it stands, however often the
 * terminal changes its size.  Elsewhere: one line for each thing that changed.  With JSON: one
 * object per line. */
#pragma once

#include <stdbool.h>

struct ctl;
struct json;
struct progress;

int progress_new(const struct ctl *ctl, struct progress **ret);
struct progress *progress_free(struct progress *progress);

/* Shows a feedback.  0; -ENOMEM. */
int progress_show(struct progress *progress, const char *activity, const struct json *feedback);
/* Something else has been written below: the block stays, and the next is a fresh one. */
void progress_forget(struct progress *progress);
/* The terminal has another size. */
void progress_redraw(struct progress *progress);
