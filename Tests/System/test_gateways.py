"""A switch that one host joins to a physical network, for all: the others reach it through tunnels."""

import unittest

from lab import Lab, wait_until
from packets import mac, packet_socket, receive

MARK = b"\x88\xb5"


class Gateway(Lab):
    """ls1 with vm1 on hv1 and vm2 on hv2, and its gateway on hv3, which has no guest; hv1 has the wire, too."""

    MAC = {1: "02:ac:10:ff:00:11", 2: "02:ac:10:ff:00:22"}
    IP = {1: "172.16.255.11", 2: "172.16.255.22", "plain": "172.16.255.99"}

    def __enter__(self):
        super().__enter__()
        try:
            self.ip("ul", "link", "add", "wire", "type", "bridge", "forward_delay", "0", "stp_state", "0",
                    "mcast_snooping", "0")
            self.ip("ul", "link", "set", "wire", "up")
            for name, octet in ("hv1", 3), ("hv2", 4), ("hv3", 5):
                self.host(name, octet)
            self.namespace("plain")
            for name in "hv1", "hv3", "plain":
                self.join(name)
            self.ip("plain", "addr", "add", f"{self.IP['plain']}/24", "dev", "eth1")
            self.central()
            self.agent("hv1", 3, "--physical-network", "physnet1=eth1")
            self.agent("hv2", 4)
            self.agent("hv3", 5, "--physical-network", "physnet1=eth1")
            self.heddle("central", "nb", "ls-add", "ls1", "--", "lsp-add", "ls1", "gw1", "--", "lsp-set-type", "gw1",
                        "l2gateway", "--", "lsp-set-addresses", "gw1", "unknown")
            self.place("hv3")
            for number, host in (1, "hv1"), (2, "hv2"):
                self.logical_port("ls1", f"ls1-vm{number}", self.MAC[number], self.IP[number], security=False)
                self.plug(host, f"vm{number}", f"ls1-vm{number}", self.MAC[number], f"{self.IP[number]}/24")
            self.wait_up("ls1-vm1", "ls1-vm2", "gw1")
            self.sync()
        except BaseException:
            self.__exit__(AssertionError)
            raise
        return self

    def join(self, name):
        """Gives a host the device eth1, on the wire."""
        self.ip("ul", "link", "add", f"w{name}", "type", "veth", "peer", "name", "eth1", "netns", f"{self.name}-{name}")
        self.ip("ul", "link", "set", f"w{name}", "master", "wire", "up")
        self.ip(name, "link", "set", "eth1", "up")

    def place(self, host):
        self.heddle("central", "nb", "lsp-set-options", "gw1", "network_name=physnet1", f"l2gateway-chassis={host}")


class GatewayTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Gateway())

    def opened(self, namespace, device):
        opened = packet_socket(f"{self.lab.name}-{namespace}", device)
        self.addCleanup(opened.close)
        return opened

    def wait_ping(self, source, address):
        wait_until(lambda: self.lab.ping(source, address, count=1) == 1, f"{source} reaches {address}", 20)

    def everybody_hears_once(self):
        """Each frame for all comes once to each, and to its sender not at all; one for the network to nobody else."""
        devices = {"vm1": "vm1", "vm2": "vm2", "plain": "eth1"}
        addresses = {"vm1": mac(self.lab.MAC[1]), "vm2": mac(self.lab.MAC[2]), "plain": b"\x02\xac\x10\xff\0\x99"}
        sockets = {name: self.opened(name, device) for name, device in devices.items()}
        for sender in devices:
            others = [name for name in devices if name != sender]
            for to, receivers in (b"\xff" * 6, others), (addresses["plain"], ["plain"] if sender != "plain" else []):
                start = to + addresses[sender] + MARK
                frames = [start + bytes([number]) * 46 for number in range(20)]
                # The last one for all shows that no more is to come.
                last = b"\xff" * 6 + addresses[sender] + MARK + (b"\xff" + to * 8)[:46]
                for frame in [*frames, last]:
                    sockets[sender].send(frame)
                for name in others:
                    got = []
                    receive(sockets[name], 1, lambda found: got.append(found) or (found if found == last else None))
                    wanted = [*frames, last] if name in receivers else [last]
                    self.assertEqual([frame for frame in got if frame[12:14] == MARK], wanted, (sender, name))
            back = [frame for frame in self.received(sockets[sender]) if frame[6:12] == addresses[sender]]
            self.assertEqual([frame for frame in back if frame[12:14] == MARK], [], sender)

    def received(self, opened):
        """The frames that others have sent to a device so far."""
        opened.setblocking(False)
        found = []
        try:
            while True:
                frame, address = opened.recvfrom(1 << 17)
                if address[2] != 4:     # PACKET_OUTGOING
                    found.append(frame)
        except BlockingIOError:
            return found
        finally:
            opened.setblocking(True)

    def test_one_host_joins_the_wire_for_all_and_another_can_take_over(self):
        lab = self.lab
        for host in "hv3", "hv1", "hv3":
            lab.place(host)
            wait_until(lambda: lab.get("/v1/ports/gw1")["status"]["chassis"] == host, f"{host} has the port")
            lab.wait_up("gw1")
            lab.sync()
            for source, target in ("vm1", "plain"), ("vm2", "plain"), ("plain", 1), ("plain", 2), ("vm1", 2):
                self.wait_ping(source, lab.IP[target])
                self.assertEqual(lab.ping(source, lab.IP[target]), 3, (host, source, target))
            self.everybody_hears_once()
        self.assertIn("gw1/eth1", lab.heddle("hv3", "port", "list").stdout)
        self.assertNotIn("gw1/eth1", lab.heddle("hv1", "port", "list").stdout)
        # Neither process that ends takes the wire away.
        lab.kill_forwarder(f"{lab.state}/hv3/forwarder")
        self.wait_ping("vm1", lab.IP["plain"])

    def test_a_host_without_the_network_does_not_get_it_and_one_without_the_device_waits(self):
        lab = self.lab
        self.addCleanup(lab.wait_up, "gw1")
        self.addCleanup(lab.place, "hv3")
        lab.place("hv2")
        status = lab.get("/v1/ports/gw1")["status"]
        self.assertEqual((status["chassis"], status["reason"]), (None, "no-physical-network"))
        self.assertEqual(
            status["waiting"], [{"chassis": "hv2", "reason": "no-physical-network", "lacks": ["physnet1"]}])
        self.assertIn("heddle agent --physical-network physnet1=DEVICE",
                      lab.heddle("central", "describe", "port", "gw1").stdout)
        self.assertEqual(lab.ping("vm1", lab.IP["plain"], count=1), 0)
        lab.place("hv3")
        lab.wait_up("gw1")
        lab.ip("hv3", "link", "del", "eth1")
        wait_until(lambda: lab.get("/v1/ports/gw1")["status"]["up"] is False, "the missing device is told")
        lab.join("hv3")
        lab.wait_up("gw1")
        self.wait_ping("vm2", lab.IP["plain"])
