/* SPDX-License-Identifier: Apache-2.0
 *
 * update-broker/sdk/program.h - an agent whose work a program does, in any language
 *
 * The whole C of such a plugin is
 *
 *     #define UB_ABI_MINOR_WANTED 0
 *     #include <update-broker/sdk/program.h>
 *
 *     UB_PROGRAM_AGENT("radio", "1.0", "Firmware of the radio", "/usr/libexec/radio-agent")
 *
 * and its registration grants it "services": ["spawn"].  The program is called with
 *
 *     inventory            prints one line for each component that is installed: ID VERSION
 *     download ID VERSION  fetches and checks what update needs
 *     update ID VERSION    installs beside what runs
 *     activate ID VERSION  switches to it
 *     remove ID VERSION    in place of update: takes away what is not desired; VERSION is installed
 *     rollback ID VERSION  goes back to VERSION, which was there before the activity ("": nothing)
 *     cleanup ID VERSION   removes what is left over
 *     verify ID VERSION    after a reboot that it asked for: does VERSION really run?
 *
 * one component at a time, in the order of the desired state (rollback: backwards).  Exit status 0
 * is success; otherwise the last line on stderr is the reason that people read.  A step that has
 * nothing to do ends with 0.  A call may come again after a crash or power failure, so each step
 * does nothing when its work is done already.  A step ends with the first component that fails;
 * rollback and cleanup go on with the rest.  Two kinds of lines on stdout mean something:
 *
 *     progress PERCENT     how far this step is
 *     reboot REASON        of activate: VERSION runs only after the next boot
 *
 * An inventory that names a component twice, or fails, counts as a whole as not understood.  Blanks
 * around ID and VERSION are no part of them.
 *
 * The component's configuration is in the environment: UB_CONFIG_SOURCE for the key "source", with
 * capitals for small letters and _ for everything that is neither letter nor digit; of two keys
 * that become one name the first counts.  UB_DOMAIN is the domain.  Settings: "program", another
 * path; "timeout", seconds for one call, which is then ended with SIGTERM.
 *
 * What an activity changes and from what is kept in the agent's durable state from IDENTIFIED to
 * the end of CLEANUP, so that a fresh instance can verify, roll back and clean up. */
#ifndef UPDATE_BROKER_SDK_PROGRAM_H
#define UPDATE_BROKER_SDK_PROGRAM_H

#include <update-broker/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UB_PROGRAM_TIMEOUT 3600     /* seconds, unless the settings say otherwise */
#define UB_PROGRAM_LINE_MAX 1024    /* bytes of a line that the program prints; the rest is cut */
#define UB_PROGRAM_CALLS_MAX 8      /* inventories at a time, one of them to begin an activity */

/* What UB_PROGRAM_AGENT() is made of. */
struct ub_program {
        const char *version;
        const char *description;
        const char *path; /* absolute */
};

/* ub_life.create of such an agent; program and its texts outlive the instance. */
int ub_program_create(const struct ub_program *program, const struct ub_host *host,
                      const char *settings_json, void **ret_self);
int ub_program_start(void *self, uint32_t flags);
void ub_program_stop(void *self);
void ub_program_destroy(void *self);

extern const struct ub_agent ub_program_agent;
extern const char ub_program_schema[];

/* Defines ub_plugin_v1().  NAME is [a-z0-9-]; PATH is absolute. */
#define UB_PROGRAM_AGENT(NAME, VERSION, DESCRIPTION, PATH)                                         \
        static const struct ub_program ub_the_program = { VERSION, DESCRIPTION, PATH };            \
        static int ub_the_create(const struct ub_host *host, const char *settings, void **ret)     \
        {                                                                                          \
                return ub_program_create(&ub_the_program, host, settings, ret);                    \
        }                                                                                          \
        const struct ub_plugin *ub_plugin_v1(void)                                                 \
        {                                                                                          \
                static const struct ub_life life = {                                               \
                        .size = sizeof(life),                                                      \
                        .create = ub_the_create,                                                   \
                        .start = ub_program_start,                                                 \
                        .stop = ub_program_stop,                                                   \
                        .destroy = ub_program_destroy,                                             \
                };                                                                                 \
                static const struct ub_plugin plugin = {                                           \
                        .size = sizeof(plugin),                                                    \
                        .abi_major = UB_ABI_MAJOR,                                                 \
                        .abi_minor_wanted = UB_ABI_MINOR_WANTED,                                   \
                        .name = NAME,                                                              \
                        .version = VERSION,                                                        \
                        .description = DESCRIPTION,                                                \
                        .settings_schema = ub_program_schema,                                      \
                        .life = &life,                                                             \
                        .agent = &ub_program_agent,                                                \
                };                                                                                 \
                return &plugin;                                                                    \
        }

#ifdef __cplusplus
}
#endif

#endif /* UPDATE_BROKER_SDK_PROGRAM_H */
