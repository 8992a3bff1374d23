"""`heddle cni` as container runtimes call it: by environment and standard input, many at once, killed midway."""

import concurrent.futures
import json
import os
import random
import subprocess
import unittest

from lab import HEDDLE, Primer

CONTAINERS = 24


class CNITest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        # By its name in a runtime's folder, and without arguments.
        cls.plugin = f"{cls.lab.state}/plugins/heddle"
        os.makedirs(os.path.dirname(cls.plugin))
        os.symlink(os.path.abspath(HEDDLE), cls.plugin)

    def configuration(self, **more):
        return {
            "cniVersion": "1.1.0", "name": "net1", "type": "heddle", "switch": "ls1", "central": self.lab.nb,
            "agent_socket": f"{self.lab.state}/hv1/agent.sock", "subnet": "172.16.255.0/24"} | more

    def start(self, command, container="", interface="eth0", **more):
        environment = {"PATH": os.environ["PATH"], "CNI_COMMAND": command, "CNI_PATH": os.path.dirname(self.plugin)}
        if container:
            environment |= {
                "CNI_CONTAINERID": container, "CNI_IFNAME": interface,
                "CNI_NETNS": f"/run/netns/{self.lab.name}-{container}"}
        process = subprocess.Popen(
            self.lab.inside("hv1", self.plugin), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment)
        process.stdin.write(json.dumps(self.configuration(**more)))
        process.stdin.close()
        return process

    def call(self, command, *arguments, status=0, **more):
        """The plugin's output, as JSON; `None` for nothing."""
        process = self.start(command, *arguments, **more)
        with process, process.stdout, process.stderr:
            text, complaint = process.stdout.read(), process.stderr.read()
        self.assertEqual((process.returncode, complaint), (status, ""), text)
        return json.loads(text) if text else None

    def container(self, number):
        name = f"pod{number}"
        self.lab.namespace(name)
        self.addCleanup(self.lab.remove_namespace, name)
        return name, {"runtimeConfig": {"ips": [f"172.16.255.{100 + number}/24"]}}

    def plugged(self):
        listed = json.loads(self.lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
        return [port["name"] for port in listed if port["name"].startswith("cni-")]

    def logical(self):
        return [port["name"] for port in self.lab.get("/v1/ports")["items"] if port["name"].startswith("cni-")]

    def test_containers_are_connected_checked_and_disconnected(self):
        first, first_wish = self.container(1)
        second, second_wish = self.container(2)
        more = {"gateway": "172.16.255.1", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "172.16.255.9"}]}
        result = self.call("ADD", first, **first_wish, **more)
        self.assertEqual(result["ips"], [{"interface": 0, "address": "172.16.255.101/24", "gateway": "172.16.255.1"}])
        self.assertEqual((result["interfaces"][0]["name"], result["interfaces"][0]["mtu"]), ("eth0", 1442))
        self.assertEqual(self.call("ADD", first, **first_wish, **more), result)
        self.call("ADD", second, **second_wish)
        self.assertEqual(len(self.lab.get("/v1/ports?label=cni.dev/chassis%3Dhv1")["items"]), 2)
        self.assertEqual(self.lab.ping(first, "172.16.255.102"), 3)
        self.assertEqual(self.lab.ping(first, self.lab.IP[2]), 3)
        routes = self.lab.ip(first, "route")
        self.assertIn("default via 172.16.255.1 dev eth0", routes)
        self.assertIn("10.9.0.0/16 via 172.16.255.9 dev eth0", routes)
        self.assertIsNone(self.call("CHECK", first, prevResult=result))
        self.lab.ip(first, "addr", "flush", "dev", "eth0")
        self.assertEqual(self.call("CHECK", first, prevResult=result, status=1)["code"], 101)
        for _ in range(2):
            self.assertIsNone(self.call("DEL", first))
        self.assertIsNone(self.call("DEL", second))
        self.assertEqual((self.plugged(), self.logical()), ([], []))

    def test_central_gives_addresses_of_the_switch(self):
        body = {"subnet": "172.17.0.0/24", "ipv6_prefix": "2001:db8::/64"}
        self.lab.curl(
            "/v1/switches/ls2", "-X", "PUT", "-H", "Content-Type: application/json", "-d", json.dumps(body),
            "--fail-with-body")
        names = [self.container(number)[0] for number in (5, 6)]
        results = [self.call("ADD", name, switch="ls2", subnet=None) for name in names]
        self.assertEqual(
            [result["ips"][0]["address"] for result in results], ["172.17.0.2/24", "172.17.0.3/24"])
        self.assertEqual(self.lab.ping(names[0], "172.17.0.3"), 3)
        self.assertEqual(self.lab.ping(names[0], results[1]["ips"][1]["address"].split("/")[0]), 3)
        for name, result in zip(names, results):
            self.assertEqual(self.call("ADD", name, switch="ls2", subnet=None), result)
            self.call("DEL", name)

    def test_a_named_port_is_taken_and_stays(self):
        name, _ = self.container(3)
        self.lab.logical_port("ls1", "ls1-pod", "02:ac:10:ff:00:66", "172.16.255.66")
        self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", "ls1-pod")
        result = self.call("ADD", name, port="ls1-pod", cniVersion="0.4.0")
        self.assertEqual(result["interfaces"][0]["mac"], "02:ac:10:ff:00:66")
        self.assertEqual(result["ips"], [{"version": "4", "interface": 0, "address": "172.16.255.66/24"}])
        self.assertEqual(self.lab.ping(name, self.lab.IP[1]), 3)
        self.call("DEL", name)
        self.assertEqual(self.plugged(), [])
        self.assertEqual(self.lab.get("/v1/ports/ls1-pod")["status"]["reason"], "not-plugged")

    def test_errors_have_the_codes_of_the_specification(self):
        self.assertEqual(self.call("VERSION")["supportedVersions"], ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
        self.assertIsNone(self.call("STATUS"))
        name, wish = self.container(4)
        for code, command, arguments, more in (
                (1, "ADD", (name,), {"cniVersion": "9.9.9"}), (2, "ADD", (name,), {"ipam": {"type": "host-local"}}),
                (3, "ADD", ("nobody",), wish), (4, "ADD", (), {}), (4, "ADD", (name, "a/b"), wish), (4, "JUMP", (), {}),
                (7, "ADD", (name,), {"switch": "ls9"}), (7, "ADD", (name,), {}), (7, "GC", (), {}),
                (11, "ADD", (name,), wish | {"agent_socket": "/nowhere.sock"}),
                (50, "STATUS", (), {"switch": "ls9"}), (50, "STATUS", (), {"agent_socket": "/nowhere.sock"})):
            error = self.call(command, *arguments, status=1, **more)
            self.assertEqual((error["code"], set(error)), (code, {"cniVersion", "code", "msg", "details"}), error)
        self.call("DEL", "nobody")
        self.call("DEL", name)
        self.assertEqual((self.plugged(), self.logical()), ([], []))

    def test_after_a_burst_with_kills_gc_leaves_what_is_valid_and_nothing_else(self):
        chance = random.Random(7)
        pods = [self.container(10 + number) for number in range(CONTAINERS)]

        def live(pod):
            name, wish = pod
            for command in "ADD", "DEL", "ADD":
                process = self.start(command, name, **wish)
                with process, process.stdout, process.stderr:
                    if chance.random() < 0.4:
                        try:
                            process.wait(chance.random() * 0.5)
                        except subprocess.TimeoutExpired:
                            process.kill()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(live, pods))
        kept, wish = pods[0]
        self.call("ADD", kept, **wish)
        valid = {"cni.dev/valid-attachments": [{"containerID": kept, "ifname": "eth0"}]}
        self.assertIsNone(self.call("GC", **valid))
        self.assertEqual((len(self.plugged()), len(self.logical())), (1, 1))
        self.assertEqual(self.lab.ping(kept, self.lab.IP[2]), 3)
        self.assertIsNone(self.call("GC", **{"cni.dev/valid-attachments": []}))
        self.assertEqual((self.plugged(), self.logical()), ([], []))
        links = json.loads(self.lab.ip("hv1", "-j", "link"))
        self.assertEqual([link["ifname"] for link in links if link["ifname"].startswith("hd_")], [])


if __name__ == "__main__":
    unittest.main()
