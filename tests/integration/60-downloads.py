#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ub_download against real servers that break, lie, drip and hang.

Every test is a sentence.  The client is tests/fake/downloader, the server tests/fake/http_server.py, both
real processes' worth of sockets on 127.0.0.1.
"""
import hashlib
import os
import pathlib
import random
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock

sys.dont_write_bytecode = True  # the source folder may be read-only
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "fake"))
from http_server import Server, answer, certificates, drip, hang, serve  # noqa: E402

DOWNLOADER = os.path.join(os.environ.get("top_builddir", "build"), "tests", "fake", "downloader")
DATA = random.Random(7).randbytes(1_500_000)
OTHER = random.Random(8).randbytes(1_400_000)
ERRNO = {"EPERM": 1, "ENOENT": 2, "EACCES": 13, "EBUSY": 16, "EINVAL": 22, "EFBIG": 27, "ENOSPC": 28, "ELOOP": 40,
         "EBADMSG": 74, "ECONNABORTED": 103, "ETIMEDOUT": 110, "EREMOTEIO": 121, "EKEYREJECTED": 129}


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Result:
    def __init__(self, process, out):
        self.out = out.splitlines()
        self.exit = process.returncode
        done = [line.split(" ", 2) for line in self.out if line.startswith("done ")]
        self.results = [int(fields[1]) for fields in done]
        self.messages = [fields[2] for fields in done]
        self.result = self.results[0] if len(done) == 1 else None
        self.message = self.messages[0] if len(done) == 1 else None
        self.progress = [tuple(map(int, line.split()[1:])) for line in self.out if line.startswith("progress")]


class Downloads(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ub-download-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.dir = self.folder / "d"
        self.dir.mkdir()

    def server(self, paths, **options):
        server = Server(paths, **options)
        self.enterContext(server)
        return server

    def command(self, url, **options):
        options = {"name": "f", "retry_ms": 5, "retry_max_ms": 2000, "total_ms": 60000} | options
        headers = [f"header={h}" for h in options.pop("headers", [])]
        return [DOWNLOADER, f"dir={self.dir}", f"url={url}"] + headers + [f"{k}={v}" for k, v in options.items()]

    def run_one(self, url, **options):
        process = subprocess.run(self.command(url, **options), stdout=subprocess.PIPE, text=True, timeout=120,
                                 check=False)
        result = Result(process, process.stdout)
        self.assertEqual(result.exit, 0, process.stdout)
        self.assertIn("sources 0", result.out)
        return result

    def left(self):
        return sorted(p.name for p in self.dir.iterdir())

    def assert_file(self, data, name="f"):
        self.assertEqual((self.dir / name).read_bytes(), data)
        self.assertNotIn(f".{name}.part", self.left())
        self.assertNotIn(f".{name}.part.meta", self.left())

    def assert_fails(self, result, name, *words, keep=()):
        self.assertEqual(result.result, -ERRNO[name], result.out)
        for word in words:
            self.assertIn(word, result.message)
        self.assertEqual([n for n in self.left() if n == "f"], list(keep))

    # ------------------------------------------------------------------------------------ the good way

    def test_a_file_arrives_whole_and_is_counted(self):
        server = self.server({"/f": serve(DATA)})
        result = self.run_one(server.url("/f"), sha256=digest(DATA).upper(), size=len(DATA), progress_ms=1)
        self.assertEqual(result.results, [0])
        self.assert_file(DATA)
        self.assertEqual(result.progress[-1], (len(DATA), len(DATA)))
        self.assertEqual(self.left(), ["f"])

    def test_an_empty_file_arrives(self):
        server = self.server({"/f": serve(b"")})
        self.assertEqual(self.run_one(server.url("/f"), sha256=digest(b"")).results, [0])
        self.assert_file(b"")

    def test_a_file_url_is_copied(self):
        (self.folder / "a b").write_bytes(DATA)
        result = self.run_one(f"file://{self.folder}/a%20b", sha256=digest(DATA))
        self.assertEqual(result.results, [0])
        self.assert_file(DATA)
        self.assert_fails(self.run_one(f"file://{self.folder}/none", name="g"), "ENOENT", "none", "No such file",
                          keep=["f"])
        self.assert_fails(self.run_one(f"file://{self.folder}/a%20b", name="g", max_bytes=10), "EFBIG", keep=["f"])
        self.assertEqual(self.left(), ["f"])

    def test_a_chunked_answer_without_a_length_arrives(self):
        def chunked(_, client):
            client.head(200, Transfer_Encoding="chunked")
            for i in range(0, len(DATA), 100_000):
                piece = DATA[i:i + 100_000]
                client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            client.send(b"0\r\nContent-Range: bytes 3-4/5\r\n\r\n")
        server = self.server({"/f": chunked})
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assert_file(DATA)

    def test_a_name_that_exists_is_replaced_only_by_success(self):
        (self.dir / "f").write_bytes(b"old")
        server = self.server({"/f": [serve(DATA), serve(OTHER)]})
        result = self.run_one(server.url("/f"), sha256=digest(OTHER))
        self.assertEqual(result.result, -ERRNO["EBADMSG"])
        self.assertEqual((self.dir / "f").read_bytes(), b"old")
        self.run_one(server.url("/f"), sha256=digest(OTHER))
        self.assert_file(OTHER)

    def test_two_hundred_small_downloads_in_parallel(self):
        files = {f"/f{i}": serve(random.Random(i).randbytes(3000 + i)) for i in range(200)}
        server = self.server(files)
        result = self.run_one(server.url("/f%d"), name="f%d", count=200, parallel=200)
        self.assertEqual(result.results, [0] * 200)
        for i in range(200):
            self.assert_file(random.Random(i).randbytes(3000 + i), f"f{i}")

    def test_downloads_beyond_the_slots_wait_for_their_turn(self):
        busy, most, lock = [0], [0], threading.Lock()

        def counted(request, client):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            body = b"x" * 50000
            client.head(200, Content_Length=len(body))
            client.send(body[:-1])
            with lock:
                busy[0] -= 1
            client.send(body[-1:])
        server = self.server({f"/f{i}": counted for i in range(40)})
        result = self.run_one(server.url("/f%d"), name="f%d", count=40, parallel=3)
        self.assertEqual(result.results, [0] * 40)
        self.assertLessEqual(most[0], 3)

    # ------------------------------------------------------------------------------------------ resume

    def test_a_broken_connection_is_resumed_where_it_ended(self):
        server = self.server({"/f": [serve(DATA, etag='"1"', break_at=600_000), serve(DATA, etag='"1"')]})
        result = self.run_one(server.url("/f"), sha256=digest(DATA))
        self.assertEqual(result.results, [0])
        self.assert_file(DATA)
        self.assertEqual(server.requests[1].get("Range"), "bytes=600000-")
        self.assertEqual(server.requests[1].get("If-Range"), '"1"')

    def test_a_strong_date_resumes_and_a_date_of_this_second_does_not(self):
        day = "Sun, 01 Nov 2026 10:00:0%d GMT"
        for date, resumed in ((day % 9, True), (day % 0, False)):
            fields = {"Last_Modified": day % 0, "Date": date}
            server = self.server({"/f": [serve(DATA, break_at=600_000, **fields), serve(DATA, **fields)]})
            self.assertEqual(self.run_one(server.url("/f")).results, [0])
            self.assert_file(DATA)
            self.assertEqual(server.requests[1].get("If-Range"), day % 0 if resumed else None)
            self.assertEqual(server.requests[1].get("Range") is not None, resumed)

    def test_a_weak_etag_resumes_only_when_a_digest_will_tell(self):
        server = self.server({"/f": [serve(DATA, etag='W/"1"', break_at=600_000), serve(DATA, etag='W/"1"')]})
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assertIsNone(server.requests[1].get("Range"))
        server = self.server({"/f": [serve(DATA, etag='W/"1"', break_at=600_000), serve(DATA, etag='W/"1"')]})
        self.assertEqual(self.run_one(server.url("/f"), sha256=digest(DATA)).results, [0])
        self.assertEqual(server.requests[1].get("Range"), "bytes=600000-")
        self.assertIsNone(server.requests[1].get("If-Range"))
        self.assert_file(DATA)

    def test_a_changed_file_is_fetched_anew(self):
        server = self.server({"/f": [serve(DATA, etag='"1"', break_at=600_000), serve(OTHER, etag='"2"')]})
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assert_file(OTHER)

    def test_a_server_that_ignores_ranges_starts_over(self):
        server = self.server({"/f": [serve(DATA, etag='"1"', break_at=600_000),
                                     serve(DATA, etag='"1"', ranges=False)]})
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assert_file(DATA)

    def test_a_part_at_the_wrong_place_is_never_appended(self):
        def lying(first, total, etag='"1"'):
            def handler(request, client):
                body = DATA[first:]
                client.head(206, Content_Range=f"bytes {first}-{len(DATA) - 1}/{total}", ETag=etag,
                            Content_Length=len(body))
                client.send(body)
            return handler
        for lie in (lying(500_000, len(DATA)), lying(600_000, len(DATA) + 7), lying(600_000, len(DATA), '"2"'),
                    answer(206, DATA[600_000:], ETag='"1"'),
                    answer(206, DATA[600_000:], ETag='"1"', Content_Type="multipart/byteranges; boundary=x"),
                    answer(416, Content_Range=f"bytes */{len(DATA)}")):
            server = self.server({"/f": [serve(DATA, etag='"1"', break_at=600_000), lie, serve(DATA)]})
            self.assertEqual(self.run_one(server.url("/f")).results, [0])
            self.assert_file(DATA)
            self.assertEqual(len(server.requests), 3)
            self.assertIsNone(server.requests[2].get("Range"))

    def test_short_parts_are_put_together(self):
        def stingy(request, client):
            start = request.range_start() or 0
            end = min(start + 400_000, len(DATA))
            if start == 0:
                client.head(200, Content_Length=len(DATA), ETag='"1"')
            else:
                client.head(206, Content_Range=f"bytes {start}-{end - 1}/{len(DATA)}", ETag='"1"',
                            Content_Length=end - start)
            client.send(DATA[start:end])
            return start > 0
        server = self.server({"/f": stingy})
        self.assertEqual(self.run_one(server.url("/f"), attempts=2, sha256=digest(DATA)).results, [0])
        self.assert_file(DATA)

    def killed_at(self, url, n, **options):
        """Runs a download until n bytes are in the partial file and kills the process."""
        part = self.dir / ".f.part"
        with subprocess.Popen(self.command(url, progress_ms=1, **options), stdout=subprocess.PIPE, text=True) as p:
            for line in p.stdout:
                if line.startswith("progress") and part.exists() and part.stat().st_size >= n:
                    break
            p.kill()
        return part.stat().st_size

    def test_a_killed_process_resumes_where_it_was(self):
        server = self.server({"/f": [serve_slowly(DATA, '"1"'), serve(DATA, etag='"1"')]})
        size = self.killed_at(server.url("/f"), 300_000)
        self.assertEqual(self.left(), [".f.part", ".f.part.meta"])
        self.assertEqual(self.run_one(server.url("/f"), sha256="").result, -ERRNO["EINVAL"])
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assertEqual(server.requests[-1].range_start(), size)
        self.assertEqual(server.requests[-1].get("If-Range"), '"1"')
        self.assert_file(DATA)

    def test_a_complete_partial_file_needs_only_its_end(self):
        server = self.server({"/f": serve(DATA, etag='"1"')})
        for sha256, requests in ((None, 2), (digest(DATA), 1)):
            options = {"sha256": sha256} if sha256 else {}
            server.requests.clear()
            # Fails after the last byte: the final name is a folder that cannot be replaced.
            (self.dir / "f").mkdir()
            self.assertLess(self.run_one(server.url("/f"), **options).result, 0)
            (self.dir / "f").rmdir()
            self.assertEqual(self.left(), [".f.part", ".f.part.meta"])
            self.assertEqual(self.run_one(server.url("/f"), **options).results, [0])
            self.assert_file(DATA)
            self.assertEqual(len(server.requests), requests)
            (self.dir / "f").unlink()

    def test_the_rest_of_another_source_is_not_used(self):
        server = self.server({"/f": serve(DATA, etag='"1"', break_at=600_000), "/g": serve(OTHER, etag='"1"')})
        self.assertLess(self.run_one(server.url("/f"), attempts=1).result, 0)
        self.assertEqual(self.run_one(server.url("/g")).results, [0])
        self.assertIsNone(server.requests[-1].get("Range"))
        self.assert_file(OTHER)

    def test_another_mirror_goes_on_when_the_digest_is_known(self):
        server = self.server({"/f": serve(DATA, etag='"1"', break_at=600_000), "/g": serve(DATA, etag='"1"')})
        self.assertLess(self.run_one(server.url("/f"), attempts=1, sha256=digest(DATA)).result, 0)
        self.assertEqual(self.run_one(server.url("/g"), sha256=digest(DATA)).results, [0])
        self.assertEqual(server.requests[-1].range_start(), 600_000)
        self.assert_file(DATA)

    def test_damaged_notes_are_not_believed(self):
        server = self.server({"/f": serve(DATA, etag='"1"', break_at=600_000)})
        self.run_one(server.url("/f"), attempts=1)
        notes = (self.dir / ".f.part.meta").read_text()
        for damaged in ("", notes[:-3], notes.replace("synced 0", "synced 999999999"),
                        notes.replace("etag", "tage"), notes + "x", notes.replace("part 1", "part 2"),
                        notes.replace('"1"', '"1"\rX: y'), "\0" * 100):
            (self.dir / ".f.part.meta").write_text(damaged)
            (self.dir / ".f.part").write_bytes(b"nonsense" * 1000)
            server.requests.clear()
            self.run_one(server.url("/f"), attempts=1)
            self.assertIsNone(server.requests[0].get("Range"), damaged)

    def test_after_a_reboot_only_synced_bytes_count(self):
        server = self.server({"/f": [serve(DATA, etag='"1"', break_at=600_000), serve(DATA, etag='"1"')]})
        self.run_one(server.url("/f"), attempts=1)
        meta = self.dir / ".f.part.meta"
        lines = meta.read_text().splitlines()
        lines = ["boot 00000000-0000-0000-0000-000000000000" if l.startswith("boot ") else l for l in lines]
        lines = ["synced 1000" if l.startswith("synced ") else l for l in lines]
        meta.write_text("\n".join(lines) + "\n")
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assertEqual(server.requests[-1].range_start(), 1000)
        self.assert_file(DATA)

    def test_two_downloads_of_one_name_do_not_mix(self):
        server = self.server({"/f": serve(DATA)})
        result = self.run_one(server.url("/f"), count=2)
        self.assertEqual(sorted(result.results), [-ERRNO["EBUSY"], 0])
        self.assert_file(DATA)

    # ---------------------------------------------------------------------------------------- what is wrong

    def test_a_wrong_digest_leaves_no_file(self):
        server = self.server({"/f": serve(DATA, etag='"1"')})
        result = self.run_one(server.url("/f"), sha256=digest(OTHER))
        self.assert_fails(result, "EBADMSG", digest(DATA), digest(OTHER))
        self.assertEqual(self.left(), [])
        self.assertEqual(len(server.requests), 1)

    def test_a_wrong_digest_of_pieces_is_tried_once_more_from_the_beginning(self):
        server = self.server({"/f": [serve(OTHER, etag='"1"', break_at=600_000), serve_part(DATA, OTHER, '"1"'),
                                     serve(DATA, etag='"1"')]})
        self.assertEqual(self.run_one(server.url("/f"), sha256=digest(DATA)).results, [0])
        self.assertEqual([r.range_start() for r in server.requests], [None, 600_000, None])
        self.assert_file(DATA)

    def test_an_unexpected_length_is_refused_before_the_first_byte(self):
        server = self.server({"/f": serve(DATA)})
        self.assert_fails(self.run_one(server.url("/f"), size=17), "EBADMSG", "1500000", "17")
        self.assert_fails(self.run_one(server.url("/f"), max_bytes=1000), "EFBIG", "1000")

    def test_a_stream_without_length_stops_at_the_limit(self):
        def endless(_, client):
            client.head(200, Transfer_Encoding="chunked")
            while True:
                client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        server = self.server({"/f": endless})
        self.assert_fails(self.run_one(server.url("/f"), max_bytes=1_000_000), "EFBIG")

    def test_an_answer_that_ends_with_the_connection_needs_a_proof(self):
        def bare(_, client):
            client.head(200)
            client.send(DATA)
            return False
        server = self.server({"/f": bare})
        self.assert_fails(self.run_one(server.url("/f")), "EREMOTEIO", "length")
        self.assertEqual(self.run_one(server.url("/f"), size=len(DATA)).results, [0])
        self.assert_file(DATA)

    def test_a_permanent_error_is_not_retried(self):
        for status, name in ((404, "ENOENT"), (410, "ENOENT"), (403, "EACCES"), (401, "EACCES"), (400, "EREMOTEIO"),
                             (501, "EREMOTEIO"), (204, "EREMOTEIO"), (304, "EREMOTEIO")):
            server = self.server({"/f": answer(status)})
            self.assert_fails(self.run_one(server.url("/f")), name, str(status))
            self.assertEqual(self.left(), [])
            self.assertEqual(len(server.requests), 1)

    def test_a_passing_error_is_retried_and_then_given_up(self):
        for status in (408, 429, 500, 502, 503, 504):
            server = self.server({"/f": [answer(status), serve(DATA)]})
            self.assertEqual(self.run_one(server.url("/f")).results, [0])
            server = self.server({"/f": answer(status)})
            result = self.run_one(server.url("/f"), attempts=3, name="g")
            self.assertEqual(result.result, -ERRNO["EREMOTEIO"])
            self.assertIn("3 attempts", result.message)
            self.assertEqual(len(server.requests), 3)

    def test_a_server_that_asks_for_too_much_patience_is_given_up(self):
        server = self.server({"/f": answer(503, Retry_After="86400")})
        self.assert_fails(self.run_one(server.url("/f")), "EREMOTEIO", "503", "86400")
        self.assertEqual(len(server.requests), 1)
        server = self.server({"/f": [answer(503, Retry_After="1"), serve(DATA)]})
        self.assertEqual(self.run_one(server.url("/f")).results, [0])

    def test_a_refused_connection_is_retried_and_named(self):
        with Server({}) as server:
            url = server.url("/f")
        self.assert_fails(self.run_one(url, attempts=2), "ECONNABORTED", "connect", "2 attempts")

    def test_a_server_that_drips_is_given_up_after_the_silence_limit(self):
        server = self.server({"/f": drip(DATA, 0.01)})
        result = self.run_one(server.url("/f"), silence_ms=300, silence_bytes=10_000, attempts=1)
        self.assert_fails(result, "ETIMEDOUT", "bytes came in 0.3 s")

    def test_a_server_that_says_nothing_is_given_up(self):
        for after in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12"):
            server = self.server({"/f": hang(after)})
            result = self.run_one(server.url("/f"), silence_ms=200, attempts=1)
            self.assert_fails(result, "ETIMEDOUT")
            result = self.run_one(server.url("/f"), total_ms=200)
            self.assert_fails(result, "ETIMEDOUT", "not done in 0.2 s")

    def test_headers_without_end_are_given_up(self):
        def endless(_, client):
            client.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                client.send(b"X-More: and more\r\n" * 1000)
        server = self.server({"/f": endless})
        result = self.run_one(server.url("/f"), attempts=1)
        self.assertIn("headers", result.message)
        # Whoever has enough first: we, or libcurl, which since 8.6 counts too.
        self.assertIn(result.result, (-ERRNO["EREMOTEIO"], -ERRNO["ECONNABORTED"]), result.out)

    def test_a_full_disk_is_reported_before_the_first_byte(self):
        server = self.server({"/f": serve(DATA)})
        self.assert_fails(self.run_one(server.url("/f"), size=1 << 60), "ENOSPC",
                          "Not enough space: need %d MiB, have " % (1 << 40))
        self.assertEqual(server.requests, [])
        self.assert_fails(self.run_one(server.url("/f"), keep_free=1 << 60), "ENOSPC")
        server = self.server({"/f": hang(b"HTTP/1.1 200 OK\r\nContent-Length: 1152921504606846976\r\n\r\n12")})
        self.assert_fails(self.run_one(server.url("/f")), "ENOSPC")

    def test_a_disk_that_fills_up_is_reported(self):
        script = 'mount -t tmpfs -o size=600k none "$1" || exit 77; shift; exec "$@"'
        command = ["unshare", "-Urm", "sh", "-c", script, "sh", str(self.dir)]
        server = self.server({"/f": hang_after_chunked(DATA)})
        if shutil.which("unshare") is None or subprocess.run(command + ["true"], check=False,
                                                             stderr=subprocess.DEVNULL).returncode != 0:
            print("skipped: no tmpfs of our own here: a disk that fills up", file=sys.stderr)
            self.skipTest("needs user namespaces")
        process = subprocess.run(command + self.command(server.url("/f")), stdout=subprocess.PIPE, text=True,
                                 check=False)
        self.assertIn(f"done -{ERRNO['ENOSPC']} ", process.stdout)
        self.assertIn("No space left", process.stdout)

    def test_a_bad_url_or_digest_is_told_by_done(self):
        for url in ("ftp://x/y", "gopher://x/", "nonsense", "http://", "http://a b/", "scp://u:secret@h/f",
                    "file://elsewhere/f", "http://h:99999/"):
            result = self.run_one(url)
            self.assert_fails(result, "EINVAL")
            self.assertNotIn("secret", result.message)
        self.assert_fails(self.run_one("http://127.0.0.1/", sha256="abc"), "EINVAL", "digest")

    def test_messages_hold_no_credentials(self):
        server = self.server({"/f": answer(404)})
        result = self.run_one(server.url("/f?sig=token#x", "me:secret@"))
        self.assert_fails(result, "ENOENT", server.url("/f"))
        self.assertNotIn("secret", "".join(result.out))
        self.assertNotIn("token", "".join(result.out))
        self.assertEqual(server.requests[0].get("Authorization"), "Basic bWU6c2VjcmV0")
        self.assertEqual(server.requests[0].target, "/f?sig=token")

    # ---------------------------------------------------------------------------------------- redirects

    def test_redirects_are_followed_up_to_a_limit(self):
        paths = {f"/{i}": answer(code, b"moved", Location=f"{i + 1}")
                 for i, code in enumerate((301, 302, 303, 307, 308))}
        paths["/5"] = serve(DATA)
        server = self.server(paths)
        self.assertEqual(self.run_one(server.url("/0")).results, [0])
        self.assert_file(DATA)
        (self.dir / "f").unlink()
        self.assert_fails(self.run_one(server.url("/0"), max_redirects=4), "ELOOP", "4 redirects")
        self.assert_fails(self.run_one(server.url("/0"), max_redirects=-1), "ELOOP")
        loop = self.server({"/f": answer(302, Location="/f")})
        self.assert_fails(self.run_one(loop.url("/f")), "ELOOP")
        self.assertEqual(len(loop.requests), 6)

    def test_credentials_never_go_to_another_origin(self):
        other = self.server({"/f": serve(DATA, etag='"1"')})
        own = self.server({"/a": answer(302, Location="/b"), "/b": answer(302, Location=other.url("/f", "u:p@"))})
        result = self.run_one(own.url("/a"), user="me", password="secret", headers=["X-Api-Key: 42", "Cookie: c=1"])
        self.assertEqual(result.results, [0])
        for request in own.requests:
            self.assertIsNotNone(request.get("Authorization"))
            self.assertEqual(request.get("X-Api-Key"), "42")
        for name in ("Authorization", "X-Api-Key", "Cookie"):
            self.assertIsNone(other.requests[0].get(name))

    def test_credentials_do_not_come_back_with_a_second_redirect(self):
        own = self.server({})
        other = self.server({"/x": answer(302, Location=own.url("/f"))})
        own.paths.update({"/a": answer(302, Location=other.url("/x")), "/f": serve(DATA)})
        self.assertEqual(self.run_one(own.url("/a"), user="me", password="secret").results, [0])
        self.assertIsNone(own.requests[1].get("Authorization"))

    def test_a_redirect_leads_to_http_and_https_only(self):
        secret = self.folder / "secret"
        secret.write_text("x")
        for location in (f"file://{secret}", "ftp://127.0.0.1/f", "gopher://127.0.0.1/", "scp://h/f"):
            server = self.server({"/f": answer(302, Location=location)})
            self.assert_fails(self.run_one(server.url("/f")), "EPERM")

    def test_a_redirected_download_is_resumed(self):
        server = self.server({"/a": answer(302, Location="/f"),
                              "/f": [serve(DATA, etag='"1"', break_at=600_000), serve(DATA, etag='"1"')]})
        self.assertEqual(self.run_one(server.url("/a")).results, [0])
        self.assertEqual(server.requests[-1].range_start(), 600_000)
        self.assert_file(DATA)

    # ------------------------------------------------------------------------------------- TLS and proxy

    def certificates(self):
        if not shutil.which("openssl"):
            print("skipped: no openssl command to make certificates with", file=sys.stderr)
            self.skipTest("needs openssl")
        return certificates(self.folder)

    def test_https_with_a_client_certificate(self):
        context = self.certificates()
        context.verify_mode = ssl.CERT_REQUIRED
        server = self.server({"/f": serve(DATA)}, tls=context)
        ca, cert, key = (self.folder / name for name in ("ca.pem", "client.pem", "client.key"))
        self.assertEqual(self.run_one(server.url("/f"), ca_file=ca, cert_file=cert, key_file=key).results, [0])
        self.assert_file(DATA)
        (self.dir / "f").unlink()
        self.assert_fails(self.run_one(server.url("/f"), ca_file=ca), "EKEYREJECTED", "certificate required")
        self.assert_fails(self.run_one(server.url("/f"), cert_file=cert, key_file=key), "EKEYREJECTED", "certificate")
        self.assert_fails(self.run_one(server.url("/f"), ca_file=ca, cert_file=self.folder / "none"), "EKEYREJECTED")

    def test_the_cause_is_told_and_not_what_libcurl_noticed_in_passing(self):
        server = self.server({"/f": lambda request, client: False})
        with unittest.mock.patch.dict(os.environ, NO_PEER="1"):
            result = self.run_one(server.url("/f"), attempts=1)
        self.assert_fails(result, "ECONNABORTED")
        self.assertNotIn("getpeername", result.message)

    def test_https_never_redirects_to_http(self):
        plain = self.server({"/f": serve(DATA)})
        server = self.server({"/f": answer(302, Location=plain.url("/f")),
                              "/g": answer(302, Location="/h"), "/h": answer(302, Location=plain.url("/f"))},
                             tls=self.certificates())
        for path in ("/f", "/g"):
            self.assert_fails(self.run_one(server.url(path), ca_file=self.folder / "ca.pem"), "EPERM", "https")
        self.assertEqual(plain.requests, [])
        over = self.server({"/f": answer(302, Location=server.url("/f"))})
        self.assert_fails(self.run_one(over.url("/f"), ca_file=self.folder / "ca.pem"), "EPERM", "https")

    def test_a_proxy_serves_http_and_https(self):
        proxy = self.server({}, proxy=True)
        server = self.server({"/f": serve(DATA)})
        via = {"proxy": proxy.url("", "p:word@")}
        self.assertEqual(self.run_one(server.url("/f"), **via).results, [0])
        self.assert_file(DATA)
        self.assertEqual(proxy.requests[0].target, server.url("/f"))
        self.assertEqual(proxy.requests[0].get("Proxy-Authorization"), "Basic cDp3b3Jk")
        self.assertIsNone(server.requests[0].get("Proxy-Authorization"))
        secure = self.server({"/f": serve(OTHER)}, tls=self.certificates())
        result = self.run_one(secure.url("/f"), ca_file=self.folder / "ca.pem", **via)
        self.assertEqual(result.results, [0])
        self.assertEqual(proxy.requests[1].method, "CONNECT")
        self.assert_file(OTHER)

    # ---------------------------------------------------------------------------------- bandwidth, cancel

    def test_a_bandwidth_limit_lets_everything_through_in_the_end(self):
        server = self.server({f"/f{i}": serve(DATA[:300_000]) for i in range(4)})
        for options in ({"bytes_per_sec": 2_000_000}, {"all_per_sec": 4_000_000}):
            result = self.run_one(server.url("/f%d"), name="f%d", count=4, **options)
            self.assertEqual(result.results, [0] * 4)
        (self.folder / "local").write_bytes(DATA)
        result = self.run_one(f"file://{self.folder}/local", bytes_per_sec=10_000_000)
        self.assertEqual(result.results, [0])

    def test_our_own_bandwidth_limit_is_no_silence_of_the_server(self):
        server = self.server({"/f": serve(DATA[:100_000])})
        result = self.run_one(server.url("/f"), bytes_per_sec=100_000, silence_ms=100, silence_bytes=1_000_000,
                              attempts=1)
        self.assertEqual(result.results, [0])

    def test_a_download_can_be_cancelled_in_each_state(self):
        server = self.server({"/f": serve_slowly(DATA, '"1"'), "/hang": hang(), "/busy": answer(503),
                              "/quick": serve(DATA)})
        for path, options in (("/f", {"cancel_at": 0}), ("/f", {"cancel_at": 1}), ("/f", {"cancel_at": 200_000}),
                              ("/hang", {"cancel_ms": 50}), ("/busy", {"cancel_ms": 100, "retry_ms": 2000}),
                              ("/quick", {"cancel_at": len(DATA)}), ("/f", {"cancel_ms": 1}),
                              ("/f", {"cancel_ms": 30, "bytes_per_sec": 1000}),
                              ("/f", {"cancel_ms": 20, "count": 5, "name": "g%d", "parallel": 2})):
            result = self.run_one(server.url(path), progress_ms=1, **options)
            self.assertIn("cancelled", result.out)
            self.assertNotIn("DONE AFTER CANCEL", result.out)
            self.assertFalse(result.results, (path, options, result.out))

    def test_a_cancelled_download_goes_on_later(self):
        server = self.server({"/f": [serve_slowly(DATA, '"1"'), serve(DATA, etag='"1"')]})
        self.run_one(server.url("/f"), progress_ms=1, cancel_at=300_000)
        self.assertEqual(self.run_one(server.url("/f")).results, [0])
        self.assertGreater(server.requests[-1].range_start(), 0)
        self.assert_file(DATA)


def serve_slowly(data, etag):
    """In pieces, so that somebody has the time to act in between."""
    def handler(request, client):
        client.head(200, Content_Length=len(data), ETag=etag)
        pause = threading.Event()
        for i in range(0, len(data), 50_000):
            client.send(data[i:i + 50_000])
            pause.wait(0.02)
    return handler


def serve_part(data, pretended, etag):
    """The rest of data, said to be the rest of `pretended`."""
    def handler(request, client):
        start = request.range_start()
        body = (data + pretended)[start:len(pretended)]
        client.head(206, Content_Range=f"bytes {start}-{len(pretended) - 1}/{len(pretended)}", ETag=etag,
                    Content_Length=len(body))
        client.send(body)
    return handler


def hang_after_chunked(data):
    def handler(request, client):
        client.head(200, Transfer_Encoding="chunked")
        client.send(b"%x\r\n%s\r\n" % (len(data), data))
        return hang()(request, client)
    return handler


if __name__ == "__main__":
    unittest.main(verbosity=2)
