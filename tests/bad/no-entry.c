/* SPDX-License-Identifier: Apache-2.0
 *
 * a shared object, but not a plugin */
static __attribute__((used)) int no_entry(void)
{
        return 1;
}
