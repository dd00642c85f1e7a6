/* SPDX-License-Identifier: Apache-2.0
 *
 * ub-plugin-check - does this plugin keep the rules of update-broker/plugin.h?
 *
 * For vendors, and for our own `make check`.  Looks at the file (owner, symbols, how it is linked),
 * at the descriptor (in a throw-away child), and then lets the plugin live a whole life twice, in a
 * process of its own and in a host process, and compares the two.  Each life runs in a child of
 * this program (`--life`), so that a plugin that crashes is a line of the report.
 *
 * Exit status: 0 the plugin passes, 1 it does not, 2 wrong usage. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "config.h"
#include "host/json/scan.h"
#include "host/plugin-check/life.h"
#include "host/plugin-check/symbols.h"
#include "host/plugin-check/transcript.h"
#include "host/plugin/abi.h"
#include "host/plugin/loader.h"
#include "host/plugin/probe.h"
#include "host/plugin/trust.h"
#include "host/util/cleanup.h"
#include "host/util/diag.h"
#include "host/util/file.h"
#include "host/util/spawn.h"
#include "host/util/time.h"

/* EXIT_LIVED: a host process got to the end of its life.  A number that no plugin would hit by an
 * exit() of its own, which must not pass for that end. */
enum { EXIT_USAGE = 2, EXIT_LIVED = 113, TIMEOUT_DEFAULT_SEC = 60, TIMEOUT_MAX_SEC = 3600 };

enum mode { MODE_PROCESS = 1, MODE_NONE };

static const char *mode_to_string(enum mode mode)
{
        return mode == MODE_PROCESS ? "process" : "none";
}

struct check {
        const char *program; /* argv[0], for the lives */
        char *plugin;        /* absolute path; owned */
        char *agent_host;    /* absolute path; owned */
        const char *id; /* NULL: the plugin's name */
        const char *settings_file;
        const char *desired_state_file;
        unsigned timeout_sec;
        const char *topics;
        bool spawn;
        bool verbose;
        enum mode life;      /* set: be a life, not the checker */
        bool life_connector; /* likewise */

        unsigned passed;
        unsigned failed;
        unsigned warned;
};

static void check_done(struct check *check)
{
        free(check->plugin);
        free(check->agent_host);
}

/* --------------------------------------------------------------------------------------- report */

enum verdict { OK, FAILED, WARNING };

__attribute__((format(printf, 4, 5))) static void tell(struct check *check, enum verdict verdict,
                                                       const char *what, const char *format, ...)
{
        static const char *const words[] = {
                [OK] = "ok", [FAILED] = "FAILED", [WARNING] = "warning"
        };
        va_list args;

        check->passed += verdict == OK;
        check->failed += verdict == FAILED;
        check->warned += verdict == WARNING;
        printf("  %-8s %-11s ", words[verdict], what);
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
        fflush(stdout);
}

/* -------------------------------------------------------------------------------- file, symbols */

static void check_owner(struct check *check)
{
        const struct trust_rules rules = trust_rules_default();
        struct diag diag = DIAG_INIT;

        if (trust_check(check->plugin, &rules, &diag) == 0)
                tell(check, OK, "owner", "nobody but %s could have written it",
                     rules.uid ? "root and you" : "root");
        else
                tell(check, WARNING, "owner", "a device would refuse it here: %s", diag.text);
}

static void check_symbols(struct check *check)
{
        struct diag diag = DIAG_INIT;
        struct symbols symbols;

        if (symbols_read(check->plugin, &diag, &symbols) < 0) {
                tell(check, FAILED, "symbols", "%s", diag.text);
                return;
        }
        if (!symbols.has_entry)
                tell(check, FAILED, "symbols", "does not export %s", UB_PLUGIN_ENTRY);
        else if (symbols.others)
                tell(check, FAILED, "symbols",
                     "exports %u more than %s: %s; link with the SDK's map", symbols.others,
                     UB_PLUGIN_ENTRY, symbols.names);
        else
                tell(check, OK, "symbols", "exports %s and nothing else", UB_PLUGIN_ENTRY);

        if (symbols.text_relocations)
                tell(check, FAILED, "linking", "has text relocations; compile with -fPIC");
        else if (!symbols.no_delete)
                tell(check, WARNING, "linking", "could be unloaded; link with -z nodelete");
        else if (!symbols.bind_now)
                tell(check, WARNING, "linking", "binds lazily; link with -z now");
        else
                tell(check, OK, "linking", "needs %s",
                     *symbols.libraries ? symbols.libraries : "no library");
}

