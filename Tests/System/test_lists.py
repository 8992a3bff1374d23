"""Filters, selectors, orders and deletions of many by the command line, and ports whose names are UUIDs of clients."""

import json
import os
import subprocess
import unittest

from lab import HEDDLE, Primer
from test_http import Central

NEUTRON = "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7"
COUNT = 6000
SETS = """owner: shop
switches:
  - name: shop
    ports: [{name: shop-1}, {name: shop-2}]
"""


class ListTest(unittest.TestCase):
    def heddle(self, central, *arguments, status=0, **options):
        done = subprocess.run([HEDDLE, *arguments], env=os.environ | {"HEDDLE_NB": central.northbound}, text=True,
                              capture_output=True, timeout=120, check=False, **options)
        self.assertEqual(done.returncode, status, done.stdout[-500:] + done.stderr[-2000:])
        return done.stderr if status else done.stdout

    def names(self, central, *arguments):
        text = self.heddle(central, "get", "ports", "-o", "name", *arguments)
        return [line.partition("/")[2] for line in text.split()]

    def make(self, central):
        ops = [{"op": "create", "path": "/v1/switches", "body": {"name": "ls1"}}]
        for index in range(COUNT):
            high, low = divmod(index, 256)
            ops.append({"op": "create", "path": "/v1/ports", "body": {
                "name": f"p{index:04}", "switch": "ls1", "labels": {"tenant": f"t{index % 10}"},
                "addresses": [f"02:00:00:00:{high:02x}:{low:02x} 10.0.{high}.{low}"]}})
        central.curl("/v1/transactions", "-X", "POST", "--data-binary", "@-", "-H", "Content-Type: application/json",
                     input=json.dumps({"ops": ops}))

    def test_lists_are_filtered_ordered_and_deleted_from(self):
        with Central() as central:
            self.make(central)
            every = [f"p{index:04}" for index in range(COUNT)]
            self.assertEqual(self.names(central, "--order", "-name"), every[::-1])
            self.assertEqual(self.names(central, "--sort-by=created", "-l", "tenant in (t1,t2),!x"),
                             [name for name in every if name[-1] in "12"])
            self.assertEqual(self.names(central, "--filter", "name=p59*", "--filter", "name!=p590*"), every[5910:])
            self.assertEqual(self.names(central, "--filter", "ip=10.0.3.0/24", "-l", "tenant!=t0", "--order", "-name"),
                             [name for name in every[768:1024] if name[-1] != "0"][::-1])
            self.assertEqual(self.names(central, "--filter", "chassis=*"), [])
            for status, *wrong in (
                    (2, "-l", "tenant=t*"), (1, "--filter", "ip=10.0.0.1/24"), (1, "--filter", "name=*a"),
                    (2, "--order", "x"), (2, "--filter", "colour=red"), (2, "-l", "tenant in (a")):
                self.assertTrue(self.heddle(central, "get", "ports", *wrong, status=status), wrong)
            refusal = self.heddle(central, "delete", "ports", "-l", "tenant=t7", status=1)
            self.assertIn(f"confirm_deletes={COUNT // 10}", refusal)
            self.heddle(central, "delete", "ports", status=2)
            gone = self.heddle(central, "delete", "ports", "-l", "tenant=t7", "--confirm-deletes", f"{COUNT // 10}")
            self.assertEqual(len(gone.split("\n")) - 1, COUNT // 10)
            self.assertEqual(self.names(central, "-l", "tenant=t7"), [])
            self.assertEqual(len(self.names(central)), COUNT * 9 // 10)
            self.heddle(central, "apply", "-f", "-", input=SETS)
            self.assertEqual(sorted(self.heddle(central, "delete", "topology", "shop").split("\n")),
                             ["", "port shop-1 deleted", "port shop-2 deleted", "switch shop deleted"])
            self.heddle(central, "delete", "topology", "shop", status=1)
            self.assertEqual(self.heddle(central, "delete", "topology", "shop", "--if-exists"), "")
            links = json.loads(central.curl("/v1"))["links"]
            self.assertEqual(links["ports"], "/v1/ports")


class NamedByUUIDTest(unittest.TestCase):
    def test_a_port_with_a_uuid_of_neutron_carries_traffic(self):
        with Primer() as lab:
            lab.logical_port("ls1", NEUTRON, lab.MAC[3], lab.IP[3])
            lab.plug("hv2", "vm3", NEUTRON, lab.MAC[3], f"{lab.IP[3]}/24")
            lab.wait_up(NEUTRON)
            self.assertEqual(lab.ping("vm1", lab.IP[3]), 3)
            port = json.loads(lab.heddle("central", "get", "port", NEUTRON, "-o", "json").stdout)
            self.assertEqual((port["name"], port["status"]["chassis"]), (NEUTRON, "hv2"))
            self.assertNotEqual(port["id"], NEUTRON)
            # Its id is another way to it.
            lab.heddle("central", "delete", "port", port["id"])
            self.assertEqual(lab.heddle("central", "get", "port", NEUTRON, check=False).returncode, 1)


if __name__ == "__main__":
    unittest.main()
