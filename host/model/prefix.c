/* SPDX-License-Identifier: Apache-2.0 */
#include "host/model/prefix.h"

#include <errno.h>
#include <string.h>

#include "host/util/utf8.h"

static const char ENDING[] = "update";

int prefix_make(const char *domain, char ret[static PREFIX_SIZE])
{
        size_t length = strnlen(domain, PREFIX_DOMAIN_MAX + 1);
        char prefix[PREFIX_SIZE];
        size_t n = 0;

        if (length > PREFIX_DOMAIN_MAX)
                return -E2BIG;
        if (!utf8_is_line(domain, length) || strpbrk(domain, "+#") || domain[0] == '$')
                return -EINVAL;
        for (size_t i = 0; i < length; i++)
                if (domain[i] != '-')
                        prefix[n++] = domain[i];
        if (n > 0 && prefix[0] == '$') /* "-$SYS" */
                return -EINVAL;

        /* Case counts: "myUpdate" becomes "myUpdateupdate". */
        if (n < strlen(ENDING) ||
            memcmp(prefix + n - strlen(ENDING), ENDING, strlen(ENDING)) != 0) {
                memcpy(prefix + n, ENDING, strlen(ENDING));
                n += strlen(ENDING);
        }
        memcpy(ret, prefix, n);
        ret[n] = '\0';
        return 0;
}
