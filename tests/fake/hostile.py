# SPDX-License-Identifier: Apache-2.0
"""hostile - archives that somebody made to do harm, and strange ones that do none

Each is made here, byte by byte where the libraries of Python would not write such a thing.  REFUSED and ACCEPTED are
lists of (name of the file, function, what the agent says or None); the function gets the absolute path, without its
first slash, of a folder that is outside of every store, and returns the archive's bytes.

The limits that they break are LIMITS.
"""
import bz2
import gzip
import io
import lzma
import os
import struct
import sys
import tarfile
import zipfile

LIMITS = {"entries": 200, "depth": 8, "pathBytes": 300, "ratio": 100, "totalBytes": 64 << 20, "keepFreeBytes": 0}
MANY = 8 << 20  # bytes of a bomb: as nothing beside its limit in all, so the ratio is what counts

FILE, HARD, LINK, CHAR, BLOCK, FOLDER, FIFO = (getattr(tarfile, name) for name in (
    "REGTYPE", "LNKTYPE", "SYMTYPE", "CHRTYPE", "BLKTYPE", "DIRTYPE", "FIFOTYPE"))


# --------------------------------------------------------------------------------------------------------------- tar

def entry(name, content=b"x", kind=FILE, link="", mode=0o644, pax=None, mtime=1_000_000_000):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, link, mode, mtime
    info.size = len(content) if kind == FILE else 0
    info.pax_headers = pax or {}
    info.devmajor, info.devminor = (1, 3) if kind in (CHAR, BLOCK) else (0, 0)
    return info, content


def tar(*entries, form=tarfile.PAX_FORMAT):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
        end = archive.offset
    return memory.getvalue()[:end] + bytes(1024)  # without what fills a whole record


def raw_tar(name, size, content=b"", kind=b"0", prefix=b""):
    """One header with fields as they are given, and what follows it."""
    head = bytearray(512)
    head[0:len(name)] = name
    head[100:108] = head[108:116] = head[116:124] = b"0000644\0"
    head[124:136] = size
    head[136:148] = b"00000000000\0"
    head[148:156] = b" " * 8
    head[156:157] = kind
    head[257:265] = b"ustar\x0000"
    head[345:345 + len(prefix)] = prefix
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + content + bytes(-len(content) % 512) + bytes(1024)


def sparse_tar(real_size):
    """The old GNU form: a file of that size with one piece of 512 bytes at its beginning."""
    head = bytearray(raw_tar(b"holes", b"00000001000\0", kind=b"S")[:512])
    head[257:265] = b"ustar  \0"
    head[386:398], head[398:410] = b"00000000000\0", b"00000001000\0"
    head[483:495] = struct.pack(">BxxxQ", 0x80, real_size)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + b"x" * 512 + bytes(1024)


# ------------------------------------------------------------------------------------------------------------- others