/* ----------------------------------------------------------------------------------- descriptor */

static void check_schema(struct check *check, const struct probe_info *info)
{
        static const struct scan_rules rules = { .max_bytes = UB_MAX_JSON,
                                                 .max_depth = UB_MAX_DEPTH,
                                                 .object = true };
        struct diag diag = DIAG_INIT;

        if (!info->settings_schema)
                tell(check, WARNING, "schema",
                     "none: typos in settings are found by create() only");
        else if (scan_text(info->settings_schema, strlen(info->settings_schema), &rules, NULL,
                           &diag) < 0)
                tell(check, FAILED, "schema", "%s", diag.text);
        else
                tell(check, OK, "schema", "%zu bytes", strlen(info->settings_schema));
}

/* NULL when the plugin cannot be loaded: then there is nothing more to check. */
static struct probe_info *check_descriptor(struct check *check)
{
        const struct probe_config config = { .agent_host = check->agent_host,
                                             .plugin = check->plugin,
                                             .timeout_usec = PROBE_TIMEOUT_USEC };
        struct diag diag = DIAG_INIT;
        struct probe_info *info = NULL;

        if (probe_run(&config, &diag, &info) < 0) {
                tell(check, FAILED, "descriptor", "%s", diag.text);
                return NULL;
        }
        tell(check, OK, "descriptor", "%s %s, %s%s%s: %s; for ABI %u.%u, needs %u.%u", info->name,
             info->version, info->roles & PLUGIN_ROLE_AGENT ? "agent" : "",
             info->roles == (PLUGIN_ROLE_AGENT | PLUGIN_ROLE_CONNECTOR) ? " and " : "",
             info->roles & PLUGIN_ROLE_CONNECTOR ? "connector" : "", info->description,
             info->abi_major, info->abi_minor_wanted, info->abi_major, info->abi_minor_needed);
        check_schema(check, info);
        return info;
}

/* ---------------------------------------------------------------------------------------- lives */

/* Reads a JSON object from a file, or takes the default.  The caller frees the result. */
static int read_object(const char *file, const char *otherwise, struct diag *diag, char **ret)
{
        static const struct scan_rules rules = { .max_bytes = UB_MAX_JSON,
                                                 .max_depth = UB_MAX_DEPTH,
                                                 .object = true };
        CLEANUP_FREE char *text = NULL;
        size_t fault = 0;
        size_t length;
        int r;

        if (!file) {
                *ret = otherwise ? strdup(otherwise) : NULL;
                return otherwise && !*ret ? -ENOMEM : 0;
        }
        r = file_read_at(AT_FDCWD, file, UB_MAX_JSON, &text, &length);
        if (r < 0)
                return diag_set_errno(diag, r, "%s", file);
        r = scan_text(text, length, &rules, &fault, diag);
        if (r < 0) {
                struct scan_position at = scan_position(text, length, fault);

                return diag_prefix(diag, r, "%s:%u:%u", file, at.line, at.column);
        }
        *ret = TAKE_PTR(text);
        return 0;
}

/* This process is the host of one life. */
static int be_life(const struct check *check)
{
        CLEANUP_FREE char *settings = NULL;
        CLEANUP_FREE char *desired_state = NULL;
        struct diag diag = DIAG_INIT;
        struct life_options options = {
                .plugin = check->plugin,
                .agent_host = check->life == MODE_PROCESS ? check->agent_host : NULL,
                .id = check->id,
                .connector = check->life_connector,
                .spawn = check->spawn,
                .topics = check->topics,
                .timeout_usec = check->timeout_sec * USEC_PER_SEC,
                .transcript = stdout,
        };
        int r;

        r = read_object(check->settings_file, "{}", &diag, &settings);
        if (r == 0)
                r = read_object(check->desired_state_file, NULL, &diag, &desired_state);
        options.settings = settings;
        options.desired_state = desired_state;
        if (r == 0)
                r = life_run(&options, &diag);
        if (r < 0)
                printf("! %s\n", diag.text);
        return EXIT_LIVED;
}

