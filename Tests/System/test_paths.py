"""The MTU of paths between hosts: found out, followed while it changes, told to guests, whatever anybody forges."""

import functools
import json
import re
import socket
import struct
import subprocess
import unittest

from lab import NETWORK, Primer, wait_until
from packets import Inside, checksum, mac, packet_socket, receive

SENDER = """
import socket, sys
peer = socket.create_connection((sys.argv[1], 5001))
block = bytes(range(256)) * 64
while True: peer.sendall(block)
"""
RECEIVER = """
import socket, sys
listener = socket.create_server((sys.argv[1], 5001), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("listening", flush=True)
peer, _ = listener.accept()
expected, total, told = bytes(range(256)) * 1024, 0, 0
while data := peer.recv(1 << 16):
    start = total % 256
    assert data == expected[start:start + len(data)]
    total += len(data)
    if total - told > 1 << 19:
        told = total
        print(total, flush=True)
"""


class Stream:
    """TCP from one guest to another that goes on; each byte is looked at."""

    def __init__(self, lab, source, target, address):
        self.receiver = lab.listener(target, RECEIVER, address)
        self.sender = subprocess.Popen(lab.inside(source, "python3", "-c", SENDER, address))
        lab.processes.append(self.sender)

    def goes_on(self):
        """Waits until some more megabytes have arrived."""
        for _ in range(4):
            line = self.receiver.stdout.readline()
            assert line, "the stream has ended"
        return True

    def end(self):
        self.sender.kill()
        self.sender.wait()
        self.receiver.stdout.read()
        self.receiver.stdout.close()
        self.receiver.kill()
        self.receiver.wait()


class PathTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        lab = cls.lab
        for number in 1, 2:
            lab.ip(f"vm{number}", "addr", "add", f"fd00::{number}/64", "dev", f"vm{number}", "nodad")
            lab.heddle("central", "nb", "lsp-set-port-security", f"ls1-vm{number}", "--", "lsp-set-addresses",
                       f"ls1-vm{number}", f"{lab.MAC[number]} {lab.IP[number]} fd00::{number}")
        # A router, for those who take the way over it.
        lab.host("r", 9)
        for name in "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.ul.send_redirects=0":
            lab.on("r", "sysctl", "-qw", name)
        lab.sync()

    def tearDown(self):
        lab = self.lab
        for host in "hv1", "hv2", "r":
            for octet in 3, 4:
                lab.on(host, "ip", "route", "del", f"{NETWORK}.{octet}/32", check=False)
            lab.ip(host, "route", "flush", "cache")
        lab.on("r", "ip", "rule", "del", "pref", "1", check=False)
        for name in "hv1", "hv2":
            lab.ip("ul", "link", "set", name, "mtu", "1500")
            lab.ip(name, "link", "set", "ul", "mtu", "1500")
        for vm in "vm1", "vm2":
            lab.ip(vm, "link", "set", vm, "mtu", "1442")
            lab.ip(vm, "route", "flush", "cache")
            lab.ip(vm, "-6", "route", "flush", "cache")
        self.wait_for(1442)

    def paths(self, host="hv1", statistics=False):
        socket_path = f"{self.lab.state}/{host}/agent.sock"
        query = "?stats=true" if statistics else ""
        answer = self.lab.on(host, "curl", "-sS", "--unix-socket", socket_path, f"http://agent/v1/ports{query}").stdout
        return json.loads(answer)

    def wait_for(self, mtu, host="hv1", state="found"):
        def is_so():
            (path,) = self.paths(host)["paths"]
            return (path["mtu"], path["state"]) == (mtu, state)
        wait_until(is_so, f"{host} knows that {mtu} bytes go to the other host")

    def over_router(self, mtu, silent=False):
        """Sends what goes between the hosts over a router that passes on `mtu` bytes to hv2."""
        lab = self.lab
        lab.ip("r", "route", "replace", f"{NETWORK}.4/32", "dev", "ul", "mtu", "lock", str(mtu))
        if silent:
            lab.ip("r", "rule", "add", "pref", "1", "ipproto", "icmp", "blackhole")
        lab.ip("hv1", "route", "replace", f"{NETWORK}.4/32", "via", f"{NETWORK}.9")
        lab.ip("hv2", "route", "replace", f"{NETWORK}.3/32", "via", f"{NETWORK}.9")

    def ping(self, size, *options, address=None, count=2):
        done = self.lab.on("vm1", "ping", "-i", "0.05", "-W", "1", "-c", str(count), "-s", str(size), *options,
                           address or self.lab.IP[2], check=False)
        return int(re.search(r"(\d+) received", done.stdout).group(1)), done.stdout + done.stderr

    def too_long(self):
        """The frames of vm1 that were dropped as too long, and those that did not go to hv2 for that."""
        answer = self.paths(statistics=True)
        (port,), (path,) = answer["ports"], answer["paths"]
        return port["statistics"]["drops"].get("frame_too_long", 0), path["too_long_frames"]

    def test_a_route_changes_its_mtu_under_tcp(self):
        lab = self.lab
        streams = [Stream(lab, "vm1", "vm2", lab.IP[2]), Stream(lab, "vm1", "vm2", "fd00::2")]
        for stream in streams:
            stream.goes_on()
        for mtu in 1400, 1338, 1450, 1280:
            lab.ip("hv1", "route", "replace", f"{NETWORK}.4/32", "dev", "ul", "mtu", str(mtu))
            self.wait_for(mtu - 58)
            for stream in streams:
                stream.goes_on()
        lab.ip("hv1", "route", "del", f"{NETWORK}.4/32")
        self.wait_for(1442)
        for stream in streams:
            stream.goes_on()
            stream.end()

    def test_a_router_that_passes_on_less_is_noticed_with_its_icmp_and_without(self):
        lab = self.lab
        stream = Stream(lab, "vm1", "vm2", lab.IP[2])
        six = Stream(lab, "vm1", "vm2", "fd00::2")
        for mtu, silent in (1450, False), (1280, True):
            self.over_router(mtu, silent)
            self.wait_for(mtu - 58)
            stream.goes_on()
            six.goes_on()
            doctor = lab.heddle("hv1", "doctor", check=False).stdout
            self.assertIn(f"answer packets of {mtu} bytes", doctor)
        stream.end()
        six.end()
        listing = lab.heddle("hv1", "port", "list").stdout
        self.assertRegex(listing, rf"hv2 +{NETWORK}.4 +1222 +1280 +found")
        # A packet that the path does not carry is answered, or sent in fragments if that is allowed.
        received, said = self.ping(1400, "-M", "do")
        self.assertEqual(received, 0)
        self.assertIn("mtu = 1222", said.replace("mtu=", "mtu = "))
        self.assertEqual(self.ping(1400, "-M", "dont")[0], 2)
        lab.ip("vm1", "-6", "route", "flush", "cache")
        # 1280 bytes every link of IPv6 has to carry; the guest makes fragments of that size of what is longer.
        self.assertEqual(self.ping(1232, address="fd00::2")[0], 2)
        self.ping(1390, address="fd00::2")
        self.assertEqual(self.ping(1390, address="fd00::2")[0], 2)

    def test_forged_icmp_changes_nothing(self):
        lab = self.lab
        own, other = f"{NETWORK}.3", f"{NETWORK}.4"
        listing = lab.on("hv1", "ss", "-Huan", "src", own).stdout
        ports = [int(re.search(rf"{re.escape(own)}:(\d+)", line).group(1)) for line in listing.splitlines()]
        self.assertGreaterEqual(len(ports), 5)
        with Inside(f"{lab.name}-central"), socket.socket(
                socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as forger:
            for port in ports:
                quote = struct.pack("!BBHHHBBH", 0x45, 0, 1500, 1, 0x4000, 64, 17, 0) + socket.inet_aton(own) \
                    + socket.inet_aton(other) + struct.pack("!HHHH", port, 6081, 1480, 0)
                message = struct.pack("!BBHHH", 3, 4, 0, 0, 600) + quote
                message = message[:2] + struct.pack("!H", ~checksum(message) & 0xFFFF) + message[4:]
                forger.sendto(message, (own, 0))
        wait_until(lambda: "mtu 600" in lab.ip("hv1", "route", "get", other), "the kernel believes it")
        self.assertEqual(self.ping(1414, "-M", "do", count=5)[0], 5)
        lab.ip("hv1", "route", "add", f"{NETWORK}.77/32", "dev", "ul")       # the agent looks at the routes again
        lab.ip("hv1", "route", "del", f"{NETWORK}.77/32")
        self.assertEqual(self.ping(1414, "-M", "do", count=20)[0], 20)
        self.wait_for(1442)

    def test_the_devices_mtu_is_followed_down_and_up(self):
        lab = self.lab
        stream = Stream(lab, "vm1", "vm2", lab.IP[2])
        stream.goes_on()
        lab.ip("hv1", "link", "set", "ul", "mtu", "1400")
        self.wait_for(1342)
        stream.goes_on()
        lab.ip("vm1", "route", "flush", "cache")
        self.assertIn("1342", self.ping(1400, "-M", "do")[1])
        # The other host finds out that less comes back, too: what it asks does not arrive, or not its answer.
        for name, device in ("ul", "hv1"), ("ul", "hv2"), ("hv1", "ul"), ("hv2", "ul"):
            lab.ip(name, "link", "set", device, "mtu", "9000")
        self.wait_for(8942)
        self.wait_for(8942, "hv2")
        stream.goes_on()
        stream.end()
        for vm in "vm1", "vm2":
            lab.ip(vm, "link", "set", vm, "mtu", "8942")
            lab.ip(vm, "route", "flush", "cache")
        self.assertEqual(self.ping(8914, "-M", "do")[0], 2)

    def test_a_flood_that_does_not_get_through_is_seen(self):
        lab = self.lab
        lab.ip("hv1", "route", "replace", f"{NETWORK}.4/32", "dev", "ul", "mtu", "1300")
        self.wait_for(1242)
        before = self.too_long()
        destination = b"\xff" * 6
        with packet_socket(f"{lab.name}-vm1", "vm1") as sender, packet_socket(f"{lab.name}-vm2", "vm2") as guest:
            for flags in 0x4000, 0:
                payload = bytes(1400)
                udp = struct.pack("!HHHH", 9, 9, 8 + len(payload), 0) + payload
                ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 7, flags, 64, 17, 0) \
                    + socket.inet_aton(lab.IP[1]) + b"\xff" * 4
                ip = ip[:10] + struct.pack("!H", ~checksum(ip) & 0xFFFF) + ip[12:]
                sender.send(destination + mac(lab.MAC[1]) + b"\x08\0" + ip + udp)
            # Without the bit both fragments arrive; the other frame came before them, or does not come.
            fragments = receive(guest, 2, lambda frame: frame if frame.startswith(destination + mac(lab.MAC[1])) else None)
        self.assertEqual(sum(len(frame) - 34 for frame in fragments), 1408)
        self.assertEqual([after - was for after, was in zip(self.too_long(), before)], [1, 1])
        metrics = lab.on("hv1", "curl", "-sS", "--unix-socket", f"{lab.state}/hv1/agent.sock", "http://agent/metrics").stdout
        self.assertIn(f'heddle_path_mtu_bytes{{chassis="hv2",address="{NETWORK}.4",known="found"}} 1242', metrics)
        self.assertIn('reason="frame_too_long"', metrics)
        self.assertIn("frame_too_long", lab.heddle("hv1", "port", "list", "--stats").stdout)


