"""A vhost-user port with a VMM of the tests: its guest, what it survives, and what it cannot do to others."""

import contextlib
import json
import os
import random
import signal
import socket
import struct
import time
import unittest

import vmm
from lab import Primer, wait_until
from vmm import VMM

MAC, IP = "02:ac:10:ff:00:99", "172.16.255.99"


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def echo_request(target, mac, number):
    """An ICMP echo request of the guest's."""
    icmp = struct.pack(">BBHHH", 8, 0, 0, 99, number) + bytes(range(32))
    icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), number, 0, 64, 1, 0)
    ip += socket.inet_aton(IP) + socket.inet_aton(target)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return octets(mac) + octets(MAC) + b"\x08\x00" + ip + icmp


def answer_arp(frame):
    """The answer to a request for the guest's address; `None` to other frames."""
    if frame[12:14] != b"\x08\x06" or frame[20:22] != b"\x00\x01" or frame[38:42] != socket.inet_aton(IP):
        return None
    return frame[6:12] + octets(MAC) + frame[12:20] + b"\x00\x02" + octets(MAC) + frame[38:42] + frame[22:32]


class VhostUserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.lab.logical_port("ls1", "ls1-vm9", MAC, IP)
        cls.socket = f"{cls.lab.state}/vm9.sock"
        said = cls.lab.heddle(
            "hv1", "port", "add", "vm9", "--logical-port", "ls1-vm9", "--device", "vhost-user", "--socket", cls.socket)
        assert f"no guest is connected to {cls.socket}" in said.stdout, said.stdout

    def state(self):
        listed = json.loads(self.lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
        port = next(port for port in listed if port["name"] == "vm9")
        return port["state"]

    def wait_state(self, state):
        wait_until(lambda: self.state() == state, f"the port is {state}")

    def echo(self, guest, number, seconds=20):
        """True if an echo request to the VM of the other host is answered, which may be asked again each second."""
        deadline = time.monotonic() + seconds
        request = echo_request(Primer.IP[2], Primer.MAC[2], number)
        guest.transmit(request)
        while True:
            frame = guest.receive(1)
            if frame is None:
                if time.monotonic() > deadline:
                    return False
                guest.transmit(request)
                continue
            if answer := answer_arp(frame):
                guest.transmit(answer)
            elif frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 0:
                if struct.unpack(">H", frame[40:42])[0] == number:
                    return True

    def check_others(self):
        """The host's other port is as well as ever."""
        self.assertEqual(self.lab.ping("vm1", Primer.IP[2], 3), 3)

    def test_a_guest_reaches_others_and_stops_and_starts_its_rings(self):
        with VMM(self.socket) as guest:
            guest.start()
            self.wait_state("up")
            for number in range(200):
                self.assertTrue(self.echo(guest, number))
            for number in range(3):
                places = guest.stop()
                self.assertEqual(places, [guest.used(0), guest.used(1)])
                self.assertEqual(places[1], guest.offered[1] & 0xffff)
                guest.start()
                self.assertTrue(self.echo(guest, 300 + number))
            counters = self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout
            port = next(port for port in json.loads(counters)["ports"] if port["name"] == "vm9")
            self.assertGreater(port["statistics"]["rx_frames"], 0)
            # A second VMM is sent away, and the first one is not disturbed.
            with VMM(self.socket) as other:
                self.assertTrue(other.ended())
            self.assertTrue(self.echo(guest, 400))
        self.wait_state("pending")

    def test_a_forwarder_that_is_killed_loses_no_more_than_a_batch(self):
        with VMM(self.socket) as guest:
            guest.start()
            self.wait_state("up")
            self.assertTrue(self.echo(guest, 1))
            before = self.lab.forwarder_pid("hv1")
            os.kill(before, signal.SIGKILL)
            # Frames that are sent meanwhile wait in the ring.
            self.assertTrue(any(self.echo(guest, number, 10) for number in (2, 3)))
            self.assertNotEqual(self.lab.forwarder_pid("hv1"), before)
            wait_until(lambda: guest.used(1) == guest.offered[1] & 0xffff, "all that was sent is taken")

    def test_an_agent_that_is_started_again_serves_the_next_connection(self):
        with VMM(self.socket) as guest:
            guest.start()
            self.assertTrue(self.echo(guest, 1))
            self.lab.agents[1].kill()
            self.assertTrue(guest.ended())
            self.lab.agents[1] = self.lab.agent("hv1", 3)
            guest.connect()
            guest.start()
            self.wait_state("up")
            self.assertTrue(self.echo(guest, 2))

    def test_what_a_vmm_says_ends_its_own_connection_at_most(self):
        agent, forwarder = self.lab.agents[1].pid, self.lab.forwarder_pid("hv1")
        generator = random.Random(7)
        table = struct.pack("<IIQQQQ", 1, 0, vmm.BASE, vmm.SIZE, vmm.ADDRESS, 0)
        with VMM(self.socket) as guest:
            for request, payload, files in (
                    (vmm.SET_FEATURES, struct.pack("<Q", 1 << 34), 0), (vmm.SET_MEM_TABLE, table, 0),
                    (vmm.SET_MEM_TABLE, table, 20), (vmm.SET_RING_SIZE, struct.pack("<II", 99, 64), 0),
                    (vmm.SET_RING_KICK, struct.pack("<Q", 0x100), 0), (77, b"", 0), (vmm.GET_FEATURES, bytes(2000), 0)):
                guest.send(request, payload, [guest.file] * files)
                self.assertTrue(guest.ended(), (request, payload))
                guest.connect()
            # Half a message, then its end.
            guest.socket.send(b"\x01\x00\x00")
            guest.connect()
            for _ in range(100):
                # The connection before it may have been sent away while it was made.
                with contextlib.suppress(ConnectionError):
                    guest.socket.send(generator.randbytes(generator.randrange(1, 200)))
                guest.connect()
            # Files that are none of a guest's memory, or shorter than it.
            pipe = os.pipe()
            for file in (pipe[0], os.open("/dev/zero", os.O_RDWR), os.open("/dev/null", os.O_RDWR)):
                own, guest.file = guest.file, file
                self.assertRaises((EOFError, ConnectionError), guest.start)
                os.close(file)
                guest.file = own
                guest.connect()
            os.close(pipe[1])
            # An index that is ahead of all buffers.
            guest.start()
            guest.word(vmm.PLACES[1][1] + 2, 30000)
            guest.kick()
            self.assertTrue(guest.ended())
            guest.word(vmm.PLACES[1][1] + 2, guest.offered[1])
            # Memory that is shortened beneath the rings, and kicks without end.
            guest.connect()
            guest.start()
            os.ftruncate(guest.file, 0)
            for _ in range(10000):
                guest.kick()
            self.assertTrue(guest.ended())
            os.ftruncate(guest.file, vmm.SIZE)
        self.check_others()
        self.assertIsNone(self.lab.agents[1].process.poll())
        self.assertEqual((self.lab.agents[1].pid, self.lab.forwarder_pid("hv1")), (agent, forwarder))
        with VMM(self.socket) as guest:
            guest.start()
            self.assertTrue(self.echo(guest, 1))

    def test_a_path_that_others_use_is_refused_and_stays(self):
        path = f"{self.lab.state}/file"
        with open(path, "w", encoding="utf-8") as file:
            file.write("kept")
        for socket_path, reason in ((path, "is no socket"), (self.lab.state + "/none/a.sock", "folder"),
                                    (f"{self.lab.state}/hv1/agent.sock", "listens there")):
            said = self.lab.heddle(
                "hv1", "port", "add", "vm8", "--logical-port", "ls1-vm8", "--device", "vhost-user", "--socket",
                socket_path, check=False)
            self.assertEqual(said.returncode, 1, said.stdout)
            self.assertIn(reason, said.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept")


if __name__ == "__main__":
    unittest.main()
