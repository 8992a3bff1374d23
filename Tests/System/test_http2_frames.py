"""Conformance of central's HTTP/2 (RFC 9113, RFC 7541), frame by frame: one case each, named by its section.

Every case has a connection of its own and says what may come of it: GOAWAY or RST_STREAM with one of the errors that
the section allows, or an answer with a status. Where the RFC asks for an error of the stream, one of the connection is
right as well (section 5.4), and so is closing.
"""

import socket
import struct
import unittest

from test_attacks import CONTINUATION, HEADERS, PING, RESET, SETTINGS, WINDOW, block, frame, head
from test_http import Central

DATA, PRIORITY, PUSH, GOAWAY = 0, 2, 5, 7
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
BODY = head("/v1/switches", "POST") + block([("content-type", "application/json")])


def status(fields):
    """The :status of a block of fields, which begins with it."""
    at = 0
    while fields[at] & 0xe0 == 0x20:      # the table's size
        at += 1 if fields[at] & 0x1f < 0x1f else 3
    indexed = {0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
    if fields[at] in indexed:
        return indexed[fields[at]]
    length, text = fields[at + 1], fields[at + 2:at + 2 + (fields[at + 1] & 0x7f)]
    if not length & 0x80:
        return int(text)
    bits, digits = "".join(f"{byte:08b}" for byte in text), ""
    while len(digits) < 3:                # Huffman: 0 to 2 have five bits, 3 to 9 six
        if bits[:5] in ("00000", "00001", "00010"):
            digits, bits = digits + str(int(bits[:5], 2)), bits[5:]
        else:
            digits, bits = digits + str(int(bits[:6], 2) - 22), bits[6:]
    return int(digits)


class Connection:
    """A client that sends frames as it is told and notes what comes back."""

    def __init__(self, port, preface=MAGIC + frame(SETTINGS, 0, 0)):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.received = b""
        self.send(preface)

    def send(self, *frames):
        try:
            self.socket.sendall(b"".join(frames))
        except OSError:
            pass                          # it has been closed, which the next read tells

    def read(self):
        """The next frame: kind, flags, stream, payload; `None` at the end."""
        while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
            try:
                piece = self.socket.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                return None
            self.received += piece
        count = int.from_bytes(self.received[:3], "big")
        kind, flags = self.received[3:5]
        stream = int.from_bytes(self.received[5:9], "big")
        payload, self.received = self.received[9:9 + count], self.received[9 + count:]
        return kind, flags, stream, payload

    def expect(self, wanted):
        """Reads up to the first frame that `wanted` takes; what it makes of it."""
        while (got := self.read()) is not None:
            if (found := wanted(*got)) is not None:
                return found
        return "closed"

    def settle(self):
        """Waits until central has seen everything."""
        self.send(frame(PING, 0, 0, b"settling"))
        return self.expect(
            lambda kind, flags, stream, payload: "settled" if kind == PING and flags & ACK else
            f"GOAWAY {payload[7]}" if kind == GOAWAY else None)

    def outcome(self, allowed, stream=1):
        """The outcome of a stream: a status, or the error that ends it or the connection."""
        told = []

        def wanted(kind, flags, number, payload):
            if kind == GOAWAY:
                return f"GOAWAY {payload[7]}"
            if number == stream and kind == RESET and payload[3] != NO_ERROR:
                return f"RESET {payload[3]}"
            if number == stream and kind == HEADERS and status(payload) >= 200:
                told.append(str(status(payload)))
                # A malformed request may be answered before it is reset.
                return told[0] if told[0] in allowed else None
            if kind == PING and flags & ACK and told:
                return told[0]
            return None
        return self.expect(wanted)


def error(*codes):
    """An error of the stream or of the connection."""
    return [f"{kind} {code}" for code in codes for kind in ("RESET", "GOAWAY")] + ["closed"]


def fatal(*codes):
    """An error of the connection."""
    return [f"GOAWAY {code}" for code in codes] + ["closed"]


def get(stream=1, flags=END_STREAM | END_HEADERS, path="/livez"):
    return frame(HEADERS, flags, stream, head(path))


def post(stream=1, flags=END_HEADERS, more=b""):
    return frame(HEADERS, flags, stream, BODY + more)


def fields(*pairs):
    """A request of these fields alone."""
    return frame(HEADERS, END_STREAM | END_HEADERS, 1, block(pairs))


def setting(identity, value):
    return frame(SETTINGS, 0, 0, struct.pack(">HI", identity, value))


METHOD, SCHEME, AUTHORITY, PATH = (":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/livez")
USUAL = (METHOD, SCHEME, AUTHORITY, PATH)
BIG = 2**31 - 1

# Section and what happens; frames behind the preface; what may come of it.
CASES = [
    ("3.4 a request right behind the preface", [get()], ["200"]),
    ("4.1 a frame of an unknown type is passed over", [frame(0x16, 0, 0, b"unknown"), get()], ["200"]),
    ("4.1 unknown flags are passed over", [frame(PING, 0x16, 0, b"12345678"), get()], ["200"]),
    ("4.1 the reserved bit is passed over", [frame(PING, 0, 1 << 31, b"12345678"), get()], ["200"]),
    ("4.2 DATA of the longest frame", [post(), frame(DATA, END_STREAM, 1, b" " * 16384)], ["400"]),
    ("4.2 DATA beyond the longest frame", [post(), frame(DATA, END_STREAM, 1, b" " * 16385)], error(SIZE)),
    ("4.2 HEADERS beyond the longest frame", [frame(HEADERS, 5, 1, head() + b"\0\1x" + b"\x7f" + b"x" * 16385)],
     fatal(SIZE)),
    ("4.3 fields that cannot be decoded", [frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")],
     fatal(COMPRESSION)),
    ("4.3 PRIORITY between HEADERS and CONTINUATION",
     [frame(HEADERS, 1, 1, head()), frame(PRIORITY, 0, 1, b"\0\0\0\0\x0f")], fatal(PROTOCOL)),
    ("4.3 another stream between HEADERS and CONTINUATION", [frame(HEADERS, 1, 1, head()), get(3)], fatal(PROTOCOL)),
    ("5.1 DATA on an idle stream", [frame(DATA, END_STREAM, 1, b"x")], fatal(PROTOCOL)),
    ("5.1 RST_STREAM on an idle stream", [frame(RESET, 0, 1, b"\0\0\0\x08")], fatal(PROTOCOL)),
    ("5.1 WINDOW_UPDATE on an idle stream", [frame(WINDOW, 0, 1, b"\0\0\0\x64")], fatal(PROTOCOL)),
    ("5.1 CONTINUATION on an idle stream", [frame(CONTINUATION, END_HEADERS, 1, head())], fatal(PROTOCOL)),
    ("5.1 DATA on a half-closed stream", [post(flags=5), frame(DATA, END_STREAM, 1, b"x")], error(CLOSED) + ["400"]),
    ("5.1 HEADERS on a half-closed stream", [get(path="/v1/changes?wait=60"), get()], error(CLOSED)),
    ("5.1 CONTINUATION on a half-closed stream",
     [get(path="/v1/changes?wait=60"), frame(CONTINUATION, END_HEADERS, 1, head())], fatal(CLOSED, PROTOCOL)),
    ("5.1 DATA behind RST_STREAM", [post(), frame(RESET, 0, 1, b"\0\0\0\x08"), frame(DATA, 1, 1, b"x")], fatal(CLOSED)),
    ("5.3.1 PRIORITY on itself (RFC 7540)", [frame(PRIORITY, 0, 1, b"\0\0\0\1\x0f")], fatal(PROTOCOL)),
    ("5.1 HEADERS behind RST_STREAM", [post(), frame(RESET, 0, 1, b"\0\0\0\x08"), get()], fatal(CLOSED)),
    ("5.1 CONTINUATION behind RST_STREAM",
     [post(), frame(RESET, 0, 1, b"\0\0\0\x08"), frame(CONTINUATION, 4, 1, head())], fatal(CLOSED, PROTOCOL)),
    ("5.1.1 a stream of an even number", [get(2)], fatal(PROTOCOL)),
    ("5.1.1 a stream of a number that was passed over", [get(5), get(3)], fatal(PROTOCOL)),
    ("5.1.2 more streams than there may be", [post(stream) for stream in range(1, 131 * 2, 2)],
     error(REFUSED, PROTOCOL), 131 * 2 - 1),
    ("5.5 an unknown frame between HEADERS and CONTINUATION",
     [frame(HEADERS, 1, 1, head()), frame(0x16, 0, 0, b"unknown")], fatal(PROTOCOL)),
    ("6.1 DATA on stream 0", [frame(DATA, 1, 0, b"x")], fatal(PROTOCOL)),
    ("6.1 DATA with more padding than payload", [post(), frame(DATA, PADDED | 1, 1, b"\x06xxxxx")], fatal(PROTOCOL)),
    ("6.1 DATA with padding", [post(), frame(DATA, PADDED | 1, 1, b"\x03[]\0\0\0")], ["400", "422"]),
    ("6.2 HEADERS on stream 0", [frame(HEADERS, 5, 0, head())], fatal(PROTOCOL)),
    ("6.2 HEADERS with more padding than payload", [frame(HEADERS, 5 | PADDED, 1, b"\xff" + head())], fatal(PROTOCOL)),
    ("6.2 HEADERS with padding and a priority", [frame(HEADERS, 5 | PADDED | 0x20, 1, b"\2\0\0\0\0\x10" + head() + b"\0\0")],
     ["200"]),
    ("6.3 PRIORITY on stream 0", [frame(PRIORITY, 0, 0, b"\0\0\0\0\x0f")], fatal(PROTOCOL)),
    ("6.3 PRIORITY of a wrong length", [post(), frame(PRIORITY, 0, 1, b"\0\0\0\x01")], error(SIZE)),
    ("6.3 PRIORITY on an idle stream is passed over", [frame(PRIORITY, 0, 3, b"\0\0\0\0\x0f"), get()], ["200"]),
    ("6.4 RST_STREAM on stream 0", [frame(RESET, 0, 0, b"\0\0\0\x08")], fatal(PROTOCOL)),
    ("6.4 RST_STREAM of a wrong length", [post(), frame(RESET, 0, 1, b"\0\0\0")], fatal(SIZE)),
    ("6.5 an acknowledgement with settings", [frame(SETTINGS, ACK, 0, b"\0")], fatal(SIZE)),
    ("6.5 SETTINGS on a stream", [frame(SETTINGS, 0, 1, struct.pack(">HI", 3, 100))], fatal(PROTOCOL)),
    ("6.5 SETTINGS of a wrong length", [frame(SETTINGS, 0, 0, b"\0\3\0")], fatal(SIZE)),
    ("6.5.2 ENABLE_PUSH that is neither 0 nor 1", [setting(2, 2)], fatal(PROTOCOL)),
    ("6.5.2 INITIAL_WINDOW_SIZE beyond the greatest", [setting(4, 2**31)], fatal(FLOW)),
    ("6.5.2 MAX_FRAME_SIZE below the least", [setting(5, 16383)], fatal(PROTOCOL)),
    ("6.5.2 MAX_FRAME_SIZE beyond the greatest", [setting(5, 2**24)], fatal(PROTOCOL)),
    ("6.5.2 an unknown setting is passed over", [setting(0xff, 1), get()], ["200"]),
    ("6.6 PUSH_PROMISE from a client", [frame(PUSH, END_HEADERS, 1, b"\0\0\0\2" + head())], fatal(PROTOCOL)),
    ("6.7 PING on a stream", [frame(PING, 0, 1, b"12345678")], fatal(PROTOCOL)),
    ("6.7 PING of a wrong length", [frame(PING, 0, 0, b"123456")], fatal(SIZE)),
    ("6.7 an acknowledgement that nobody waits for", [frame(PING, ACK, 0, b"12345678"), get()], ["200"]),
    ("6.8 GOAWAY on a stream", [frame(GOAWAY, 0, 1, b"\0" * 8)], fatal(PROTOCOL)),
    ("6.9 WINDOW_UPDATE by nothing on the connection", [frame(WINDOW, 0, 0, b"\0" * 4)], fatal(PROTOCOL)),
    ("6.9 WINDOW_UPDATE by nothing on a stream", [post(), frame(WINDOW, 0, 1, b"\0" * 4)], error(PROTOCOL)),
    ("6.9 WINDOW_UPDATE of a wrong length", [frame(WINDOW, 0, 0, b"\0\0\1")], fatal(SIZE)),
    ("6.9.1 the connection's window beyond the greatest",
     [frame(WINDOW, 0, 0, struct.pack(">I", BIG)), frame(WINDOW, 0, 0, struct.pack(">I", BIG))], fatal(FLOW)),
    ("6.9.1 a stream's window beyond the greatest",
     [post(), frame(WINDOW, 0, 1, struct.pack(">I", BIG)), frame(WINDOW, 0, 1, struct.pack(">I", BIG))], error(FLOW)),
    ("6.9.2 a stream's window grown beyond the greatest by SETTINGS",
     [post(), frame(WINDOW, 0, 1, struct.pack(">I", BIG - 65535)), setting(4, BIG)], error(FLOW)),
    ("6.10 a head in many CONTINUATIONs",
     [frame(HEADERS, 1, 1, head()), frame(CONTINUATION, 0, 1, block([("x", "y")])),
      frame(CONTINUATION, END_HEADERS, 1, block([("z", "y")]))], ["200"]),
    ("6.10 CONTINUATION on stream 0", [frame(HEADERS, 1, 1, head()), frame(CONTINUATION, 4, 0, b"")], fatal(PROTOCOL)),
    ("6.10 CONTINUATION behind a head that is whole",
     [get(path="/v1/changes?wait=60"), frame(CONTINUATION, 4, 1, block([("x", "y")]))], fatal(PROTOCOL, CLOSED)),
    ("6.10 CONTINUATION behind DATA", [post(), frame(DATA, 0, 1, b"x"), frame(CONTINUATION, 4, 1, b"")], fatal(PROTOCOL)),
    ("8.1 a second HEADERS that is not the end", [post(), frame(HEADERS, END_HEADERS, 1, block([("x", "y")]))],
     error(PROTOCOL)),
    ("8.1 trailers", [post(), frame(DATA, 0, 1, b"[]"), frame(HEADERS, 5, 1, block([("x", "y")]))], ["400", "422"]),
    ("8.1 trailers with a pseudo-field", [post(), frame(DATA, 0, 1, b"[]"), frame(HEADERS, 5, 1, block([METHOD]))],
     error(PROTOCOL)),
    ("8.1.1 content shorter than its length",
     [post(more=block([("content-length", "2")])), frame(DATA, END_STREAM, 1, b"x")], error(PROTOCOL)),
    ("8.1.1 content longer than its length",
     [post(more=block([("content-length", "2")])), frame(DATA, 0, 1, b"xx"), frame(DATA, END_STREAM, 1, b"x")],
     error(PROTOCOL)),
    ("8.1.1 a length and no content", [post(flags=5, more=block([("content-length", "2")]))], error(PROTOCOL)),
    ("8.1.1 two lengths", [post(flags=5, more=block([("content-length", "0"), ("content-length", "0")]))], error(PROTOCOL)),
    ("8.1.1 a length that is no number", [post(flags=5, more=block([("content-length", "+0")]))], error(PROTOCOL)),
    ("8.2 a field's name in capitals", [fields(*USUAL, ("X-TEST", "x"))], error(PROTOCOL)),
    ("8.2 a field's name that is empty", [fields(*USUAL, ("", "x"))], error(PROTOCOL)),
    ("8.2 a field's name with a space", [fields(*USUAL, ("x y", "x"))], error(PROTOCOL)),
    ("8.2 a field's value with a line end", [fields(*USUAL, ("x", "a\r\nb: c"))], error(PROTOCOL)),
    ("8.2 a field's value with NUL", [fields(*USUAL, ("x", "a\0b"))], error(PROTOCOL)),
    *[(f"8.2.2 {name} concerns a connection", [fields(*USUAL, (name, value))], error(PROTOCOL)) for name, value in [
        ("connection", "keep-alive"), ("proxy-connection", "x"), ("keep-alive", "x"), ("upgrade", "x"),
        ("transfer-encoding", "chunked"), ("te", "gzip")]],
    ("8.2.2 TE with trailers", [fields(*USUAL, ("te", "trailers"))], ["200"]),
    ("8.3 an unknown pseudo-field", [fields(*USUAL, (":test", "x"))], error(PROTOCOL)),
    ("8.3 a pseudo-field of answers", [fields(*USUAL, (":status", "200"))], error(PROTOCOL)),
    ("8.3 a pseudo-field behind a field", [fields(METHOD, SCHEME, AUTHORITY, ("x", "y"), PATH)], error(PROTOCOL)),
    ("8.3.1 an empty path", [fields(METHOD, SCHEME, AUTHORITY, (":path", ""))], error(PROTOCOL)),
    *[(f"8.3.1 no {field[0]}", [fields(*[other for other in USUAL if other != field])], error(PROTOCOL))
      for field in (METHOD, SCHEME, PATH)],
    *[(f"8.3.1 {field[0]} twice", [fields(*USUAL, field)], error(PROTOCOL)) for field in USUAL],
    ("8.3.1 neither authority nor host", [fields(METHOD, SCHEME, PATH)], error(PROTOCOL) + ["400"]),
    ("8.3.1 host that is not the authority", [fields(*USUAL, ("host", "example.org"))], error(PROTOCOL) + ["400"]),
    ("8.3.1 a path that is none", [fields(METHOD, SCHEME, AUTHORITY, (":path", "livez"))], error(PROTOCOL) + ["400"]),
    ("8.5 CONNECT is not served", [fields((":method", "CONNECT"), AUTHORITY)], error(PROTOCOL) + ["501"]),
    ("hpack 2.3.3 an index beyond the tables", [frame(HEADERS, 5, 1, head() + b"\xff\x20")], fatal(COMPRESSION)),
    ("hpack 2.3.3 index 0", [frame(HEADERS, 5, 1, head() + b"\x80")], fatal(COMPRESSION)),
    ("hpack 4.2 a table's size behind a field", [frame(HEADERS, 5, 1, head() + b"\x20")], fatal(COMPRESSION)),
    ("hpack 5.1 a number that does not end", [frame(HEADERS, 5, 1, head() + b"\x7f" + b"\xff" * 12)], fatal(COMPRESSION)),
    ("hpack 5.2 Huffman padding of more than seven bits", [frame(HEADERS, 5, 1, head() + b"\0\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff")],
     fatal(COMPRESSION)),
    ("hpack 5.2 Huffman padding of zeros", [frame(HEADERS, 5, 1, head() + b"\0\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90")],
     fatal(COMPRESSION)),
    ("hpack 5.2 Huffman with its end of string",
     [frame(HEADERS, 5, 1, head() + b"\0\x85\xf2\xb2\x4a\x87\xff\xff\xff\xfd\x25\x42\x7f")], fatal(COMPRESSION)),
    ("hpack 6.3 a table larger than was agreed on", [frame(HEADERS, 5, 1, b"\x3f\xe2\x1f" + head())], fatal(COMPRESSION)),
]


class FrameTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.central = Central().__enter__()
        cls.addClassCleanup(cls.central.__exit__)

    def connect(self, *arguments):
        connection = Connection(self.central.port, *arguments)
        self.addCleanup(connection.socket.close)
        return connection

    def test_each_case_ends_as_its_section_says(self):
        for section, frames, allowed, *stream in CASES:
            with self.subTest(section):
                connection = self.connect()
                connection.send(*frames)
                if not any(outcome.isdigit() for outcome in allowed):
                    # An error that never comes is seen by what comes behind it.
                    connection.send(frame(PING, 0, 0, b"settling") * 2)
                self.assertIn(connection.outcome(allowed, *stream), allowed)
                connection.socket.close()
        self.assertEqual(self.central.curl("/livez"), "ok\n")

    def test_a_preface_that_is_none(self):
        for preface in b"INVALID CONNECTION PREFACE\r\n\r\n", MAGIC + frame(PING, 0, 0, b"12345678"):
            connection = self.connect(preface)
            connection.socket.settimeout(30)
            received = b""
            while piece := connection.socket.recv(65536):
                received += piece
            self.assertTrue(received.startswith(b"HTTP/1.1 400 ") or b"\x07\0\0\0\0\0" in received, received)

    def test_settings_and_pings_are_acknowledged(self):
        connection = self.connect()
        self.assertEqual(connection.expect(
            lambda kind, flags, *_: "acknowledged" if kind == SETTINGS and flags & ACK else None), "acknowledged")
        connection.send(frame(PING, 0, 0, b"heddle-7"))
        self.assertEqual(connection.expect(
            lambda kind, flags, stream, payload: payload if kind == PING and flags & ACK else None), b"heddle-7")

    def data(self, connection, stream=1):
        """The bytes of the next DATA frame of a stream."""
        return connection.expect(
            lambda kind, flags, number, payload: payload if kind == DATA and number == stream else None)

    def test_windows_of_one_byte_get_bytes_one_by_one(self):
        connection = self.connect(MAGIC + setting(4, 1))
        connection.send(get())
        self.assertEqual(self.data(connection), b"o")
        connection.send(frame(WINDOW, 0, 1, b"\0\0\0\1"))
        self.assertEqual(self.data(connection), b"k")

    def test_a_window_that_is_changed_later_counts_for_open_streams(self):
        connection = self.connect(MAGIC + setting(4, 0))
        connection.send(get())
        self.assertEqual(connection.outcome(["200"]), "200")
        # The last value of one frame counts.
        connection.send(frame(SETTINGS, 0, 0, struct.pack(">HIHI", 4, 100, 4, 1)))
        self.assertEqual(self.data(connection), b"o")

    def test_a_window_below_zero_is_filled_first(self):
        connection = self.connect(MAGIC + setting(4, 3))
        connection.send(get(path="/openapi.yaml"))
        self.assertEqual(len(self.data(connection)), 3)
        connection.send(setting(4, 2), frame(WINDOW, 0, 1, b"\0\0\0\2"))
        # 0 - 1 + 2
        self.assertEqual(len(self.data(connection)), 1)


if __name__ == "__main__":
    unittest.main()
