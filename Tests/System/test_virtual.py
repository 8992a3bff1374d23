"""A virtual address moves to the parent that announces it, and to nobody else."""

import json
import struct
import unittest

from lab import Primer, wait_until
from packets import mac, packet_socket, receive

VIRTUAL_IP = "172.16.255.100"
VIRTUAL_MAC = "00:00:5e:00:01:0a"


def octets(address):
    return bytes(int(part) for part in address.split("."))


class VirtualTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.vm(3, "hv2")
        for number in (1, 2):
            own = f"{lab.MAC[number]} {lab.IP[number]} {VIRTUAL_IP}"
            router = f"VRRPv3 {lab.MAC[number]} {VIRTUAL_MAC} {VIRTUAL_IP}"
            lab.heddle("central", "nb", "lsp-set-port-security", f"ls1-vm{number}", own, router)
        # The worst of guests: whatever it sends passes.
        lab.heddle("central", "nb", "lsp-set-port-security", "ls1-vm3")
        lab.heddle(
            "central", "nb", "lsp-add", "ls1", "vip", "--", "lsp-set-addresses", "vip", f"{VIRTUAL_MAC} {VIRTUAL_IP}",
            "--", "lsp-set-options", "vip", f"virtual-ip={VIRTUAL_IP}", "virtual-parents=ls1-vm1,ls1-vm2")
        lab.wait_up("ls1-vm3")
        lab.sync()
        cls.sockets = {number: cls.enterClassContext(packet_socket(f"{lab.name}-vm{number}", f"vm{number}"))
                       for number in (1, 2, 3)}

    def announce(self, number):
        """A gratuitous ARP request."""
        own = mac(self.lab.MAC[number])
        self.sockets[number].send(
            b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own + octets(VIRTUAL_IP)
            + bytes(6) + octets(VIRTUAL_IP))

    def reaches(self, number, mark):
        """True if a frame of vm3 for the virtual MAC address comes to this VM."""
        packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(mark), 1, 0, 64, 253, 0, octets(self.lab.IP[3]),
                             octets(VIRTUAL_IP)) + mark
        self.sockets[3].send(mac(VIRTUAL_MAC) + mac(self.lab.MAC[3]) + b"\x08\x00" + packet)
        return len(receive(self.sockets[number], 1, lambda frame: mark in frame or None)) == 1

    def status(self):
        return json.loads(self.lab.curl("/v1/ports/vip").stdout)["status"]

    def wait_at(self, parent, chassis):
        def is_there():
            status = self.status()
            return status["up"] and (status.get("virtual_parent"), status["chassis"]) == (parent, chassis)
        wait_until(is_there, f"the virtual address is at {parent}")
        self.lab.sync()

    def test_the_address_follows_its_announcements(self):
        self.assertEqual((self.status()["up"], self.status()["chassis"]), (False, None))
        # One that is no parent first: its claim would be the earlier one.
        self.announce(3)
        self.announce(1)
        self.wait_at("ls1-vm1", "hv1")
        self.assertTrue(self.reaches(1, b"to the first parent"))
        self.announce(2)
        self.wait_at("ls1-vm2", "hv2")
        self.announce(3)
        self.assertTrue(self.reaches(2, b"to the second parent"))
        # An agent and a central that start anew move nothing.
        lab = self.lab
        lab.agents[2].kill()
        lab.agents[2] = lab.agent("hv2", 4)
        lab.central_daemon.kill()
        lab.central_daemon = lab.central()
        self.wait_at("ls1-vm2", "hv2")
        self.announce(1)
        self.wait_at("ls1-vm1", "hv1")
        # Both announce it without end.
        before = self.lab.get("/v1/switches")["revision"]
        for _ in range(1000):
            self.announce(1)
            self.announce(2)
        wait_until(lambda: self.status()["up"], "the virtual address is somewhere")
        self.lab.sync()
        # Two bursts, each claim a commit of its host and one that says that it is up; the rest is what time gives.
        self.assertLess(self.lab.get("/v1/switches")["revision"] - before, 4 * 64 + 100)
