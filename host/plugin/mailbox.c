/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#include "host/util/cleanup.h"

enum { NAME_BYTES_MAX = 255 };

struct mailbox {
        int fd;            /* eventfd */
        atomic_bool woken; /* a wake is on its way; lock-free, so a signal handler may use it */
        pthread_mutex_t lock; /* of the rest */
        struct letter *first;
        struct letter **end;
        unsigned n_letters;
        unsigned n_dropped;
        bool closed;
};

DEFINE_FREEP(struct mailbox, mailbox);

int mailbox_new(struct mailbox **ret)
{
        CLEANUP(mailbox_freep) struct mailbox *box = calloc(1, sizeof(*box));

        if (!box)
                return -ENOMEM;
        box->end = &box->first;
        (void)pthread_mutex_init(&box->lock, NULL); /* cannot fail with default attributes */
        box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (box->fd < 0)
                return -errno;
        *ret = TAKE_PTR(box);
        return 0;
}

static void free_letters(struct letter *letter)
{
        while (letter) {
                struct letter *next = letter->next;

                free(letter);
                letter = next;
        }
}

struct mailbox *mailbox_free(struct mailbox *box)
{
        if (!box)
                return NULL;
        free_letters(box->first);
        cleanup_close(&box->fd);
        (void)pthread_mutex_destroy(&box->lock);
        free(box);
        return NULL;
}

int mailbox_fd(const struct mailbox *box)
{
        return box->fd;
}

static void ring(struct mailbox *box)
{
        int saved = errno; /* of the code that a signal handler has interrupted */

        (void)eventfd_write(box->fd, 1); /* only fails when it is readable anyway */
        errno = saved;
}

void mailbox_wake(struct mailbox *box)
{
        if (!atomic_exchange(&box->woken, true))
                ring(box);
}

static struct letter *write_letter(enum letter_kind kind, const struct ub_log *record)
{
        size_t file = record->file ? strnlen(record->file, NAME_BYTES_MAX) : 0;
        size_t func = record->func ? strnlen(record->func, NAME_BYTES_MAX) : 0;
        /* One byte more than will be shown, so that the loop thread sees that it was longer. */
        size_t text = strnlen(record->text, UB_MAX_LOG + 1);
        struct letter *letter = calloc(1, sizeof(*letter) + file + func + text + 3);
        char *p;

        if (!letter)
                return NULL;
        p = letter->bytes;
        letter->kind = kind;
        letter->level = record->level;
        letter->line = record->line;
        letter->file = memcpy(p, record->file ? record->file : "", file);
        letter->func = memcpy(p + file + 1, record->func ? record->func : "", func);
        letter->text = memcpy(p + file + 1 + func + 1, record->text, text);
        return letter;
}

/* Hangs it in, or says why not. */
static bool put_in(struct mailbox *box, struct letter *letter)
{
        if (box->closed)
                return false;
        if (!letter || box->n_letters == MAILBOX_MAX) {
                box->n_dropped++;
                return false;
        }
        *box->end = letter;
        box->end = &letter->next;
        box->n_letters++;
        return true;
}

void mailbox_post(struct mailbox *box, enum letter_kind kind, const struct ub_log *record)
{
        CLEANUP_FREE struct letter *letter = write_letter(kind, record);

        (void)pthread_mutex_lock(&box->lock);
        if (put_in(box, letter)) {
                letter = NULL;
                ring(box);
        }
        (void)pthread_mutex_unlock(&box->lock);
}

void mailbox_close(struct mailbox *box)
{
        (void)pthread_mutex_lock(&box->lock);
        box->closed = true;
        free_letters(box->first);
        box->first = NULL;
        box->end = &box->first;
        box->n_letters = 0;
        (void)pthread_mutex_unlock(&box->lock);
        atomic_store(&box->woken, true); /* as if one were always on its way */
}

bool mailbox_take(struct mailbox *box, struct letter **ret_letters, unsigned *ret_dropped)
{
        eventfd_t count;

        (void)eventfd_read(box->fd, &count); /* empty only if somebody calls this without need */
        (void)pthread_mutex_lock(&box->lock);
        *ret_letters = box->first;
        *ret_dropped = box->n_dropped;
        box->first = NULL;
        box->end = &box->first;
        box->n_letters = 0;
        box->n_dropped = 0;
        (void)pthread_mutex_unlock(&box->lock);
        return !box->closed && atomic_exchange(&box->woken, false);
}
