# SPDX-License-Identifier: Apache-2.0
"""http_server - an HTTP/1.1 server that a test can tell to misbehave.

    with Server({"/f": serve(DATA, etag='"1"')}) as server:
        ... server.url("/f") ...
        server.requests     every request that came, in order

A path leads to a function of (request, client).  `client` is a socket with helpers; whatever the function
writes is what the server says, and when it returns False (or raises) the connection is closed.  A list of
functions serves one request each; the last one stays.  It also answers CONNECT and absolute URLs, as a proxy.
"""
import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time


def certificates(folder):
    """ca, server and client (.pem, .key) in a folder, by the openssl command; returns the server's TLS context."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=test authority")
    with open(os.path.join(folder, "ext"), "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *new_key, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", name + ".pem", "-days", "2", "-extfile", "ext")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    context.load_verify_locations(os.path.join(folder, "ca.pem"))
    return context


class Request:
    def __init__(self, method, target, headers):
        self.method = method
        self.target = target
        self.headers = headers

    def get(self, name):
        return self.headers.get(name.lower())

    def range(self):
        """(first byte or None, last one or None)"""
        value = self.get("Range")
        first, _, last = value[len("bytes="):].partition("-") if value else ("", "", "")
        return int(first) if first else None, int(last) if last else None

    def range_start(self):
        return self.range()[0]


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.reader = connection.makefile("rb")

    def send(self, data):
        self.connection.sendall(data)

    def head(self, status, **fields):
        """Status line and headers; an underscore in a name stands for a dash."""
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items() if value is not None]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def read_request(self):
        line = self.reader.readline()
        if not line:
            return None
        method, target, _ = line.decode().split(" ", 2)
        headers = {}
        while (line := self.reader.readline()).strip():
            name, value = line.decode().split(":", 1)
            headers[name.strip().lower()] = value.strip()
        return Request(method, target, headers)


def shake_hands(connection):
    """False: no.  To close at once would be a reset, which may get to the client before the reason for it."""
    try:
        connection.do_handshake()
    except ssl.SSLError:
        plain = socket.socket(fileno=connection.detach())
        with plain:
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass
        return False
    return True


class Server:
    def __init__(self, paths, tls=None, proxy=False, address=("127.0.0.1", 0)):
        self.paths = paths
        self.tls = tls
        self.proxy = proxy
        self.requests = []
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.socket = socket.create_server(address, backlog=512)
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def url(self, path, user=""):
        return f"{'https' if self.tls else 'http'}://{user}127.0.0.1:{self.port}{path}"

    def accept(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError, ssl.SSLError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                if not shake_hands(connection):
                    return
            client = Client(connection)
            while request := client.read_request():
                with self.lock:
                    self.requests.append(request)
                    handler = self.handler(request)
                if handler(request, client) is False:
                    break
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handler(self, request):
        if self.proxy:
            return tunnel if request.method == "CONNECT" else forward
        handler = self.paths.get(request.target.split("?")[0], answer(404))
        if isinstance(handler, list):
            handler = handler.pop(0) if len(handler) > 1 else handler[0]
        return handler


def answer(status, body=b"", **fields):
    def handler(request, client):
        client.head(status, Content_Length=len(body), **fields)
        client.send(body)
    return handler


def serve(data, etag=None, break_at=None, reset=False, ranges=True, **fields):
    """A file, with ranges and If-Range.  break_at: closes when so many bytes of the file have gone out."""
    def handler(request, client):
        start, last = request.range() if ranges else (None, None)
        if start is not None and request.get("If-Range") not in (None, etag, fields.get("Last_Modified")):
            start = None
        if start is None:
            client.head(200, Content_Length=len(data), ETag=etag, **fields)
        elif start >= len(data):
            client.head(416, Content_Range=f"bytes */{len(data)}", Content_Length=0, ETag=etag)
            return True
        else:
            end = len(data) if last is None else min(last + 1, len(data))
            client.head(206, Content_Range=f"bytes {start}-{end - 1}/{len(data)}",
                        Content_Length=end - start, ETag=etag, **fields)
            if end < len(data):
                client.send(data[start:end])
                return True
        client.send(data[start or 0:break_at])
        return break_at is None
    return handler


def drip(data, pause):
    """One byte at a time, for as long as somebody listens."""
    def handler(request, client):
        client.head(200, Content_Length=len(data))
        for i in range(len(data)):
            client.send(data[i:i + 1])
            time.sleep(pause)
        return False
    return handler


def hang(after=b""):
    """Says something and then nothing until the peer goes away."""
    def handler(request, client):
        client.send(after)
        client.connection.settimeout(30)
        with contextlib.suppress(OSError):
            client.reader.read(1)
        return False
    return handler


def relay(a, b):
    with contextlib.suppress(OSError):
        while data := a.recv(65536):
            b.sendall(data)
    with contextlib.suppress(OSError):
        b.shutdown(socket.SHUT_WR)


def tunnel(request, client):
    host, port = request.target.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as there:
        client.send(b"HTTP/1.1 200 Connection established\r\nContent-Range: bytes 7-8/9\r\n\r\n")
        back = threading.Thread(target=relay, args=(there, client.connection), daemon=True)
        back.start()
        relay(client.connection, there)
        back.join()
    return False


def forward(request, client):
    host, _, path = request.target[len("http://"):].partition("/")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port or 80))) as there:
        fields = "".join(f"{k}: {v}\r\n" for k, v in request.headers.items() if not k.startswith("proxy-"))
        there.sendall(f"{request.method} /{path} HTTP/1.1\r\n{fields}\r\n".encode())
        relay(there, client.connection)
    return False
