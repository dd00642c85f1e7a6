/* SPDX-License-Identifier: Apache-2.0 */
#include "host/state/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "host/util/crc32.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/worker.h"

#define HEAD "ub-journal 1 "

enum { HEAD_MAX = 64 }; /* bytes of the first line */

/* One write.  It outlives the journal when that is freed meanwhile. */
struct journal_job {
        struct journal *journal; /* NULL: nobody wants to hear of it */
        int dir_fd;
        char name[JOURNAL_NAME_MAX];
        char *text;
        size_t length;
};

struct journal {
        int dir_fd; /* borrowed */
        char name[JOURNAL_NAME_MAX];
        struct worker *worker; /* borrowed */
        journal_written_fn written;
        void *data;
        char *record; /* as loaded */
        size_t length;
        struct journal_job *job;
};

/* ---------------------------------------------------------------------------------------- bytes */

int journal_encode(const char *text, size_t length, char **ret, size_t *ret_length)
{
        size_t size = HEAD_MAX + length + 1;
        char *bytes = malloc(size);
        int head;

        if (!bytes)
                return -ENOMEM;
        head = snprintf(bytes, HEAD_MAX, HEAD "%zu %08x\n", length, crc32_add(0, text, length));
        memcpy(bytes + head, text, length);
        bytes[(size_t)head + length] = '\n';
        *ret = bytes;
        *ret_length = (size_t)head + length + 1;
        return 0;
}

/* Since there is one way to write the first line, it is written again and compared; so nothing has
 * to be taken apart but the length. */
int journal_decode(const char *bytes, size_t length, struct diag *diag, const char **ret_text,
                   size_t *ret_length)
{
        const char *end = memchr(bytes, '\n', length < HEAD_MAX ? length : HEAD_MAX);
        size_t head = end ? (size_t)(end - bytes) + 1 : 0;
        char expected[HEAD_MAX];
        size_t n;

        if (head == 0 || strncmp(bytes, HEAD, strlen(HEAD)) != 0)
                return diag_set(diag, -EBADMSG, "not a journal of this version");
        if (length < head + 1 || bytes[length - 1] != '\n')
                return diag_set(diag, -EBADMSG, "cut off");
        n = length - head - 1;
        (void)snprintf(expected, sizeof(expected), HEAD "%zu %08x\n", n,
                       crc32_add(0, bytes + head, n));
        if (strlen(expected) != head || memcmp(expected, bytes, head) != 0)
                return diag_set(diag, -EBADMSG, "length or checksum are wrong");
        *ret_text = bytes + head;
        *ret_length = n;
        return 0;
}

/* -------------------------------------------------------------------------------------- loading */

static void set_aside(const struct journal *journal, const char *why, struct diag *diag)
{
        char bad[JOURNAL_NAME_MAX + 4];

        (void)snprintf(bad, sizeof(bad), "%s.bad", journal->name);
        if (renameat(journal->dir_fd, journal->name, journal->dir_fd, bad) < 0)
                (void)diag_set(diag, 0, "%s: damaged: %s; could not be set aside: %s",
                               journal->name, why, strerror(errno));
        else
                (void)diag_set(diag, 0, "%s: damaged: %s; set aside as %s", journal->name, why,
                               bad);
}

/* Whether an error of reading speaks of the file's content rather than of our means. */
static bool is_damage(int r)
{
        return r == -EBADMSG || r == -E2BIG || r == -EIO || r == -EISDIR || r == -EINVAL ||
               r == -ELOOP || r == -ENXIO;
}

static int load(struct journal *journal, struct diag *diag)
{
        CLEANUP_FREE char *bytes = NULL;
        struct diag why = DIAG_INIT;
        const char *text;
        size_t length;
        int r;

        r = file_read_at(journal->dir_fd, journal->name, HEAD_MAX + JOURNAL_RECORD_MAX + 1, &bytes,
                         &length);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                (void)diag_set(&why, r, "%s", strerror(-r));
        else
                r = journal_decode(bytes, length, &why, &text, &length);
        if (r < 0 && !is_damage(r))
                return diag_set(diag, r, "%s: %s", journal->name, why.text);
        if (r < 0) {
                set_aside(journal, why.text, diag);
                return 1;
        }
        journal->record = malloc(length + 1);
        if (!journal->record)
                return -ENOMEM;
        memcpy(journal->record, text, length);
        journal->record[length] = '\0';
        journal->length = length;
        return 0;
}

int journal_open(int dir_fd, const char *name, struct worker *worker, journal_written_fn written,
                 void *data, struct diag *diag, struct journal **ret)
{
        CLEANUP(journal_freep) struct journal *journal = NULL;
        int r;

        assert(dir_fd >= 0 && worker && written && ret);
        assert(strlen(name) < JOURNAL_NAME_MAX);

        journal = calloc(1, sizeof(*journal));
        if (!journal)
                return -ENOMEM;
        journal->dir_fd = dir_fd;
        (void)snprintf(journal->name, sizeof(journal->name), "%s", name);
        journal->worker = worker;
        journal->written = written;
        journal->data = data;
        r = load(journal, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return r;
}

struct journal *journal_free(struct journal *journal)
{
        if (!journal)
                return NULL;
        if (journal->job)
                journal->job->journal = NULL;
        free(journal->record);
        free(journal);
        return NULL;
}

const char *journal_get_record(const struct journal *journal, size_t *ret_length)
{
        *ret_length = journal->length;
        return journal->record;
}

void journal_forget(struct journal *journal)
{
        free(journal->record);
        journal->record = NULL;
        journal->length = 0;
}

void journal_reject(struct journal *journal, const char *reason, struct diag *diag)
{
        set_aside(journal, reason, diag);
        journal_forget(journal);
}

/* -------------------------------------------------------------------------------------- writing */

static void job_free(struct journal_job *job)
{
        if (!job)
                return;
        cleanup_close(&job->dir_fd);
        free(job->text);
        free(job);
}

static void job_freep(struct journal_job **job)
{
        job_free(*job);
}

static int write_job(void *data) /* worker's thread */
{
        struct journal_job *job = data;
        CLEANUP_FREE char *bytes = NULL;
        size_t length;
        int r;

        r = journal_encode(job->text, job->length, &bytes, &length);
        return r < 0 ? r : file_replace_at(job->dir_fd, job->name, bytes, length);
}

static void on_written(void *data, int r)
{
        struct journal_job *job = data;
        struct journal *journal = job->journal;

        job_free(job);
        if (!journal)
                return;
        journal->job = NULL;
        journal->written(journal->data, r);
}

int journal_write(struct journal *journal, char *take_text)
{
        CLEANUP_FREE char *text = take_text;
        CLEANUP(job_freep) struct journal_job *job = NULL;
        size_t length = strlen(text);
        int r;

        if (journal->job)
                return -EBUSY;
        if (length > JOURNAL_RECORD_MAX)
                return -E2BIG;
        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        memcpy(job->name, journal->name, sizeof(job->name));
        job->text = TAKE_PTR(text);
        job->length = length;
        /* A descriptor of its own: the write may still be on its way when everything else is
         * gone. */
        job->dir_fd = fcntl(journal->dir_fd, F_DUPFD_CLOEXEC, 0);
        if (job->dir_fd < 0)
                return -errno;
        job->journal = journal;
        r = worker_submit(journal->worker, write_job, on_written, job);
        if (r < 0)
                return r;
        journal->job = TAKE_PTR(job);
        return 0;
}

bool journal_is_writing(const struct journal *journal)
{
        return journal->job != NULL;
}
