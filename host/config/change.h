/* SPDX-License-Identifier: Apache-2.0
 *
 * change - what has to happen to each registration when conf.d has been read again */
#pragma once

#include <stddef.h>

struct confd;
struct registration;

enum change_action {
        CHANGE_ACTION_LEAVE = 1, /* it runs, or does not, as before */
        CHANGE_ACTION_START,
        CHANGE_ACTION_STOP,
        CHANGE_ACTION_RELOAD,    /* nothing but the settings differs */
        CHANGE_ACTION_RESTART,   /* stop, then start with what is in `after` */
};

struct change {
        enum change_action action;
        const struct registration *before; /* borrowed; NULL: it is not in the first set */
        const struct registration *after;  /* borrowed; NULL: it is not in the second set */
};

/* Compares two sets; before may be NULL, for none.  One change per id, sorted by id, in an array
 * that the caller frees and that lives no longer than the two sets.  0; -ENOMEM. */
int change_compute(const struct confd *before, const struct confd *after, struct change **ret,
                   size_t *ret_n);

const char *change_action_to_string(enum change_action action); /* "leave", "start", ... */
