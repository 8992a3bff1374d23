"""Attacks on central's HTTP with raw sockets, beside an honest client.

Each prints the honest client's 99th percentile in quiet and under attack. What is asserted is what the machine's load
cannot change: that honest requests are answered, that the attackers are cut off, and that memory stays near what it
was in quiet.
"""

import gzip
import multiprocessing
import selectors
import socket
import struct
import time
import unittest

from lab import run
from test_http import Central

MEMORY = 64 << 20
SECONDS, PATIENCE = 3, 60


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(fields):
    def text(value):
        if len(value) < 127:
            return bytes([len(value)]) + value
        rest, out = len(value) - 127, [127]
        while rest >= 128:
            out.append(rest & 127 | 128)
            rest >>= 7
        return bytes(out + [rest]) + value
    return b"".join(b"\0" + text(name.encode()) + text(value.encode()) for name, value in fields)


def head(path="/livez", method="GET"):
    return block([(":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path)])


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
HEADERS, RESET, SETTINGS, PING, WINDOW, CONTINUATION = 1, 3, 4, 6, 8, 9


class Honest:
    """A client of HTTP/1.1 in a process of its own that asks for one object again and again, and measures."""

    def __init__(self, port):
        self.port, self.over, self.result = port, multiprocessing.Event(), multiprocessing.SimpleQueue()
        self.process = multiprocessing.Process(target=self.ask)
        self.times, self.failures = [], 0

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.times, self.failures = self.result.get()
        self.process.join()

    def ask(self):
        times, failures = [], 0
        try:
            with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
                while not self.over.is_set():
                    begun = time.perf_counter()
                    connection.sendall(b"GET /v1/switches/ls1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    answer = b""
                    while b'"ls1"' not in answer:
                        piece = connection.recv(65536)
                        if not piece:
                            raise ConnectionError
                        answer += piece
                    times.append(time.perf_counter() - begun)
                    time.sleep(0.001)
        except OSError:
            failures += 1
        self.result.put((times, failures))

    def percentile(self, percent=99):
        """In milliseconds."""
        return sorted(self.times)[len(self.times) * percent // 100] * 1000


class Attackers:
    """Many connections that send without end, or stand still, and open again when they are cut off."""

    def __init__(self, port, count, begin, more=lambda turn: b"", reads=True, receive_buffer=None):
        self.port, self.count, self.begin, self.more = port, count, begin, more
        self.reads = reads                 # while there is something to send; afterwards all read
        self.receive_buffer = receive_buffer
        self.cut = self.opened = 0
        self.pause = 0.001                 # between turns: the attackers are another machine, and not all of this one

    def open(self):
        connection = socket.socket()
        if self.receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        connection.connect(("127.0.0.1", self.port))
        connection.setblocking(False)
        self.opened += 1
        return connection

    def run(self, is_over):
        """Attacks until `is_over()`, which is asked again and again."""
        selector = selectors.DefaultSelector()
        try:
            for _ in range(self.count):
                self.add(selector)
            while not is_over():
                for key, events in selector.select(0.05):
                    self.serve(selector, key, events)
                if self.pause:
                    time.sleep(self.pause)
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()
            selector.close()

    def add(self, selector):
        state = {"turn": 0, "unsent": self.begin}
        events = selectors.EVENT_WRITE | (selectors.EVENT_READ if self.reads else 0)
        selector.register(self.open(), events, state)

    def serve(self, selector, key, events):
        try:
            self.exchange(selector, key, events)
        except BlockingIOError:
            pass
        except OSError:
            self.cut += 1
            selector.unregister(key.fileobj)
            key.fileobj.close()
            self.add(selector)

    def exchange(self, selector, key, events):
        """Reads and writes as far as a connection is ready for it."""
        connection, state = key.fileobj, key.data
        if events & selectors.EVENT_READ and not connection.recv(65536):
            raise ConnectionError
        if events & selectors.EVENT_WRITE:
            if not state["unsent"]:
                state["unsent"] = self.more(state["turn"])
                state["turn"] += 1
            if state["unsent"]:
                state["unsent"] = state["unsent"][connection.send(state["unsent"][:65536]):]
            else:
                selector.modify(connection, selectors.EVENT_READ, state)


def ended_streams(port, end):
    """Opens streams and ends each at once by the frame that `end` makes of its number."""
    def more(turn):
        streams = range(turn * 200 + 1, turn * 200 + 201, 2)
        return b"".join(frame(HEADERS, 5, stream, head("/v1/ports")) + end(stream) for stream in streams)
    return Attackers(port, 20, PREFACE, more)


def rapid_reset(port):
    return ended_streams(port, lambda stream: frame(RESET, 0, stream, b"\0\0\0\x08"))


def made_you_reset(port):
    return ended_streams(port, lambda stream: frame(WINDOW, 0, stream, b"\0\0\0\0"))


def continuation_flood(port):
    flood = frame(CONTINUATION, 0, 1, block([("x", "y" * 8000), ("z", "y" * 8000)])) * 4
    return Attackers(port, 20, PREFACE + frame(HEADERS, 1, 1, head()), lambda turn: flood)


def ping_and_settings_flood(port):
    flood = (frame(PING, 0, 0, b"12345678") + frame(SETTINGS, 0, 0)) * 200
    return Attackers(port, 20, PREFACE, lambda turn: flood, reads=False)


def slowloris(port):
    return Attackers(port, 400, b"GET / HTTP/1.1\r\nHost: localhost\r\n",
                     lambda turn: b"X-%d: y\r\n" % turn if turn < 3 else b"")


def slow_read(port):
    """Reads in crumbs: the kernel has room for so little that each piece taken asks for the next small one."""
    return Attackers(port, 200, b"GET /v1/ports?limit=5000 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 16,
                     reads=False, receive_buffer=4096)


def slow_read_of_http2(port):
    begin = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1))
             + b"".join(frame(HEADERS, 5, stream, head("/v1/ports?limit=5000")) for stream in range(1, 200, 2)))
    return Attackers(port, 100, begin)


def header_bombs(port):
    line = b"X: " + b"y" * 8000 + b"\r\n"
    return Attackers(port, 200, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + line * 3)


def header_bombs_of_http2(port):
    name = b"\x40" + block([("x", "y" * 4000)])[1:]
    bomb = b"".join(frame(HEADERS, 5, stream, head() + (name if stream == 1 else b"") + b"\xbe" * 12000)
                    for stream in range(1, 100, 2))
    return Attackers(port, 20, PREFACE + bomb)


def decompression_bombs(port):
    bomb = gzip.compress(b"\0" * (16 << 20))
    request = (b"POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)) + bomb
    return Attackers(port, 20, request, lambda turn: request)


def endless_bodies(port):
    begin = (b"POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             b"Content-Length: 16000000\r\n\r\n")
    return Attackers(port, 30, begin + b" " * (15 << 20))


# Each makes its attackers on a port. Those of the first kind must be cut off by the server.
CUT_OFF = [rapid_reset, made_you_reset, continuation_flood, ping_and_settings_flood]
ATTACKS = {make.__name__: make for make in CUT_OFF + [
    slowloris, slow_read, slow_read_of_http2, header_bombs, header_bombs_of_http2, decompression_bombs, endless_bodies]}


def stock(central):
    """Gives a central something to ask for, and has it make lists of both codings once, as any that has been up."""
    central.create("/v1/switches", {"name": "ls1"})
    for start in range(0, 5000, 1000):
        central.create("/v1/transactions", {"ops": [
            {"op": "create", "path": "/v1/switches/ls1/ports", "body": {"name": f"p{start + index}"}}
            for index in range(1000)]})
    central.curl("/v1/ports?limit=5000", "-o", "/dev/null")
    central.curl("/v1/ports?limit=5000", "--compressed", "-o", "/dev/null")


class AttackTest(unittest.TestCase):
    def test_honest_requests_are_answered_beside_attacks(self):
        for name, make in ATTACKS.items():
            # Each meets a central of its own: what the one before has left in its heap would count.
            with self.subTest(name), Central() as central:
                stock(central)
                with Honest(central.port) as quiet:
                    time.sleep(1)
                self.attack(central, name, make, quiet.percentile(), central.resident())

    def attack(self, central, name, make, quiet, resident):
        highest, begun, attackers = 0, time.monotonic(), make(central.port)

        def is_over():
            nonlocal highest
            highest = max(highest, central.resident())
            spent = time.monotonic() - begun
            # A client that is no longer read from is cut off after a while; a busy machine takes longer to come to that.
            is_waiting = make in CUT_OFF and not attackers.cut
            return spent > (PATIENCE if is_waiting else SECONDS)
        with Honest(central.port) as honest:
            attackers.run(is_over)
        print(f"\n{name}: {attackers.opened} connections, {attackers.cut} cut off; honest p99 "
              f"{honest.percentile():.2f} ms of {quiet:.2f} ms in quiet, {len(honest.times)} answers; "
              f"memory +{(highest - resident) / (1 << 20):.1f} MiB")
        self.assertEqual(honest.failures, 0)
        self.assertGreater(len(honest.times), 0)
        self.assertLess(highest - resident, MEMORY)
        if make in CUT_OFF:
            self.assertGreater(attackers.cut, 0)

    def test_slowhttptest_in_all_its_modes(self):
        """A tool of others: slow heads, slow bodies, many ranges, slow reading."""
        with Central() as central:
            stock(central)
            for mode in ["-H"], ["-B", "-s", "4096"], ["-R"], ["-X", "-k", "3", "-w", "10", "-y", "20", "-z", "32"]:
                with self.subTest(mode[0]), Honest(central.port) as honest:
                    tool = run("slowhttptest", *mode, "-c", "300", "-r", "200", "-i", "1", "-l", "3", "-p", "20", "-u",
                               f"{central.northbound}/v1/ports?limit=5000", check=False)
                self.assertRegex(tool.stdout, r"service available:\S*\s+(\x1b\[\S+)?YES", tool.stdout[-2000:] + tool.stderr)
                self.assertEqual(honest.failures, 0)
                self.assertGreater(len(honest.times), 0)


if __name__ == "__main__":
    unittest.main()
