"""Switches joined to a physical network: two hosts and a plain machine on one wire, in VLAN 100."""

import subprocess
import unittest

from lab import Lab, wait_until
from packets import mac, packet_socket, receive

MARK = b"\x88\xb5"
# Joins a device to VLAN 100 of another, as the kernel's 8021q does, which not every kernel has: argv has the two.
TAGGER = """
import select, socket, struct, sys
def opened(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    for option in (15, 8, 23): s.setsockopt(263, option, 1)     # PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING
    s.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)
    s.bind((name, 0))
    return s
def moved(header, by):
    flags, kind, length, size, start, offset = struct.unpack("=BBHHHH", header)
    return struct.pack("=BBHHHH", flags, kind, length + by if kind else length, size, start + by if flags & 1 else start, offset)
wire, bare = opened(sys.argv[1]), opened(sys.argv[2])
print("listening", flush=True)
while True:
    for ready in select.select([wire, bare], [], [])[0]:
        frame, ancillary, _, _ = ready.recvmsg(1 << 17, 256)
        try:
            if ready is bare:
                wire.send(moved(frame[:10], 4) + frame[10:22] + b"\\x81\\0\\0\\x64" + frame[22:])
            elif ancillary:
                status, _, _, _, _, tag, kind = struct.unpack("=IIIHHHH", ancillary[0][2][:20])
                if status & 16 and tag & 0xfff == 100: bare.send(frame)
        except OSError: pass
"""
SENDER = """
import socket, sys
s = socket.create_connection((sys.argv[1], 5001))
for _ in range(64): s.sendall(bytes(range(256)) * 256)
"""
COLLECTOR = """
import hashlib, socket, sys
s = socket.create_server((sys.argv[1], 5001))
print("listening", file=sys.stderr, flush=True)
c, _ = s.accept()
count, digest = 0, hashlib.sha256()
while data := c.recv(1 << 16):
    count += len(data); digest.update(data)
print(count, digest.hexdigest() == hashlib.sha256(bytes(range(256)) * 256 * 64).hexdigest(), file=sys.stderr)
"""


class Wire(Lab):
    """ls1 with vm1 on hv1 and vm2 on hv2, which are joined by a wire with a plain machine on it."""

    MAC = {1: "02:ac:10:ff:00:11", 2: "02:ac:10:ff:00:22", 3: "02:ac:10:ff:00:33"}
    IP = {1: "172.16.255.11", 2: "172.16.255.22", 3: "172.16.255.33", "plain": "172.16.255.99"}

    def __enter__(self):
        super().__enter__()
        try:
            self.ip("ul", "link", "add", "wire", "type", "bridge", "forward_delay", "0", "stp_state", "0",
                    "mcast_snooping", "0")
            self.ip("ul", "link", "set", "wire", "up")
            for name, octet in ("hv1", 3), ("hv2", 4), ("hv3", 5):
                self.host(name, octet)
            self.namespace("plain")
            for name in "hv1", "hv2", "plain":
                self.join(name)
            self.ip("plain", "link", "add", "t0", "type", "veth", "peer", "name", "eth1.100")
            self.ip("plain", "link", "set", "t0", "up")
            tagger = subprocess.Popen(self.inside("plain", "python3", "-c", TAGGER, "eth1", "t0"), stdout=subprocess.PIPE)
            self.processes.append(tagger)
            with tagger.stdout:
                assert tagger.stdout.readline() == b"listening\n"
            self.ip("plain", "addr", "add", f"{self.IP['plain']}/24", "dev", "eth1.100")
            self.ip("plain", "link", "set", "eth1.100", "up")
            self.central()
            for name, octet in ("hv1", 3), ("hv2", 4):
                self.agent(name, octet, "--physical-network", "physnet1=eth1")
            self.heddle("central", "nb", "ls-add", "ls1", "--", "lsp-add", "ls1", "ln1", "--", "lsp-set-type", "ln1",
                        "localnet", "--", "lsp-set-addresses", "ln1", "unknown", "--", "lsp-set-options", "ln1",
                        "network_name=physnet1")
            self.curl("/v1/ports/ln1", "-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d",
                      '{"tag_request":100}', "--fail-with-body")
            for number, host in (1, "hv1"), (2, "hv2"):
                self.logical_port("ls1", f"ls1-vm{number}", self.MAC[number], self.IP[number], security=False)
                self.plug_vm(number, host)
            self.wait_up("ls1-vm1", "ls1-vm2")
            self.sync()
        except BaseException:
            self.__exit__(AssertionError)
            raise
        return self

    def join(self, name):
        """Gives a host the device eth1, on the wire."""
        self.ip("ul", "link", "add", f"w{name}", "type", "veth", "peer", "name", "eth1", "netns", f"{self.name}-{name}")
        self.ip("ul", "link", "set", f"w{name}", "master", "wire", "up")
        self.ip(name, "link", "set", "eth1", "up")

    def plug_vm(self, number, host):
        self.plug(host, f"vm{number}", f"ls1-vm{number}", self.MAC[number], f"{self.IP[number]}/24")


class LocalnetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Wire())

    def opened(self, namespace, device):
        opened = packet_socket(f"{self.lab.name}-{namespace}", device)
        self.addCleanup(opened.close)
        return opened

    def wait_ping(self, source, address):
        wait_until(lambda: self.lab.ping(source, address, count=1) == 1, f"{source} reaches {address}", 20)

    def test_everybody_on_the_wire_reaches_everybody(self):
        for source, target in ("vm1", "plain"), ("plain", 2), ("vm1", 2), ("vm2", "plain"), ("plain", 1):
            self.wait_ping(source, self.lab.IP[target])
            self.assertEqual(self.lab.ping(source, self.lab.IP[target]), 3, (source, target))

    def test_each_frame_comes_once_and_tagged(self):
        self.wait_ping("vm1", self.lab.IP[2])
        watch = subprocess.Popen(
            self.lab.inside("plain", "tshark", "-n", "-l", "-i", "eth1", "-f", "vlan 100 and ether proto 0x88b5", "-c",
                            "1", "-T", "fields", "-e", "vlan.id"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lab.processes.append(watch)
        for line in watch.stderr:
            if "Capturing" in line:
                break
        guests = {number: self.opened(f"vm{number}", f"vm{number}") for number in (1, 2)}
        plain = self.opened("plain", "eth1.100")
        bare = {number: self.lab.counters(f"hv{number}", "ul") for number in (1, 2)}
        for to, receivers in (b"\xff" * 6, (guests[2], plain)), (mac(self.lab.MAC[2]), (guests[2],)):
            frames = [to + mac(self.lab.MAC[1]) + MARK + bytes([number]) * 46 for number in range(20)]
            last = to + mac(self.lab.MAC[1]) + MARK + b"\xff" * 46
            for frame in [*frames, last]:
                guests[1].send(frame)
            for opened in receivers:
                got = []
                receive(opened, 1, lambda found: got.append(found) or (found if found == last else None))
                self.assertEqual([frame for frame in got if frame[12:14] == MARK], [*frames, last])
        back = [frame for frame in self.received(guests[1]) if frame[6:12] == mac(self.lab.MAC[1])]
        self.assertEqual([frame for frame in back if frame[12:14] == MARK], [])
        self.assertEqual(watch.stdout.read().strip(), "100")
        watch.stdout.close()
        watch.stderr.close()
        # Nothing of it went through a tunnel.
        self.assertLess(sum(self.lab.counters(f"hv{number}", "ul") - bare[number] for number in (1, 2)), 40)

    def received(self, opened):
        """The frames that others have sent to a device so far."""
        opened.setblocking(False)
        found = []
        try:
            while True:
                frame, address = opened.recvfrom(1 << 17)
                if address[2] != 4:     # PACKET_OUTGOING
                    found.append(frame)
        except BlockingIOError:
            return found

    def test_superpackets_cross_the_wire_whole(self):
        for target, source in ("plain", "vm1"), ("vm2", "plain"), ("vm2", "vm1"):
            address = self.lab.IP[target if target == "plain" else int(target[2:])]
            self.wait_ping(source, address)
            self.assertEqual(self.lab.collect(target, COLLECTOR, source, SENDER, address), f"{64 << 16} True")

    def test_the_host_keeps_its_own_frames(self):
        self.lab.ip("hv1", "addr", "replace", "192.0.2.1/24", "dev", "eth1")
        self.lab.ip("plain", "addr", "replace", "192.0.2.9/24", "dev", "eth1")
        self.assertEqual(self.lab.ping("hv1", "192.0.2.9"), 3)

    def test_a_wire_that_was_away_is_used_again(self):
        self.wait_ping("vm1", self.lab.IP["plain"])
        self.lab.ip("hv1", "link", "set", "eth1", "down")
        self.assertEqual(self.lab.ping("vm1", self.lab.IP["plain"], count=1), 0)
        self.lab.ip("hv1", "link", "set", "eth1", "up")
        self.wait_ping("vm1", self.lab.IP["plain"])
        self.lab.ip("hv1", "link", "del", "eth1")
        wait_until(lambda: "waited for" in self.lab.heddle("hv1", "port", "list").stdout, "the wire is missed")
        self.lab.join("hv1")
        self.wait_ping("vm1", self.lab.IP["plain"])

    def test_a_port_that_moves_is_announced(self):
        own, address = "02:ac:10:ff:00:44", "172.16.255.44"
        self.lab.logical_port("ls1", "ls1-vm4", own, address)
        self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", "ls1-vm4")
        plain = self.opened("plain", "eth1.100")

        def announced(frame):
            return frame if frame[:14] == b"\xff" * 6 + mac(own) + b"\x08\x06" else None
        for host, guest in ("hv2", "vm4"), ("hv1", "vm4new"):
            self.received(plain)
            plain.setblocking(True)
            self.lab.plug(host, guest, "ls1-vm4", own, f"{address}/24")
            frame, = receive(plain, 1, announced)
            self.assertEqual(frame[20:42], b"\0\1" + (mac(own) + bytes([172, 16, 255, 44])) + bytes(6)
                             + bytes([172, 16, 255, 44]))
        self.wait_ping("plain", address)

    def test_a_host_without_the_network_gets_no_port(self):
        self.lab.agent("hv3", 5)
        self.lab.logical_port("ls1", "ls1-vm3", self.lab.MAC[3], self.lab.IP[3])
        self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", "ls1-vm3")
        self.lab.plug_vm(3, "hv3")
        waiting = wait_until(
            lambda: self.lab.get("/v1/ports/ls1-vm3")["status"].get("waiting"), "hv3 waits for the port")
        self.assertEqual(waiting, [{"chassis": "hv3", "reason": "no-physical-network", "lacks": ["physnet1"]}])
        self.assertIn("heddle agent --physical-network physnet1=DEVICE",
                      self.lab.heddle("central", "describe", "port", "ls1-vm3").stdout)