class IPv6PathTest(unittest.TestCase):
    """The same over an underlay of IPv6."""

    def test_routes_are_followed_and_forged_icmp_is_not(self):
        with Primer() as lab:
            for number, host, octet in (1, "hv1", 3), (2, "hv2", 4):
                lab.heddle(host, "agent", "stop", "--all", "--state-dir", f"{lab.state}/{host}")
                lab.ip(host, "addr", "add", f"fd00:127::{octet}/64", "dev", "ul", "nodad")
                lab.start(host, "agent", "--central", lab.sb, "--chassis", host, "--encap-ip", f"fd00:127::{octet}",
                          "--state-dir", f"{lab.state}/{host}", "--insecure")
            known = functools.partial(self.path, lab)
            wait_until(lambda: known() == (1422, "found"), "the path is known")
            wait_until(lambda: lab.ping("vm1", lab.IP[2]) == 3, "guests reach each other")
            stream = Stream(lab, "vm1", "vm2", lab.IP[2])
            for mtu in 1400, 1280:
                lab.ip("hv1", "-6", "route", "replace", "fd00:127::4/128", "dev", "ul", "mtu", str(mtu))
                wait_until(lambda: known() == (mtu - 78, "found"), "the route is followed")
                stream.goes_on()
            lab.ip("hv1", "-6", "route", "del", "fd00:127::4/128")
            wait_until(lambda: known() == (1422, "found"), "the route is followed")
            stream.end()
            listing = lab.on("hv1", "ss", "-Huan6").stdout
            ports = [int(number) for number in re.findall(r"\[fd00:127::3\]:(\d+)", listing)]
            self.assertGreaterEqual(len(ports), 5)
            own, other = socket.inet_pton(socket.AF_INET6, "fd00:127::3"), socket.inet_pton(socket.AF_INET6, "fd00:127::4")
            lab.ip("central", "addr", "add", "fd00:127::2/64", "dev", "ul", "nodad")
            with Inside(f"{lab.name}-central"), socket.socket(
                    socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as forger:
                for port in ports:
                    quote = struct.pack("!IHBB", 6 << 28, 1440, 17, 64) + own + other \
                        + struct.pack("!HHHH", port, 6081, 1440, 0)
                    forger.sendto(struct.pack("!BBHI", 2, 0, 0, 1280) + quote, ("fd00:127::3", 0))
            wait_until(lambda: "mtu 1280" in lab.ip("hv1", "-6", "route", "get", "fd00:127::4"), "the kernel believes it")
            lab.ip("vm1", "route", "flush", "cache")
            done = lab.on("vm1", "ping", "-i", "0.05", "-W", "1", "-c", "20", "-M", "do", "-s", "1394", lab.IP[2])
            self.assertIn(" 20 received", done.stdout)
            self.assertEqual(known(), (1422, "found"))

    def path(self, lab):
        answer = lab.on("hv1", "curl", "-sS", "--unix-socket", f"{lab.state}/hv1/agent.sock", "http://agent/v1/ports")
        paths = json.loads(answer.stdout)["paths"]
        return (paths[0]["mtu"], paths[0]["state"]) if paths else None


if __name__ == "__main__":
    unittest.main()