/* Waits for a child.  Its end as a sentence in diag; 0: it said what it had to say. */
static int wait_child(pid_t pid, int pidfd, unsigned timeout_sec, struct diag *diag)
{
        struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
        siginfo_t info = { 0 };
        bool hung;
        int n;

        do
                n = poll(&poll_fd, 1, (int)timeout_sec * 1000);
        while (n < 0 && errno == EINTR);
        hung = n <= 0;
        if (hung)
                spawn_kill(pid, pidfd, false, SIGKILL);
        if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
                return diag_set_errno(diag, -errno, "waitid");
        if (hung)
                return diag_set(diag, -ETIMEDOUT, "hangs; killed after %u s", timeout_sec);
        if (info.si_code != CLD_EXITED)
                return diag_set(diag, -ECHILD, "the host process was killed by SIG%s",
                                sigabbrev_np(info.si_status));
        if (info.si_status != EXIT_LIVED)
                return diag_set(diag, -ECHILD, "the host process exited with status %d",
                                info.si_status);
        return 0;
}

/* The child runs several steps, each with the given time; a plugin that blocks its host meets
 * this. */
static unsigned life_timeout_sec(const struct check *check)
{
        enum { STEPS = 20 };

        return check->timeout_sec * STEPS;
}

static int spawn_life(const struct check *check, enum mode mode, const char *id, bool connector,
                      int out_fd, struct diag *diag)
{
        CLEANUP_CLOSE int pidfd = -1;
        char timeout[16];
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        pid_t pid;
        int i = 0;
        int r;
        const char *argv[20];
        const struct spawn spawn = { .path = self,
                                     .argv = argv,
                                     .envp = (const char *const *)environ,
                                     .in_fd = -1,
                                     .out_fd = out_fd,
                                     .err_fd = -1 };

        if (n < 0)
                return diag_set_errno(diag, -errno, "/proc/self/exe");
        self[n] = '\0';
        (void)snprintf(timeout, sizeof(timeout), "%u", check->timeout_sec);

        argv[i++] = check->program;
        argv[i++] = mode == MODE_PROCESS ? "--life=process" : "--life=none";
        argv[i++] = "--agent-host";
        argv[i++] = check->agent_host;
        argv[i++] = "--id";
        argv[i++] = id;
        argv[i++] = "--timeout";
        argv[i++] = timeout;
        if (connector)
                argv[i++] = "--connector";
        if (check->spawn)
                argv[i++] = "--spawn";
        if (check->topics) {
                argv[i++] = "--mqtt";
                argv[i++] = check->topics;
        }
        if (check->settings_file) {
                argv[i++] = "--settings";
                argv[i++] = check->settings_file;
        }
        if (check->desired_state_file) {
                argv[i++] = "--desired-state";
                argv[i++] = check->desired_state_file;
        }
        argv[i++] = check->plugin;
        argv[i] = NULL;

        r = spawn_process(&spawn, &pid, &pidfd);
        if (r < 0)
                return diag_set_errno(diag, r, "%s", self);
        return wait_child(pid, pidfd, life_timeout_sec(check), diag);
}

/* Runs one life and reads what it left behind. */
static int run_life(const struct check *check, enum mode mode, const char *id, bool connector,
                    struct diag *diag, struct transcript *ret)
{
        enum { TRANSCRIPT_MAX = 64 * 1024 * 1024 };
        CLEANUP_CLOSE int fd = memfd_create("transcript", MFD_CLOEXEC);
        CLEANUP_FREE char *text = NULL;
        int r;
        int ended;

