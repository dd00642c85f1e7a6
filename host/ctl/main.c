/* SPDX-License-Identifier: Apache-2.0
 *
 * ubctl - the broker, for people and scripts on the device
 *
 *     ubctl [OPTION...] COMMAND [ARGUMENT...]
 *
 * One table of commands, each with the options that it takes; an option that a command does not
 * take is
 * refused.  Talks to the daemon over its private socket; check-config, enable and disable work
 * without it. */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/ctl/ctl.h"
#include "host/util/cleanup.h"

enum {
        TAKES_JSON = 1 << 0,
        TAKES_WATCH = 1 << 1,
        TAKES_ACTIVITY = 1 << 2,
        TAKES_CONF_DIR = 1 << 3,
        TAKES_DRY_RUN = 1 << 4,
};

struct command {
        const char *name;
        const char *arguments;
        int min; /* how many arguments */
        int max;
        unsigned takes;
        int (*run)(const struct ctl *ctl); /* NULL: check-config, which has options of its own */
        const char *help;
};

static const struct command commands[] = {
        { "status", "", 0, 0, TAKES_JSON, ctl_status,
          "what the broker is doing" },
        { "agents", "", 0, 0, TAKES_JSON, ctl_agents,
          "the agents and how they are" },
        { "inventory", "", 0, 0, TAKES_JSON, ctl_inventory,
          "what hardware and software is there" },
        { "history", "", 0, 0, TAKES_JSON, ctl_history,
          "what became of the last activities" },
        { "slots", "[mark good|bad|active SLOT]", 0, 3, TAKES_JSON, ctl_slots,
          "the slots of the system and what boots next; mark one of them" },
        { "apply", "FILE", 1, 1, TAKES_JSON | TAKES_WATCH | TAKES_ACTIVITY | TAKES_DRY_RUN,
          ctl_apply,
          "apply the desired state in FILE (-: stdin), an envelope or bare" },
        { "watch", "[ACTIVITY]", 0, 1, TAKES_JSON, ctl_watch,
          "show progress: of ACTIVITY until it ends, else of all" },
        { "cancel", "[ACTIVITY]", 0, 1, TAKES_JSON, ctl_cancel,
          "cancel ACTIVITY, else the one that runs" },
        { "check-config", "[OPTION...]", 0, 0, TAKES_JSON, NULL,
          "check the configuration; takes the options of update-brokerd" },
        { "reload", "", 0, 0, 0, ctl_reload,
          "have the daemon read its configuration again" },
        { "enable", "ID", 1, 1, TAKES_CONF_DIR, ctl_enable,
          "enable an agent or connector, and start it" },
        { "disable", "ID", 1, 1, TAKES_CONF_DIR, ctl_disable,
          "stop an agent or connector, and keep it down" },
};

enum option_key { KEY_SOCKET = 256, KEY_JSON, KEY_ACTIVITY, KEY_CONF_DIR, KEY_DRY_RUN, KEY_VERSION };

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, KEY_VERSION },
        { "socket", required_argument, NULL, KEY_SOCKET },
        { "json", no_argument, NULL, KEY_JSON },
        { "watch", no_argument, NULL, 'w' },
        { "dry-run", no_argument, NULL, KEY_DRY_RUN },
        { "activity", required_argument, NULL, KEY_ACTIVITY },
        { "conf-dir", required_argument, NULL, KEY_CONF_DIR },
        { NULL, 0, NULL, 0 },
};

/* What the command line amounts to so far. */
struct line {
        struct ctl ctl;
        const struct command *command; /* NULL: not reached yet */
        unsigned given;                /* TAKES_* */
        bool help;
        bool version;
};

int ctl_fail(const char *format, ...)
{
        va_list args;

        (void)fflush(stdout); /* so that the two are in order where they end in one place */
        (void)fputs("ubctl: ", stderr);
        va_start(args, format);
        (void)vfprintf(stderr, format, args);
        va_end(args);
        (void)fputc('\n', stderr);
        return CTL_EXIT_FAILURE;
}

static void print_options(unsigned takes)
{
        (void)puts("\nOptions:");
        if (takes & TAKES_WATCH)
                (void)puts("  -w, --watch         show progress until the activity has ended");
        if (takes & TAKES_DRY_RUN)
                (void)puts("  --dry-run           apply nothing: show what would change");
        if (takes & TAKES_ACTIVITY)
                (void)puts("  --activity=ID       the activity's id, whatever FILE says");
        if (takes & TAKES_CONF_DIR)
                (void)puts("  --conf-dir=DIR      the only folder of registrations, and the one to "
                           "write to");
        if (takes & TAKES_JSON)
                (void)puts("  --json              for machines: JSON, one object per line when "
                           "watching");
        (void)puts("  --socket=PATH       the daemon's socket [" CONTROL_SOCKET "]\n"
                   "  -h, --help          this text\n"
                   "  --version           the version");
}

