"""Guests inside guests: the frames of each have a tag at the outer one's device, and are a port's like others."""

import json
import random
import socket
import struct
import unittest

from lab import Primer, wait_until
from packets import SOL_PACKET, Superpacket, mac, packet_socket

PACKET_AUXDATA, VLAN_VALID = 8, 0x10


def tagged(frame, tag):
    return frame[:12] + struct.pack("!HH", 0x8100, tag) + frame[12:]


class NestedTest(unittest.TestCase):
    IP = {"c1": "10.9.0.1", "c2": "10.9.0.2", "c3": "10.9.0.3"}
    MAC = {"c1": "02:00:00:00:09:01", "c2": "02:00:00:00:09:02", "c3": "02:00:00:00:09:03"}
    # Two in the first VM, one in the second; of that one central chooses the tag.
    PLACES = {"c1": ("ls1-vm1", "42"), "c2": ("ls1-vm1", "43"), "c3": ("ls1-vm2", "0")}

    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.heddle("central", "nb", "ls-add", "ls2")
        for name, (parent, tag) in cls.PLACES.items():
            address = f"{cls.MAC[name]} {cls.IP[name]}"
            lab.heddle(
                "central", "nb", "lsp-add", "ls2", name, parent, tag, "--", "lsp-set-addresses", name, address, "--",
                "lsp-set-port-security", name, address)
        lab.wait_up(*cls.PLACES)
        lab.sync()
        cls.sockets = {}
        for vm in ("vm1", "vm2"):
            cls.sockets[vm] = cls.enterClassContext(packet_socket(f"{lab.name}-{vm}", vm, offloads=True))
            # The kernel takes tags off.
            cls.sockets[vm].setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            cls.sockets[vm].settimeout(30)

    def send(self, vm, frame, tag, offload=bytes(10)):
        self.sockets[vm].send(offload + tagged(frame, tag))

    def receive(self, vm, frame):
        """The tag and the virtio-net header of a frame when it has come."""
        while True:
            data, ancillary = self.sockets[vm].recvmsg(1 << 17, 256)[:2]
            if data[10:] == frame:
                status, _, _, _, _, tag, _ = struct.unpack("=IIIHHHH", ancillary[0][2])
                return tag if status & VLAN_VALID else None, data[:10]

    def frame(self, source, target, mark):
        packet = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(mark), 1, 0, 64, 253, 0, socket.inet_aton(self.IP[source]),
            socket.inet_aton(self.IP[target])) + mark
        return mac(self.MAC[target]) + mac(self.MAC[source]) + b"\x08\x00" + packet.ljust(50, b"\0")

    def statistics(self, name):
        listed = json.loads(self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)
        return next(port["statistics"] for port in listed["ports"] if port["name"] == name)

    def test_nested_ports_are_ports_of_their_switch(self):
        lab = self.lab
        self.assertEqual(lab.heddle("central", "nb", "lsp-get-tag", "c3").stdout.strip(), "1")
        self.assertEqual(lab.heddle("central", "nb", "lsp-get-parent", "c1").stdout.strip(), "ls1-vm1")
        # To one on another host, and to one in the same VM.
        for target, vm, tag in (("c3", "vm2", 1), ("c2", "vm1", 43)):
            frame = self.frame("c1", target, target.encode())
            self.send("vm1", frame, 42)
            self.assertEqual(self.receive(vm, frame)[0], tag)
        # The VMs beside them are what they were.
        self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
        # A superpacket stays one, over the underlay and back into a device.
        noise = random.Random(1).randbytes(20_000)
        for target, vm, tag in (("c3", "vm2", 1), ("c2", "vm1", 43)):
            packet = Superpacket((self.MAC["c1"], self.IP["c1"]), (self.MAC[target], self.IP[target]), 1000, noise)
            packet.transport += 4
            packet.header_length += 4
            self.send("vm1", packet.bytes, 42, packet.offload)
            self.assertEqual(self.receive(vm, packet.bytes)[0], tag)
        # Whoever is not what its tag says is stopped by that port's security.
        self.send("vm1", self.frame("c2", "c3", b"forged"), 42)
        wait_until(
            lambda: self.statistics("vm1/42")["drops"].get("ingress_port_security") == 1, "the forged frame is dropped")
        before = self.statistics("vm1")["drops"].get("vlan_tagged", 0)
        self.send("vm1", self.frame("c1", "c3", b"of nobody"), 44)
        wait_until(lambda: self.statistics("vm1")["drops"].get("vlan_tagged") == before + 1, "tag 44 is dropped")
        # Neither process that ends takes anything away.
        lab.agents[1].kill()
        lab.agents[1] = lab.agent("hv1", 3)
        frame = self.frame("c1", "c3", b"after the agent")
        self.send("vm1", frame, 42)
        self.assertEqual(self.receive("vm2", frame)[0], 1)
        lab.kill_forwarder(f"{lab.state}/hv1/forwarder")
        frame = self.frame("c1", "c3", b"after the forwarder")
        self.send("vm1", frame, 42)
        self.assertEqual(self.receive("vm2", frame)[0], 1)

    def datagram(self, source, target, ports, payload=b"heddle"):
        """A frame with a UDP datagram between two MAC and IP addresses."""
        body = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        addresses = socket.inet_aton(source[1]) + socket.inet_aton(target[1])
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + addresses
        return mac(target[0]) + mac(source[0]) + b"\x08\x00" + (packet + body).ljust(50, b"\0")

    def test_a_nested_port_has_acls_connections_and_dhcp_of_its_own(self):
        lab, nb = self.lab, lambda *words: self.lab.heddle("central", "nb", "--wait=hv", *words).stdout
        c1, c3 = ((self.MAC[name], self.IP[name]) for name in ("c1", "c3"))
        options = nb("dhcp-options-create", "10.9.0.0/24", "server_id=10.9.0.254", "lease_time=3600").strip()
        nb("lsp-set-dhcpv4-options", "c1", options)
        self.addCleanup(nb, "lsp-set-dhcpv4-options", "c1", "--", "dhcp-options-del", options)
        discover = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 77, 0, 0, 0, 0, 0, 0) + mac(c1[0]).ljust(208, b"\0")
        discover += b"\x63\x82\x53\x63\x35\x01\x01\xff"
        question = self.datagram((c1[0], "0.0.0.0"), ("ff:ff:ff:ff:ff:ff", "255.255.255.255"), (68, 67), discover)
        self.send("vm1", question, 42)
        while True:
            data, ancillary = self.sockets["vm1"].recvmsg(1 << 17, 256)[:2]
            if data[22:24] == b"\x08\0" and data[44:48] == struct.pack("!HH", 67, 68):
                break
        self.assertEqual(struct.unpack("=IIIHHHH", ancillary[0][2])[5], 42)
        self.assertEqual(data[68:72], socket.inet_aton(c1[1]))      # yiaddr
        for port, match, action in (
                ("c3", "udp.dst == 7", "allow-related"), ("c3", "ip", "drop"), ("c1", "ip", "drop")):
            priority = "1000" if action == "allow-related" else "900"
            nb("acl-add", "ls2", "to-lport", priority, f'outport == "{port}" && {match}', action)
        self.addCleanup(nb, "acl-del", "ls2")
        asked, answer = self.datagram(c1, c3, (5000, 7)), self.datagram(c3, c1, (7, 5000))
        # An answer is stopped until c1 has asked: a frame for its sibling overtakes it.
        early, behind = self.datagram(c3, c1, (7, 5000), b"early"), self.frame("c3", "c2", b"behind")
        for frame in early, behind:
            self.send("vm2", frame, 1)
        while (data := self.sockets["vm1"].recv(1 << 17)[10:]) != behind:
            self.assertNotEqual(data, early)
        self.send("vm1", asked, 42)
        self.assertEqual(self.receive("vm2", asked)[0], 1)
        self.send("vm2", answer, 1)
        self.assertEqual(self.receive("vm1", answer)[0], 42)
        listed = lab.heddle("hv1", "connection", "list").stdout
        self.assertRegex(listed, r"ls2 +c1 +udp +10\.9\.0\.1:5000 +10\.9\.0\.3:7 +established")
        # Its parent is another port.
        self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)

    def test_without_a_parent_there_is_no_port(self):
        lab = self.lab
        lab.heddle("central", "nb", "lsp-add", "ls2", "c9", "no-port", "9")
        status = lab.get("/v1/ports/c9")["status"]
        self.assertEqual((status["up"], status["reason"]), (False, "parent-missing"))
        self.assertIn("no-port", lab.heddle("central", "describe", "port", "c9").stdout)
        refused = lab.heddle("central", "nb", "lsp-add", "ls2", "c8", "ls1-vm1", "42", check=False)
        self.assertIn("has the tag 42", refused.stderr)
