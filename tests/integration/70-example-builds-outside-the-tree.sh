#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The example of the SDK builds outside our tree, with an SDK installed in a folder of its own as a
# cross build has it, and exports one symbol.
set -eu
top_srcdir=${top_srcdir:?} top_builddir=${top_builddir:?}

for tool in autoreconf pkg-config nm readelf; do
        command -v "$tool" >/dev/null || { echo "skipped: $tool is not there"; exit 77; }
done
if nm "$top_builddir/libub-sdk.a" 2>/dev/null | grep -qE '__(asan|ubsan|gcov)_'; then
        echo "skipped: this SDK is instrumented, and a vendor's build is not"
        exit 77
fi

fail() {
        echo "FAILED: $*"
        exit 1
}

folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES || :

make -C "$top_builddir" install DESTDIR="$folder/root" >"$folder/log" 2>&1 ||
        { tail -n 30 "$folder/log"; fail "make install"; }
pc=$(find "$folder/root" -name update-broker-plugin.pc)
[ -n "$pc" ] || fail "update-broker-plugin.pc is not installed"

cp -R "$top_srcdir/sdk/example" "$folder/example"
chmod -R u+w "$folder/example"
cd "$folder/example"
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$folder/root"
{
        autoreconf -i &&
        ./configure CFLAGS='-O2 -Wall -Wextra -Werror' &&
        make &&
        make install DESTDIR="$folder/vendor"
} >"$folder/log" 2>&1 || { tail -n 40 "$folder/log"; fail "the example does not build"; }

so=$(find "$folder/vendor" -name hello.so)
[ -n "$so" ] || fail "hello.so is not installed"
find "$folder/vendor" -name 50-hello.conf | grep -q . || fail "50-hello.conf is not installed"
exported=$(nm -D --defined-only "$so" | awk '{ print $NF }')
[ "$exported" = ub_plugin_v1 ] || fail "exported symbols: $exported"
readelf -d "$so" | grep -q NODELETE || fail "hello.so can be unloaded"
needed=$(readelf -d "$so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')
case " $needed" in
*curl*|*crypto*|*systemd*) fail "hello.so needs more than it uses: $needed" ;;
esac
echo "hello.so exports $exported and needs $needed"
