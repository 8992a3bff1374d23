"""Central with few descriptors: it ends what idles, keeps what waits for an answer, and never spins."""

import os
import select
import socket
import time
import unittest

from test_http import Central

# Each thread that serves HTTP, one for two processors, has some of its own.
LIMIT = 96 + 8 * os.cpu_count()


def processor_time(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class DescriptorTest(unittest.TestCase):
    def setUp(self):
        # Central raises its soft limit to the hard one.
        self.central = Central(launcher=("prlimit", f"--nofile={LIMIT}:{LIMIT}")).__enter__()
        self.addCleanup(self.central.__exit__)

    def connect(self, request=b""):
        connection = socket.create_connection(("127.0.0.1", self.central.port), 30)
        self.addCleanup(connection.close)
        connection.sendall(request)
        return connection

    def test_idle_connections_make_room_and_parked_polls_do_not(self):
        poll = b"GET /v1/changes?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        parked = [self.connect(poll) for _ in range(8)]
        idle = [self.connect() for _ in range(4 * LIMIT)]
        # Whoever comes is served, at the cost of those that have said nothing for longest.
        for _ in range(3):
            self.assertEqual(self.central.curl("/livez"), "ok\n")
        self.assertEqual(idle[0].recv(1), b"")
        self.assertLess(len(os.listdir(f"/proc/{self.central.process.pid}/fd")), LIMIT)
        self.central.create("/v1/switches", {"name": "ls1"})
        for connection in parked:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_without_idle_connections_newcomers_are_turned_away_and_nothing_spins(self):
        poll = b"GET /v1/changes?wait=60 HTTP/1.1\r\nHost: localhost\r\n\r\n"
        parked = []
        # The kernel connects whoever finds room in the listener's queue: only the end tells who was not taken.
        for _ in range(2 * LIMIT):
            connection = self.connect()
            try:
                connection.sendall(poll)
            except OSError:
                pass
            parked.append(connection)
        # Nobody has anything to hear before the end of the wait, so who is readable has been turned away.
        poller = select.poll()
        for connection in parked:
            poller.register(connection, select.POLLIN)
        self.assertTrue(poller.poll(30_000), "nobody was turned away")
        # A listener that stays readable without a descriptor to take from it must not keep its thread running.
        begun, before = time.monotonic(), processor_time(self.central.process)
        time.sleep(2)
        spent = processor_time(self.central.process) - before
        self.assertLess(spent, (time.monotonic() - begun) / 2)
        turned_away = {descriptor for descriptor, _ in poller.poll(0)}
        # Those that came first, as far as they were taken.
        for connection in [one for one in parked if one.fileno() not in turned_away][:17]:
            connection.close()
        deadline = time.monotonic() + 30
        told = ""
        while told != "ok\n" and time.monotonic() < deadline:
            told = self.central.curl("/livez") if self.has_room() else ""
        self.assertEqual(told, "ok\n")

    def has_room(self):
        return len(os.listdir(f"/proc/{self.central.process.pid}/fd")) < LIMIT - 20


if __name__ == "__main__":
    unittest.main()
