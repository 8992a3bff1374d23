"""A real guest in QEMU, over a TAP that QEMU makes and over vhost-user: Debian's kernel, busybox, and software emulation.

The folder of an unpacked linux-image package is in GUEST_KERNEL; `Tests/run` gets one. Without it, or without QEMU, there
is nothing to test.
"""

import glob
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import unittest

from lab import Primer, wait_until

KERNEL = os.environ.get("GUEST_KERNEL", "")
MODULES = (
    "failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
    "virtio_net")
# The guest says what it sees, and does what it is told over its console.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir /etc
for module in {modules}; do insmod /modules/$module.ko; done
ip link set eth0 up
echo guest is ready
while read line; do eval "$line"; echo "done: $?"; done
"""

# Gives the interface what udhcpc has got.
LEASE = """#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip link set $interface mtu $mtu
echo search $domain > /etc/resolv.conf
echo nameserver $dns >> /etc/resolv.conf
"""


def archive(files):
    """An initramfs (the kernel's buffer-format.rst) of pairs of name and content, with the folders that they are in."""
    folders = {"bin", "proc", "sys", "modules", "dev"}
    entries = [(folder, 0o40755, b"", (0, 0)) for folder in sorted(folders)]
    entries += [("dev/console", 0o20600, b"", (5, 1))]
    entries += [(name, 0o100755, content, (0, 0)) for name, content in files]
    out = bytearray()
    for number, (name, mode, content, device) in enumerate([*entries, ("TRAILER!!!", 0, b"", (0, 0))]):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + path
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return gzip.compress(bytes(out), 1)


@unittest.skipUnless(
    os.path.isdir(KERNEL) and shutil.which("qemu-system-x86_64") and shutil.which("busybox"), "no QEMU, or no kernel for its guest")
class QEMUTest(unittest.TestCase):
    TAP = "tap,id=n1,ifname=tap9,script=no,downscript=no"

    def boot(self, lab, netdev=TAP, *options):
        """Starts the guest on hv1."""
        files = [("init", INIT.format(modules=" ".join(MODULES)).encode()), ("lease", LEASE.encode())]
        for name, path in [("bin/busybox", shutil.which("busybox"))] + [
                (f"modules/{module}.ko", self.module(module)) for module in MODULES]:
            with open(path, "rb") as file:
                files.append((name, file.read()))
        with open(f"{lab.state}/initramfs", "wb") as file:
            file.write(archive(files))
        self.console = open(f"{lab.state}/console.log", "wb+")
        self.addCleanup(self.console.close)
        self.guest = subprocess.Popen(
            lab.inside(
                "hv1", "qemu-system-x86_64", "-accel", "tcg", "-m", "192", "-nographic", "-no-reboot", "-nodefaults",
                "-serial", "stdio", "-kernel", *glob.glob(f"{KERNEL}/boot/vmlinuz-*"), "-initrd",
                f"{lab.state}/initramfs", "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
                "-netdev", netdev, "-device", "virtio-net-pci,netdev=n1,mac=02:ac:10:ff:00:99,romfile=", *options),
            stdin=subprocess.PIPE, stdout=self.console, stderr=subprocess.STDOUT)
        lab.processes.append(self.guest)
        self.addCleanup(self.guest.stdin.close)

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

    def module(self, name):
        return glob.glob(f"{KERNEL}/lib/modules/**/{name}.ko", recursive=True)[0]

    def said(self):
        with open(self.console.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def do(self, command):
        """Does something in the guest; the guest's words until it is done."""
        before = len(self.said())
        self.guest.stdin.write(command.encode() + b"\n")
        self.guest.stdin.flush()
        wait_until(lambda: "done: " in self.said()[before:], f"the guest has done: {command}")
        return self.said()[before:]

    def test_a_guest_boots_over_a_tap_of_qemu_and_reaches_the_others(self):
        with Primer() as lab:
            lab.logical_port("ls1", "ls1-vm9", "02:ac:10:ff:00:99", "172.16.255.99")
            self.configure(lab)
            said = lab.heddle(
                "hv1", "port", "add", "vm9", "--logical-port", "ls1-vm9", "--device", "existing", "--interface", "tap9")
            self.assertIn("waited for", said.stdout)
            self.boot(lab)
            lab.wait_up("ls1-vm9")
            wait_until(lambda: "guest is ready" in self.said(), "the guest is ready")
            self.assertIn("lease of 172.16.255.99 obtained", self.do("udhcpc -i eth0 -q -n -O mtu -s /lease"))
            self.assertIn("mtu 1442", self.do("ip link show eth0"))
            self.assertIn(lab.IP[1], self.do("nslookup ls1-vm1.example.org"))
            for target in "ls1-vm1", "ls1-vm2":
                self.assertIn(" 0% packet loss", self.do(f"ping -c 3 -i 0.2 -w 20 {target}"))
            listed = json.loads(lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
            port = next(port for port in listed if port["name"] == "vm9")
            # The guest's driver has asked for superpackets.
            self.assertEqual((port["state"], port["detail"]), ("up", ""))
            self.guest.stdin.write(b"poweroff -f\n")
            self.guest.stdin.flush()
            wait_until(lambda: "vm9: pending" in self.plain(lab), "the port waits for the next start")

    def boot_over_rings(self, lab, *options, queues=1):
        self.boot(
            lab, f"vhost-user,id=n1,chardev=c1,queues={queues}", "-chardev",
            f"socket,id=c1,path={self.socket(lab)},reconnect=1", "-object",
            "memory-backend-memfd,id=m1,size=192M,share=on", "-numa", "node,memdev=m1", "-smp", str(queues), "-global",
            f"virtio-net-pci.mq={'on' if queues > 1 else 'off'}",
            # Without KVM, QEMU 7.2 ends by a message-signalled interrupt of such a device.
            "-global", "virtio-net-pci.vectors=0", *options)
        wait_until(lambda: self.port(lab)["state"] == "up", "the guest's driver is there", 120)

    def set_up(self):
        wait_until(lambda: "guest is ready" in self.said(), "the guest is ready")
        self.do("ip addr add 172.16.255.99/24 dev eth0")

    def plug_rings(self, lab):
        lab.logical_port("ls1", "ls1-vm9", "02:ac:10:ff:00:99", "172.16.255.99")
        said = lab.heddle(
            "hv1", "port", "add", "vm9", "--logical-port", "ls1-vm9", "--device", "vhost-user", "--socket",
            self.socket(lab))
        self.assertIn("no guest is connected", said.stdout)

    def socket(self, lab):
        return f"{lab.state}/vm9.sock"

    def port(self, lab):
        listed = json.loads(lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
        return next(port for port in listed if port["name"] == "vm9")

    def check_reach(self, lab, targets=(1, 2)):
        for target in targets:
            self.assertIn(" 0% packet loss", self.do(f"ping -c 3 -i 0.2 -w 20 {lab.IP[target]}"))

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
            self.do("ip link set eth0 down; rmmod virtio_net; insmod /modules/virtio_net.ko; ip link set eth0 up")
            self.do("ip addr add 172.16.255.99/24 dev eth0")
            self.check_reach(lab, [2])
            # A VMM that is killed is waited for, and its successor is served.
            self.guest.kill()
            self.guest.wait()
            wait_until(lambda: "no guest is connected" in self.port(lab)["detail"], "the port waits for the next start")
            self.boot_over_rings(lab)
            self.set_up()
            self.check_reach(lab)

    def test_a_guest_with_two_queues_moves_while_it_is_pinged(self):
        """Its memory is copied to a file as it would be to another host, by what the forwarder has logged as written."""
        with Primer() as lab:
            self.plug_rings(lab)
            self.boot_over_rings(lab, "-qmp", f"unix:{lab.state}/qmp,server=on,wait=off", queues=2)
            self.set_up()
            self.assertIn("rx-1", self.do("ls /sys/class/net/eth0/queues"))
            self.check_reach(lab)
            control = socket.socket(socket.AF_UNIX)
            control.connect(f"{lab.state}/qmp")
            with control, control.makefile("rw") as words:
                def order(name, **arguments):
                    words.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
                    words.flush()
                    return next(word["return"] for word in map(json.loads, words) if "return" in word)
                order("qmp_capabilities")
                pinging = subprocess.Popen(
                    lab.inside("vm2", "ping", "-i", "0.01", "172.16.255.99"), stdout=subprocess.DEVNULL)
                lab.processes.append(pinging)
                order("migrate", uri=f"exec:cat > {lab.state}/moved")
                wait_until(lambda: order("query-migrate").get("status") == "completed", "all is copied")
                pinging.kill()
                pinging.wait()
            self.guest.kill()
            self.guest.wait()
            self.boot_over_rings(lab, "-incoming", f"exec:cat {lab.state}/moved", queues=2)
            # The same guest goes on, with its address.
            self.check_reach(lab)
            self.assertEqual(lab.ping("vm2", "172.16.255.99", 20), 20)

    def plain(self, lab):
        listed = json.loads(lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
        return " ".join(f"{port['name']}: {port['state']}" for port in listed)


if __name__ == "__main__":
    unittest.main()
