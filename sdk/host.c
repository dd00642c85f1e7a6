/* SPDX-License-Identifier: Apache-2.0
 *
 * host - see <update-broker/sdk/host.h> */
#define UB_ABI_MINOR_WANTED 0
#include <stdlib.h>
#include <string.h>
#include <update-broker/sdk/host.h>

int ub_state_read(const struct ub_host *host, const char *key, char **ret, size_t *ret_length)
{
        char *value;
        int length;
        int r;

        length = ub_state_get(host, key, NULL, 0);
        if (length < 0)
                return length;
        value = (char *)malloc((size_t)length + 1);
        if (!value)
                return -ENOMEM;
        r = ub_state_get(host, key, value, (size_t)length + 1);
        if (r < 0) {
                free(value);
                return r;
        }
        if (ret_length)
                *ret_length = (size_t)length;
        *ret = value;
        return 0;
}

int ub_state_write(const struct ub_host *host, const char *key, const char *text)
{
        return ub_state_put(host, key, text, text ? strlen(text) : 0);
}
