"""The host's memory that one guest can pin while nobody takes its frames: octets in the queues of its port."""

import contextlib
import json
import os
import signal
import unittest

from lab import Lab

BOUND = 16 << 20
# Superpackets of 44 datagrams, as long as a TAP of this MTU gets them.
FLOOD = """
import socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.setsockopt(socket.SOL_UDP, 103, 1400)             # UDP_SEGMENT
sender.connect((sys.argv[1], 9))
for _ in range(1000):
    sender.send(bytes(44 * 1400))
"""


class QueueMemoryTest(unittest.TestCase):
    def link(self, lab, vm):
        return json.loads(lab.ip(vm, "-j", "-d", "-s", "link", "show", vm))[0]

    def test_a_guest_pins_no_more_than_its_port_may_hold(self):
        with Lab() as lab:
            lab.host("hv1", 3)
            lab.central()
            lab.agent("hv1", 3, "--queues", "1")
            lab.heddle("central", "nb", "ls-add", "ls1")
            for number in (1, 2):
                mac, address = f"02:ac:10:ff:00:{number}{number}", f"172.16.255.{number}{number}"
                lab.logical_port("ls1", f"ls1-vm{number}", mac, address)
                lab.plug("hv1", f"vm{number}", f"ls1-vm{number}", mac, f"{address}/24")
            lab.wait_up("ls1-vm1", "ls1-vm2")
            self.assertEqual(lab.ping("vm1", "172.16.255.22"), 3)
            link = self.link(lab, "vm1")
            self.assertLessEqual(link["txqlen"] * link["gso_max_size"] * link["num_tx_queues"], BOUND)

            forwarder = lab.forwarder_pid("hv1")
            with contextlib.ExitStack() as stack:
                os.kill(forwarder, signal.SIGSTOP)
                stack.callback(os.kill, forwarder, signal.SIGCONT)
                before = link["stats64"]["tx"]["dropped"]
                lab.on("vm1", "python3", "-c", FLOOD, "172.16.255.22")
                # Frames for which the queue has no room are dropped at once, and counted.
                held = 1000 - (self.link(lab, "vm1")["stats64"]["tx"]["dropped"] - before)
                # A few of its neighbour solicitations may be there, too.
                self.assertIn(held, range(link["txqlen"] - 16, link["txqlen"] + 1))
                self.assertLessEqual(held * 44 * 1400, BOUND)
            self.assertEqual(lab.ping("vm1", "172.16.255.22"), 3)

            # More memory bridges a longer pause.
            refused = lab.heddle("hv1", "agent", "--central", lab.sb, "--encap-ip", "10.127.0.3", "--queue-memory", "0",
                                 check=False)
            self.assertEqual(refused.returncode, 2)
            self.assertIn("--queue-memory takes 1 to 1024 MiB, not 0", refused.stderr)


if __name__ == "__main__":
    unittest.main()
