"""Attacks of central's clients on each other, for Tests/Benchmarks/promises: each attack prepares a central, goes on
while the `with` block of `on` runs, and then tells what came of it."""

import contextlib
import http.client
import json
import multiprocessing
import os
import selectors
import socket
import ssl
import subprocess
import threading
import time

from measuring import Figures, Fleet
from test_attacks import Attackers
from test_certificates import CertificateTest

POLITENESS = 10     # the nice value of attackers above that of others: they are another machine, not all of this one


class Attack:
    options = ()        # of central's command line
    honest = ()         # of honest.c's

    def __init__(self, programs):
        self.programs = programs

    def prepare(self, central):
        """Gives a central what the attack needs."""

    def tell(self):
        """The result of the last round, if it matters."""

    def end(self):
        """The result of all rounds."""


class Clients(Attack):
    """Clients that make the same request again and again, each after the answer to the one before."""

    count, method = 2, "POST"

    def targets(self):
        """The target of each client."""
        return ["/v1/transactions"] * self.count

    def content(self):
        """The JSON text that each sends, if any."""

    @contextlib.contextmanager
    def on(self, central):
        path = f"{self.programs.folder}/{type(self).__name__}.json"
        if (text := self.content()) and not os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
        processes = [
            subprocess.Popen(["nice", "-n", str(POLITENESS), self.programs.honest, "-a", "-m", self.method,
                              *(["-c", path] if text else []), str(central.port), "3600", target])
            for target in self.targets()]
        try:
            time.sleep(0.5)
            yield
        finally:
            for process in processes:
                process.kill()
                process.wait()