static void print_help(const struct command *command)
{
        size_t i;

        if (command) {
                (void)printf("Usage: ubctl %s [OPTION...]%s%s\n\n%s\n", command->name,
                             *command->arguments ? " " : "", command->arguments, command->help);
                print_options(command->takes);
                return;
        }
        (void)puts("Usage: ubctl [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:");
        for (i = 0; i < ARRAY_SIZE(commands); i++)
                (void)printf("  %-12s %-11s %s\n", commands[i].name, commands[i].arguments,
                             commands[i].help);
        print_options(TAKES_JSON);
        (void)puts(
                "\nExit status: 0 done or COMPLETED, 1 failure, 2 wrong usage; of apply --watch "
                "and watch:\n"
                "3 INCOMPLETE, 4 IDENTIFICATION_FAILED, 5 SUPERSEDED, 6 INCOMPLETE_INCONSISTENT.");
}

static int usage(void)
{
        (void)fputs("Try 'ubctl --help'.\n", stderr);
        return CTL_EXIT_USAGE;
}

/* False when getopt_long(3) has complained. */
static bool read_options(struct line *line, int argc, char **argv)
{
        int key;

        /* "+": up to the command, whose options come later and may be mixed with its arguments. */
        while ((key = getopt_long(argc, argv, line->command ? "hw" : "+hw", options, NULL)) != -1) {
                switch (key) {
                case 'h':
                        line->help = true;
                        break;
                case KEY_VERSION:
                        line->version = true;
                        break;
                case KEY_SOCKET:
                        line->ctl.socket = optarg;
                        break;
                case KEY_JSON:
                        line->ctl.json = true;
                        line->given |= TAKES_JSON;
                        break;
                case 'w':
                        line->ctl.watch = true;
                        line->given |= TAKES_WATCH;
                        break;
                case KEY_DRY_RUN:
                        line->ctl.dry_run = true;
                        line->given |= TAKES_DRY_RUN;
                        break;
                case KEY_ACTIVITY:
                        line->ctl.activity = optarg;
                        line->given |= TAKES_ACTIVITY;
                        break;
                case KEY_CONF_DIR:
                        line->ctl.conf_dir = optarg;
                        line->given |= TAKES_CONF_DIR;
                        break;
                default:
                        return false;
                }
        }
        return true;
}

static const struct command *find_command(const char *name)
{
        size_t i;

        for (i = 0; i < ARRAY_SIZE(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static int run_command(struct line *line)
{
        const struct command *command = line->command;
        int r;

        if (line->given & ~command->takes) {
                (void)ctl_fail("%s does not take all of these options", command->name);
                return usage();
        }
        if (line->ctl.argc < command->min || line->ctl.argc > command->max) {
                (void)ctl_fail("%s takes %s", command->name,
                               *command->arguments ? command->arguments : "no arguments");
                return usage();
        }
        r = command->run(&line->ctl);
        if (fflush(stdout) != 0 || ferror(stdout))
                return r ? r : ctl_fail("cannot write to stdout");
        return r;
}

static int run(int argc, char **argv)
{
        const char *no_colour = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");
        struct line line = { .ctl = { .socket = CONTROL_SOCKET } };
        bool dumb = !terminal || strcmp(terminal, "dumb") == 0;

        line.ctl.terminal = isatty(STDOUT_FILENO) && !dumb;
        line.ctl.colour = line.ctl.terminal && !(no_colour && *no_colour);
        if (!read_options(&line, argc, argv))
                return usage();
        if (optind < argc && !line.help && !line.version) {
                line.command = find_command(argv[optind]);
                if (!line.command) {
                        (void)ctl_fail("there is no command %s", argv[optind]);
                        return usage();
                }
                argc -= optind;
                argv += optind;
                if (!line.command->run)
                        return ctl_check_config(argc, argv, line.ctl.json);
                optind = 0; /* begin anew, in glibc's way */
                if (!read_options(&line, argc, argv))
                        return usage();
                line.ctl.argc = argc - optind;
                line.ctl.argv = argv + optind;
        }
        if (line.version) {
                (void)puts(PACKAGE_STRING);
                return CTL_EXIT_COMPLETED;
        }
        if (line.help) {
                print_help(line.command);
                return CTL_EXIT_COMPLETED;
        }
        if (!line.command) {
                (void)ctl_fail("which command?");
                return usage();
        }
        return run_command(&line);
}

int main(int argc, char **argv)
{
        return run(argc, argv);
}