def zipped(*entries, method=zipfile.ZIP_DEFLATED, system=3):
    """Entries are (name, content, mode with its type)."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.filename = name  # as it is
            info.create_system, info.external_attr, info.compress_type = system, mode << 16, method
            archive.writestr(info, content)
    return memory.getvalue()


def cpio(*entries):
    """Entries are (name, content, mode with its type); as `cpio -H newc` writes them."""
    data = b""
    for name, content, mode in [*entries, (b"TRAILER!!!", b"", 0)]:
        fields = (1, mode, 0, 0, 1, 1_000_000_000, len(content), 0, 0, 1, 3, len(name) + 1, 0)
        data += b"070701" + b"".join(b"%08X" % field for field in fields) + name + b"\0"
        data += bytes(-len(data) % 4) + content
        data += bytes(-len(data) % 4)
    return data


def zstd_block(content, size=None, last=False):
    """A block as it is, or, with a size, that many times its one byte."""
    return struct.pack("<I", (size or len(content)) << 3 | bool(size) << 1 | last)[:3] + content


def zstd(data, zeros=0):
    """A frame of data and so many zeros."""
    frame = b"\x28\xb5\x2f\xfd\x00\x58" + zstd_block(data)
    for _ in range(zeros // 131072):
        frame += zstd_block(b"\0", 131072)
    return frame + zstd_block(b"", last=True)


def fine(size=300_000):
    """Nothing is wrong with it."""
    return tar(entry("fine", os.urandom(size)))


def cut(data):
    return data[:len(data) * 2 // 3]


def flip(data, at, bits=0xff):
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1:]


def lock(data):
    """Says of the only file in a zip archive that it is encrypted."""
    return flip(flip(data, 6, 1), data.index(b"PK\1\2") + 8, 1)


# -------------------------------------------------------------------------------------------------------------- tables

def up(out):
    """From the top of any archive to that folder."""
    return "../" * 30 + out


def big(size=MANY):
    return entry("big", bytes(size))


REG, LNK, SOCK, CHR = 0o100644, 0o120777, 0o140644, 0o020644

# Name, how it is made, and the cause that is said; several where the version of libarchive tells.
REFUSED = [
    # Names that lead outside.
    ("absolute.tar", lambda out: tar(entry(f"/{out}/new")), "/new: an absolute path"),
    ("absolute-pax.tar", lambda out: tar(entry("ok", pax={"path": f"/{out}/new"})), "/new: an absolute path"),
    ("nul-pax.tar", lambda out: tar(entry("ok", pax={"path": f"/{out}/new\0more"})), "/new: an absolute path"),
    ("absolute-gnu.tar", lambda out: tar(entry(f"/{out}/" + "n" * 120, b"x"), form=tarfile.GNU_FORMAT),
     "n: an absolute path"),
    ("absolute.cpio", lambda out: cpio((f"/{out}/new".encode(), b"x", REG)), "/new: an absolute path"),
    ("absolute.zip", lambda out: zipped((f"/{out}/new", b"x", REG)), "/new: an absolute path"),
    ("dots.tar", lambda out: tar(entry(up(out) + "/new")), '/new: ".." in the path'),
    ("dots-inside.tar", lambda out: tar(entry("a/b/../../../new")), 'a/b/../../../new: ".." in the path'),
    ("dots-at-the-end.tar", lambda out: tar(entry("a/..", kind=FOLDER)), '".." in the path'),
    ("dots-prefix.tar", lambda out: raw_tar(b"new", b"00000000001\0", b"x", prefix=b"../.."),
     '../../new: ".." in the path'),
    ("dots-gnu.tar", lambda out: tar(entry(up(out) + "/" + "n" * 80), form=tarfile.GNU_FORMAT),
     ': ".." in the path'),
    ("dots.zip", lambda out: zipped((up(out) + "/new", b"x", REG)), '/new: ".." in the path'),
    ("backslashes-msdos.zip", lambda out: zipped(("..\\..\\new", b"x", REG), system=0), '".." in the path'),
    ("backslashes-unix.zip", lambda out: zipped(("..\\..\\new", b"x", REG)), '".." in the path'),
    ("dots.cpio", lambda out: cpio((b"../new", b"x", REG)), '../new: ".." in the path'),
    # Links that lead outside, and what goes through links.
    ("link-absolute.tar", lambda out: tar(entry("l", kind=LINK, link=f"/{out}/victim")),
     "l: a link to the absolute path /"),
    ("link-dots.tar", lambda out: tar(entry("l", kind=LINK, link=up(out))), "l: a link that leads outside"),
    ("link-dots-deep.tar", lambda out: tar(entry("a/b/l", kind=LINK, link="../../../x")),
     "a/b/l: a link that leads outside"),
    ("link-over-link.tar", lambda out: tar(entry("d", kind=FOLDER, mode=0o755), entry("a", kind=LINK, link="d"),
                                           entry("b", kind=LINK, link="a/../..")),
     'b: a link with ".." behind a name'),
    ("link-to-nothing.tar", lambda out: raw_tar(b"l", b"00000000000\0", kind=b"2"),
     ("l: a link that cannot be read", "l: a link to nothing")),
    ("link.zip", lambda out: zipped(("l", up(out), LNK)), "l: a link that leads outside"),
    ("link.cpio", lambda out: cpio((b"l", f"/{out}".encode(), LNK)), "l: a link to the absolute path /"),
    ("through-a-link.tar", lambda out: tar(entry("d", kind=FOLDER, mode=0o755), entry("l", kind=LINK, link="d"),
                                           entry("l/new")),
     "l/new: lies behind a link or a file"),
    ("over-a-link.tar", lambda out: tar(entry("t"), entry("l", kind=LINK, link="t"), entry("l")), "l: is there twice"),
    ("folder-over-a-link.tar", lambda out: tar(entry("d", kind=FOLDER, mode=0o755), entry("l", kind=LINK, link="d"),
                                               entry("l", kind=FOLDER)), "l/: is there twice"),
    ("hard-absolute.tar", lambda out: tar(entry("h", kind=HARD, link=f"/{out}/victim")),
     "h: a hard link to /"),
    ("hard-dots.tar", lambda out: tar(entry("h", kind=HARD, link=up(out) + "/victim")), "h: a hard link to ../"),
    ("hard-to-nothing.tar", lambda out: tar(entry("h", kind=HARD, link="gone")),
     "h: a hard link to gone, which is no file of this archive"),
    ("hard-to-a-link.tar", lambda out: tar(entry("t"), entry("l", kind=LINK, link="t"),
                                           entry("h", kind=HARD, link="l")),
     "h: a hard link to l, which is no file of this archive"),
    ("hard-to-itself.tar", lambda out: tar(entry("h", kind=HARD, link="h")), "h: a hard link to h"),
    # What is no file.
    ("device.tar", lambda out: tar(entry("null", kind=CHAR)), "null: a device node, which is not allowed"),
    ("disk.tar", lambda out: tar(entry("sda", kind=BLOCK)), "sda: a device node, which is not allowed"),
    ("fifo.tar", lambda out: tar(entry("p", kind=FIFO)), "p: a FIFO, which is not allowed"),
    ("device.cpio", lambda out: cpio((b"null", b"", CHR)), "null: a device node, which is not allowed"),
    ("socket.cpio", lambda out: cpio((b"s", b"", SOCK)), "s: neither a file, a folder nor a link"),
    ("setuid.tar", lambda out: tar(entry("su", mode=0o4755)), "su: a set-user-id or set-group-id file"),
    ("setgid.zip", lambda out: zipped(("su", b"x", 0o102755)), "su: a set-user-id or set-group-id file"),
    # The same name for two things.
    ("twice.tar", lambda out: tar(entry("f"), entry("f", b"y")), "f: is there twice"),
    ("file-and-folder.tar", lambda out: tar(entry("f"), entry("f", kind=FOLDER)), "f/: is there twice"),
    ("below-a-file.tar", lambda out: tar(entry("f"), entry("f/g")), "f/g: lies behind a link or a file"),
    ("folder-and-file.tar", lambda out: tar(entry("f/g"), entry("f")), "f: is there twice"),
    # Too much.
    ("entries.tar", lambda out: tar(*(entry(str(i)) for i in range(201))), "more than 200 entries"),
    ("depth.tar", lambda out: tar(entry("a/" * 8 + "f")), "more than 8 levels deep"),
    ("long-path.tar", lambda out: tar(entry(("n" * 99 + "/") * 3 + "f")), "the path is longer than 300 bytes"),
    ("long-name.tar", lambda out: tar(entry("n" * 256)), "a name longer than 255 bytes"),
    ("long-link.tar", lambda out: tar(entry("l", kind=LINK, link="n" * 301)), "a link to more than 300 bytes"),
    ("bomb.tar.gz", lambda out: gzip.compress(tar(big())), "big: unpacks to more than 100 times its size"),
    ("bomb.tar.bz2", lambda out: bz2.compress(tar(big())), "big: unpacks to more than 100 times its size"),
    ("bomb.tar.xz", lambda out: lzma.compress(tar(big())), "big: unpacks to more than 100 times its size"),
    ("bomb.tar.zst", lambda out: zstd(tar(big())[:512], MANY), "big: unpacks to more than 100 times its size"),
    ("bomb.gz", lambda out: gzip.compress(b"a" * MANY), "unpacks to more than 100 times its size"),
    ("bomb.tar.gz.gz", lambda out: gzip.compress(gzip.compress(tar(big()))),
     "big: unpacks to more than 100 times its size"),
    ("bomb.zip", lambda out: zipped(("big", bytes(MANY), REG)), "big: unpacks to more than 100 times its size"),
    ("long-name.cpio.zst", lambda out: zstd(b"070701" + b"%08X" % 0x81a4 * 11 + b"%08X" % (1 << 31) + b"0" * 8, 1 << 28),
     # Of a size_t with 32 bits, and from 3.8 on, libarchive itself has enough.
     ("the header of an entry is longer than 2148352 bytes", "Unable to allocate copy buffer",
      "pathname exceeds 1 megabyte")),
    ("holes.tar", lambda out: sparse_tar(1 << 40), 'holes: more than 67108864 bytes in all ("totalBytes")'),
    ("huge-size.tar", lambda out: raw_tar(b"huge", b"77777777777\0", b"x"), "huge: "),
    ("negative-size.tar", lambda out: raw_tar(b"minus", b"\xff" * 12, b"x"),
     ("Tar entry has negative size", "Tar entry has negative file size")),
    # Damaged, or not what it is said to be.  (libarchive does not look at the checksum of gzip: sha256 does.)
    ("cut.tar", lambda out: cut(tar(entry("fine", os.urandom(30000)))), "fine: cannot be unpacked"),
    ("cut.tar.gz", lambda out: cut(gzip.compress(fine())), "fine: cannot be unpacked"),
    ("cut.tar.xz", lambda out: cut(lzma.compress(fine())), "fine: cannot be unpacked"),
    ("cut.tar.zst", lambda out: cut(zstd(fine(100_000))), ": Truncated zstd input"),
    ("cut.gz", lambda out: cut(gzip.compress(b"no archive\n" * 1000)), ": truncated gzip input"),
    ("cut.zip", lambda out: cut(zipped(("fine", os.urandom(3000), REG))), "fine: cannot be unpacked"),
    ("cut.cpio", lambda out: cut(cpio((b"fine", os.urandom(3000), REG))), "fine: cannot be unpacked"),
    ("flipped.tar.xz", lambda out: flip(lzma.compress(fine()), 200_000), "fine: cannot be unpacked"),
    ("flipped.zip", lambda out: flip(zipped(("fine", os.urandom(3000), REG), method=zipfile.ZIP_STORED), 1000),
     "fine: cannot be unpacked"),
    ("locked.zip", lambda out: lock(zipped(("fine", b"x" * 100, REG))), "fine: cannot be unpacked"),
    ("header-sum.tar", lambda out: flip(fine(), 100), "neither a tar, zip nor cpio archive"),
    ("text.tar.gz", lambda out: b"no archive at all\n" * 100, "neither a tar, zip nor cpio archive"),
    ("page.zip", lambda out: b"<html>404</html>" * 100, "neither a tar, zip nor cpio archive"),
    ("7z.tar", lambda out: b"7z\xbc\xaf\x27\x1c" + bytes(600), "neither a tar, zip nor cpio archive"),
    ("nothing.tar", lambda out: b"", "neither a tar, zip nor cpio archive"),
    ("empty.zip", lambda out: zipped(), "neither a tar, zip nor cpio archive"),
]

# Strange, but all of it can be made inside.
ACCEPTED = [
    ("a-top-that-dots.tar", lambda out: tar(entry("./", kind=FOLDER, mode=0o755), entry("./f"), entry("a/./b//c"))),
    ("case.tar", lambda out: tar(entry("name"), entry("NAME", b"y"))),
    ("loop.tar", lambda out: tar(entry("a", kind=LINK, link="b"), entry("b", kind=LINK, link="a"))),
    ("newline.tar", lambda out: tar(entry("new\nline"))),
    ("latin-1.tar", lambda out: tar(entry("caf\udce9"), form=tarfile.GNU_FORMAT)),
    ("long-ago.tar", lambda out: tar(entry("f", mtime=-86400), form=tarfile.GNU_FORMAT)),
    ("attributes.tar", lambda out: tar(entry("f", pax={"SCHILY.xattr.user.x": "y",
                                                       "SCHILY.acl.access": "user::rwx,group::rwx,other::rwx"}))),
    ("read-only-folder.tar", lambda out: tar(entry("d", kind=FOLDER, mode=0o500), entry("d/f"))),
]


def write_corpus(folder):
    """For tests/fuzz/fuzz-archive: small ones, behind a byte that chooses the strictest rules."""
    for name, make, *_ in REFUSED + ACCEPTED:
        data = make("o")
        if len(data) < 20000:
            with open(os.path.join(folder, name), "wb") as f:
                f.write(b"\x08" + data)


if __name__ == "__main__":
    write_corpus(sys.argv[1])
