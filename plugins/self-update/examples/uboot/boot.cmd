# SPDX-License-Identifier: Apache-2.0
#
# boot.cmd - two slots, A and B, that RAUC writes, and a rescue system that it does not
#
#     mkimage -A arm64 -T script -C none -d boot.cmd boot.scr
#
# RAUC's system.conf names A and B as `bootname`.  What it keeps in U-Boot's environment:
#
#     BOOT_ORDER     the slots, the one that is to boot first; bad ones are not in it
#     BOOT_x_LEFT    tries that a slot has left, hexadecimal; it is refilled by whoever finds the
#                    system well (the self-update agent does)
#
# When no slot is left the rescue system boots, and the slots that are not bad get their tries back.
# Each boot writes the environment: keep two copies of it (uboot.config, fw_env.config), or a power cut
# in that moment loses both.
#
# Partitions, in the order of rauc.wks: 1 boot, 2 rescue, 3 A, 4 B, 5 data.  `start_slot` may be set in
# the environment, for boards that start their kernel in another way.

# A device from the factory has nothing yet.  An order that is empty while the counters are there is
# another thing: both slots are bad.
if test -z "${BOOT_ORDER}" -a -z "${BOOT_A_LEFT}" -a -z "${BOOT_B_LEFT}"; then
    setenv BOOT_ORDER "A B"
    setenv BOOT_A_LEFT 3
    setenv BOOT_B_LEFT 3
fi
test -n "${BOOT_A_LEFT}" || setenv BOOT_A_LEFT 0
test -n "${BOOT_B_LEFT}" || setenv BOOT_B_LEFT 0

setenv slot
for candidate in ${BOOT_ORDER}; do
    if test -n "${slot}"; then
        true
    elif test "${candidate}" = A; then
        if test 0x${BOOT_A_LEFT} -gt 0; then
            setexpr BOOT_A_LEFT ${BOOT_A_LEFT} - 1
            setenv slot A
            setenv slot_part 3
            setenv slot_root root_a
        fi
    elif test "${candidate}" = B; then
        if test 0x${BOOT_B_LEFT} -gt 0; then
            setexpr BOOT_B_LEFT ${BOOT_B_LEFT} - 1
            setenv slot B
            setenv slot_part 4
            setenv slot_root root_b
        fi
    fi
done

if test -z "${slot}"; then
    for candidate in ${BOOT_ORDER}; do
        setenv BOOT_${candidate}_LEFT 3
    done
    # RAUC knows a slot without bootname by its own name.
    setenv slot rescue.0
    setenv slot_part 2
    setenv slot_root rescue
fi
saveenv

# The kernel reboots after a panic; without that a crash at boot never gets to the other slot.
setenv bootargs "root=PARTLABEL=${slot_root} rootwait panic=10 rauc.slot=${slot} ${extra_bootargs}"
test -n "${start_slot}" || setenv start_slot 'load ${devtype} ${devnum}:${slot_part} ${kernel_addr_r} /boot/Image && booti ${kernel_addr_r} - ${fdtcontroladdr}'
echo "Starting ${slot}, tries left: A ${BOOT_A_LEFT}, B ${BOOT_B_LEFT}"
run start_slot

# A kernel that cannot be loaded is a failed try like any other.
echo "Cannot start ${slot}."
sleep 5
reset
