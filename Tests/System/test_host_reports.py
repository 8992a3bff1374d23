"""Counters and the like, which hosts alone know: central asks them when a user asks central, and commits nothing."""

import concurrent.futures
import json
import os
import re
import signal
import unittest

from lab import Primer, wait_until


class HostReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer(secure=True))

    def problem(self, path):
        answer = json.loads(self.lab.curl(path).stdout)
        return answer.get("status"), answer.get("code")

    def statistics(self, vm):
        return self.lab.get(f"/v1/ports/ls1-vm{vm}/statistics")

    def revision(self):
        return self.lab.get("/v1/switches")["revision"]

    def test_counters_are_those_of_the_host(self):
        before, revision = self.statistics(1), self.revision()
        self.assertEqual((before["port"], before["chassis"], before["state"]), ("ls1-vm1", "hv1", "up"))
        self.assertEqual(self.lab.ping("vm1", self.lab.IP[2], 5), 5)
        after = self.statistics(1)["statistics"]
        self.assertGreaterEqual(after["rx_frames"] - before["statistics"]["rx_frames"], 5)
        self.assertGreaterEqual(after["tx_frames"] - before["statistics"]["tx_frames"], 5)
        listed = json.loads(self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)["ports"]
        own = next(port for port in listed if port["logical_port"] == "ls1-vm1")["statistics"]
        self.assertEqual(set(own), set(after))
        self.assertGreaterEqual(own["rx_frames"], after["rx_frames"])
        host = self.lab.get("/v1/chassis/hv2/statistics")
        self.assertEqual((host["chassis"], [port["logical_port"] for port in host["ports"]]), ("hv2", ["ls1-vm2"]))
        status = self.lab.get("/v1/chassis/hv1/status")
        self.assertEqual((status["chassis"], status["ports"]), ("hv1", {"plugged": 1, "up": 1}))
        self.assertEqual(self.lab.get("/v1/chassis/hv1/macs?switch=ls1"), {"chassis": "hv1", "macs": []})
        self.assertEqual(self.lab.get("/v1/chassis/hv1/acls"), {"chassis": "hv1", "acls": []})
        self.assertEqual(self.revision(), revision, "looking is no commit")

    def test_many_ask_at_once(self):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            asked = [f"/v1/{what}/statistics" for what in ("ports/ls1-vm1", "ports/ls1-vm2", "chassis/hv1")] * 20
            answers = list(pool.map(self.lab.get, asked))
        self.assertTrue(all("statistics" in answer or answer["ports"] for answer in answers))

    def test_whom_nobody_can_ask(self):
        self.lab.logical_port("ls1", "ls1-nowhere", "02:ac:10:ff:00:77", "172.16.255.77")
        self.assertEqual(self.problem("/v1/ports/ls1-nowhere/statistics"), (409, "port_not_bound"))
        self.assertEqual(self.problem("/v1/ports/ls1-vm9/statistics"), (404, "not_found"))
        self.assertEqual(self.problem("/v1/chassis/hv9/statistics"), (404, "not_found"))
        agent = self.lab.agents[2].pid
        os.kill(agent, signal.SIGSTOP)
        try:
            self.assertEqual(self.problem("/v1/ports/ls1-vm2/statistics"), (504, "host_unreachable"))
        finally:
            os.kill(agent, signal.SIGCONT)
        wait_until(lambda: self.problem("/v1/ports/ls1-vm2/statistics")[1] is None, "hv2 replies again")

    def test_an_outsider_is_told_nothing(self):
        refused = json.loads(self.lab.curl("/v1/ports/ls1-vm1/statistics", token="").stdout)
        self.assertEqual(refused["status"], 401)

    def test_a_stream_tells_again_and_again(self):
        # Cut by curl after three seconds.
        done = self.lab.curl("/v1/ports/ls1-vm1/statistics", "-N", "-H", "Accept: text/event-stream", "--max-time",
                             "3", check=False)
        events = re.findall(r"^event: statistics\ndata: (.*)$", done.stdout, re.MULTILINE)
        self.assertGreaterEqual(len(events), 2)
        self.assertTrue(all(json.loads(event)["port"] == "ls1-vm1" for event in events))


if __name__ == "__main__":
    unittest.main()
