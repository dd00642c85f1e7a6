/* SPDX-License-Identifier: Apache-2.0
 *
 * precondition - what must be true of the device before a baseline may be installed
 *
 *     AND(device.mode=MAINTENANCE,OR(device.battery>75,device.pluggedIn=true))
 *
 * Grammar (RFC 5234; blanks are free between any two items):
 *
 *     preconditions = list
 *     list          = term *( "," term )              ; all must hold
 *     term          = ( "AND" / "OR" ) "(" list ")"   ; in any case
 *                   / "NOT" "(" term ")"
 *                   / name operator value
 *     name          = ALPHA *( ALPHA / DIGIT / "." / "_" / "-" / "/" )
 *     operator      = "=" / "==" / "!=" / "<" / "<=" / ">" / ">="
 *     value         = DQUOTE *( %x20-21 / %x23-7E / UTF-8 ) DQUOTE
 *                   / 1*( any character but blank , ( ) < > = ! DQUOTE )
 *
 * A list in a list of one kind adds nothing: "a=1,b=2" is "AND(a=1,b=2)".
 *
 * Facts are asked for by name and may be unknown, so the answer is one of three, after Kleene:
 * false AND unknown is false, true OR unknown is true, everything else that depends on an unknown
 * is unknown. Two values that are both numbers are compared as numbers; otherwise "=" and "!="
 * compare texts ("TRUE" and "true" being the same), and an order between texts is unknown. */
#pragma once

#include <stddef.h>

struct diag;
struct precondition;

enum {
        PRECONDITION_TEXT_MAX = 4096,
        PRECONDITION_NODES_MAX = 128, /* comparisons, AND, OR and NOT together */
        PRECONDITION_DEPTH_MAX = 16,
};

enum truth { TRUTH_FALSE = 0,
             TRUTH_TRUE,
             TRUTH_UNKNOWN };

/* The value of a fact as text, or NULL when nothing is known of it.  Borrowed until the next
 * call. */
typedef const char *(*precondition_lookup_fn)(void *data, const char *name);

/* Reads preconditions.  A text of blanks only is always true.
 * -EBADMSG: a fault, diag names it and the character.  -E2BIG: over a limit.  -ENOMEM. */
int precondition_new(const char *text, struct diag *diag, struct precondition **ret);
struct precondition *precondition_free(struct precondition *p);

enum truth precondition_evaluate(const struct precondition *p, precondition_lookup_fn lookup,
                                 void *data);

/* Says what is missing, "device.mode=MAINTENANCE (is DRIVING) and device.battery>75 (unknown)"; ""
 * when nothing is.  Cut with "..." when it does not fit.  Returns buf. */
const char *precondition_explain(const struct precondition *p, precondition_lookup_fn lookup,
                                 void *data, char *buf, size_t size);
