"""A real guest in QEMU, over a TAP that QEMU makes and over vhost-user.

`Tests/run` gets its kernel. Without that, or without QEMU, there is nothing to test.
"""

import json
import os
import signal
import socket
import subprocess
import unittest

from guest import IS_THERE, Guest
from lab import Primer, wait_until


class Control:
    """QEMU's monitor (QMP), over a socket."""

    def __init__(self, lab):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(f"{lab.state}/qmp")
        self.words = self.socket.makefile("rw")
        self.order("qmp_capabilities")

    @staticmethod
    def options(lab):
        return "-qmp", f"unix:{lab.state}/qmp,server=on,wait=off"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.words.close()
        self.socket.close()

    def order(self, name, **arguments):
        self.words.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.words.flush()
        return next(word["return"] for word in map(json.loads, self.words) if "return" in word)

    def migrate(self, uri):
        self.order("migrate", uri=uri)
        wait_until(lambda: self.order("query-migrate").get("status") == "completed", "the guest is copied")


@unittest.skipUnless(IS_THERE, "no QEMU, or no kernel for its guest")
class QEMUTest(unittest.TestCase):
    def boot(self, lab, *options, host="hv1"):
        self.adopt(Guest(lab, Guest.TAP, *options, host=host))

    def adopt(self, guest):
        self.guest = guest
        self.addCleanup(guest.close)

    def configure(self, lab):
        """The guest gets its address, the MTU and a domain from its host, and names are answered there."""
        def send(method, path, body, kind):
            lab.curl(path, "-f", "-X", method, "-H", f"Content-Type: {kind}", "-d", json.dumps(body))
        options = {"server_id": "172.16.255.1", "lease_time": "3600", "domain_name": "\"example.org\"",
                   # Any address that somebody has: the host answers in its place.
                   "dns_server": lab.IP[2]}
        send("POST", "/v1/dhcp-options", {"name": "dhcp", "cidr": "172.16.255.0/24", "options": options},
             "application/json")
        send("PATCH", "/v1/switches/ls1", {"dns_domain": "example.org"}, "application/merge-patch+json")
        send("PATCH", "/v1/ports/ls1-vm9", {"dhcpv4_options": "dhcp"}, "application/merge-patch+json")

    def test_a_guest_boots_over_a_tap_of_qemu_reaches_the_others_and_moves(self):
        with Primer() as lab:
            lab.logical_port("ls1", "ls1-vm9", Guest.MAC, Guest.IP)
            self.configure(lab)
            self.assertIn("waited for", self.plug_tap(lab, "hv1"))
            self.boot(lab, *Control.options(lab))
            lab.wait_up("ls1-vm9")
            self.guest.wait()
            self.assertIn("lease of 172.16.255.99 obtained", self.guest.do("udhcpc -i eth0 -q -n -O mtu -s /lease"))
            self.assertIn("mtu 1442", self.guest.do("ip link show eth0"))
            self.assertIn(lab.IP[1], self.guest.do("nslookup ls1-vm1.example.org"))
            for target in "ls1-vm1", "ls1-vm2":
                self.assertIn(" 0% packet loss", self.guest.do(f"ping -c 3 -i 0.2 -w 20 {target}"))
            # The guest's driver has asked for superpackets.
            self.assertEqual((self.port(lab)["state"], self.port(lab)["detail"]), ("up", ""))
            self.move(lab)
            self.check_reach(lab)
            self.guest.tell("poweroff -f")
            wait_until(lambda: self.port(lab, "hv2")["state"] == "pending", "the port waits for the next start")

    def move(self, lab):
        """The guest goes to hv2, which gets the port by what QEMU, or the guest, announces there."""
        lab.heddle("central", "migrate", "ls1-vm9", "hv2")
        self.plug_tap(lab, "hv2")
        source = self.guest
        self.boot(lab, "-incoming", f"unix:{lab.state}/moving", host="hv2")
        wait_until(lambda: "ready" in lab.heddle("central", "migrate", "ls1-vm9").stdout, "hv2 is ready")
        wait_until(lambda: os.path.exists(f"{lab.state}/moving"), "QEMU waits for the guest")
        with Control(lab) as control:
            control.migrate(f"unix:{lab.state}/moving")
        wait_until(lambda: "moved" in lab.heddle("central", "migrate", "ls1-vm9").stdout, "the guest has moved")
        lab.heddle("central", "migrate", "ls1-vm9", "--complete")
        source.kill()
        lab.heddle("hv1", "port", "del", "vm9")

    def plug_tap(self, lab, host):
        return lab.heddle(
            host, "port", "add", "vm9", "--logical-port", "ls1-vm9", "--device", "existing", "--interface",
            "tap9").stdout

    def boot_over_rings(self, lab, *options, queues=1):
        self.adopt(Guest.over_rings(lab, self.socket(lab), *options, queues=queues))
        wait_until(lambda: self.port(lab)["state"] == "up", "the guest's driver is there", 120)

    def set_up(self):
        self.guest.wait()
        self.guest.do("ip addr add 172.16.255.99/24 dev eth0")

    def plug_rings(self, lab):
        lab.logical_port("ls1", "ls1-vm9", Guest.MAC, Guest.IP)
        said = lab.heddle(
            "hv1", "port", "add", "vm9", "--logical-port", "ls1-vm9", "--device", "vhost-user", "--socket",
            self.socket(lab))
        self.assertIn("no guest is connected", said.stdout)

    def socket(self, lab):
        return f"{lab.state}/vm9.sock"

    def port(self, lab, host="hv1"):
        listed = json.loads(lab.heddle(host, "port", "list", "-o", "json").stdout)["ports"]
        return next(port for port in listed if port["name"] == "vm9")

    def check_reach(self, lab, targets=(1, 2)):
        for target in targets:
            self.assertIn(" 0% packet loss", self.guest.do(f"ping -c 3 -i 0.2 -w 20 {lab.IP[target]}"))

    def test_a_guest_boots_over_vhost_user_and_survives_the_ends_of_others(self):
        with Primer() as lab:
            self.plug_rings(lab)
            self.boot_over_rings(lab)
            self.set_up()
            self.check_reach(lab)
            # The guest's driver takes superpackets.
            self.assertEqual((self.port(lab)["state"], self.port(lab)["detail"]), ("up", ""))
            # A forwarder that is killed is replaced; the rings go on, and the guest's VMM does not notice.
            before = lab.forwarder_pid("hv1")
            os.kill(before, signal.SIGKILL)
            wait_until(lambda: lab.forwarder_pid("hv1") not in (0, before), "there is another forwarder")
            self.check_reach(lab)
            # The VMM comes back to an agent that was started again.
            lab.agents[1].kill()
            lab.agents[1] = lab.agent("hv1", 3)
            wait_until(lambda: self.port(lab)["state"] == "up", "the guest is there again")
            self.check_reach(lab, [2])
            # Its driver gives the rings up, and makes others.
            self.guest.do("ip link set eth0 down; rmmod virtio_net; insmod /modules/virtio_net.ko; ip link set eth0 up")
            self.guest.do("ip addr add 172.16.255.99/24 dev eth0")
            self.check_reach(lab, [2])
            # A VMM that is killed is waited for, and its successor is served.
            self.guest.kill()
            wait_until(lambda: "no guest is connected" in self.port(lab)["detail"], "the port waits for the next start")
            self.boot_over_rings(lab)
            self.set_up()
            self.check_reach(lab)

    def test_a_guest_with_two_queues_moves_while_it_is_pinged(self):
        """Its memory is copied to a file as it would be to another host, by what the forwarder has logged as written."""
        with Primer() as lab:
            self.plug_rings(lab)
            self.boot_over_rings(lab, *Control.options(lab), queues=2)
            self.set_up()
            self.assertIn("rx-1", self.guest.do("ls /sys/class/net/eth0/queues"))
            self.check_reach(lab)
            with Control(lab) as control:
                pinging = subprocess.Popen(
                    lab.inside("vm2", "ping", "-i", "0.01", "172.16.255.99"), stdout=subprocess.DEVNULL)
                lab.processes.append(pinging)
                control.migrate(f"exec:cat > {lab.state}/moved")
                pinging.kill()
                pinging.wait()
            self.guest.kill()
            self.boot_over_rings(lab, "-incoming", f"exec:cat {lab.state}/moved", queues=2)
            # The same guest goes on, with its address.
            self.check_reach(lab)
            self.assertEqual(lab.ping("vm2", "172.16.255.99", 20), 20)


if __name__ == "__main__":
    unittest.main()