class Patch(Clients):
    """Merge patches of one object with as many labels as there is room for."""

    def prepare(self, central):
        central.ask("POST", "/v1/switches", {"name": "victim"})

    def content(self):
        labels = ",".join(f'"k{number:07}":"v"' for number in range(self.programs.bytes // 15))
        return '{"ops":[{"op":"patch","path":"/v1/switches/victim","body":{"labels":{%s}}}]}' % labels


class Addresses(Clients):
    """Ports with one address of as many IPs as there is room for."""

    def prepare(self, central):
        central.ask("POST", "/v1/switches", {"name": "victim"})

    def content(self):
        def ip(number):
            return f"{10 + (number >> 24)}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        address = "02:00:00:00:00:01 " + " ".join(map(ip, range(self.programs.bytes // 14)))
        return json.dumps({"ops": [{"op": "create", "path": "/v1/ports", "body": {
            "name": "victim", "switch": "victim", "addresses": [address]}}]})


class Filters(Clients):
    """Lists of 100,000 ports that find nothing, and one of a field that is named 1,600 times."""

    method = "GET"

    def prepare(self, central):
        for number in range(4):
            central.ask("POST", "/v1/switches", {"name": f"ls{number}"})
        central.transact([{"op": "create", "path": "/v1/ports", "body": {
            "name": f"port-{number:06}", "switch": f"ls{number % 4}",
            "addresses": [f"02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x} "
                          f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"]}} for number in range(100_000)])

    def targets(self):
        return ["/v1/ports?" + query for query in (
            "label=nobody", "ip=9.9.9.9", "chassis=nohost", "limit=5000&fields=" + ",".join(["name"] * 1600))]


class Topologies(Clients):
    """A topology of 5,000 ports of which one label changes each time."""

    count, method = 1, "PUT"

    def targets(self):
        return ["/v1/topologies/owner"]

    def content(self):
        return json.dumps({"switches": [{"name": "t", "labels": {"turn": "TURNTURN"}}], "ports": [
            {"name": f"t-{number}", "switch": "t",
             "addresses": [f"06:01:00:00:{number >> 8:02x}:{number & 255:02x} 10.8.{number >> 8}.{number & 255}"],
             "labels": {"turn": "TURNTURN" if number == 2500 else "0"}} for number in range(5000)]})


def run(attackers, over, result):
    os.nice(POLITENESS)
    attackers.run(over.is_set)
    result.put((attackers.opened, attackers.cut))


class Crowd(Attack):
    """Many connections of one process."""

    settling = 2        # seconds until they are where they want to be

    def attackers(self, central):
        """Makes them."""

    @contextlib.contextmanager
    def on(self, central):
        over, result = multiprocessing.Event(), multiprocessing.SimpleQueue()
        process = multiprocessing.Process(target=run, args=(self.attackers(central), over, result))
        process.start()
        try:
            time.sleep(self.settling)
            yield
        finally:
            over.set()
            self.told = result.get()
            process.join()

    def tell(self):
        return None


class Answered(Attackers):
    """Connections that ask again for each answer that they get."""

    def __init__(self, port, count, requests, depth=1):
        self.requests, self.depth = requests, depth
        super().__init__(port, count, b"")
        self.pause = 0

    def add(self, selector):
        state = {"unsent": b"".join(next(self.requests) for _ in range(self.depth))}
        selector.register(self.open(), selectors.EVENT_WRITE | selectors.EVENT_READ, state)

    def exchange(self, selector, key, events):
        connection, state = key.fileobj, key.data
        if events & selectors.EVENT_READ:
            piece = connection.recv(1 << 18)
            if not piece:
                raise ConnectionError
            for _ in range(piece.count(b"HTTP/1.1 ")):
                state["unsent"] += next(self.requests)
        if state["unsent"]:
            state["unsent"] = state["unsent"][connection.send(state["unsent"]):]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if state["unsent"] else 0)
        if wanted != key.events:
            selector.modify(connection, wanted, state)


def forever(make):
    """Requests without end."""
    number = 0
    while True:
        yield make(number)
        number += 1


class Polls(Crowd):
    """A viewer's 10,000 long polls that nothing wakes, beside chassis that send their heartbeats."""

    settling, kinds, fleets = 5, "&kinds=chassis", ()

    def prepare(self, central):
        Fleet.prepare(central, 20)
        fleet = Fleet(self.programs, central, 20, wait=-1)
        fleet.go(central)
        self.fleets += (fleet,)

    def attackers(self, central):
        token = central.ask("POST", "/v1/tokens", {"role": "viewer"})["token"]
        poll = (f"GET /v1/changes?wait=60{self.kinds} HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {token}\r\n\r\n").encode()
        return Answered(central.port, 626, forever(lambda number: poll), depth=16)

    def end(self):
        told = [fleet.end() for fleet in self.fleets]
        return f"heartbeats {told[0]}"


class Watches(Polls):
    """The same, woken by each write and asked again."""

    kinds = ""


class Streams(Crowd):
    """1,000 streams of events, each of which hears of 10,000 ports that are made and deleted again and again."""

    def prepare(self, central):
        central.ask("POST", "/v1/switches", {"name": "streamed"})

    def attackers(self, central):
        return Attackers(central.port, 1000,
                         b"GET /v1/changes HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")

    @contextlib.contextmanager
    def on(self, central):
        names = [f"streamed-{number}" for number in range(10_000)]
        contents = [(f"/v1/transactions{query}", json.dumps({"ops": operations})) for query, operations in (
            ("", [{"op": "create", "path": "/v1/ports", "body": {"name": name, "switch": "streamed"}} for name in names]),
            ("?confirm_deletes=10000", [{"op": "delete", "path": f"/v1/ports/{name}"} for name in names]))]
        over = threading.Event()

        def write():
            connection = http.client.HTTPConnection("127.0.0.1", central.port, timeout=600)
            while not over.is_set():
                for path, content in contents:
                    connection.request("POST", path, content, {"Content-Type": "application/json"})
                    connection.getresponse().read()
                    self.written += 1
        self.written, writer = 0, threading.Thread(target=write)
        with super().on(central):
            writer.start()
            yield
            over.set()
            writer.join()

    def tell(self):
        return f"{self.written} transactions"


class Waits(Crowd):
    """1,000 writers that wait for a chassis which acknowledges nothing, beside 20 that sync ten times a second."""

    fleets = ()

    def prepare(self, central):
        Fleet.prepare(central, 21)
        fleet = Fleet(self.programs, central, 21, wait=-0.1, stuck=1)
        fleet.go(central)
        self.fleets += (fleet,)

    def attackers(self, central):
        def patch(number):
            body = f'{{"labels":{{"turn":"{number}"}}}}'
            return ("PATCH /v1/ports/vif-0?until=chassis&wait=60 HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    f"application/merge-patch+json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
        return Answered(central.port, 1000, forever(patch))

    def end(self):
        told = [fleet.end() for fleet in self.fleets]
        return f"syncs {told[0]}"


class Strangers(Crowd):
    """Connections that have asked once and stay, as many as there may be; honest clients come anew each time."""

    settling, honest = 4, ("-n",)

    def attackers(self, central):
        return Attackers(central.port, 10_000, b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def tell(self):
        return None


ATTACKS = {"patch": Patch, "addresses": Addresses, "polls": Polls, "watches": Watches, "strangers": Strangers,
           "filters": Filters, "topologies": Topologies, "waits": Waits, "streams": Streams}


class Joined(CertificateTest):
    """A chassis with a certificate."""


class Newcomers:
    """A chassis that connects to the southbound port of a central with TLS and sends a sync, again and again."""

    def __init__(self, central):
        Joined.central, Joined.folder = central, central.directory.name
        Joined.join("hv1")
        self.port, self.sequence = central.southbound_port, 0
        self.context = ssl.create_default_context(cafile=f"{Joined.folder}/ca.crt")
        self.context.load_cert_chain(f"{Joined.folder}/hv1.crt", f"{Joined.folder}/hv1.key")

    def dial(self):
        plain = socket.create_connection(("127.0.0.1", self.port), 20)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def sync(self):
        """True if it was answered."""
        self.sequence += 1
        body = json.dumps({"chassis_id": "id-1", "boot_id": "b", "seq": self.sequence, "since": 0, "wait": 0,
                           "features": ["chassis"], "encaps": [{"type": "geneve", "ip": "10.0.0.1"}], "ports": []})
        request = (f"POST /v1/chassis/hv1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n{body}")
        try:
            with self.context.wrap_socket(self.dial(), server_hostname="localhost") as connection:
                connection.sendall(request.encode())
                return connection.recv(65536).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def measure(self, seconds):
        """The times of syncs; one that is refused is tried again, as agents do, and its time goes on."""
        end, text = time.monotonic() + seconds, []
        while (begun := time.monotonic()) < end:
            while not self.sync() and time.monotonic() < begun + 60:
                time.sleep(0.05)
            text.append(str((time.monotonic() - begun) * 1e6))
            time.sleep(0.02)
        return Figures("\n".join(text))

    @contextlib.contextmanager
    def strangers(self, count):
        """So many connections without a certificate, each of which has asked once and comes again if it is cut off."""
        over, nobody = threading.Event(), ssl._create_unverified_context()
        kept = []

        def come():
            while not over.is_set():
                kept[:] = [one for one in kept if not ended(one)]
                if len(kept) >= count:
                    time.sleep(0.1)
                    continue
                try:
                    connection = nobody.wrap_socket(self.dial())
                    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    connection.recv(4096)
                    connection.setblocking(False)
                    kept.append(connection)
                except OSError:
                    time.sleep(0.01)

        def ended(connection):
            try:
                return not connection.recv(4096)
            except ssl.SSLWantReadError:
                return False
            except OSError:
                return True
        thread = threading.Thread(target=come)
        thread.start()
        deadline = time.monotonic() + 20
        while len(kept) < count - 10 and time.monotonic() < deadline:
            time.sleep(0.1)
        try:
            yield
        finally:
            self.crowd = len(kept)
            over.set()
            thread.join()
            for connection in kept:
                connection.close()
