/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may look, and who may do: root and the daemon's own user everything, a group that the
 * configuration names may look, nobody else anything.
 *
 * Who it is comes from the kernel or from the bus, never from the caller: on the daemon's own socket
 * from the moment of connect(2), so a descriptor that is handed on keeps the rights of who opened it; on
 * the system bus by asking the bus daemon, which keeps the same for its connections.  The groups come
 * with it.  Looking them up by the user's name would ask NSS, which may block for as long as a
 * directory server likes, and would find rights that this process may have given up. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/broker/control-internal.h"
#include "host/util/diag.h"

enum { GROUPS_MAX = 65536 + 1 }; /* NGROUPS_MAX of Linux, and the primary one */

void control_user_done(struct control_user *user)
{
        free(user->groups);
        *user = (struct control_user){ .uid = (uid_t)-1 };
}

/* Supplementary groups, with room for one more in front.  The kernel has them since 4.13. */
static int read_groups(int fd, gid_t **ret, size_t *ret_n)
{
        CLEANUP_FREE gid_t *groups = NULL;
        socklen_t size = 0;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) < 0 && errno != ERANGE)
                return errno == ENOPROTOOPT ? 0 : -errno;
        groups = calloc(size / sizeof(*groups) + 1, sizeof(*groups));
        if (!groups)
                return -ENOMEM;
        if (size > 0 && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &size) < 0)
                return -errno;
        *ret = TAKE_PTR(groups);
        *ret_n = size / sizeof(gid_t);
        return 0;
}

int control_user_of_socket(int fd, struct control_user *ret)
{
        struct ucred cred;
        socklen_t size = sizeof(cred);
        gid_t *groups = NULL;
        size_t n = 0;
        int r;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
                return -errno;
        r = read_groups(fd, &groups, &n);
        if (r < 0)
                return r;
        if (groups)
                groups[0] = cred.gid;
        *ret = (struct control_user){
                .uid = cred.uid,
                .groups = groups,
                .n_groups = groups ? n + 1 : 0,
        };
        return 0;
}

static int read_group_ids(sd_bus_message *m, struct control_user *user)
{
        const void *ids;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(m, 'v', "au");
        if (r >= 0)
                r = sd_bus_message_read_array(m, 'u', &ids, &size);
        if (r < 0)
                return r;
        if (size / sizeof(gid_t) > GROUPS_MAX)
                return -E2BIG;
        free(user->groups);
        user->n_groups = 0;
        user->groups = calloc(size / sizeof(gid_t) + 1, sizeof(gid_t));
        if (!user->groups)
                return -ENOMEM;
        if (size > 0)
                memcpy(user->groups, ids, size);
        user->n_groups = size / sizeof(gid_t);
        return sd_bus_message_exit_container(m);
}

/* One entry of the dictionary. */
static int read_credential(sd_bus_message *m, struct control_user *user, bool *has_uid)
{
        const char *key;
        uint32_t uid;
        int r;

        r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        if (strcmp(key, "UnixUserID") == 0) {
                r = sd_bus_message_read(m, "v", "u", &uid);
                user->uid = r < 0 ? (uid_t)-1 : uid;
                *has_uid = r >= 0;
                return r;
        }
        if (strcmp(key, "UnixGroupIDs") == 0)
                return read_group_ids(m, user);
        return sd_bus_message_skip(m, "v");
}

int control_user_of_message(sd_bus_message *m, struct control_user *ret)
{
        CLEANUP(control_user_done) struct control_user user = { .uid = (uid_t)-1 };
        bool has_uid = false;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read_credential(m, &user, &has_uid);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r < 0)
                return r;
        if (!has_uid)
                return -ENODATA;
        *ret = user;
        user.groups = NULL;
        return 0;
}

enum control_access control_access_of(const struct control *control,
                                      const struct control_user *user)
{
        size_t i;

        if (user->uid == 0 || user->uid == geteuid())
                return CONTROL_ACCESS_WRITE;
        for (i = 0; control->has_group && i < user->n_groups; i++)
                if (user->groups[i] == control->group)
                        return CONTROL_ACCESS_READ;
        return CONTROL_ACCESS_NONE;
}

int control_refuse(const struct control *control, enum control_access needed, struct diag *diag)
{
        if (needed == CONTROL_ACCESS_WRITE)
                return diag_set(diag, -EACCES,
                                "only root and the user of update-brokerd may do this");
        if (control->has_group)
                return diag_set(
                        diag, -EACCES,
                        "only root, the user of update-brokerd and members of group %s may look",
                        control->group_name);
        return diag_set(diag, -EACCES,
                        "only root and the user of update-brokerd may look; \"control.group\" in "
                        "config.json can name a group that also may");
}
