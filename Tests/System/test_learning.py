"""MACs behind ports with `unknown`: learnt from what they send, on every host, and kept over the ends of processes."""

import json
import os
import signal
import socket
import struct
import unittest

from lab import Primer, wait_until
from packets import checksum, mac, packet_socket, receive

BEHIND = "02:ac:10:ff:00:50"     # a guest of a guest's


def packet(source, target, number, mark=b"heddle"):
    """A UDP packet over IPv4 that says its number."""
    data = mark + struct.pack("!I", number)
    udp = struct.pack("!HHHH", 1000, 2000, 8 + len(data), 0) + data
    addresses = socket.inet_aton("172.16.255.200") + socket.inet_aton("172.16.255.201")
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + addresses
    header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
    return mac(target) + mac(source) + b"\x08\0" + header + udp


class LearningTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.vm(3, "hv1")
        lab.heddle("central", "nb", "lsp-set-port-security", "ls1-vm1")
        for port in ("ls1-vm2", "ls1-vm3"):
            lab.heddle("central", "nb", "lsp-set-port-security", port, "--", "lsp-set-addresses", port, "unknown")
        lab.wait_up("ls1-vm3")
        lab.sync()
        cls.sockets = {n: packet_socket(f"{lab.name}-vm{n}", f"vm{n}") for n in (1, 2, 3)}
        for opened in cls.sockets.values():
            cls.addClassCleanup(opened.close)
        cls.round = 0

    def numbers(self, vm, until):
        """The numbers of the packets that a VM got until one with the number `until`."""
        found = []

        def take(frame):
            if frame[42:48] != b"heddle" or frame[23] != 17:
                return None
            found.append(struct.unpack("!I", frame[48:52])[0])
            return found[-1] if found[-1] == until else None
        self.assertEqual(receive(self.sockets[vm], 1, take), [until], f"vm{vm}")
        return found[:-1]

    def who_gets(self, target, sender=1, source=None):
        """The other VMs that get ten packets to a MAC."""
        LearningTest.round += 1
        first = 1000 * self.round
        source = source or self.lab.MAC[sender]
        others = [vm for vm in (1, 2, 3) if vm != sender]
        for number in range(first, first + 10):
            self.sockets[sender].send(packet(source, target, number))
        # To all, and after them in the same queues.
        self.sockets[sender].send(packet(source, "ff:ff:ff:ff:ff:ff", first + 99))
        got = {vm: self.numbers(vm, first + 99) for vm in others}
        for vm in others:
            self.assertIn(got[vm], ([], list(range(first, first + 10))), f"vm{vm}")
        return [vm for vm in others if got[vm]]

    def macs(self, host):
        listed = json.loads(self.lab.heddle(host, "mac", "list", "-o", "json").stdout)["macs"]
        return {(entry["mac"], entry["logical_port"], entry["chassis"]) for entry in listed}

    def test_a_mac_is_learnt_moves_and_is_forgotten_and_processes_may_end(self):
        lab = self.lab
        self.assertEqual(self.who_gets(BEHIND), [2, 3])
        # It sends from vm2, on hv2, to all: so both hosts learn.
        self.who_gets(lab.MAC[1], sender=2, source=BEHIND)
        for host in ("hv1", "hv2"):
            self.assertIn((BEHIND, "ls1-vm2", "hv2"), self.macs(host))
        for _ in range(2):
            self.assertEqual(self.who_gets(BEHIND), [2])
        # A forwarder that was killed, and its successor; then an agent that finds it running.
        pid = lab.forwarder_pid("hv1")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: lab.forwarder_pid("hv1") != pid, "another forwarder runs")
        wait_until(
            lambda: json.loads(lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"][0]["state"] == "up",
            "it has the ports")
        self.assertEqual(self.who_gets(BEHIND), [2])
        lab.agents[1].kill()
        lab.agents[1] = lab.agent("hv1", 3)
        wait_until(lambda: (BEHIND, "ls1-vm2", "hv2") in self.macs("hv1"), "the next agent knows the MAC")
        # It moves to vm3, on hv1.
        self.who_gets(lab.MAC[1], sender=3, source=BEHIND)
        self.assertEqual(self.who_gets(BEHIND), [3])
        self.assertEqual(self.who_gets(BEHIND, sender=2, source=lab.MAC[2]), [3])
        # The addresses of ports are said by central, and nobody takes one over.
        self.who_gets("ff:ff:ff:ff:ff:fe", sender=3, source=lab.MAC[1])
        self.assertEqual(self.who_gets(lab.MAC[1], sender=2, source=lab.MAC[2]), [1])
        flushed = lab.heddle("hv1", "mac", "flush", "--mac", BEHIND).stdout
        self.assertEqual(flushed, "1 MAC forgotten\n")
        self.assertEqual(self.who_gets(BEHIND), [2, 3])
        refused = lab.heddle("hv1", "mac", "list", "--mac", "xy", check=False)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn("no MAC address", refused.stderr)


if __name__ == "__main__":
    unittest.main()