        if (fd < 0)
                return diag_set_errno(diag, -errno, "memfd_create");
        ended = spawn_life(check, mode, id, connector, fd, diag);
        /* The child has the same file description, so the position is at its end. */
        if (lseek(fd, 0, SEEK_SET) < 0)
                return diag_set_errno(diag, -errno, "transcript");
        r = file_read_fd(fd, TRANSCRIPT_MAX, &text, NULL);
        if (r < 0)
                return diag_set_errno(diag, r, "transcript");
        r = transcript_parse(TAKE_PTR(text), ret);
        if (r < 0)
                return diag_set_errno(diag, r, "transcript");
        return ended;
}

static void tell_life(struct check *check, enum mode mode, int r, const struct diag *diag,
                      const struct transcript *transcript)
{
        size_t i;

        if (r < 0)
                tell(check, FAILED, mode_to_string(mode), "%s", diag->text);
        else if (transcript->n_problems)
                tell(check, FAILED, mode_to_string(mode), "%zu problems:", transcript->n_problems);
        else
                tell(check, OK, mode_to_string(mode), "a whole life in %zu lines",
                     transcript->n_lines);
        for (i = 0; i < transcript->n_lines; i++)
                if (check->verbose || transcript->lines[i][0] == '!')
                        printf("             %s\n", transcript->lines[i]);
}

static void check_lives(struct check *check, const struct probe_info *info, bool connector)
{
        CLEANUP(transcript_done) struct transcript isolated = { 0 };
        CLEANUP(transcript_done) struct transcript local = { 0 };
        const char *id = check->id ? check->id : info->name;
        struct diag diag = DIAG_INIT;
        int r_isolated;
        int r_local;

        r_isolated = run_life(check, MODE_PROCESS, id, connector, &diag, &isolated);
        tell_life(check, MODE_PROCESS, r_isolated, &diag, &isolated);
        r_local = run_life(check, MODE_NONE, id, connector, &diag, &local);
        tell_life(check, MODE_NONE, r_local, &diag, &local);

        if (r_isolated < 0 || r_local < 0)
                return;
        if (transcript_equal(&isolated, &local, &diag))
                tell(check, OK, "both modes", "the transcripts tell the same");
        else
                tell(check, FAILED, "both modes", "the transcripts differ: %s", diag.text);
}

/* ----------------------------------------------------------------------------------------- main */

static int run_checks(struct check *check)
{
        struct probe_info *info;

        printf("%s\n", check->plugin);
        check_owner(check);
        check_symbols(check);
        info = check_descriptor(check);
        if (info && info->roles & PLUGIN_ROLE_AGENT)
                check_lives(check, info, false);
        if (info && info->roles & PLUGIN_ROLE_CONNECTOR)
                check_lives(check, info, true);
        (void)probe_info_free(info);

        printf("%u ok, %u failed, %u warnings\n", check->passed, check->failed, check->warned);
        return check->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void print_help(FILE *out)
{
        fputs("Usage: ub-plugin-check [OPTION]... FILE.so\n"
              "Checks that a plugin keeps the rules of <update-broker/plugin.h>.\n\n"
              "  --id ID               agent or connector to be, by default the plugin's name\n"
              "  --settings FILE       JSON object for create(), by default {}\n"
              "  --desired-state FILE  {\"domains\":[{\"id\":ID,...}]} to update to, by default "
              "what\n"
              "                        the plugin has installed; the system is really changed\n"
              "  --spawn               let the plugin run programs\n"
              "  --mqtt FILTER         let it use these MQTT topics, of a server where nobody else "
              "is\n"
              "  --timeout SECONDS     for each answer, by default 60\n"
              "  --agent-host PATH     ub-agent-host to use\n"
              "  --verbose             show the transcripts\n"
              "  --help, --version\n\n"
              "Exit status: 0 passes, 1 does not, 2 wrong usage.\n",
              out);
}

enum option_id {
        OPTION_ID = 1000,
        OPTION_SETTINGS,
        OPTION_DESIRED_STATE,
        OPTION_SPAWN,
        OPTION_MQTT,
        OPTION_TIMEOUT,
        OPTION_AGENT_HOST,
        OPTION_VERBOSE,
        OPTION_LIFE,
        OPTION_CONNECTOR,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct option options[] = {
        { "id", required_argument, NULL, OPTION_ID },
        { "settings", required_argument, NULL, OPTION_SETTINGS },
        { "desired-state", required_argument, NULL, OPTION_DESIRED_STATE },
        { "spawn", no_argument, NULL, OPTION_SPAWN },
        { "mqtt", required_argument, NULL, OPTION_MQTT },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "agent-host", required_argument, NULL, OPTION_AGENT_HOST },
        { "verbose", no_argument, NULL, OPTION_VERBOSE },
        { "life", required_argument, NULL, OPTION_LIFE },       /* internal */
        { "connector", no_argument, NULL, OPTION_CONNECTOR },   /* internal */
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { NULL, 0, NULL, 0 },
};

static bool parse_timeout(const char *text, unsigned *ret)
{
        char *end;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 10);
        if (errno || *end || end == text || value < 1 || value > TIMEOUT_MAX_SEC)
                return false;
        *ret = (unsigned)value;
        return true;
}

