"""Each limit that central's command line sets is reached from outside."""

import json
import os
import select
import socket
import struct
import unittest

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
        kept = [self.connect(central) for _ in range(8)]
        self.assertEqual(self.first_told(kept)[0], 503)

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


if __name__ == "__main__":
    unittest.main()
