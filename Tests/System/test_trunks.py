"""Trunk ports: the tags that a port may send and receive, and its native VLAN."""

import json
import random
import struct
import unittest

from lab import Primer, wait_until
from packets import SOL_PACKET, Superpacket, mac, packet_socket

PACKET_AUXDATA, VLAN_VALID = 8, 0x10
MARK = b"\x88\xb5"


def tagged(frame, tag):
    return frame if tag is None else frame[:12] + struct.pack("!HH", 0x8100, tag) + frame[12:]


class TrunkTest(unittest.TestCase):
    # The port, its host and what it is.
    PORTS = {
        "t1": ("hv1", ["trunk_vlans=10,20-29", "native_vlan=5"]), "t2": ("hv2", ["trunk_vlans=10,30", "native_vlan=5"]),
        "a1": ("hv1", ["native_vlan=10"]), "open": ("hv2", []),
    }

    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.heddle("central", "nb", "ls-add", "ls9")
        lab.curl("/v1/switches/ls9", "-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d",
                 '{"vlan_passthru":true}', "--fail-with-body")
        cls.mac = {name: f"02:00:00:00:19:{number:02x}" for number, name in enumerate(cls.PORTS)}
        cls.sockets = {}
        for name, (host, options) in cls.PORTS.items():
            lab.logical_port("ls9", name, cls.mac[name], security=False)
            if options:
                lab.heddle("central", "nb", "lsp-set-options", name, *options)
            lab.plug(host, name, name, cls.mac[name])
        lab.wait_up(*cls.PORTS)
        lab.sync()
        for name in cls.PORTS:
            cls.sockets[name] = cls.enterClassContext(packet_socket(f"{lab.name}-{name}", name, offloads=True))
            # The kernel takes tags off.
            cls.sockets[name].setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            cls.sockets[name].settimeout(30)

    def send(self, name, frame, tag, offload=bytes(10)):
        self.sockets[name].send(offload + tagged(frame, tag))

    def receive(self, name, last):
        """The frames with their tags that have come to a port, up to the last one."""
        found = []
        while not found or found[-1][0] != last:
            data, ancillary, _, address = self.sockets[name].recvmsg(1 << 17, 256)
            if address[2] == 4 or data[22:24] != MARK:      # PACKET_OUTGOING
                continue
            status, _, _, _, _, tag, _ = struct.unpack("=IIIHHHH", ancillary[0][2])
            found.append((data[10:], tag if status & VLAN_VALID else None))
        return found[:-1]

    def test_each_port_has_its_vlans(self):
        # Frames by the tags that they are sent with, and the tags with which they come to each that gets them.
        sent = {
            "t1": {
                None: {"t2": None, "open": 5}, 5: {"t2": None, "open": 5}, 10: {"t2": 10, "a1": None, "open": 10},
                20: {"open": 20}, 30: {}, 0: {"t2": None, "open": 5},
            },
            "t2": {None: {"t1": None, "open": 5}, 10: {"t1": 10, "a1": None, "open": 10}, 20: {}, 30: {"open": 30}},
            "a1": {None: {"t1": 10, "t2": 10, "open": 10}, 10: {"t1": 10, "t2": 10, "open": 10}, 5: {}},
            "open": {None: {}, 5: {"t1": None, "t2": None}, 10: {"t1": 10, "t2": 10, "a1": None}, 29: {"t1": 29}},
        }
        for sender, cases in sent.items():
            # One that comes to all: by VLAN 10, or by 10's access port itself.
            marker = b"\xff" * 6 + mac(self.mac[sender]) + MARK + b"\xff" * 46
            frames = {}
            for number, tag in enumerate(cases):
                frames[tag] = b"\xff" * 6 + mac(self.mac[sender]) + MARK + bytes([number]) * 46
                self.send(sender, frames[tag], tag)
            self.send(sender, marker, 10)
            for name in self.PORTS:
                if name == sender:
                    continue
                wanted = [(frames[tag], seen[name]) for tag, seen in cases.items() if name in seen]
                self.assertEqual(self.receive(name, marker), wanted, (sender, name))

    def test_a_superpacket_gets_and_loses_the_native_tag(self):
        noise = random.Random(1).randbytes(20_000)
        for target, tag in ("t2", None), ("open", 5):
            packet = Superpacket((self.mac["t1"], "10.9.0.1"), (self.mac[target], "10.9.0.2"), 1000, noise)
            self.send("t1", packet.bytes, None, packet.offload)
            while True:
                data, ancillary = self.sockets[target].recvmsg(1 << 17, 256)[:2]
                if data[10:] == packet.bytes:
                    break
            status, _, _, _, _, seen, _ = struct.unpack("=IIIHHHH", ancillary[0][2])
            self.assertEqual(seen if status & VLAN_VALID else None, tag)

    def test_what_is_dropped_is_counted_and_what_cannot_be_is_refused(self):
        lab = self.lab

        def drops():
            listed = json.loads(lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)
            port = next(port for port in listed["ports"] if port["name"] == "t1")
            return port["statistics"]["drops"].get("vlan_not_allowed", 0)
        before = drops()
        frame = mac(self.mac["open"]) + mac(self.mac["t1"]) + MARK + bytes(46)
        # Of a VLAN that it has not, and one that hides behind the native one.
        self.send("t1", frame, 99)
        self.send("t1", tagged(frame, 10), 5)
        wait_until(lambda: drops() == before + 2, "both are counted")
        for options, field in (["trunk_vlans=1-"], "trunk_vlans"), (["trunk_vlans=0", "native_vlan=5"], "trunk_vlans"):
            refused = lab.heddle("central", "nb", "lsp-set-options", "t1", *options, check=False)
            self.assertIn(f"options.{field}", refused.stderr)
        refused = lab.heddle("central", "nb", "lsp-set-options", "ls1-vm1", "native_vlan=5", check=False)
        self.assertIn("vlan_passthru", refused.stderr)
