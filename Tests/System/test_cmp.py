"""The CMP's client of deploy/ against real hosts: everything that it does, over the contract alone."""

import json
import os
import subprocess
import unittest

from lab import ROOT, Primer, wait_until

CMP = os.path.join(ROOT, "deploy/cmp.py")
TOPOLOGY = {
    "switches": [{"name": "shop", "labels": {"tier": "front"}}],
    "ports": [{"name": f"shop-{number}", "switch": "shop", "addresses": [f"02:00:00:00:01:0{number}"]}
              for number in (1, 2)],
}


class CMPTest(unittest.TestCase):
    def test_it_lists_watches_reconciles_creates_moves_and_deletes(self):
        with Primer() as lab:
            def cmp(*arguments, check=True, **keywords):
                done = subprocess.run(
                    lab.inside("central", "/usr/bin/python3", CMP, *arguments), env=lab.environment("central"),
                    capture_output=True, text=True, timeout=90, check=False, **keywords)
                if check:
                    self.assertEqual(done.returncode, 0, done.stderr)
                    return json.loads(done.stdout)
                return done

            ports = cmp("list", "ports", "--filter", "switch=ls1", "--filter", "up=true")
            self.assertEqual([port["name"] for port in ports], ["ls1-vm1", "ls1-vm2"])
            self.assertEqual([item["status"]["live"] for item in cmp("list", "chassis")], [True, True])

            seen = f"{lab.state}/watch"
            with open(seen, "wb") as output:
                watcher = subprocess.Popen(
                    lab.inside("central", "/usr/bin/python3", CMP, "watch"), env=lab.environment("central"),
                    stdout=output, stderr=output, stdin=subprocess.DEVNULL)
            lab.processes.append(watcher)

            def watched(op, name, **status):
                with open(seen, encoding="utf-8") as file:
                    lines = [json.loads(line) for line in file.read().splitlines(keepends=True) if line.endswith("\n")]
                return any(
                    line["op"] == op and line["name"] == name
                    and status.items() <= (line["status"] or {}).items() for line in lines)

            wait_until(lambda: watched("put", "ls1-vm1", up=True), "the watch shows what is there")

            plan = cmp("reconcile", "shop", "-", input=json.dumps(TOPOLOGY))
            self.assertEqual([step["op"] for step in plan["plan"]], ["create"] * 3)
            self.assertEqual(cmp("reconcile", "shop", "-", input=json.dumps(TOPOLOGY))["plan"], [])
            self.assertEqual(lab.get("/v1/topologies/shop")["switches"][0]["labels"], {"tier": "front"})
            wait_until(lambda: watched("put", "shop-2"), "the watch shows a topology's port")
            empty = {"switches": [], "ports": []}
            plan = cmp("reconcile", "shop", "-", input=json.dumps(empty))
            self.assertEqual([step["op"] for step in plan["plan"]], ["delete"] * 3)
            wait_until(lambda: watched("delete", "shop-2"), "the watch shows its deletion")

            cmp("create", "ls1", "ls1-vm3", lab.MAC[3], lab.IP[3], "--chassis", "hv1")
            clash = cmp("create", "ls1", "ls1-vm4", lab.MAC[3], check=False)
            self.assertEqual(clash.returncode, 1)
            self.assertIn("ls1-vm3", clash.stderr)
            lab.plug_vm(3, "hv1")
            self.assertEqual(cmp("wait", "ls1-vm3", "--chassis", "hv1")["status"]["reason"], None)
            lab.sync()
            self.assertEqual(lab.ping("vm3", lab.IP[2]), 3)

            cmp("move", "ls1-vm3", "hv2")
            late = cmp("wait", "ls1-vm3", "--chassis", "hv2", "--timeout", "1", check=False)
            self.assertIn("requested-elsewhere", late.stderr)
            lab.heddle("hv1", "port", "del", "vm3")
            lab.remove_namespace("vm3")
            lab.plug_vm(3, "hv2")
            self.assertEqual(cmp("wait", "ls1-vm3", "--chassis", "hv2")["status"]["chassis"], "hv2")
            lab.sync()
            self.assertEqual(lab.ping("vm3", lab.IP[1]), 3)
            wait_until(lambda: watched("put", "ls1-vm3", up=True, chassis="hv2"), "the watch shows the move")

            self.assertEqual(cmp("delete", "ls1-vm3"), {"pending": []})
            self.assertEqual(cmp("delete", "ls1-vm3"), {"pending": []})
            self.assertEqual(lab.ping("vm3", lab.IP[1], count=2), 0)
            wait_until(lambda: watched("delete", "ls1-vm3"), "the watch shows the deletion")

            audit = lab.get("/v1/audit?limit=1000")["items"]
            moved = [item for item in audit if {"op": "put", "kind": "logical_switch_port", "name": "ls1-vm3"}.items()
                     <= (item["changes"] or [{}])[0].items()]
            self.assertTrue(any(item["author"] == "chassis/hv2" for item in moved))
            self.assertTrue(any((item["source"] or "").startswith("10.127.0.2:") for item in moved))
            metrics = lab.on("central", "curl", "-sS", lab.nb + "/metrics").stdout
            self.assertIn('heddle_chassis{state="live"} 2', metrics)
            self.assertRegex(metrics, r'heddle_http_requests_total\{route="/v1/ports",method="POST",code="201"\} \d')


if __name__ == "__main__":
    unittest.main()
