"""Requests of the command line and the agents, and their answers, compared with openapi.yaml by a relay before central."""

import json
import os
import subprocess
import sys
import unittest

from lab import NETWORK, Primer, wait_until

FOLDER = os.path.dirname(os.path.abspath(__file__))
# The operations that they are known to use.
USED = {
    "applyTopology", "createToken", "getChassis", "getPort", "getRealization", "getSwitch", "listChassis",
    "listPortBindings", "listPorts", "listSwitchPorts", "listSwitches", "listTokens", "sync", "transact"}
TOPOLOGY = """
owner: shop
switches:
  - name: shop
    ports:
      - name: shop-p1
        addresses: ["02:00:00:00:00:01 10.0.0.1"]
"""


class Relayed(Primer):
    """The primer's lab, whose clients all go through relays."""

    def central(self, *arguments):
        self.nb, self.sb = f"http://{NETWORK}.2:6641", f"http://{NETWORK}.2:6642"
        daemon = super().central(*arguments)
        self.log = f"{self.state}/relay"
        for port in 6641, 6642:
            relay = subprocess.Popen(
                self.inside("central", sys.executable, f"{FOLDER}/relay.py", f"{NETWORK}.2:{port + 10}",
                            f"{NETWORK}.2:{port}", self.log), stdout=subprocess.PIPE, text=True)
            self.processes.append(relay)
            with relay.stdout:
                assert relay.stdout.readline() == "listening\n"
        self.nb, self.sb = f"http://{NETWORK}.2:6651", f"http://{NETWORK}.2:6652"
        return daemon

    def exchanges(self):
        with open(self.log, encoding="utf-8") as file:
            return [json.loads(line) for line in file.read().split("\n")[:-1]]


class ClientTest(unittest.TestCase):
    def test_clients_keep_to_the_contract_and_are_answered_by_it(self):
        with Relayed() as lab:
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            lab.vm(3, "hv1")
            lab.wait_up("ls1-vm3")
            lab.heddle("hv1", "port", "del", "vm3")
            topology = f"{lab.state}/topology.yaml"
            with open(topology, "w", encoding="utf-8") as file:
                file.write(TOPOLOGY)
            for words in (
                    "nb show", "nb ls-list", "nb lsp-list ls1", "nb lsp-get-addresses ls1-vm1", "nb lsp-get-up ls1-vm1",
                    "nb lsp-set-port-security ls1-vm1", "nb --may-exist ls-add ls1 -- lsp-add ls1 p9", "nb lsp-del p9",
                    "nb --if-exists ls-del nowhere", "nb --wait=hv sync", "sb show", f"apply -f {topology} --dry-run",
                    f"apply -f {topology}", f"apply -f {topology} --prune", "export", "get switches", "get ports -o wide",
                    "get chassis -o json", "get port ls1-vm1 -o yaml", "describe port ls1-vm1", "describe switch ls1",
                    "describe chassis hv1", "delete port ls1-vm3", "token list", "token create --role viewer"):
                lab.heddle("central", *words.split())
            for words in "get port nowhere", "nb ls-del nowhere", "delete port nowhere", "nb ls-add ls1":
                self.assertEqual(lab.heddle("central", *words.split(), check=False).returncode, 1)
            lab.agents[2].kill()
            lab.agents[2] = lab.agent("hv2", 4)
            wait_until(lambda: sum(one["operation"] == "sync" for one in lab.exchanges()) > 20, "agents have synced")
            exchanges = lab.exchanges()
        self.assertEqual([one["wrong"] for one in exchanges if one["wrong"]], [])
        self.assertLessEqual(USED, {one["operation"] for one in exchanges})


if __name__ == "__main__":
    unittest.main()
