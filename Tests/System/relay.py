"""Stands between clients and central, and holds what both say against openapi.yaml.

As a program: `relay.py LISTEN TARGET LOG`, addresses as HOST:PORT. It prints "listening", and writes a line of JSON for
each exchange: the operation's name, the status, and what was wrong, if anything was.
"""

import gzip
import http.client
import http.server
import json
import sys
import threading
import urllib.parse

import contract

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target, log, lock = None, None, threading.Lock()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass                            # clients may end when they like

    def relay(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # A compressed answer would have to be unpacked here.
        fields = {name: value for name, value in self.headers.items()
                  if name.lower() not in HOP_BY_HOP | {"accept-encoding"}}
        central = http.client.HTTPConnection(self.target, timeout=120)
        try:
            central.request(self.command, self.path, asked or None, fields)
            answer = central.getresponse()
            told = answer.read()
        except OSError as error:
            self.note(None, 0, f"{self.command} {self.path}: {error}")
            self.close_connection = True
            return
        finally:
            central.close()
        self.judge(asked, answer, told)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay

    def judge(self, asked, answer, told):
        method, path = self.command.lower(), urllib.parse.urlsplit(self.path).path
        operation, wrong = contract.operation(path, method), None
        try:
            if operation is None:
                raise AssertionError(f"{method} {path} is not in openapi.yaml")
            if asked:
                plain = gzip.decompress(asked) if self.headers.get("Content-Encoding") == "gzip" else asked
                contract.check_content(operation, self.headers.get("Content-Type", ""), json.loads(plain))
            if "json" in answer.getheader("Content-Type", ""):
                contract.check(self.path, json.loads(told), method, answer.status)
            else:
                assert answer.status in (204, 304) or method == "get", f"{method} {path}: {answer.status} without JSON"
        except Exception as error:      # whatever cannot be judged is wrong
            wrong = f"{method} {self.path}: {error!r}"
        self.note(operation and operation["operationId"], answer.status, wrong)

    def note(self, operation, status, wrong):
        with self.lock:
            print(json.dumps({"operation": operation, "status": status, "wrong": wrong}), file=self.log, flush=True)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    listen, Handler.target, path = sys.argv[1:]
    host, port = listen.rsplit(":", 1)
    Handler.log = open(path, "a", encoding="utf-8")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print("listening", flush=True)
    server.serve_forever()
