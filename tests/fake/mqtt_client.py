# SPDX-License-Identifier: Apache-2.0
"""mqtt_client - as much of an MQTT 3.1.1 client as tests need, with the standard library only

    client = Client(port)
    client.subscribe("vehicleupdate/#")
    client.publish("vehicleupdate/desiredstate", b"{}")
    message = client.next(timeout=5)

QoS 1 throughout.  Nothing runs in the background: messages are read by next(), and by whatever waits for an
acknowledgement.
"""
import collections
import socket
import struct
import time

Message = collections.namedtuple("Message", "topic payload retained")

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9


class Timeout(Exception):
    pass


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


class Client:
    def __init__(self, port, patience=10, address="127.0.0.1"):
        self.patience = patience
        self.buffer = b""
        self.messages = collections.deque()
        self.number = 0
        self.socket = socket.create_connection((address, port), timeout=patience)
        name = "test-%d" % self.socket.getsockname()[1]
        self.send(CONNECT, 0, text("MQTT") + bytes((4, 2)) + struct.pack(">H", 0) + text(name))
        self.wait_for(CONNACK)

    def close(self):
        self.socket.close()

    def send(self, kind, flags, body):
        length, head = len(body), bytearray((kind << 4 | flags,))
        while True:
            length, digit = divmod(length, 128)
            head.append(digit | (0x80 if length else 0))
            if not length:
                break
        self.socket.sendall(bytes(head) + body)

    def packet(self):
        """Takes a whole packet off the buffer; None when there is none."""
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self.buffer):
                return None
            digit = self.buffer[at]
            length |= (digit & 0x7f) << shift
            shift, at = shift + 7, at + 1
            if not digit & 0x80:
                break
        if len(self.buffer) < at + length:
            return None
        head, body = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return head >> 4, head & 15, body

    def read(self, deadline):
        while True:
            packet = self.packet()
            if packet:
                return packet
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout()
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                raise Timeout()
            if not data:
                raise ConnectionError("the MQTT server hung up")
            self.buffer += data

    def take(self, flags, body):
        length, = struct.unpack(">H", body[:2])
        topic, at = body[2:2 + length].decode(), 2 + length
        if flags & 6:
            self.send(PUBACK, 0, body[at:at + 2])
            at += 2
        self.messages.append(Message(topic, body[at:], bool(flags & 1)))

    def wait_for(self, wanted):
        deadline = time.monotonic() + self.patience
        while True:
            kind, flags, body = self.read(deadline)
            if kind == PUBLISH:
                self.take(flags, body)
            elif kind == wanted:
                return body

    def subscribe(self, *filters):
        self.number += 1
        self.send(SUBSCRIBE, 2, struct.pack(">H", self.number) +
                  b"".join(text(f) + b"\1" for f in filters))
        assert 0x80 not in self.wait_for(SUBACK)[2:], filters

    def publish(self, topic, payload, retain=False):
        self.number += 1
        self.send(PUBLISH, 2 | retain, text(topic) + struct.pack(">H", self.number) + payload)
        self.wait_for(PUBACK)

    def next(self, timeout):
        """The next message; Timeout when none comes."""
        deadline = time.monotonic() + timeout
        while not self.messages:
            kind, flags, body = self.read(deadline)
            if kind == PUBLISH:
                self.take(flags, body)
        return self.messages.popleft()
