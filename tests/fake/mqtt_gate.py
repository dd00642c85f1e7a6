# SPDX-License-Identifier: Apache-2.0
"""mqtt_gate - stands between a daemon and its MQTT server, and can keep the server's acknowledgements back

    with Gate(server_port) as gate:
        ...                       # the daemon connects to gate.port
        gate.withhold(True)       # what is published is delivered, but no PUBACK comes back
        gate.withhold(False)      # those that were kept back are sent on
"""
import socket
import threading

PUBACK = 4


class Gate:
    def __init__(self, server_port):
        self.server_port = server_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.withholding = False
        self.kept = []  # (socket, bytes)
        self.sockets = []
        self.closed = False

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        with self.lock:
            self.closed = True
            for s in [self.listener] + self.sockets:
                hang_up(s)

    def withhold(self, yes):
        with self.lock:
            self.withholding = yes
            if not yes:
                for s, packet in self.kept:
                    s.sendall(packet)
                self.kept = []

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:  # it is down: so is the way to it
                client.close()
                continue
            with self.lock:
                self.sockets += [client, server]
                if self.closed:
                    hang_up(client)
                    hang_up(server)
            threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source, target, answers):
        """Sends on what comes, packet by packet on the way back."""
        buffer = b""
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                if not answers:
                    target.sendall(data)
                    continue
                buffer += data
                size = packet_size(buffer)
                while size:
                    self.pass_on(target, buffer[:size])
                    buffer = buffer[size:]
                    size = packet_size(buffer)
        except OSError:
            pass
        hang_up(source)
        hang_up(target)

    def pass_on(self, target, packet):
        with self.lock:
            if self.withholding and packet[0] >> 4 == PUBACK:
                self.kept.append((target, packet))
            else:
                target.sendall(packet)


def packet_size(buffer):
    """Bytes of the first packet; 0: it is not there yet."""
    length = shift = 0
    for at, digit in enumerate(buffer[1:5], 2):
        length |= (digit & 0x7f) << shift
        shift += 7
        if not digit & 0x80:
            return at + length if len(buffer) >= at + length else 0
    return 0


def hang_up(s):
    try:
        s.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    s.close()
