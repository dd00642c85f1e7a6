/* SPDX-License-Identifier: Apache-2.0
 *
 * enable - ubctl enable and disable: one member of one file of the administrator's
 *
 * What is in 60-ID.conf stays as it is, comments included: the text of the value is replaced where
 * it stands, or the member is put in front of the others.  conf.d is read again afterwards, since a
 * later file may say otherwise. */
#define _GNU_SOURCE 1 /* asprintf */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/config/confd.h"
#include "host/config/settings.h"
#include "host/ctl/client.h"
#include "host/ctl/ctl.h"
#include "host/json/json.h"
#include "host/json/scan.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/file.h"

struct edit {
        const char *id;
        const char *conf_dir; /* the administrator's folder: the last of all */
        struct settings *settings;
        enum fragment_role role;
        char name[FRAGMENT_ID_MAX + 16];
        bool enabled; /* what is wanted */
};

/* ------------------------------------------------------------------------------------- the text */

/* A copy of text with n bytes at offset replaced. */
static int put_text(const char *text, size_t offset, size_t n, const char *with, char **ret)
{
        if (asprintf(ret, "%.*s%s%s", (int)offset, text, with, text + offset + n) < 0)
                return -ENOMEM;
        return 0;
}

static int change_text(const struct edit *edit, const struct fragment *fragment, char **ret)
{
        const char *value = edit->enabled ? "true" : "false";
        CLEANUP_FREE char *member = NULL;
        size_t offset;
        size_t length;
        int r;

        r = scan_locate(fragment->plain, fragment->length, "/enabled", &offset, &length);
        if (r == 0)
                return put_text(fragment->text, offset, length, value, ret);
        offset = strcspn(fragment->plain, "{"); /* it is an object: there is one */
        if (asprintf(&member, " \"enabled\": %s%s", value, json_count(fragment->json) ? "," : "") <
            0) {
                member = NULL;
                return -ENOMEM;
        }
        return put_text(fragment->text, offset + 1, 0, member, ret);
}

static int make_text(const struct edit *edit, char **ret)
{
        if (asprintf(ret, "{ \"%s\": \"%s\", \"enabled\": %s }\n",
                     registration_role_to_string(edit->role), edit->id,
                     edit->enabled ? "true" : "false") < 0)
                return -ENOMEM;
        return 0;
}

/* Parses a text as a fragment that is about our registration. */
static int parse(const struct edit *edit, const char *text, size_t length, struct diag *diag,
                 struct fragment **ret)
{
        CLEANUP(problems_done) struct problems problems = { .items = NULL };
        CLEANUP(fragment_freep) struct fragment *fragment = NULL;
        CLEANUP_FREE char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s", edit->conf_dir, edit->name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = fragment_new(path, text, length, &problems, &fragment);
        if (r < 0)
                return r;
        if (problems.n_errors > 0) {
                problem_format(&problems.items[0], diag);
                return -EBADMSG;
        }
        if (!fragment->json || fragment->role != edit->role || !fragment->id ||
            strcmp(fragment->id, edit->id) != 0)
                return diag_set(diag, -EBADMSG, "%s: it is about something else than %s %s", path,
                                registration_role_to_string(edit->role), edit->id);
        *ret = TAKE_PTR(fragment);
        return 0;
}

/* ------------------------------------------------------------------------------------- the file */