static int usage(const char *text, const char *argument)
{
        fprintf(stderr, "ub-plugin-check: %s%s; see --help\n", text, argument);
        return -EXIT_USAGE;
}

/* Makes a path absolute, following links: a link to a file says nothing of who can write it. */
static int take_path(const char *path, char **ret)
{
        char *found = realpath(path, NULL);

        if (!found) {
                fprintf(stderr, "ub-plugin-check: %s: %s\n", path, strerror(errno));
                return -EXIT_FAILURE;
        }
        free(*ret);
        *ret = found;
        return 0;
}

/* 0: go on; 1: done; negative: the exit status, negated. */
static int take_option(struct check *check, int option)
{
        switch (option) {
        case OPTION_ID:
                check->id = optarg;
                return strlen(optarg) > 0 && strlen(optarg) <= UB_MAX_ID ? 0
                                                                         : usage("bad id ", optarg);
        case OPTION_SETTINGS:
                check->settings_file = optarg;
                return 0;
        case OPTION_DESIRED_STATE:
                check->desired_state_file = optarg;
                return 0;
        case OPTION_SPAWN:
                check->spawn = true;
                return 0;
        case OPTION_MQTT:
                check->topics = optarg;
                return 0;
        case OPTION_TIMEOUT:
                return parse_timeout(optarg, &check->timeout_sec) ? 0 : usage("bad time ", optarg);
        case OPTION_AGENT_HOST:
                return take_path(optarg, &check->agent_host);
        case OPTION_VERBOSE:
                check->verbose = true;
                return 0;
        case OPTION_LIFE:
                check->life = strcmp(optarg, "none") == 0 ? MODE_NONE : MODE_PROCESS;
                return 0;
        case OPTION_CONNECTOR:
                check->life_connector = true;
                return 0;
        case OPTION_HELP:
                print_help(stdout);
                return 1;
        case OPTION_VERSION:
                printf("ub-plugin-check %s, ABI %d.%d\n", PACKAGE_VERSION, UB_ABI_MAJOR,
                       UB_ABI_MINOR);
                return 1;
        default: /* getopt_long() has said what is wrong */
                return -EXIT_USAGE;
        }
}

static int take_arguments(struct check *check, int argc, char **argv)
{
        int option;
        int r;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                r = take_option(check, option);
                if (r != 0)
                        return r;
        }
        if (optind != argc - 1)
                return usage(optind == argc ? "no plugin is named"
                                            : "more than one plugin is named",
                             "");
        r = take_path(argv[optind], &check->plugin);
        return r == 0 && !check->agent_host ? take_path(UB_AGENT_HOST, &check->agent_host) : r;
}

int main(int argc, char **argv)
{
        CLEANUP(check_done)
        struct check check = { .program = argc > 0 ? argv[0] : "ub-plugin-check",
                               .timeout_sec = TIMEOUT_DEFAULT_SEC };
        int r;

        r = take_arguments(&check, argc, argv);
        if (r != 0)
                return r < 0 ? -r : EXIT_SUCCESS;
        return check.life ? be_life(&check) : run_checks(&check);
}
