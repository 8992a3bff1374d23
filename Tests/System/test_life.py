"""A platform's usual life, over and over: a port with an address from central is made, plugged, served by DHCP, begins to
move and is called off, moves, and is deleted. Nothing of it is left in central, in the agents, in the forwarders or in the
kernel. ROUNDS says how often."""

import http.client
import json
import os
import socket
import unittest

from lab import NETWORK, Primer, wait_until
from packets import Inside, mac, packet_socket, rarp

ROUNDS = int(os.environ.get("ROUNDS", "40"))
# The first rounds fill what is kept for later ones.
WARM_UP = 10


class CentralConnection(http.client.HTTPConnection):
    """A connection to central, which is made anew when central has answered many requests by it."""

    def __init__(self, namespace):
        super().__init__(f"{NETWORK}.2", 6641)
        self.namespace = namespace

    def connect(self):
        with Inside(self.namespace):
            super().connect()


class AgentConnection(http.client.HTTPConnection):
    """A connection to an agent's socket."""

    def __init__(self, path):
        super().__init__("agent")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class LifeTest(unittest.TestCase):
    def ask(self, connection, method, path, body=None):
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"} if content else {})
        response = connection.getresponse()
        text = response.read()
        self.assertLess(response.status, 300, text)
        return json.loads(text) if text else None

    def memory(self, pid):
        """Bytes of a process that are its own, in memory."""
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return 1024 * sum(int(line.split()[1]) for line in file if line.startswith("Private"))

    def state(self):
        """The descriptors of daemons, the devices of host and guest, and what central and agent list."""
        lab = self.lab
        pids = [lab.central_daemon.pid]
        for number in 1, 2:
            pids += [lab.agents[number].pid, lab.forwarder_pid(f"hv{number}")]
        return {
            "descriptors": [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids],
            "devices": [lab.ip(name, "-br", "link") for name in ("hv1", "hv2", "guest1", "guest2")],
            "namespaces": [name for name in os.listdir("/run/netns") if name.startswith(lab.name)],
            "ports": self.ask(self.central, "GET", "/v1/ports?switch=life")["items"],
            "bindings": len(self.ask(self.central, "GET", "/v1/southbound/port-bindings")["items"]),
            "plugged": [[port["name"] for port in self.ask(agent, "GET", "/v1/ports")["ports"]]
                        for agent in self.agents.values()],
        }, [self.memory(pid) for pid in pids]

    def live(self, number):
        lab, name = self.lab, f"life{number}"
        port = self.ask(self.central, "POST", "/v1/ports", {
            "name": name, "switch": "life", "addresses": ["dynamic"], "port_security": ["dynamic"],
            "dhcpv4_options": "life"})
        own, address = port["status"]["dynamic_addresses"].split()
        self.plug(1, name, own)
        wait_until(lambda: self.status(name)["up"], f"{name} is up")
        said = lab.on("guest1", "udhcpc", "-i", name, "-f", "-q", "-n", "-t", "20", "-T", "1", "-s", "/bin/true").stderr
        self.assertIn(f"lease of {address} obtained", said)
        self.begin_move(name, own)
        self.ask(self.central, "POST", f"/v1/ports/{name}/migration/abort")
        self.unplug(2, name)
        wait_until(lambda: not self.status(name).get("standby"), f"{name} stays")
        self.begin_move(name, own)
        with packet_socket(f"{lab.name}-guest2", name) as guest:
            guest.send(rarp(mac(own)))
        wait_until(lambda: self.status(name)["chassis"] == "hv2", f"{name} has moved")
        self.ask(self.central, "POST", f"/v1/ports/{name}/migration/complete")
        for number in 1, 2:
            self.unplug(number, name)
        self.ask(self.central, "DELETE", f"/v1/ports/{name}")

    def status(self, name):
        return self.ask(self.central, "GET", f"/v1/ports/{name}")["status"]

    def plug(self, number, name, own):
        self.ask(self.agents[number], "PUT", f"/v1/ports/{name}", {
            "logical_port": name, "netns": f"{self.lab.name}-guest{number}", "mac": own})

    def unplug(self, number, name):
        self.ask(self.agents[number], "DELETE", f"/v1/ports/{name}")

    def begin_move(self, name, own):
        self.ask(self.central, "POST", f"/v1/ports/{name}/migration", {"target": "hv2"})
        self.plug(2, name, own)
        wait_until(
            lambda: self.ask(self.central, "GET", f"/v1/ports/{name}/migration")["state"] == "ready",
            f"{name} can move")

    def test_nothing_is_left_of_many_lives(self):
        with Primer() as self.lab:
            lab = self.lab
            for name in "guest1", "guest2":
                lab.namespace(name)
            self.central = CentralConnection(f"{lab.name}-central")
            self.agents = {number: AgentConnection(f"{lab.state}/hv{number}/agent.sock") for number in (1, 2)}
            for connection in self.central, *self.agents.values():
                self.addCleanup(connection.close)
            self.ask(self.central, "POST", "/v1/switches", {"name": "life", "subnet": "10.7.0.0/24"})
            options = {"server_id": "10.7.0.1", "lease_time": "60"}
            self.ask(self.central, "POST", "/v1/dhcp-options", {
                "name": "life", "cidr": "10.7.0.0/24", "options": options})
            for number in range(WARM_UP):
                self.live(number)
            lab.sync()
            before, memory = self.state()
            for number in range(WARM_UP, WARM_UP + ROUNDS):
                self.live(number)
            lab.sync()
            wait_until(lambda: self.state()[0] == before, "all is as before")
            # Central keeps a past of bounded length; a round may cost it no more than what that holds of a round.
            growth = [after - own for own, after in zip(memory, self.state()[1])]
            for limit, own in zip((64 << 10, *[16 << 10] * 4), growth):
                self.assertLess(own, (4 << 20) + limit * ROUNDS, growth)
            print(f"{ROUNDS} lives; bytes more of central, agents and forwarders: {growth}", flush=True)


if __name__ == "__main__":
    unittest.main()
