"""ACLs of the action allow-related: answers pass, the rest does not; a change, the end of the forwarder, a flood."""

import json
import os
import signal
import socket
import struct
import threading
import unittest

from lab import Primer, wait_until
from packets import Inside, checksum, mac, packet_socket

SSH = "outport == @web && tcp.dst == 22"


class ConnectionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.listener = cls.open(2)
        cls.listener.bind((cls.lab.IP[2], 22))
        cls.listener.listen()
        # With the second one connections are tracked also when the first has gone.
        cls.lab.heddle(
            "central", "nb", "--wait=hv", "pg-add", "web", "ls1-vm2", "--",
            "acl-add", "web", "to-lport", "1000", SSH, "allow-related", "--",
            "acl-add", "web", "to-lport", "1000", "outport == @web && tcp.dst == 23", "allow-related", "--",
            "acl-add", "web", "to-lport", "900", "outport == @web && ip", "drop")

    @classmethod
    def open(cls, vm, kind=socket.SOCK_STREAM):
        """A socket of a VM."""
        with Inside(f"{cls.lab.name}-vm{vm}"):
            opened = socket.socket(socket.AF_INET, kind)
        opened.settimeout(10)
        cls.addClassCleanup(opened.close)
        return opened

    def nb(self, *words):
        return self.lab.heddle("central", "nb", "--wait=hv", *words).stdout

    def connect(self):
        client = self.open(1)
        client.connect((self.lab.IP[2], 22))
        served, _ = self.listener.accept()
        served.settimeout(10)
        self.addClassCleanup(served.close)
        return client, served

    def assert_alive(self, client, served):
        for one, other in ((client, served), (served, client)):
            one.sendall(b"heddle")
            self.assertEqual(other.recv(6), b"heddle")

    def assert_silent(self, sender, receiver):
        sender.sendall(b"more")
        receiver.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            receiver.recv(6)
        receiver.settimeout(10)

    def connections(self, host, each=False):
        listed = json.loads(self.lab.heddle(host, "connection", "list", "--limit", "100000", "-o", "json").stdout)["connections"]
        listed = [(entry["logical_port"], entry["protocol"], entry["destination_port"], entry["state"])
                  for entry in listed]
        return listed if each else set(listed)

    def test_answers_pass_and_what_is_not_allowed_ends(self):
        lab = self.lab
        client, served = self.connect()
        self.assert_alive(client, served)
        self.assertIn(("ls1-vm2", "tcp", 22, "established"), self.connections("hv2"))
        self.assertIn(("ls1-vm1", "tcp", 22, "established"), self.connections("hv1"))
        # To the protected VM nothing else; from it everything, with answers, and the errors about it.
        self.assertEqual(lab.on("vm1", "ping", "-c1", "-W1", lab.IP[2], check=False).returncode, 1)
        lab.on("vm2", "ping", "-c1", "-W5", lab.IP[1])
        asking, echo = self.open(2, socket.SOCK_DGRAM), self.open(1, socket.SOCK_DGRAM)
        echo.bind((lab.IP[1], 53))
        asking.sendto(b"question", (lab.IP[1], 53))
        question, asker = echo.recvfrom(100)
        # Fragments of a large datagram follow their first one.
        echo.sendto(question * 500, asker)
        self.assertEqual(len(asking.recv(9000)), 4000)
        refused = self.open(2, socket.SOCK_DGRAM)
        refused.connect((lab.IP[1], 54))
        refused.send(b"question")
        with self.assertRaises(ConnectionRefusedError):
            refused.recv(100)
        # The end of the forwarder is no end of a connection.
        os.kill(lab.forwarder_pid("hv2"), signal.SIGKILL)
        wait_until(lambda: lab.ping("vm2", lab.IP[1], 1) or True, "the next forwarder")
        self.assert_alive(client, served)
        self.assertIn(("ls1-vm2", "tcp", 22, "established"), self.connections("hv2"))
        # Neither side goes on with what is not allowed any more, until it is again.
        self.nb("acl-del", "web", "to-lport", "1000", SSH)
        self.assert_silent(served, client)
        self.assert_silent(client, served)
        self.nb("acl-add", "web", "to-lport", "1000", SSH, "allow-related")
        self.assertEqual(client.recv(4), b"more")
        self.assertEqual(served.recv(4), b"more")
        self.assert_alive(client, served)
        self.assertRegex(lab.heddle("hv2", "connection", "flush", "--port", "ls1-vm2").stdout, r"\d+ connections? f")

    def test_much_data_passes_both_ways_with_no_segment_out_of_its_window(self):
        client, served = self.connect()
        data = bytes(range(256)) * 65536
        for sender, receiver in ((client, served), (served, client)):
            def collect(count=len(data)):
                while count > 0:
                    count -= len(receiver.recv(1 << 20))

            collecting = threading.Thread(target=collect)
            collecting.start()
            sender.sendall(data)
            collecting.join(30)
            self.assertFalse(collecting.is_alive(), "16 MiB take more than half a minute")
        for host in "hv1", "hv2":
            self.assertNotIn("connection_invalid", self.lab.heddle(host, "port", "list", "--stats").stdout)

    def test_a_flood_to_one_guest_leaves_the_connections_of_others(self):
        lab = self.lab
        client, served = self.connect()
        flood = packet_socket(f"{lab.name}-vm1", "vm1")
        self.addCleanup(flood.close)
        for number in range(40000):
            flood.send(self.syn(number))
        self.assert_alive(client, served)
        count = json.loads(lab.heddle("hv2", "connection", "list", "--limit", "100", "-o", "json").stdout)
        self.assertEqual(len(count["connections"]), 100)

    def test_a_guest_that_floods_opens_connections_of_its_own(self):
        flood = packet_socket(f"{self.lab.name}-vm1", "vm1")
        self.addCleanup(flood.close)
        # To an address that nobody has, so that nothing is answered.
        for number in range(50000):
            flood.send(self.syn(number, "172.16.255.99"))
        states = [state for port, *_, state in self.connections("hv1", each=True) if port == "ls1-vm1"]
        self.assertLessEqual(states.count("opening"), 32768)
        self.assert_alive(*self.connect())
        listed = self.lab.heddle("hv1", "connection", "list", "--limit", "10").stdout
        self.assertTrue(listed.endswith("\nMore than 10 are there: raise --limit, or name a --port.\n"), listed)
        self.assertNotIn("connection_limit", self.lab.heddle("hv1", "port", "list", "--stats").stdout)

    def syn(self, number, target=None):
        """A SYN from an address of its own ports to the open port."""
        segment = struct.pack("!HHIIBBHHH", 1024 + number % 60000, 22, number, 0, 0x50, 2, 1000, 0, 0)
        addresses = socket.inet_aton(self.lab.IP[1]) + socket.inet_aton(target or self.lab.IP[2])
        header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + addresses
        header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
        return mac(self.lab.MAC[2]) + mac(self.lab.MAC[1]) + b"\x08\0" + header + segment


if __name__ == "__main__":
    unittest.main()
