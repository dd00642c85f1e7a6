/* SPDX-License-Identifier: Apache-2.0
 *
 * inquiry - does this inventory answer what was asked?
 *
 * Each current_state_get() of an agent is to be answered with one current_state() that carries the
 * same activity; with "" an agent tells of a change that nobody asked about, any number of times.
 * The last INQUIRY_MAX questions are remembered, answered ones too, so that a second answer can be
 * told from one to a question that was never put.  Plain data. */
#pragma once

#include <stdbool.h>

#include "host/plugin/abi.h"

enum { INQUIRY_MAX = 32 };

/* All zero: nothing was asked. */
struct inquiry {
        unsigned n_asked; /* ever; the next one takes place n_asked % INQUIRY_MAX */
        struct {
                char activity[UB_MAX_ID + 1];
                unsigned open; /* how many answers are due */
        } asked[INQUIRY_MAX];
};

void inquiry_ask(struct inquiry *inquiry, const char *activity);

/* The agent has refused the question.  False: it had answered it before. */
bool inquiry_refuse(struct inquiry *inquiry, const char *activity);

/* 0: let it pass.  -ENOENT: never asked.  -ESTALE: answered already. */
int inquiry_answer(struct inquiry *inquiry, const char *activity);
