"""Server-sent events as a browser takes them: nothing lost and nothing twice, whatever becomes of central."""

import json
import queue
import signal
import socket
import subprocess
import threading
import time
import unittest

from lab import run, wait_until
from test_http import Central

PATIENCE = 60


class EventSource:
    """A browser's EventSource over curl: reads a stream by the rules of the HTML Standard (section 9.2.6), and when it
    ends comes back with the last id that it has seen."""

    def __init__(self, central, target="/v1/changes", *options, reconnects=True):
        self.central, self.target, self.options, self.reconnects = central, target, options, reconnects
        self.last_id, self.retry, self.heartbeats, self.connections = "", None, 0, 0
        self.events = queue.Queue()
        self.is_closed = False
        self.process = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_closed:
            seen = ["-H", f"Last-Event-ID: {self.last_id}"] if self.last_id else []
            self.process = subprocess.Popen(
                ["curl", "-sN", "-H", "Accept: text/event-stream", *seen, *self.options,
                 *self.central.reach(self.target)],
                stdout=subprocess.PIPE, text=True, encoding="utf-8")
            self.read(self.process.stdout)
            self.process.stdout.close()
            self.process.wait()
            if not self.reconnects:
                break
            time.sleep(0.05)    # a browser waits longer before it comes back
        self.events.put(None)

    def read(self, lines):
        name, data, identity = "", [], self.last_id
        for line in lines:
            if not line.endswith("\n"):
                return          # an event that was cut is none
            line = line[:-1]
            if not line:
                self.last_id = identity
                if data:
                    self.events.put((name or "message", "\n".join(data), identity))
                name, data = "", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "":
                self.heartbeats += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id" and "\0" not in value:
                identity = value
            elif field == "retry" and value.isdecimal():
                self.retry = int(value)
                self.connections += 1

    def next(self):
        """The name and the JSON of the next event; `None` at the end."""
        event = self.events.get(timeout=PATIENCE)
        return event and (event[0], json.loads(event[1]))

    def changes(self, count):
        """The next `count` changes."""
        found = []
        while len(found) < count:
            name, data = self.next()
            assert name == "changes", data
            found += [(change["revision"], change["op"], change["name"]) for change in data["changes"]]
        return found

    def close(self):
        self.is_closed = True
        self.reconnects = False
        self.process.kill()
        self.thread.join(PATIENCE)


