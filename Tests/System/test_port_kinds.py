"""Ports of every kind: a container's veth, and a TAP that a VMM opens, beside TAPs that Heddle makes."""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import time
import unittest

from lab import HEDDLE, NETWORK, ROOT, Primer, wait_until
from packets import Inside, checksum, mac, packet_socket, receive
from test_superpackets import RECEIVE, SEND

TUNSETIFF, TAP, NO_PI, VNET_HDR, MULTI_QUEUE = 0x400454CA, 0x2, 0x1000, 0x4000, 0x100


class VMM:
    """A program that opens a TAP as QEMU does, with a guest that can do no more than ARP and ping."""

    def __init__(self, namespace, device, queues=1):
        self.queues = []
        flags = TAP | NO_PI | VNET_HDR | (MULTI_QUEUE if queues > 1 else 0)
        with Inside(namespace):
            for _ in range(queues):
                queue = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(queue, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
                self.queues.append(queue)

    def end(self):
        while self.queues:
            os.close(self.queues.pop())

    def ping(self, source, target, seconds=10):
        """True if an echo request is answered; each of both is (MAC, IP)."""
        echo = struct.pack("!BBHHH", 8, 0, 0, 77, 1) + b"heddle"
        echo = echo[:2] + struct.pack("!H", ~checksum(echo) & 0xFFFF) + echo[4:]
        addresses = socket.inet_aton(source[1]) + socket.inet_aton(target[1])
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(echo), 0, 0, 64, 1, 0) + addresses
        header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
        frame = mac(target[0]) + mac(source[0]) + b"\x08\0" + header + echo
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            os.write(self.queues[-1], bytes(10) + frame)
            for queue in select.select(self.queues, [], [], 0.1)[0]:
                answer = os.read(queue, 1 << 17)[10:]
                if answer[12:14] == b"\x08\0" and answer[34:35] == b"\0" and answer[:6] == mac(source[0]):
                    return True
        return False


class PortKindTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())

    def setUp(self):
        self.address = {4: ("02:ac:10:ff:00:44", "172.16.255.44"), 5: ("02:ac:10:ff:00:55", "172.16.255.55")}

    def port(self, name):
        listed = json.loads(self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)
        return next((port for port in listed["ports"] if port["name"] == name), None)

    def wait_state(self, name, state):
        wait_until(lambda: self.port(name)["state"] == state, f"{name} is {state}")

    def container(self, number=4):
        """A container on hv1, c4, with a veth port; gone after the test."""
        name = f"c{number}"
        self.lab.namespace(name)
        self.addCleanup(self.lab.remove_namespace, name)
        self.lab.logical_port("ls1", f"ls1-{name}", *self.address[number])
        self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", f"ls1-{name}")
        self.addCleanup(self.lab.heddle, "hv1", "port", "del", name, "--if-exists")
        self.plug(number)
        self.lab.wait_up(f"ls1-{name}")
        self.lab.sync()

    def plug(self, number=4):
        mac, address = self.address[number]
        return self.lab.heddle(
            "hv1", "port", "add", f"c{number}", "--logical-port", f"ls1-c{number}", "--device", "veth", "--netns",
            f"{self.lab.name}-c{number}", "--interface", "eth0", "--mac", mac, "--address", f"{address}/24")

    def links(self, host):
        return [link["ifname"] for link in json.loads(self.lab.ip(host, "-j", "link"))]

    # -- a container's veth -------------------------------------------------------------------------------

    def test_a_container_is_reached_over_veth_and_its_streams_arrive_as_they_were_sent(self):
        self.container()
        self.assertEqual(self.plug().stdout, "c4: up\n")
        self.assertEqual(self.lab.ping("c4", self.lab.IP[2]), 3)
        self.assertEqual(self.lab.ping("vm1", "172.16.255.44"), 3)
        for source, target, address in ("c4", "vm2", self.lab.IP[2]), ("vm2", "c4", "172.16.255.44"):
            receiving = self.lab.listener(target, RECEIVE, address)
            sent = self.lab.on(source, "python3", "-c", SEND, address, "20").stdout.strip()
            self.assertEqual(receiving.stdout.read().strip(), sent)
            receiving.stdout.close()
            receiving.wait(60)
        port = self.port("c4")
        self.assertEqual((port["device"], port["mtu"], port["statistics"]["singly_sent_frames"]), ("veth", 1442, 0))
        self.assertFalse({"malformed_frame", "malformed_offload", "vlan_tagged"} & port["statistics"]["drops"].keys())
        self.lab.heddle("hv1", "port", "del", "c4")
        self.assertNotIn("hd-c4", self.links("hv1"))
        self.assertEqual(self.links("c4"), ["lo"])

    def test_the_host_neither_answers_its_container_nor_speaks_to_it(self):
        self.container()
        host = json.loads(self.lab.ip("hv1", "-j", "link", "show", "hd-c4"))[0]["address"]
        listener = packet_socket(f"{self.lab.name}-c4", "eth0")
        self.addCleanup(listener.close)
        # The host's own address, by the MAC of its end of the pair, and by ARP.
        self.lab.ip("c4", "route", "add", f"{NETWORK}.3", "dev", "eth0")
        self.lab.ip("c4", "neigh", "add", f"{NETWORK}.3", "lladdr", host, "dev", "eth0")
        self.assertEqual(self.lab.ping("c4", f"{NETWORK}.3", count=2), 0)
        self.lab.ip("c4", "neigh", "del", f"{NETWORK}.3", "dev", "eth0")
        self.assertEqual(self.lab.ping("c4", f"{NETWORK}.3", count=2), 0)
        self.lab.on("hv1", "ping", "-c", "1", "-W", "1", "-I", "hd-c4", "172.16.255.44", check=False)
        said = receive(listener, 1, lambda frame: frame if frame[6:12] == mac(host) else None, seconds=0)
        self.assertEqual(said, [])
        self.assertEqual(json.loads(self.lab.ip("hv1", "-j", "addr", "show", "hd-c4"))[0]["addr_info"], [])

    def test_a_tagged_frame_of_a_container_is_dropped_with_its_reason(self):
        self.container()
        self.lab.ping("c4", self.lab.IP[2], count=1)
        sender = packet_socket(f"{self.lab.name}-c4", "eth0")
        self.addCleanup(sender.close)
        before = self.port("c4")["statistics"]["rx_bytes"]
        sender.send(mac(self.lab.MAC[2]) + mac(self.address[4][0]) + bytes.fromhex("81000007") + b"\x08\0" + bytes(60))
        wait_until(lambda: self.port("c4")["statistics"]["drops"].get("vlan_tagged") == 1, "the frame is dropped")
        self.assertGreaterEqual(self.port("c4")["statistics"]["rx_bytes"] - before, 78)

    def test_agent_and_forwarder_end_and_the_container_stays_connected(self):
        self.container()
        stream = self.lab.pings("c4", self.lab.IP[2], 200)
        os.kill(self.lab.forwarder_pid("hv1"), signal.SIGKILL)
        # The next one has the descriptor; until then only the agent has it.
        wait_until(lambda: self.lab.ping("vm1", "172.16.255.44", count=1), "the next forwarder carries packets")
        self.restart_agent()
        # No more than the batch that the forwarder had in hand.
        self.assertLessEqual(stream.lost(), 2)
        # Nobody holds the descriptor any more.
        self.lab.agents[1].kill()
        os.kill(self.lab.forwarder_pid("hv1"), signal.SIGKILL)
        self.restart_agent()
        self.assertEqual(self.lab.ping("c4", self.lab.IP[1]), 3)

    def restart_agent(self):
        self.lab.agents[1].kill()
        self.lab.agents[1] = self.lab.agent("hv1", 3)
        self.wait_state("c4", "up")

    def test_a_container_that_ends_takes_its_pair_along_and_can_come_back(self):
        self.container()
        self.lab.remove_namespace("c4")
        self.wait_state("c4", "failed")
        self.assertIn("gone", self.port("c4")["detail"])
        self.lab.namespace("c4")
        self.assertIn("c4: ", self.plug().stdout)
        self.wait_state("c4", "up")
        self.assertEqual(self.lab.ping("c4", self.lab.IP[2]), 3)

    # -- a VMM's TAP --------------------------------------------------------------------------------------

    def existing(self, interface="tap5"):
        self.lab.logical_port("ls1", "ls1-vm5", *self.address[5])
        self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", "ls1-vm5")
        self.addCleanup(self.lab.heddle, "hv1", "port", "del", "vm5", "--if-exists")
        return self.lab.heddle(
            "hv1", "port", "add", "vm5", "--logical-port", "ls1-vm5", "--device", "existing", "--interface", interface,
            check=False)

    def vmm(self, queues=1):
        vmm = VMM(f"{self.lab.name}-hv1", "tap5", queues)
        self.addCleanup(vmm.end)
        return vmm

    def test_a_tap_is_waited_for_goes_with_its_vmm_and_comes_back(self):
        self.assertIn("pending: there is no interface tap5 yet; it is waited for", self.existing().stdout)
        for queues in 1, 2:
            vmm = self.vmm(queues)
            self.wait_state("vm5", "up")
            self.assertTrue(vmm.ping(self.address[5], (self.lab.MAC[2], self.lab.IP[2])))
            vmm.end()
            self.wait_state("vm5", "pending")
        self.assertEqual(self.port("vm5")["device"], "existing")

    def test_a_tap_that_is_renamed_or_switched_off_stays_its_port(self):
        vmm = self.vmm()
        self.assertEqual(self.existing().returncode, 0)
        self.wait_state("vm5", "up")
        wait_until(lambda: "no superpackets" in self.port("vm5")["detail"], "what the VMM lacks is said")
        self.lab.ip("hv1", "link", "set", "tap5", "name", "vnet7")
        self.lab.ip("hv1", "link", "set", "vnet7", "down")
        self.lab.ip("hv1", "link", "set", "vnet7", "up")
        self.assertTrue(vmm.ping(self.address[5], (self.lab.MAC[1], self.lab.IP[1])))
        self.lab.heddle("hv1", "port", "del", "vm5")
        # Given back: the host speaks there again.
        self.lab.ip("hv1", "addr", "add", "192.0.2.1/24", "dev", "vnet7")
        self.lab.ip("hv1", "neigh", "add", "192.0.2.5", "lladdr", self.address[5][0], "dev", "vnet7")
        self.assertTrue(vmm.ping((self.address[5][0], "192.0.2.5"), (self.mac_of("vnet7"), "192.0.2.1")))

    def mac_of(self, interface):
        return json.loads(self.lab.ip("hv1", "-j", "link", "show", interface))[0]["address"]

    def test_the_hook_of_libvirt_plugs_before_the_start_and_unplugs_after_the_end(self):
        for port, mac in ("ls1-vm1a", "02:ac:10:ff:00:5a"), ("ls1-vm1b", "02:ac:10:ff:00:5b"):
            self.lab.logical_port("ls1", port, mac)
            self.addCleanup(self.lab.heddle, "central", "nb", "lsp-del", port)
        with open(f"{ROOT}/deploy/libvirt/domain.xml", encoding="utf-8") as file:
            domain = file.read().replace("'ls1-vm1'", "'ls1-vm1a'")
        path = f"{self.lab.state}/bin"
        os.makedirs(path)
        os.symlink(os.path.abspath(HEDDLE), f"{path}/heddle")

        def hook(operation, suboperation, xml=domain, check=True):
            return self.lab.on(
                "hv1", "env", f"PATH={path}:{os.environ['PATH']}", f"{ROOT}/deploy/libvirt/heddle", "vm1", operation,
                suboperation, "-", input=xml, check=check)

        hook("prepare", "begin")
        hook("start", "begin")
        vmm = VMM(f"{self.lab.name}-hv1", "hdvm1")
        self.addCleanup(vmm.end)
        self.wait_state("hdvm1", "up")
        self.assertEqual(self.port("hdvm1b")["state"], "pending")
        hook("reconnect", "begin")
        vmm.end()
        for _ in range(2):
            hook("release", "end")
        self.assertIsNone(self.port("hdvm1"))
        refused = hook("prepare", "begin", domain.replace("<target dev='hdvm1b'/>", ""), check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("no interface of type 'ethernet' with <target dev='hdvm1b'/>", refused.stderr)
        # The first of them is plugged by now; the end unplugs it, also if an interface has been detached.
        self.assertIsNotNone(self.port("hdvm1"))
        hook("release", "end", domain.replace("<target dev='hdvm1'/>", ""))
        self.assertIsNone(self.port("hdvm1"))
        # libvirt kills a running domain whose hook fails when its daemon comes back.
        told = hook("reconnect", "begin", domain.replace("<target dev='hdvm1b'/>", ""))
        self.assertIn("no interface of type 'ethernet'", told.stderr)
        hook("release", "end")
        unreadable = hook("prepare", "begin", "<domain", check=False)
        self.assertEqual((unreadable.returncode, unreadable.stderr.count("\n")), (1, 1))

    def test_interfaces_that_are_not_a_guests_alone_are_refused(self):
        refused = self.existing("ul")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("has an address of this host", refused.stderr)
        self.vmm()
        self.lab.ip("hv1", "link", "add", "br5", "type", "bridge")
        self.addCleanup(self.lab.ip, "hv1", "link", "del", "br5")
        self.lab.ip("hv1", "link", "set", "tap5", "master", "br5")
        refused = self.lab.heddle(
            "hv1", "port", "add", "vm5", "--logical-port", "ls1-vm5", "--device", "existing", "--interface", "tap5",
            check=False)
        self.assertIn("belongs to a bridge", refused.stderr)


if __name__ == "__main__":
    unittest.main()
