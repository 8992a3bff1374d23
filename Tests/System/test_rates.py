"""Limits of what guests send (`qos_max_rate` and its kin)."""

import json
import os
import signal
import time
import unittest

from lab import Primer, wait_until
from packets import mac, packet_socket

# Sends datagrams of 1,000 octets as fast as they are taken.
FLOOD = """
import socket, sys
print("listening", flush=True)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        sender.sendto(bytes(1000), (sys.argv[1], 5005))
    except OSError:
        pass
"""
FRAME = 1042        # octets of such a frame
RATE = 8_000_000    # bits a second
SECONDS = 1.5


class RateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        wait_until(lambda: cls.lab.ping("vm1", cls.lab.IP[2], count=1), "vm2 answers")

    def limit(self, *options):
        self.lab.heddle("central", "nb", "--wait=hv", "lsp-set-options", "ls1-vm1", *options)

    def arrived(self):
        """The frames that vm2 was given so far, by their octets: what comes close together comes in one piece."""
        told = json.loads(self.lab.on("vm2", "ip", "-s", "-j", "link", "show", "vm2").stdout)
        return told[0]["stats64"]["rx"]["bytes"] / FRAME

    def rate(self):
        """The frames a second that arrive of a flood."""
        flood = self.lab.listener("vm1", FLOOD, self.lab.IP[2])
        try:
            # The burst after a pause is not measured.
            start = self.arrived()
            wait_until(lambda: self.arrived() > start + 100, "the flood arrives")
            begun, first = time.monotonic(), self.arrived()
            time.sleep(SECONDS)
            last, ended = self.arrived(), time.monotonic()
            return (last - first) / (ended - begun)
        finally:
            flood.kill()
            flood.communicate()

    def test_marks_reach_the_other_host(self):
        match = 'inport == "ls1-vm1" && icmp4'
        self.addCleanup(self.lab.heddle, "central", "nb", "qos-del", "ls1")
        self.lab.heddle("central", "nb", "--wait=hv", "qos-add", "ls1", "from-lport", "100", match, "dscp=46")
        with packet_socket(f"{self.lab.name}-vm2", "vm2") as receiver:
            receiver.settimeout(10)
            self.assertEqual(self.lab.ping("vm1", self.lab.IP[2], count=1), 1)
            while True:
                frame = receiver.recv(2048)
                if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 8:
                    break
            self.assertEqual(frame[15], 46 << 2)
        listed = self.lab.heddle("central", "nb", "qos-list", "ls1").stdout
        self.assertEqual(listed, f"from-lport   100 ({match}) dscp=46\n")

    def test_a_storm_is_dropped_and_all_else_passes(self):
        self.addCleanup(self.limit)
        self.limit("max_broadcast_packet_rate=1")
        sender = packet_socket(f"{self.lab.name}-vm1", "vm1")
        self.addCleanup(sender.close)
        network = bytes.fromhex("45000014000100004011") + bytes(2) + bytes([172, 16, 255, 11, 172, 16, 255, 255])
        for _ in range(100):
            sender.send(b"\xff" * 6 + mac(self.lab.MAC[1]) + b"\x08\x00" + network.ljust(50, b"\0"))

        def dropped():
            listed = json.loads(self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)
            return listed["ports"][0]["statistics"]["drops"].get("storm_limit", 0)
        wait_until(lambda: dropped() >= 50, "the storm is dropped")
        self.assertEqual(self.lab.ping("vm1", self.lab.IP[2]), 3)

    def test_a_guest_sends_what_it_may_and_waits_for_the_rest(self):
        self.addCleanup(self.limit)
        self.limit(f"qos_max_rate={RATE}")
        # A batch more, and what a slow reader of counters adds.
        self.assertLess(self.rate(), 1.2 * RATE / 8 / FRAME)
        self.assertGreater(self.rate(), 0.5 * RATE / 8 / FRAME)
        self.limit("qos_max_packet_rate=2000")
        self.assertLess(self.rate(), 2400)
        self.assertGreater(self.rate(), 1000)
        # Nothing of it is told as dropped: it never left the guest.
        self.assertNotIn("limit", self.lab.heddle("hv1", "port", "stats", "tap1", check=False).stdout)
        former = self.lab.forwarder_pid("hv1")
        os.kill(former, signal.SIGKILL)
        wait_until(lambda: self.lab.forwarder_pid("hv1") != former, "hv1 has another forwarder")
        self.lab.wait_up("ls1-vm1")
        wait_until(lambda: self.lab.ping("vm1", self.lab.IP[2], count=1), "vm2 answers again")
        self.assertLess(self.rate(), 2400)
        self.limit()
        self.assertGreater(self.rate(), 3 * RATE / 8 / FRAME)

    def test_what_cannot_be_kept_is_refused_with_the_remedy(self):
        for option, told in ((("qos_min_rate=1000000"), "qos_max_rate"), ("qos_max_rate=10M", "whole number"),
                             ("qos_burst=1000", "set both"), ("qos_max_rate=1", "64000")):
            refused = self.lab.heddle("central", "nb", "lsp-set-options", "ls1-vm1", option, check=False)
            self.assertNotEqual(refused.returncode, 0, option)
            self.assertIn(told, refused.stderr)
