"""Each limit that central's command line sets is reached from outside."""

import json
import os
import select
import socket
import struct
import subprocess
import unittest

from lab import NETWORK, Lab, wait_until
from test_attacks import HEADERS, PREFACE, RESET, frame, head
from test_http import Central
from test_http1_requests import Answers

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
POLL = b"GET /v1/changes?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"


class LimitTest(unittest.TestCase):
    def central(self, *options):
        central = Central(*options).__enter__()
        self.addCleanup(central.__exit__)
        return central

    def connect(self, central, sent=b""):
        connection = socket.create_connection(("127.0.0.1", central.port), 60)
        self.addCleanup(connection.close)
        connection.sendall(sent)
        return connection, Answers(connection)

    def first_told(self, connections):
        """The first answer on any of them."""
        told, _, _ = select.select([connection for connection, _ in connections], [], [], 60)
        return next(answers.next() for connection, answers in connections if connection in told)

    def test_sizes(self):
        central = self.central("--head-size", "4K", "--body-size", "64K")
        fill = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n"
        self.assertEqual(self.connect(central, fill % (b"y" * 4000))[1].next()[0], 200)
        self.assertEqual(self.connect(central, fill % (b"y" * 4100))[1].next()[0], 431)
        post = b"POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" \
            b"Content-Length: %d\r\n\r\n"
        self.assertEqual(self.connect(central, post % (64 << 10) + b" " * (64 << 10))[1].next()[0], 400)
        self.assertEqual(self.connect(central, post % ((64 << 10) + 1))[1].next()[0], 413)
        limits = json.loads(central.curl("/version"))["limits"]
        self.assertEqual((limits["head_bytes"], limits["body_bytes"], limits["bulk_body_bytes"]), (4096, 65536, 65536))

    def test_numbers(self):
        central = self.central("--requests-per-connection", "3", "--streams-per-connection", "4")
        _, answers = self.connect(central, GET * 4)
        told = [answers.next() for _ in range(4)]
        self.assertEqual([answer and answer[0] for answer in told], [200, 200, 200, None])
        self.assertEqual(told[2][1]["connection"], "close")
        # Four streams, then a fifth: refused, or the end of the connection.
        polls = b"".join(frame(HEADERS, 5, stream, head("/v1/changes?wait=60"))
                         for stream in (1, 3, 5, 7, 9))
        connection, _ = self.connect(central, PREFACE + polls)
        received = b""
        while frame(RESET, 0, 9, struct.pack(">I", 7)) not in received and b"\x07\0\0\0\0\0" not in received:
            piece = connection.recv(65536)
            received += piece
            self.assertTrue(piece, received)
        connection.close()
        central = self.central("--parked-polls", "2", "--connections", "8")
        # Two polls are kept on each thread, one for two processors, and who comes to a full one is told so.
        parked = [self.connect(central, POLL) for _ in range(2 * max(1, os.cpu_count() // 2) + 1)]
        self.assertEqual(self.first_told(parked)[0], 503)
        # All connections that there may be, and one more.
        known = b"GET /v1/switches HTTP/1.1\r\nHost: localhost\r\n\r\n"
        told = [self.connect(central, known)[1].next()[0] for _ in range(8 - len(parked) + 1)]
        self.assertEqual(told, [200] * (8 - len(parked)) + [503])

    def is_served(self, central, *options):
        return subprocess.run(["curl", "-sf", "--max-time", "5", *options, central.northbound + "/version"],
                              stdout=subprocess.DEVNULL, check=False).returncode == 0

    def test_strangers_keep_nobody_out(self):
        """Connections that show nothing, over TLS or half way to it, make room for whoever comes."""
        central = self.central("--connections", "8")
        for number in range(20):
            self.connect(central, GET if number % 2 else b"")
        wait_until(lambda: self.is_served(central), "a newcomer is served")
        central = self.central("--tls", "--connections", "8")
        for number in range(20):
            self.connect(central, b"\x16\x03\x01" if number % 2 else b"")
        authority = ("--cacert", central.directory.name + "/ca.crt")
        wait_until(lambda: self.is_served(central, *authority), "a newcomer is served")

    def test_times(self):
        central = self.central("--head-timeout", "1s", "--body-timeout", "1s", "--idle-timeout", "1s")
        _, late = self.connect(central, b"GET /livez HTTP/1.1\r\nHost: local")
        post = b"POST /v1/switches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        _, stalled = self.connect(central, post + b"Content-Length: 10\r\n\r\n[")
        _, idle = self.connect(central, GET)
        self.assertEqual(late.next()[0], 408)
        self.assertEqual(stalled.next()[0], 408)
        self.assertEqual(idle.next()[0], 200)
        self.assertIsNone(idle.next())


# Runs on a host: opens a connection for each line that it reads, sends GET or a flood of resets as the line says, and
# prints the status that it is told, or "-" where it is told nothing. What was answered stays open until "close".
STRANGER = """
import socket, sys
flood = bytes.fromhex({flood!r})
kept = []
print("listening", flush=True)
for line in sys.stdin:
    word = line.strip()
    if word == "close":
        for connection in kept:
            connection.close()
        kept = []
        print("closed", flush=True)
        continue
    told = b""
    try:
        connection = socket.create_connection((sys.argv[1], 6641), 60)
        connection.sendall(flood if word == "flood" else b"GET /v1/switches HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
        while word == "flood" or b"\\r\\n" not in told:
            piece = connection.recv(65536)
            if not piece:
                break
            told += piece
    except OSError:
        pass
    if told.startswith(b"HTTP/1.1 "):
        kept.append(connection)
        print(told.split()[1].decode(), flush=True)
    else:
        connection.close()
        print("-", flush=True)
"""


class StrangerTest(unittest.TestCase):
    """Limits that hold for other machines only: these are network namespaces."""

    def stranger(self, lab, host, octet):
        lab.host(host, octet)
        resets = b"".join(frame(HEADERS, 5, stream, head()) + frame(RESET, 0, stream, struct.pack(">I", 8))
                          for stream in range(1, 1000, 2))
        program = STRANGER.format(flood=(PREFACE + resets).hex())
        process = subprocess.Popen(
            lab.inside(host, "python3", "-c", program, f"{NETWORK}.2"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        lab.processes.append(process)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        self.assertEqual(process.stdout.readline().strip(), "listening")

        def tell(word):
            process.stdin.write(word + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()
        return tell

    def test_connections_of_an_address(self):
        with Lab() as lab:
            lab.central("--connections-per-address", "4")
            one, other = self.stranger(lab, "hv1", 3), self.stranger(lab, "hv2", 4)
            self.assertEqual([one("ask") for _ in range(5)], ["200"] * 4 + ["429"])
            self.assertEqual(other("ask"), "200")
            self.assertEqual(one("close"), "closed")
            wait_until(lambda: one("ask") == "200", "places that are given back are there again")

    def test_a_host_that_floods_is_shut_out_for_a_while(self):
        with Lab() as lab:
            lab.central("--shut-out-time", "10s")
            abuser, other = self.stranger(lab, "hv1", 3), self.stranger(lab, "hv2", 4)
            self.assertEqual(abuser("ask"), "200")

            def is_shut_out():
                abuser("flood")
                return abuser("ask") == "-"
            wait_until(is_shut_out, "the host is shut out", seconds=120)
            self.assertEqual(other("ask"), "200")
            wait_until(lambda: abuser("ask") == "200", "it is served again", seconds=60)


if __name__ == "__main__":
    unittest.main()
