"""`heddle trace` beside the frames themselves: what it says of one is what becomes of it."""

import json
import re
import socket
import struct
import unittest

from lab import Primer, wait_until
from packets import checksum, mac, packet_socket, receive


class TraceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.guest = packet_socket(f"{cls.lab.name}-vm1", "vm1")
        cls.addClassCleanup(cls.guest.close)

    def trace(self, flow):
        return json.loads(self.lab.heddle("central", "trace", "ls1", f"inport=ls1-vm1 {flow}", "-o", "json").stdout)

    def datagram(self, target_mac, source_mac=None):
        """A UDP datagram from vm1 to vm2's address."""
        lab = self.lab
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 7, 0, 64, 17, 0,
                             socket.inet_aton(lab.IP[1]), socket.inet_aton(lab.IP[2]))
        header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
        return (mac(target_mac) + mac(source_mac or lab.MAC[1]) + b"\x08\0" + header
                + struct.pack("!HHHH", 4000, 5000, 8, 0))

    def drops(self, reason):
        """The number of frames of vm1 were dropped for the reason."""
        line = re.search("(?m)^vm1 .*$", self.lab.heddle("hv1", "port", "list", "--stats").stdout).group()
        found = re.search(rf"\b{reason}=(\d+)", line)
        return int(found.group(1)) if found else 0

    def assert_dropped(self, frame, flow, reason):
        report = self.trace(flow)
        self.assertEqual((report["drop_reason"], report["delivered_to"]), (reason, []))
        before = self.drops(reason)
        self.guest.send(frame)
        wait_until(lambda: self.drops(reason) > before, f"the frame is dropped for {reason}")

    def test_a_frame_that_is_delivered_to_another_host(self):
        lab = self.lab
        report = self.trace(f"eth.dst={lab.MAC[2]} ip.dst={lab.IP[2]} udp.src=4000 udp.dst=5000")
        self.assertEqual(report["delivered_to"], ["ls1-vm2"])
        self.assertEqual([host["chassis"] for host in report["hosts"]], ["hv1", "hv2"])
        other = packet_socket(f"{lab.name}-vm2", "vm2")
        self.addCleanup(other.close)
        frame = self.datagram(lab.MAC[2])
        self.guest.send(frame)
        self.assertEqual(receive(other, 1, lambda found: found if found == frame else None), [frame])
        text = lab.heddle("central", "trace", "ls1", f"inport=ls1-vm1 eth.dst={lab.MAC[2]} ip.dst={lab.IP[2]}").stdout
        self.assertIn("-> hv2 at 10.127.0.4 (VNI 1, keys 1 to 2)", text)
        self.assertTrue(text.endswith("\ndelivered to ls1-vm2\n"), text)

    def test_frames_that_go_nowhere(self):
        lab, forged = self.lab, "02:ac:10:ff:00:99"
        flow = f"ip.dst={lab.IP[2]} udp.src=4000 udp.dst=5000"
        self.assert_dropped(self.datagram(lab.MAC[2], forged), f"eth.src={forged} eth.dst={lab.MAC[2]} {flow}",
                            "ingress_port_security")
        self.assert_dropped(self.datagram(forged), f"eth.dst={forged} {flow}", "unknown_destination")

    def test_a_request_that_is_answered_on_the_host(self):
        lab = self.lab
        report = self.trace(f"arp.tpa={lab.IP[2]}")
        self.assertTrue(report["answered"])
        told = report["hosts"][0]["outputs"][0]["mac"]
        self.guest.send(b"\xff" * 6 + mac(lab.MAC[1]) + b"\x08\x06" + struct.pack(
            "!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac(lab.MAC[1]), socket.inet_aton(lab.IP[1]), bytes(6),
            socket.inet_aton(lab.IP[2])))
        answers = receive(self.guest, 1, lambda found: found[22:28] if found[12:14] == b"\x08\x06"
                          and found[20:22] == b"\0\x02" and found[28:32] == socket.inet_aton(lab.IP[2]) else None)
        self.assertEqual(answers, [mac(told)])

    def test_a_port_that_is_nowhere_and_fields_that_cannot_be(self):
        lab = self.lab
        lab.heddle("central", "nb", "lsp-add", "ls1", "ls1-vm9")
        text = lab.heddle("central", "trace", "ls1", "inport=ls1-vm9", "eth.src=02:00:00:00:00:09",
                          f"eth.dst={lab.MAC[1]}").stdout
        self.assertIn("ls1-vm9 on no host", text)
        self.assertIn("dropped: port_not_bound", text)
        refused = lab.heddle("central", "trace", "ls1", "inport=ls1-vm1 eth.dst=x", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is not a MAC address", refused.stderr)
