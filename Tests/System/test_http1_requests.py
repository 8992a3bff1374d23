"""Strictness of central's HTTP/1.1 (RFC 9112) over real sockets, on both ports, plain and with TLS.

What two readers of one connection may understand differently is refused, and the connection closed: else the one in
front lets requests through that the one behind never meant to answer (request smuggling).
"""

import socket
import ssl
import unittest

from test_http import Central

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(fields=HOST, target=b"/livez", version=b"HTTP/1.1", method=b"GET"):
    return method + b" " + target + b" " + version + b"\r\n" + fields + b"\r\n"


def post(fields, content=b""):
    return b"POST /v1/switches HTTP/1.1\r\n" + HOST + fields + b"\r\n" + content


# The bytes that are sent; the status of the only answer.
REFUSED = [
    ("CL.TE", post(b"Content-Length: 6\r\n" + CHUNKED, b"0\r\n\r\nG"), 400),
    ("TE.CL", post(CHUNKED + b"Content-Length: 4\r\n", b"5c\r\n" + NEXT + b"0\r\n\r\n"), 400),
    *[(f"TE.TE {value!r}", post(b"Content-Length: 4\r\n" + value + b"\r\n", b"0\r\n\r\n"), (400, 501)) for value in [
        b"Transfer-Encoding: xchunked", b"Transfer-Encoding : chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        b"Transfer-Encoding:\tchunked", b" Transfer-Encoding: chunked", b"X: X\nTransfer-Encoding: chunked",
        b"Transfer-Encoding\r\n : chunked", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: identity, chunked", b"Transfer-Encoding: \"chunked\"", b"Transfer_Encoding: chunked",
        b"Transfer-Encoding: chunked\x00"]],
    ("chunked twice", post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), (400, 501)),
    ("another coding", post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), (400, 501)),
    ("no coding", post(b"Transfer-Encoding:\r\n", b"0\r\n\r\n"), 400),
    ("chunked in HTTP/1.0", b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n", 400),
    *[(f"Content-Length: {value!r}", post(b"Content-Length: " + value + b"\r\n", b"x"), 400) for value in [
        b"+1", b"-1", b"0x1", b"1_0", b"1 1", b"1, 1", b"1;", b"", b"one", b"1\x00", b"\x0b1", b"1.0", b"\xd9\xa1"]],
    ("two lengths", post(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"x"), 400),
    ("the same length twice", post(b"Content-Length: 1\r\nContent-Length: 1\r\n", b"x"), 400),
    # Other faults of the head may be refused first: the content is not read in any case.
    ("a length beyond all numbers", post(b"Content-Length: 99999999999999999999999\r\n"), (400, 401, 404, 413, 415)),
    ("a space before the colon", get(HOST + b"X : y\r\n"), 400),
    ("a folded line", get(HOST + b"X: y\r\n z\r\n"), 400),
    ("a folded first line", get(b" " + HOST), 400),
    ("an empty name", get(HOST + b": y\r\n"), 400),
    ("a name that is no token", get(HOST + b"X@Y: y\r\n"), 400),
    ("a line without a colon", get(HOST + b"X\r\n"), 400),
    ("CR in a value", get(HOST + b"X: a\rb\r\n"), 400),
    ("NUL in a value", get(HOST + b"X: a\0b\r\n"), 400),
    ("a control character in a value", get(HOST + b"X: a\x01b\r\n"), 400),
    ("NUL in a name", get(HOST + b"X\0: a\r\n"), 400),
    ("LF alone behind the first line", b"GET /livez HTTP/1.1\n" + HOST + b"\r\n", 400),
    ("LF alone behind a field", b"GET /livez HTTP/1.1\r\nHost: localhost\n\r\n", 400),
    ("LF alone at the end of a head", b"GET /livez HTTP/1.1\r\n" + HOST + b"\n", 400),
    ("CR alone in the first line", b"GET\r/livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("no Host", get(b""), 400),
    ("two Hosts", get(HOST * 2), 400),
    ("two Hosts that differ", get(HOST + b"Host: b\r\n"), 400),
    *[(f"Host: {value!r}", get(b"Host: " + value + b"\r\n"), 400) for value in [
        b"a, b", b"u@localhost", b"localhost/x", b"a b", b"localhost:x", b"[::1", b""]],
    *[(f"the version {value!r}", get(version=value), 400) for value in [
        b"http/1.1", b"HTTP/1.", b"HTTP/11", b"HTTP/1.10", b"HTTP/1,1", b"HTTP /1.1", b"XTTP/1.1", b"HTTP/\xff.1"]],
    ("HTTP/2 without its preface", get(version=b"HTTP/2.0"), 505),
    ("HTTP/0.9", b"GET /livez\r\n\r\n", 400),
    ("two spaces", b"GET  /livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("a tab in place of a space", b"GET\t/livez HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    ("a space behind the version", b"GET /livez HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    ("a method that is no token", get(method=b"G(T"), 400),
    *[(f"the target {value!r}", get(target=value), 400) for value in [
        b"/a#b", b"/a\\b", b"/a\xc3\xa4", b"/a\x7f", b"livez", b"/a%00", b"/a<b", b"*", b"ftp://localhost/"]],
    ("CONNECT", get(method=b"CONNECT", target=b"localhost:1"), (400, 501)),
    *[(f"the chunk {value!r}", post(CHUNKED, value), 400) for value in [
        b"+1\r\nx\r\n0\r\n\r\n", b"0x1\r\nx\r\n0\r\n\r\n", b"1_0\r\nx", b" 1\r\nx\r\n0\r\n\r\n", b"1 \r\nx\r\n0\r\n\r\n",
        b"\r\nx", b"-1\r\nx", b"1\nx\r\n0\r\n\r\n", b"1\r\nxx\r\n0\r\n\r\n", b"1\r\nx\n0\r\n\r\n", b"1\r\nx0\r\n\r\n",
        b"fffffffffffffffff\r\nx", b"10000000000000001\r\nx", b"1;a\nx\r\n", b"1;a\rb\r\nx\r\n", b"1;\0\r\nx\r\n",
        b"0\r\n bad\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: y\n\r\n"]],
    ("extensions beyond their maximum", post(CHUNKED, b"1;" + b"x" * 300 + b"\r\nx\r\n0\r\n\r\n"), 400),
    ("extensions beyond it in many chunks", post(CHUNKED, b"1;xxxxxxxxx\r\nx\r\n" * 100), 400),
    ("a chunk beyond the body's maximum", post(CHUNKED, b"fffffff\r\nx"), 413),
    ("trailers beyond their maximum", post(CHUNKED, b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 9 + b"\r\n"), 431),
    ("a target beyond its maximum", get(target=b"/" + b"a" * 9000), 414),
    ("a field beyond its maximum", get(HOST + b"X: " + b"a" * 9000 + b"\r\n"), 431),
    ("more fields than there may be", get(HOST + b"X: y\r\n" * 101), 431),
    ("a head beyond its maximum", get(HOST + (b"X: " + b"a" * 5000 + b"\r\n") * 8), 431),
    ("a body beyond its maximum", post(b"Content-Length: 2000000\r\n"), (401, 404, 413, 415)),
    ("an expectation that nobody knows", post(b"Expect: 200-ok\r\nContent-Length: 1\r\n", b"x"), 417),
]


class Answers:
    """Reads answers off a connection, one after the other."""

    def __init__(self, connection):
        self.connection, self.received = connection, b""

    def more(self):
        try:
            piece = self.connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            piece = b""
        self.received += piece
        return bool(piece)

    def next(self, has_content=True):
        """Status, fields and content of the next answer; `None` at the end."""
        while b"\r\n\r\n" not in self.received:
            if not self.more():
                return None
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(fields.get("content-length", 0)) if has_content else 0
        while len(self.received) < length:
            if not self.more():
                return None
        content, self.received = self.received[:length], self.received[length:]
        return int(lines[0].split()[1]), fields, content


class RequestTest(unittest.TestCase):
    def connect(self, port, secure):
        connection = socket.create_connection(("127.0.0.1", port), 30)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["http/1.1"])
            connection = context.wrap_socket(connection)
        self.addCleanup(connection.close)
        return connection

    def each_port(self):
        """Both ports of a plain central, and of one that speaks TLS."""
        for options in (), ("--tls",):
            with Central(*options) as central:
                for url in central.northbound, central.southbound:
                    yield int(url.rsplit(":", 1)[1]), bool(options)

    def test_what_may_be_misunderstood_is_refused_and_the_connection_closed(self):
        for port, secure in self.each_port():
            for name, request, status in REFUSED:
                with self.subTest(name, port=port, secure=secure):
                    connection = self.connect(port, secure)
                    try:
                        # The rest must never be taken for a request.
                        connection.sendall(request + NEXT)
                    except OSError:
                        pass
                    answers = Answers(connection)
                    told, fields, _ = answers.next()
                    self.assertIn(told, status if isinstance(status, tuple) else (status,))
                    self.assertEqual(fields["connection"], "close")
                    self.assertIsNone(answers.next())
                    connection.close()

    def test_what_must_be_done_is_done(self):
        for port, secure in self.each_port():
            with self.subTest(port=port, secure=secure):
                connection = self.connect(port, secure)
                answers = Answers(connection)

                def ask(request, **keywords):
                    connection.sendall(request)
                    return answers.next(**keywords)

                status, fields, content = ask(get())
                self.assertEqual((status, content), (200, b"ok\n"))
                self.assertIn("date", fields)
                status, fields, _ = ask(get(method=b"HEAD"), has_content=False)
                self.assertEqual((status, fields["content-length"]), (200, "3"))
                self.assertEqual(ask(get(target=b"http://localhost/livez"))[0], 200)
                status, fields, _ = ask(get(method=b"OPTIONS", target=b"*"), has_content=False)
                self.assertEqual(status, 204)
                self.assertNotIn("content-length", fields)
                # An empty line before a request (RFC 9112 section 2.2) and names in any case.
                self.assertEqual(ask(b"\r\n" + get(b"hOST: localhost\r\n"))[0], 200)
                # Pipelined requests are answered in their order, cut anywhere.
                pipeline = get() + get(target=b"/nowhere") + get(method=b"HEAD", target=b"/nowhere")
                for at in range(0, len(pipeline), 7):
                    connection.sendall(pipeline[at:at + 7])
                self.assertEqual([answers.next()[0], answers.next()[0], answers.next(False)[0]], [200, 404, 404])
                # Chunks, extensions and trailers; a trailer that frames is nothing.
                chunks = b"1;a=b\r\n[\r\n1\r\n]\r\n0\r\nContent-Length: 5\r\nHost: b\r\nX: y\r\n\r\n"
                kind = b"Content-Type: application/json\r\n"
                self.assertIn(ask(post(CHUNKED + kind, chunks))[0], (400, 401, 404, 422))
                self.assertEqual(ask(get())[0], 200)
                # A client that waits is told to go on, if its body will be read.
                status, _, _ = ask(post(kind + b"Expect: 100-continue\r\nContent-Length: 2\r\n"))
                if status == 100:
                    self.assertIn(ask(b"[]")[0], (400, 422))
                else:
                    self.assertIn(status, (401, 404))
                    self.assertIsNone(answers.next())
                    connection = self.connect(port, secure)
                    answers = Answers(connection)
                status, fields, _ = ask(get(HOST + b"Connection: close\r\n"))
                self.assertEqual((status, fields["connection"]), (200, "close"))
                self.assertIsNone(answers.next())
                connection = self.connect(port, secure)
                answers = Answers(connection)
                connection.sendall(get(version=b"HTTP/1.0"))
                self.assertEqual(answers.next()[0], 200)
                self.assertIsNone(answers.next())


if __name__ == "__main__":
    unittest.main()
