"""Mirrors: copies to another port of the host, and to a collector by GRE and ERSPAN, as tshark reads them."""

import subprocess
import unittest

from lab import Primer, wait_until
from packets import mac, packet_socket, receive


class MirrorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.lab.host("collector", 9)
        cls.lab.vm(3, "hv1")
        cls.lab.wait_up("ls1-vm3")
        cls.guest = packet_socket(f"{cls.lab.name}-vm1", "vm1")
        cls.addClassCleanup(cls.guest.close)

    def nb(self, *arguments, check=True):
        return self.lab.heddle("central", "nb", *arguments, check=check)

    def attach(self, name, *mirror, only=None):
        """Has all frames of vm1 copied to a mirror, or those that the match is true of."""
        rules = ["mirror-rule-add", name, "2", only, "mirror", "--", "mirror-rule-add", name, "1", "1", "skip",
                 "--"] if only else []
        self.nb("mirror-add", name, *mirror, "--", *rules, "lsp-attach-mirror", "ls1-vm1", name)
        self.addCleanup(self.nb, "lsp-detach-mirror", "ls1-vm1", name, "--", "mirror-del", name)
        self.lab.sync()

    def frame(self, mark):
        return mac(self.lab.MAC[2]) + mac(self.lab.MAC[1]) + b"\x88\xb5" + bytes([mark]) * 46

    def test_a_port_of_the_host_gets_copies(self):
        monitor = packet_socket(f"{self.lab.name}-vm3", "vm3")
        self.addCleanup(monitor.close)
        self.attach("m-port", "lport", "both", "ls1-vm3")
        sent = self.frame(1)
        self.guest.send(sent)
        self.assertEqual(receive(monitor, 1, lambda found: found if found == sent else None), [sent])
        self.assertEqual(self.lab.ping("vm1", self.lab.IP[2], count=1), 1)
        answer = mac(self.lab.MAC[1]) + mac(self.lab.MAC[2]) + b"\x08\0"
        self.assertEqual(
            len(receive(monitor, 1, lambda found: found if found.startswith(answer) and found[23] == 1 else None)), 1)
        self.nb("mirror-rule-add", "m-port", "5", "eth.type == 0x88b5", "skip")
        self.lab.sync()
        self.guest.send(self.frame(3))
        self.assertEqual(self.lab.ping("vm1", self.lab.IP[2], count=1), 1)
        copies = receive(monitor, 2, lambda found: found if found[12:14] == b"\x88\xb5" or found[23] == 1 else None)
        self.assertEqual([found[12:14] for found in copies], [b"\x08\0", b"\x08\0"])
        self.assertIn("copied to ls1-vm3 (mirror m-port, what ls1-vm1 sends)", self.lab.heddle(
            "central", "trace", "ls1", f"inport=ls1-vm1 eth.dst={self.lab.MAC[2]} ip.dst={self.lab.IP[2]}").stdout)

    def collect(self, name, *mirror):
        """The fields of the first copy at the collector, by tshark."""
        process = subprocess.Popen(
            self.lab.inside("collector", "tshark", "-n", "-l", "-i", "ul", "-f", "proto gre", "-c", "1", "-T", "fields",
                            "-e", "gre.key", "-e", "gre.proto", "-e", "erspan.spanid", "-e", "eth.src", "-e", "ip.src",
                            "-e", "eth.type"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lab.processes.append(process)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        for line in process.stderr:
            if "Capturing" in line:
                break
        self.attach(name, *mirror, only="eth.type == 0x88b5")

        def is_there():
            self.guest.send(self.frame(2))
            return process.poll() is not None
        wait_until(is_there, "the collector has a copy")
        return process.stdout.read().rstrip("\n").split("\t")

    def test_a_collector_gets_copies_in_gre(self):
        key, protocol, _, source, sender, kind = self.collect("m-gre", "gre", "7", "from-lport", "10.127.0.9")
        self.assertEqual((int(key, 16), int(protocol, 16), sender), (7, 0x6558, "10.127.0.3"))
        self.assertIn(self.lab.MAC[1], source)
        self.assertTrue(kind.endswith("0x88b5"))

    def test_a_collector_gets_copies_in_erspan(self):
        _, protocol, session, source, _, kind = self.collect("m-span", "erspan", "5", "from-lport", "10.127.0.9")
        self.assertEqual((int(protocol, 16), session), (0x88BE, "5"))
        self.assertIn(self.lab.MAC[1], source)
        self.assertTrue(kind.endswith("0x88b5"))

    def test_what_cannot_be_is_told(self):
        self.attach("m-used", "lport", "both", "ls1-vm3")
        self.assertIn("in use", self.nb("mirror-del", "m-used", check=False).stderr)
        self.assertIn("already attached", self.nb("lsp-attach-mirror", "ls1-vm1", "m-used", check=False).stderr)
        self.assertIn("m-used:\n  Type     :  lport\n", self.nb("mirror-list").stdout)


if __name__ == "__main__":
    unittest.main()
