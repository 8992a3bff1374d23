"""ACLs between guests on two hosts: a scan meets what is open, and a change holds at once."""

import unittest

from lab import Primer

# Asks all ports at once; a guest refuses one that nobody listens to, so that an answer tells what has passed.
SCAN = """
import errno, selectors, socket, sys, time
selector = selectors.DefaultSelector()
answered, end = [], time.monotonic() + 1
for port in range(1000, 1032):
    probe = socket.socket()
    probe.setblocking(False)
    if probe.connect_ex((sys.argv[1], port)) == errno.ECONNREFUSED:
        answered.append(port)
    else:
        selector.register(probe, selectors.EVENT_WRITE, port)
while len(answered) < 32 and time.monotonic() < end:
    for key, _ in selector.select(end - time.monotonic()):
        if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED:
            answered.append(key.data)
        selector.unregister(key.fileobj)
print(*sorted(answered))
"""
EVERY = [str(port) for port in range(1000, 1032)]


class ACLTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())

    def nb(self, *words):
        return self.lab.heddle("central", "nb", "--wait=hv", *words).stdout

    def scan(self):
        return self.lab.on("vm1", "/usr/bin/python3", "-c", SCAN, self.lab.IP[2]).stdout.split()

    def test_a_scan_meets_only_what_acls_let_pass_and_each_change_holds_at_once(self):
        self.assertEqual(self.scan(), EVERY)
        some = "outport == @web && tcp.dst == {1003, 1007}"
        self.nb("pg-add", "web", "ls1-vm2", "--", "acl-add", "web", "to-lport", "900", "outport == @web && ip", "drop",
                "--", "acl-add", "web", "to-lport", "1000", some, "allow")
        self.assertEqual(self.scan(), ["1003", "1007"])
        self.assertEqual(self.nb("acl-list", "web"), f"  to-lport  1000 ({some}) allow\n"
                         "  to-lport   900 (outport == @web && ip) drop\n")
        text = self.lab.heddle(
            "central", "trace", "ls1", f"inport=ls1-vm1 eth.dst={self.lab.MAC[2]} ip.dst={self.lab.IP[2]} "
            "tcp.src=4000 tcp.dst=1004").stdout
        self.assertRegex(text, "ls_out_acl_eval +ls1-vm2 +drop: acl by web-to-lport-900-[0-9a-f]{8}\n")
        self.assertIn("\ndropped: acl\n", text)
        stats = self.lab.heddle("hv2", "port", "list", "--stats").stdout
        self.assertRegex(stats, r"\bacl=\d+")

        # Kept flows end with what has allowed them, and with a membership.
        self.nb("acl-del", "web", "to-lport", "1000", some)
        self.assertEqual(self.scan(), [])
        self.nb("pg-set-ports", "web")
        self.assertEqual(self.scan(), EVERY)
        # On the sender's side.
        self.nb("acl-add", "ls1", "from-lport", "5", 'inport == "ls1-vm1" && tcp.dst > 1015', "drop")
        self.assertEqual(self.scan(), EVERY[:16])
        self.nb("acl-del", "ls1")
        self.assertEqual(self.scan(), EVERY)


if __name__ == "__main__":
    unittest.main()