static int open_folder(const char *path, struct diag *diag)
{
        const char *slash = strrchr(path, '/');
        CLEANUP_FREE char *parent =
                slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;
        int fd;

        /* /etc/update-broker/conf.d may lack its last two parts */
        if (parent)
                (void)mkdir(parent, 0755);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return diag_set_errno(diag, -errno, "%s", path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? diag_set_errno(diag, -errno, "%s", path) : fd;
}

static int write_file(const struct edit *edit, int dir_fd, const char *text, mode_t mode,
                      struct diag *diag)
{
        CLEANUP(fragment_freep) struct fragment *check = NULL;
        int r;

        r = parse(edit, text, strlen(text), diag, &check);
        if (r >= 0)
                r = file_replace_at(dir_fd, edit->name, text, strlen(text));
        if (r >= 0 && fchmodat(dir_fd, edit->name, mode, 0) < 0)
                r = -errno;
        if (r < 0 && r != -EBADMSG)
                return diag_set_errno(diag, r, "%s/%s", edit->conf_dir, edit->name);
        return r;
}

static int edit_file(const struct edit *edit, struct diag *diag)
{
        CLEANUP_CLOSE int dir_fd = open_folder(edit->conf_dir, diag);
        CLEANUP(fragment_freep) struct fragment *before = NULL;
        CLEANUP_FREE char *old = NULL;
        CLEANUP_FREE char *text = NULL;
        struct stat st = { .st_mode = 0644 };
        size_t length = 0;
        int r;

        if (dir_fd < 0)
                return dir_fd;
        if (fstatat(dir_fd, edit->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT)
                        return diag_set_errno(diag, -errno, "%s/%s", edit->conf_dir, edit->name);
                r = make_text(edit, &text);
                return r < 0 ? r : write_file(edit, dir_fd, text, 0644, diag);
        }
        if (!S_ISREG(st.st_mode) || st.st_size == 0)
                return diag_set(diag, -EINVAL, "%s/%s hides files of this name; remove it first",
                                edit->conf_dir, edit->name);
        r = file_read_at(dir_fd, edit->name, FRAGMENT_BYTES_MAX, &old, &length);
        if (r < 0)
                return diag_set_errno(diag, r, "%s/%s", edit->conf_dir, edit->name);
        r = parse(edit, old, length, diag, &before);
        if (r >= 0)
                r = change_text(edit, before, &text);
        return r < 0 ? r : write_file(edit, dir_fd, text, st.st_mode & 07777, diag);
}

/* -------------------------------------------------------------------------------- before, after */

static int load(const struct edit *edit, struct confd **ret)
{
        const struct confd_options options = {
                .dirs = (const char *const *)edit->settings->run.conf_dirs,
                .n_dirs = words_count(edit->settings->run.conf_dirs),
                .owner = geteuid(),
        };

        return confd_load(&options, ret);
}

static int find(struct edit *edit, struct diag *diag)
{
        CLEANUP(confd_freep) struct confd *confd = NULL;
        const struct registration *registration;
        int r;

        r = load(edit, &confd);
        if (r < 0)
                return r;
        registration = confd_find(confd, edit->id);
        if (!registration)
                return diag_set(
                        diag, -ENOENT,
                        "no file in conf.d registers %s (ubctl check-config lists what there is)",
                        edit->id);
        edit->role = registration->role;
        return 0;
}

/* A later file may win. */
static int confirm(const struct edit *edit, struct diag *diag)
{
        CLEANUP(confd_freep) struct confd *confd = NULL;
        const struct registration *registration;
        struct confd_origin origin;
        bool enabled = false;
        int r;

        r = load(edit, &confd);
        if (r < 0)
                return r;
        registration = confd_find(confd, edit->id);
        if (!registration)
                return diag_set(diag, -ENOENT, "%s has vanished from conf.d meanwhile", edit->id);
        (void)json_get_bool(json_get_member(registration->effective, "enabled"), &enabled);
        if (enabled != edit->enabled && confd_get_origin(registration, "/enabled", &origin) == 0)
                return diag_set(diag, -EEXIST, "%s:%u:%u says otherwise, and has the last word",
                                origin.fragment->path, origin.at.line, origin.at.column);
        if (enabled && registration->message)
                return diag_set(diag, -EINVAL, "%s is enabled, but cannot run: %s", edit->id,
                                registration->message);
        return 0;
}

/* Tells the daemon, if it runs. */
static int tell(const struct ctl *ctl, const struct edit *edit)
{
        CLEANUP_CLIENT sd_bus *bus = NULL;
        int r;

        r = client_connect(ctl, true, &bus);
        if (r == -ENOENT || r == -ECONNREFUSED) {
                (void)printf("%s: %s when update-brokerd starts; it does not run\n", edit->id,
                             edit->enabled ? "starts" : "stays down");
                return CTL_EXIT_COMPLETED;
        }
        if (r >= 0)
                r = client_call(bus, "Reload", NULL, NULL);
        /* One that has died too often, and was enabled all the time, starts only when it is asked
         * to. */
        if (r >= 0 && edit->enabled)
                r = client_call(bus, "Enable", edit->id, NULL);
        if (r < 0)
                return CTL_EXIT_FAILURE;
        (void)printf("%s: %s\n", edit->id, edit->enabled ? "enabled" : "disabled");
        return CTL_EXIT_COMPLETED;
}

/* The folders are those of the daemon, and --conf-dir the last of them. */
static int load_settings(const struct ctl *ctl, struct diag *diag, struct edit *edit)
{
        char *argv[] = { (char *)"ubctl", (char *)"--conf-dir", (char *)ctl->conf_dir, NULL };
        const struct settings_sources sources = {
                .argc = ctl->conf_dir ? 3 : 1,
                .argv = argv,
                .environment = (const char *const *)environ,
        };
        size_t n;
        int r;

        r = settings_load_text(&sources, "none", "{}", 2, diag, &edit->settings);
        if (r < 0)
                return r;
        n = words_count(edit->settings->run.conf_dirs);
        edit->conf_dir = edit->settings->run.conf_dirs[n - 1];
        return 0;
}

static int set_enabled(const struct ctl *ctl, bool enabled)
{
        struct edit edit = { .id = ctl->argv[0], .enabled = enabled };
        struct diag diag = DIAG_INIT;
        int r;

        if (!fragment_id_is_valid(edit.id))
                return ctl_fail("%s: an id has 1 to %d of [A-Za-z0-9._-]", edit.id,
                                FRAGMENT_ID_MAX);
        (void)snprintf(edit.name, sizeof(edit.name), "60-%s.conf", edit.id);
        r = load_settings(ctl, &diag, &edit);
        if (r >= 0)
                r = find(&edit, &diag);
        if (r >= 0)
                r = edit_file(&edit, &diag);
        if (r >= 0)
                r = confirm(&edit, &diag);
        r = r < 0 ? ctl_fail("%s", *diag.text ? diag.text : strerror(-r)) : tell(ctl, &edit);
        (void)settings_free(edit.settings);
        return r;
}

int ctl_enable(const struct ctl *ctl)
{
        return set_enabled(ctl, true);
}

int ctl_disable(const struct ctl *ctl)
{
        return set_enabled(ctl, false);
}