class EventsTest(unittest.TestCase):
    def open(self, central, *arguments, **keywords):
        source = EventSource(central, *arguments, **keywords)
        self.addCleanup(source.close)
        wait_until(lambda: source.last_id, "the stream has begun", PATIENCE)
        return source

    def test_a_stream_begins_at_once_stays_open_and_shows_that_it_lives(self):
        with Central() as central:
            for version in "--http1.1", "--http2-prior-knowledge":
                source = self.open(central, "/v1/changes?wait=1", version)
                self.assertEqual(source.retry, 1000)
                wait_until(lambda: source.heartbeats > 2, "heartbeats of a quiet stream", PATIENCE)
                name = f"ls{version[6]}"
                central.create("/v1/switches", {"name": name})
                self.assertEqual([change[1:] for change in source.changes(1)], [("put", name)])
                central.create("/v1/switches", {"name": name + "b"})
                self.assertEqual([change[1:] for change in source.changes(1)], [("put", name + "b")])
                self.assertEqual(source.connections, 1)
                head = central.curl("/v1/changes", "-I", "-H", "Accept: text/event-stream", version).lower()
                for field in "content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no":
                    self.assertIn(field, head)
                self.assertNotIn("content-encoding", central.curl(
                    "/v1/changes?wait=0&since=0", "-i", "--compressed", "-H", "Accept: text/event-stream", version))

    def test_nothing_is_lost_and_nothing_comes_twice_while_central_is_killed_again_and_again(self):
        with Central() as central:
            source = self.open(central, "/v1/changes?since=0")
            names = [f"s{index}" for index in range(120)]
            killed = threading.Semaphore(0)

            def write():
                for index, name in enumerate(names):
                    request = ["curl", "-s", "-X", "PUT", "-d", "{}", "-H", "Content-Type: application/json", "-o",
                               "/dev/null", "-w", "%{http_code}", *central.reach(f"/v1/switches/{name}")]
                    wait_until(
                        lambda: run(*request, check=False).stdout in ("200", "201"), f"{name} is there", PATIENCE)
                    if index % 30 == 29:
                        killed.release()

            writer = threading.Thread(target=write)
            writer.start()
            for _ in range(3):
                self.assertTrue(killed.acquire(timeout=PATIENCE))
                central.restart(signal.SIGKILL)
            writer.join(2 * PATIENCE)
            self.assertFalse(writer.is_alive())
            told = json.loads(run("curl", "-sS", *central.reach("/v1/changes?since=0")).stdout)["changes"]
            whole = [(change["revision"], change["op"], change["name"]) for change in told]
            self.assertEqual([name for _, _, name in whole], names)
            self.assertEqual(source.changes(len(whole)), whole)
            wait_until(lambda: source.connections > 1, "the stream came back", PATIENCE)

    def test_sigterm_ends_streams_in_order(self):
        with Central() as central:
            for version in "--http1.1", "--http2-prior-knowledge":
                source = self.open(central, "/v1/changes", version, reconnects=False)
                central.restart(signal.SIGTERM)
                self.assertIsNone(source.next())
                self.assertEqual(source.process.returncode, 0, "the answer is whole")

    def test_a_stream_whose_token_is_revoked_ends_with_the_reason(self):
        with Central() as central:
            made = central.create("/v1/tokens", {"role": "viewer"})
            guard = ["-H", "Authorization: Bearer " + made["token"]]
            base = central.northbound + "/v1/changes"
            central.reach = lambda target: [base]       # over TCP: root needs no token on the Unix socket
            source = self.open(central, "/v1/changes", *guard, reconnects=False)
            poll = subprocess.Popen(["curl", "-s", *guard, base + "?wait=60"], stdout=subprocess.PIPE, text=True)
            metrics = 'heddle_parked_requests{kind="changes"} 2'
            wait_until(lambda: metrics in central.curl("/metrics"), "both are held", PATIENCE)
            central.curl("/v1/tokens/" + made["id"], "-X", "DELETE")
            name, problem = source.next()
            self.assertEqual((name, problem["code"], problem["status"]), ("problem", "unauthenticated", 401))
            self.assertIsNone(source.next())
            self.assertEqual(json.loads(poll.communicate(timeout=PATIENCE)[0])["code"], "unauthenticated")

    def test_a_stream_that_cannot_go_on_says_so_and_goes_on_from_now(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1"})
            source = self.open(central, "/v1/changes", "-H", "Last-Event-ID: 0000000000000001-5")
            name, problem = source.next()
            self.assertEqual((name, problem["code"]), ("gone", "resync_required"))
            central.create("/v1/switches", {"name": "ls2"})
            self.assertEqual(source.changes(1), [(2, "put", "ls2")])
            self.assertEqual(source.connections, 1)

    def test_a_slow_reader_gets_everything_in_order(self):
        with Central() as central:
            with socket.socket() as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                slow.settimeout(PATIENCE)
                slow.connect(("127.0.0.1", central.port))
                slow.sendall(b"GET /v1/changes?since=0 HTTP/1.0\r\nHost: localhost\r\n"
                             b"Accept: text/event-stream\r\n\r\n")
                labels = {f"label-{index}": "x" * 60 for index in range(60)}
                names = [f"s{index}" for index in range(600)]
                for start in range(0, len(names), 100):
                    ops = [{"op": "create", "path": "/v1/switches", "body": {"name": name, "labels": labels}}
                           for name in names[start:start + 100]]
                    central.create("/v1/transactions", {"ops": ops})
                last = central.create("/v1/switches", {"name": "last"})["revision"]
                text = b""
                while f"-{last}-".encode() not in text[-400_000:] or not text.endswith(b"\n\n"):
                    piece = slow.recv(65536)
                    self.assertTrue(piece, "the stream goes on")
                    text += piece
                data = [json.loads(line[6:]) for line in text.decode().splitlines() if line.startswith("data: ")]
                told = [(change["revision"], change["name"]) for page in data for change in page["changes"]]
                self.assertEqual([revision for revision, _ in told], sorted(revision for revision, _ in told))
                self.assertEqual(sorted(name for _, name in told), sorted(names + ["last"]))


if __name__ == "__main__":
    unittest.main()
