"""A real guest in QEMU: Debian's kernel, busybox, and software emulation.

The folder of an unpacked linux-image package is in GUEST_KERNEL.
"""

import glob
import gzip
import os
import re
import shutil
import subprocess

from lab import wait_until

KERNEL = os.environ.get("GUEST_KERNEL", "")
IS_THERE = os.path.isdir(KERNEL) and bool(shutil.which("qemu-system-x86_64")) and bool(shutil.which("busybox"))
MODULES = (
    "failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
    "virtio_net")
# The guest says what it sees, and does what it is told over its console.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir /etc /tmp
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
    for name, _ in files:
        while name := os.path.dirname(name):
            folders.add(name)
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


class Guest:
    """A guest with one interface, and its console."""

    MAC, IP = "02:ac:10:ff:00:99", "172.16.255.99"
    TAP = "tap,id=n1,ifname=tap9,script=no,downscript=no"

    def __init__(self, lab, netdev=TAP, *options, programs=(), host="hv1"):
        """Starts it.

        programs: programs of this machine that it has, with their libraries."""
        files = [("init", INIT.format(modules=" ".join(MODULES)).encode()), ("lease", LEASE.encode())]
        paths = {"bin/busybox": shutil.which("busybox")}
        paths |= {f"modules/{module}.ko": self.module(module) for module in MODULES}
        for program in programs:
            path = shutil.which(program)
            libraries = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
            paths |= {found.lstrip("/"): found for found in [path, *re.findall(r"/\S+", libraries)]}
        for name, path in paths.items():
            with open(path, "rb") as file:
                files.append((name, file.read()))
        with open(f"{lab.state}/initramfs", "wb") as file:
            file.write(archive(files))
        self.console = open(f"{lab.state}/{host}/console.log", "wb+")
        self.process = subprocess.Popen(
            lab.inside(
                host, "qemu-system-x86_64", "-accel", "tcg", "-m", "192", "-nographic", "-no-reboot", "-nodefaults",
                "-serial", "stdio", "-kernel", *glob.glob(f"{KERNEL}/boot/vmlinuz-*"), "-initrd",
                f"{lab.state}/initramfs", "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
                "-netdev", netdev, "-device", f"virtio-net-pci,netdev=n1,mac={self.MAC},romfile=", *options),
            stdin=subprocess.PIPE, stdout=self.console, stderr=subprocess.STDOUT)
        lab.processes.append(self.process)

    @classmethod
    def over_rings(cls, lab, socket, *options, queues=1, programs=()):
        """Starts it with a port of the kind vhost-user."""
        return cls(
            lab, f"vhost-user,id=n1,chardev=c1,queues={queues}", "-chardev",
            f"socket,id=c1,path={socket},reconnect=1", "-object",
            "memory-backend-memfd,id=m1,size=192M,share=on", "-numa", "node,memdev=m1", "-smp", str(queues), "-global",
            f"virtio-net-pci.mq={'on' if queues > 1 else 'off'}",
            # Without KVM, QEMU 7.2 ends by a message-signalled interrupt of such a device.
            "-global", "virtio-net-pci.vectors=0", *options, programs=programs)

    @staticmethod
    def module(name):
        return glob.glob(f"{KERNEL}/lib/modules/**/{name}.ko", recursive=True)[0]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.process.stdin.close()
        self.console.close()

    def said(self):
        with open(self.console.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def wait(self):
        wait_until(lambda: "guest is ready" in self.said(), "the guest is ready")

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def do(self, command):
        """Does something in the guest; the guest's words until it is done."""
        before = len(self.said())
        self.tell(command)
        wait_until(lambda: "done: " in self.said()[before:], f"the guest has done: {command}")
        return self.said()[before:]
