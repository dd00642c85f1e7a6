/* SPDX-License-Identifier: Apache-2.0
 *
 * replay - runs a fuzz target over its corpus, as a test
 *
 * Linked with a target where libFuzzer is not: fuzz-NAME feeds the target every file of
 * tests/fuzz/corpus/NAME (or those named on its command line) and says so in TAP.  A target that
 * finds something aborts. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_BYTES_MAX = 4 * 1024 * 1024, PATH_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly the input's size, so that a sanitizer sees one byte too many. */
static int replay(const char *path)
{
        static char buffer[INPUT_BYTES_MAX];
        FILE *file = fopen(path, "re");
        uint8_t *input;
        size_t size;

        if (!file) {
                printf("not ok - cannot open %s\n", path);
                return 1;
        }
        size = fread(buffer, 1, sizeof(buffer), file);
        (void)fclose(file); /* only read */
        input = malloc(size ? size : 1);
        if (!input)
                return 1;
        memcpy(input, buffer, size);
        printf("# %s\n", path);
        (void)fflush(stdout);
        (void)LLVMFuzzerTestOneInput(input, size); /* always 0 */
        free(input);
        return 0;
}

static int replay_folder(const char *folder, int *ret_count)
{
        char path[PATH_BYTES_MAX + 256];
        DIR *dir = opendir(folder);
        struct dirent *entry;
        int failed = 0;

        while (dir && (entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
                failed |= replay(path);
                ++*ret_count;
        }
        if (dir)
                (void)closedir(dir); /* only read */
        return failed;
}

int main(int argc, char **argv)
{
        const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
        const char *top = getenv("top_srcdir");
        char folder[PATH_BYTES_MAX];
        int failed = 0;
        int count = 0;
        int i;

        for (i = 1; i < argc; i++, count++)
                failed |= replay(argv[i]);
        if (argc == 1) {
                (void)snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top ? top : ".",
                               name + strlen("fuzz-"));
                failed = replay_folder(folder, &count);
        }
        /* A corpus that is not there would pass unseen. */
        printf("%s 1 - the corpus of %s, %d inputs, shows no fault\n1..1\n",
               failed || count == 0 ? "not ok" : "ok", name, count);
        return failed || count == 0;
}
