"""Ports go only to hosts that can do what they need, as a plain HTTP agent sees it; DHCP options on the command line."""

import json
import os
import subprocess
import unittest

from lab import HEDDLE
from test_http import Central

BASIC = ["chassis", "datapath_binding", "port_binding"]
JSON = ("-H", "Content-Type: application/json")


class FeatureTest(unittest.TestCase):
    def setUp(self):
        self.central = self.enterContext(Central())
        self.seq = 0

    def sync(self, features):
        """One sync of a host that has vm1 plugged in; its answer."""
        self.seq += 1
        body = {"chassis_id": "c", "boot_id": "b", "seq": self.seq, "features": features, "since": 0, "applied": 0,
                "wait": 0, "encaps": [{"type": "geneve", "ip": "10.9.0.1"}],
                "ports": [{"logical_port": "vm1", "interface": "tap0", "claim": 1, "up": False}]}
        text = self.central.ask(self.central.southbound + "/v1/chassis/hv1/sync", "-f", *JSON, "-d", json.dumps(body))
        return json.loads(text)

    def status(self):
        return json.loads(self.central.curl("/v1/ports/vm1"))["status"]

    def nb(self, *words, status=0):
        done = subprocess.run([HEDDLE, "nb", *words], env=os.environ | {"HEDDLE_NB": self.central.northbound},
                              text=True, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def test_a_host_gets_a_port_when_its_agent_has_all_features_that_the_port_needs(self):
        self.nb("ls-add", "net", "--", "lsp-add", "net", "vm1")
        self.sync(BASIC)
        self.assertEqual(self.status()["chassis"], "hv1")

        uuid = self.nb("dhcp-options-create", "10.0.0.0/24", "server_id=10.0.0.1", "lease_time=3600").strip()
        self.assertEqual(self.nb("dhcp-options-list"), f"{uuid} (dhcp-10.0.0.0-24)\n")
        self.nb("lsp-set-dhcpv4-options", "vm1", uuid)
        self.assertEqual(self.nb("lsp-get-dhcpv4-options", "vm1"), "dhcp-10.0.0.0-24\n")
        lacking = {"chassis": "hv1", "reason": "unsupported-by-chassis", "lacks": ["port_binding.dhcpv4_options"]}
        self.assertEqual(self.status()["waiting"], [lacking])
        self.assertEqual((self.status()["chassis"], self.status()["reason"]), (None, "unsupported-by-chassis"))
        self.sync(BASIC)
        self.assertEqual(self.status()["waiting"], [lacking])

        self.sync([*BASIC, "dhcp_responder", "port_binding.dhcpv4_options"])
        self.assertEqual(self.status()["chassis"], "hv1")
        told = {change["kind"]: change["object"] for change in self.sync(
            [*BASIC, "dhcp_responder", "port_binding.dhcpv4_options"])["changes"]}
        self.assertEqual(told["port_binding"]["dhcpv4_options"], uuid)
        self.assertEqual(told["dhcp_responder"], {
            "id": uuid, "cidr": "10.0.0.0/24", "server_id": "10.0.0.1", "server_mac": "0e:64:0a:00:00:01",
            "lease_time": 3600, "options": "0104ffffff00"})

        self.assertIn("in use by the port \"vm1\"", self.nb("dhcp-options-del", uuid, status=1))
        self.nb("dhcp-options-set-options", uuid, "server_id=10.0.0.1", "lease_time=60", "mtu=1400")
        self.assertEqual(self.nb("dhcp-options-get-options", uuid), "lease_time=60\nmtu=1400\nserver_id=10.0.0.1\n")
        self.nb("lsp-set-dhcpv4-options", "vm1", "--", "dhcp-options-del", uuid)
        self.assertEqual(self.nb("dhcp-options-list"), "")


if __name__ == "__main__":
    unittest.main()
