/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines that a plugin logs, and its mailbox: what its threads leave for the loop thread.
 *
 * Of all functions of struct ub_host only log() and wake() may be called from any thread.  There
 * they do nothing but put a letter into the mailbox; this file takes the letters out on the loop
 * thread, and treats them as if the plugin had called from there.
 *
 * A line is shown to people, in a terminal and in the journal, so what comes from the plugin is made
 * harmless first: one line, no control characters, valid UTF-8.  The last error line is kept: it is
 * the reason that people see when create() or start() fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/plugin/local-internal.h"
#include "host/util/utf8.h"

/* Writes a text so that it can be shown in one line: cut between characters, without line ends
 * behind it, a blank for each control character, '?' for what is not UTF-8.  False: it is not
 * UTF-8. */
static bool tidy(const char *text, size_t max_bytes, char *buf)
{
        size_t length = strnlen(text, max_bytes);
        bool is_text;

        memcpy(buf, text, length);
        if (text[length] != '\0')
                while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
                        length--; /* in the middle of a character: leave all of it out */
        while (length > 0 && buf[length - 1] == '\n')
                length--;
        buf[length] = '\0';

        is_text = utf8_is_valid(buf, length);
        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)buf[i];

                if (c < 0x20 || c == 0x7f)
                        buf[i] = ' ';
                else if (is_text && c == 0xc2 &&
                         (unsigned char)buf[i + 1] < 0xa0) /* C1: two bytes */
                        buf[i] = buf[i + 1] = ' ';
                else if (c >= 0x80 && !is_text)
                        buf[i] = '?';
        }
        return is_text;
}

void local_log(struct local *local, const struct ub_log *record)
{
        char text[UB_MAX_LOG + 1];
        char file[256];
        char func[256];
        int level = record->level;

        if (level < UB_LOG_ERR || level > UB_LOG_DEBUG)
                level = UB_LOG_INFO;
        if (!tidy(record->text, UB_MAX_LOG, text))
                local_fault(local, INSTANCE_FAULT_ARGUMENT, "log: the text is not UTF-8");
        (void)tidy(record->file ? record->file : "", sizeof(file) - 1, file);
        (void)tidy(record->func ? record->func : "", sizeof(func) - 1, func);

        if (level == UB_LOG_ERR)
                (void)snprintf(local->reason, sizeof(local->reason), "%.*s", LOCAL_REASON_MAX - 1,
                               text);
        LOCAL_EMIT(local, log, level, file, record->line, func, text);
}

static void deliver(struct local *local, const struct letter *letter)
{
        const struct ub_log record = {
                .size = sizeof(record),
                .level = letter->level,
                .line = letter->line,
                .file = letter->file,
                .func = letter->func,
                .text = letter->text,
        };

        switch (letter->kind) {
        case LETTER_LOG:
                local_log(local, &record);
                break;
        case LETTER_THREAD:
                local_fault(local, INSTANCE_FAULT_THREAD, "%s called from another thread",
                            letter->text);
                break;
        }
}

int local_on_mail(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct local *local = userdata;
        struct letter *letter;
        unsigned n_dropped;
        bool woken;

        (void)source;
        (void)fd;
        (void)revents;
        local_pin(local);
        woken = mailbox_take(local->face->mailbox, &letter, &n_dropped);
        while (letter) {
                struct letter *next = letter->next;

                deliver(local, letter);
                free(letter);
                letter = next;
        }
        if (n_dropped > 0)
                local_fault(local, INSTANCE_FAULT_FLOOD, "%u messages of other threads dropped",
                            n_dropped);
        if (woken && !local->doomed && local->phase == LOCAL_LIVE && local->plugin->life.woken) {
                local_enter_call(local, INSTANCE_CALL_WOKEN);
                local->plugin->life.woken(local->self);
                local_leave(local);
        }
        local_unpin(local);
        return 0;
}
