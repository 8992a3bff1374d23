"""Topologies of as many objects as there may be: applied, changed, half refused and pruned."""

import json
import os
import subprocess
import tempfile
import unittest

from lab import HEDDLE
from test_http import Central

COUNT = 10_000
SWITCHES = 20


def topology():
    ports = []
    for index in range(COUNT - SWITCHES):
        high, low = divmod(index, 256)
        ports.append({"name": f"p{index}", "switch": f"s{index % SWITCHES}",
                      "addresses": [f"02:00:00:00:{high:02x}:{low:02x} 10.0.{high}.{low}"]})
    return {"switches": [{"name": f"s{index}"} for index in range(SWITCHES)], "ports": ports}


class TopologyTest(unittest.TestCase):
    def put(self, central, document, query=""):
        """The status and the document of an answer, which is held against the contract."""
        text = central.curl("/v1/topologies/big" + query, "--max-time", "120", "-X", "PUT", "--data-binary", "@-",
                            "-H", "Content-Type: application/json", "-w", "\n%{http_code}", input=json.dumps(document))
        body, _, status = text.rpartition("\n")
        return int(status), json.loads(body)

    def heddle(self, central, *arguments, check=True):
        done = subprocess.run([HEDDLE, *arguments], env=os.environ | {"HEDDLE_NB": central.northbound}, text=True,
                              capture_output=True, timeout=300, check=False)
        self.assertTrue(not check or done.returncode == 0, done.stderr[-2000:])
        return done

    def test_ten_thousand_objects_are_applied_changed_half_refused_and_pruned(self):
        document = topology()
        with Central() as central:
            status, first = self.put(central, document)
            self.assertEqual((status, len(first["plan"]), first["revision"]), (200, COUNT, 1))
            status, again = self.put(central, document)
            self.assertEqual((status, again["plan"], again["unchanged"], again["revision"]), (200, [], COUNT, 1))
            tag = central.curl("/v1/topologies/big", "-I").lower().partition("etag: ")[2].split()[0]

            for index in range(0, 1000, 2):
                document["ports"][index]["enabled"] = False
            status, plan = self.put(central, document, "?dry_run=true")
            self.assertEqual((status, len(plan["plan"]), plan["revision"]), (200, 500, 1))
            status, plan = self.put(central, document)
            self.assertEqual((status, len(plan["plan"]), plan["revision"]), (200, 500, 2))
            late = central.curl("/v1/topologies/big", "-X", "PUT", "-H", "Content-Type: application/json", "-H",
                                f"If-Match: {tag}", "-d", "{}", "-w", "\n%{http_code}").rpartition("\n")
            self.assertEqual((late[2], json.loads(late[0])["code"]), ("412", "precondition_failed"))

            bad = json.loads(json.dumps(document))
            bad["ports"].append({"name": "one-more", "switch": "s0"})
            status, problem = self.put(central, bad)
            self.assertEqual((status, problem["code"], problem["pointer"]), (422, "limit_exceeded", "/ports"))
            bad["ports"].pop()
            for port in bad["ports"]:
                port["enabled"] = True
            bad["ports"][-1]["addresses"] = ["nonsense"]
            status, problem = self.put(central, bad)
            self.assertEqual((status, problem["pointer"]), (422, f"/ports/{COUNT - SWITCHES - 1}/addresses/0"))
            for index in range(0, COUNT - SWITCHES, 2):
                bad["ports"][index]["switch"] = "nowhere"
            status, problem = self.put(central, bad)
            self.assertEqual((status, problem["pointer"], len(problem["errors"])), (422, "/ports/0/switch", 100))
            status, plan = self.put(central, document, "?dry_run=true")
            self.assertEqual((plan["plan"], plan["revision"]), ([], 2), "nothing was changed by what was refused")

            document["ports"] = document["ports"][::2]
            status, plan = self.put(central, document)
            self.assertEqual((status, plan["plan"]), (200, []))
            status, problem = self.put(central, document, "?prune=true")
            self.assertEqual((status, problem["code"]), (409, "deletions_unconfirmed"))
            status, plan = self.put(central, document, f"?prune=true&confirm_deletes={(COUNT - SWITCHES) // 2}")
            self.assertEqual((status, len(plan["plan"])), (200, (COUNT - SWITCHES) // 2))
            self.assertEqual({step["op"] for step in plan["plan"]}, {"delete"})
            self.assertEqual(len(json.loads(central.curl("/v1/topologies/big"))["ports"]), len(document["ports"]))

    def test_heddle_applies_and_exports_ten_thousand_objects(self):
        with Central() as central, tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/big.json"
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"owner": "big", **topology()}, file)
            self.heddle(central, "apply", "-f", path)
            revision = json.loads(central.curl("/v1/topologies"))["items"][0]["revision"]
            self.heddle(central, "apply", "-f", path)
            exported = self.heddle(central, "export", "--owner", "big").stdout
            with open(f"{folder}/exported.yaml", "w", encoding="utf-8") as file:
                file.write(exported)
            self.heddle(central, "apply", "-f", file.name, "--prune")
            owner = json.loads(central.curl("/v1/topologies"))["items"][0]
            self.assertEqual(owner, {"owner": "big", "revision": revision, "switches": SWITCHES, "port_groups": 0,
                                     "address_sets": 0, "acls": 0, "qos_rules": 0, "dhcp_options": 0, "dns_records": 0, "mirrors": 0,
                                     "ports": COUNT - SWITCHES})


if __name__ == "__main__":
    unittest.main()
