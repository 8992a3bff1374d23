"""The OVN primer on three hosts, step by step, and what its commands print."""

import re
import unittest

from lab import Primer, wait_until

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PrimerTest(unittest.TestCase):
    def test_the_primer_from_the_first_switch_to_a_move(self):
        with Primer() as lab:
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            self.assertEqual(lab.ping("vm2", lab.IP[1]), 3)

            shown = UUID.sub("UUID", lab.heddle("central", "nb", "show").stdout)
            self.assertEqual(shown, (
                "switch UUID (ls1)\n"
                "    port ls1-vm1\n"
                '        addresses: ["02:ac:10:ff:00:11 172.16.255.11"]\n'
                "    port ls1-vm2\n"
                '        addresses: ["02:ac:10:ff:00:22 172.16.255.22"]\n'))
            shown = re.sub("hostname: .*", "hostname: HOST", lab.heddle("central", "sb", "show").stdout)
            self.assertEqual(shown, (
                "Chassis hv1\n    hostname: HOST\n    Encap geneve\n"
                '        ip: "10.127.0.3"\n    Port_Binding ls1-vm1\n'
                "Chassis hv2\n    hostname: HOST\n    Encap geneve\n"
                '        ip: "10.127.0.4"\n    Port_Binding ls1-vm2\n'))

            lab.vm(3, "hv1")
            lab.wait_up("ls1-vm3")
            lab.sync()
            self.assertEqual(lab.ping("vm3", lab.IP[1]), 3)
            self.assertEqual(lab.ping("vm3", lab.IP[2]), 3)

            lab.heddle("hv1", "port", "del", "vm3")
            lab.remove_namespace("vm3")
            self.assertNotIn("vm3", lab.heddle("hv1", "port", "list").stdout)
            lab.plug_vm(3, "hv2")
            lab.wait_up("ls1-vm3")
            lab.sync()
            self.assertEqual(lab.get("/v1/ports/ls1-vm3")["status"]["chassis"], "hv2")
            self.assertEqual(lab.ping("vm3", lab.IP[1]), 3)
            self.assertEqual(lab.ping("vm3", lab.IP[2]), 3)

            lab.heddle("central", "nb", "ls-del", "ls1")
            lab.sync()
            self.assertEqual(lab.heddle("central", "nb", "show").stdout, "")
            self.assertEqual(lab.ping("vm1", lab.IP[2], count=2), 0)

    def test_the_inner_mtu_is_what_the_underlay_leaves(self):
        with Primer() as lab:
            self.assertIn("mtu 1442", lab.ip("vm1", "link", "show", "vm1"))
            size = 1442 - 28
            done = lab.on("vm1", "ping", "-M", "do", "-s", str(size), "-c", "2", "-i", "0.1", lab.IP[2])
            self.assertIn("2 received", done.stdout)
            # A guest that raises its MTU is told, not black-holed.
            lab.ip("vm1", "link", "set", "vm1", "mtu", "1500")
            done = lab.on(
                "vm1", "ping", "-M", "do", "-s", str(size + 1), "-c", "2", "-i", "0.1", "-W", "1", lab.IP[2],
                check=False)
            self.assertRegex(done.stdout, r"mtu ?= ?1442")

    def test_a_guest_that_lies_about_its_address_is_dropped_and_counted(self):
        with Primer() as lab:
            lab.ip("vm1", "addr", "add", "172.16.255.99/24", "dev", "vm1")
            done = lab.on(
                "vm1", "ping", "-I", "172.16.255.99", "-c", "2", "-i", "0.1", "-W", "1", lab.IP[2], check=False)
            self.assertIn(" 0 received", done.stdout)
            statistics = lab.heddle("hv1", "port", "list", "--stats").stdout
            self.assertRegex(statistics, r"(?i)ingress.?port.?security")

            def each_frame_has_one_fate():
                counters = lab.heddle("hv1", "port", "stats", "vm1").stdout
                self.assertRegex(counters, r"(?m)^vm1 +dropped +ingress_port_security +[1-9]")
                received, = re.findall(r"(?m)^vm1 +received +- +(\d+) ", counters)
                fates = re.findall(r"(?m)^vm1 +(?:forwarded|answered|dropped) +\S+ +(\d+) ", counters)
                return int(received) == sum(map(int, fates))
            wait_until(each_frame_has_one_fate, "what became of each frame that vm1 sent is counted")

    def test_a_disabled_port_is_cut_and_comes_back(self):
        with Primer() as lab:
            lab.heddle("central", "nb", "--wait=hv", "lsp-set-enabled", "ls1-vm2", "disabled")
            self.assertEqual(lab.ping("vm1", lab.IP[2], count=2), 0)
            lab.heddle("central", "nb", "--wait=hv", "lsp-set-enabled", "ls1-vm2", "enabled")
            wait_until(lambda: lab.ping("vm1", lab.IP[2], count=1), "vm2 answers again")

    def test_two_switches_with_the_same_addresses_do_not_meet(self):
        with Primer() as lab:
            lab.heddle("central", "nb", "ls-add", "ls2")
            for number, host in ((1, "hv1"), (2, "hv2")):
                lab.logical_port("ls2", f"ls2-vm{number}", lab.MAC[number], lab.IP[number])
                lab.plug(
                    host, f"other{number}", f"ls2-vm{number}", lab.MAC[number], f"{lab.IP[number]}/24")
            lab.wait_up("ls2-vm1", "ls2-vm2")
            lab.sync()
            self.assertEqual(lab.ping("other1", lab.IP[2]), 3)
            lab.heddle("hv2", "port", "del", "other2")
            lab.sync()
            self.assertEqual(lab.ping("other1", lab.IP[2], count=2), 0)
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)


if __name__ == "__main__":
    unittest.main()
