"""A guest moves from hv2 to hv3 while 1,000 frames a second go in each direction between it and vm1 on hv1.

Frames have numbers, which are counted at every end: none is lost, and none comes twice to where the guest runs."""

import collections
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

from lab import HEDDLE, ROOT, Primer, wait_until
from packets import mac, packet_socket, rarp, receive

PORT = "ls1-vm3"
UDP_PORT = 4000


class Traffic:
    """A stream of numbered datagrams in each direction; the guest's leave where it is (`place`)."""

    RATE = 1000
    LATE = 32

    def __init__(self, peer, source, target):
        self.peer, self.places, self.place = peer, {"hv2": source, "hv3": target}, "hv2"
        self.sent = {"peer": 0, "guest": 0}
        self.announced = None
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(who,)) for who in self.sent]
        for thread in self.threads:
            thread.start()

    def send(self, who):
        due = time.monotonic()
        while not self.ended.is_set():
            # Few of those that are late are made up for: no bursts.
            due = max(due + 1 / self.RATE, time.monotonic() - self.LATE / self.RATE)
            self.ended.wait(due - time.monotonic())
            with self.lock:
                out = self.peer if who == "peer" else self.places[self.place]
                out.send(self.frame(who, self.sent[who]))
                self.sent[who] += 1

    @staticmethod
    def frame(who, number):
        ends = [(mac(Primer.MAC[n]), socket.inet_aton(Primer.IP[n])) for n in (1, 3)]
        (source, source_ip), (target, target_ip) = ends if who == "peer" else reversed(ends)
        udp = struct.pack("!HHHH", UDP_PORT, UDP_PORT, 16, 0) + struct.pack("!Q", number)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source_ip, target_ip)
        total = sum(struct.unpack("!10H", header))
        total = (total & 0xffff) + (total >> 16)
        header = header[:10] + struct.pack("!H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + header[12:]
        return target + source + b"\x08\x00" + header + udp

    @staticmethod
    def number(whose):
        """Reads the numbers of the frames that are for this MAC address."""
        wanted = mac(whose)

        def read(frame):
            is_ours = frame[:6] == wanted and frame[12:14] == b"\x08\x00" and frame[23] == 17
            if not is_ours or frame[36:38] != struct.pack("!H", UDP_PORT):
                return None
            return struct.unpack("!Q", frame[42:50])[0]
        return read

    def announce(self):
        """The guest runs at hv3 from now on, and says so as QEMU does: by RARP."""
        with self.lock:
            self.announced = dict(self.sent)
            self.places["hv3"].send(rarp(mac(Primer.MAC[3])))
            self.place = "hv3"

    def go_on(self, seconds=0.3):
        """Lets so many seconds' worth of frames go in each direction."""
        goal = {who: count + seconds * self.RATE for who, count in self.sent.items()}
        wait_until(lambda: all(self.sent[who] >= goal[who] for who in goal), "the traffic goes on")

    def end(self):
        """Ends the streams; gives the numbers that came to vm1, to hv2 and to hv3."""
        self.ended.set()
        for thread in self.threads:
            thread.join()
        number = self.number(Primer.MAC[1])
        arrived = []
        while len(arrived) < self.sent["guest"]:
            some = receive(self.peer, 1, number, seconds=5)
            if not some:
                break
            arrived += some
        number = self.number(Primer.MAC[3])
        return arrived, *(self.rest(place, number) for place in self.places.values())

    @staticmethod
    def rest(place, number):
        try:
            return receive(place, 1 << 30, number, seconds=0.3)
        except OSError:      # the device has gone with its host
            return []


class Roomy(Primer):
    """Guests' queues have room for four seconds of traffic, and not for a quarter of one: a busy machine lets a
    forwarder wait for longer than that."""

    def agent(self, host, octet, *arguments):
        return super().agent(host, octet, "--queue-memory", "256", *arguments)


class MigrationTest(unittest.TestCase):
    """vm3 is at hv2 (namespace vm3), and plugged in at hv3 (namespace vm3b) while it moves."""

    NAMESPACES = {"hv2": "vm3", "hv3": "vm3b"}

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Roomy())
        cls.lab.host("hv3", 5)
        cls.lab.agents[3] = cls.lab.agent("hv3", 5)
        cls.lab.logical_port("ls1", PORT, cls.lab.MAC[3], cls.lab.IP[3])
        for name in cls.NAMESPACES.values():
            cls.lab.namespace(name)
        # The command as libvirt's hook finds it.
        cls.path = f"{cls.lab.state}/bin"
        os.makedirs(cls.path)
        os.symlink(os.path.abspath(HEDDLE), f"{cls.path}/heddle")

    def setUp(self):
        self.dead = []
        self.plug("hv2")
        self.options("requested-chassis=hv2")
        self.wait_at("hv2")
        self.plug("hv3")
        self.lab.sync()
        source, target = (
            packet_socket(f"{self.lab.name}-{name}", "vm3") for name in self.NAMESPACES.values())
        peer = packet_socket(f"{self.lab.name}-vm1", "vm1")
        for opened in source, target, peer:
            self.addCleanup(opened.close)
        self.traffic = Traffic(peer, source, target)
        self.addCleanup(self.traffic.ended.set)
        self.traffic.go_on(0.1)

    def tearDown(self):
        for number in self.dead:
            self.revive(number)
        for host in self.NAMESPACES:
            self.lab.heddle(host, "port", "del", "--if-exists", "vm3")

    def plug(self, host):
        self.lab.heddle(
            host, "port", "add", "vm3", "--logical-port", PORT, "--netns",
            f"{self.lab.name}-{self.NAMESPACES[host]}", "--mac", self.lab.MAC[3])

    def options(self, *words):
        self.lab.heddle("central", "nb", "lsp-set-options", PORT, *words)

    def migrate(self, *words):
        return self.lab.heddle("central", "migrate", PORT, *words).stdout

    def status(self):
        return self.lab.get(f"/v1/ports/{PORT}")["status"]

    def wait_at(self, host):
        wait_until(lambda: (self.status()["chassis"], self.status()["up"]) == (host, True), f"it is up at {host}", 20)

    def begin(self):
        self.options("requested-chassis=hv2,hv3", "activation-strategy=rarp")
        self.wait_ready()

    def wait_ready(self):
        wait_until(lambda: self.status().get("standby") == {"chassis": "hv3", "up": True}, "hv3 is ready", 20)
        self.lab.sync()
        self.traffic.go_on()

    def kill(self, number):
        """A host's processes end, and it says nothing more."""
        forwarder = self.lab.forwarder_pid(f"hv{number}")
        self.lab.agents[number].kill()
        os.kill(forwarder, signal.SIGKILL)
        self.dead.append(number)

    def revive(self, number):
        self.lab.agents[number] = self.lab.agent(f"hv{number}", number + 2)

    def assert_moved(self, arrived, at_source, at_target):
        """Each frame came once to where the guest was."""
        sent = self.traffic.sent
        # The last frames by the one host and the first by the other may overtake each other.
        self.assert_each_once(arrived, range(sent["guest"]))
        self.assert_each_once(at_source, range(len(at_source)))
        self.assertTrue(at_target and at_target[0] <= len(at_source), (at_source[-1:], at_target[:1]))
        self.assert_each_once(at_target, range(at_target[0], sent["peer"]))

    def assert_each_once(self, arrived, numbers):
        arrived = collections.Counter(arrived)
        lost = sorted(set(numbers) - set(arrived))
        extra = sorted((arrived - collections.Counter(numbers)).elements())
        if lost or extra:
            self.fail(
                f"lost: {lost[:3]} to {lost[-3:]}, {len(lost)}; too many: {extra[:9]}; announced after: "
                f"{self.traffic.announced}; dropped by full queues: {self.full_queues()}")

    def full_queues(self):
        """Frames that the queues of the guests' devices had no room for: those that the forwarder takes too late."""
        counts = {}
        for namespace, device in ("vm1", "vm1"), *((name, "vm3") for name in self.NAMESPACES.values()):
            found = self.lab.on(namespace, "ip", "-s", "-j", "link", "show", "dev", device, check=False).stdout
            counts[namespace] = [link["stats64"]["tx"]["dropped"] for link in json.loads(found or "[]")]
        return counts

    def hook(self, host, *words):
        """libvirt says to its hook on a host what becomes of the guest."""
        domain = f"<domain><metadata><ports xmlns='urn:heddle:libvirt:1'><port target='vm3' logical-port='{PORT}'/>"
        return self.lab.on(
            host, "env", f"PATH={self.path}:{os.environ['PATH']}", f"HEDDLE_CHASSIS={host}",
            f"{ROOT}/deploy/libvirt/heddle", "vm3", *words, input=domain + "</ports></metadata></domain>").stdout

    def test_a_planned_move_loses_nothing(self):
        """As libvirt orders it; the hook's output would be the domain's new XML."""
        self.assertEqual(self.hook("hv3", "migrate", "begin", "-"), "")
        self.wait_ready()
        # Nothing passes that the target's guest sends before it announces itself.
        self.traffic.places["hv3"].send(Traffic.frame("guest", 1 << 40))
        described = self.lab.heddle("central", "describe", "port", PORT).stdout
        self.assertIn("hv3, ready", described)
        self.assertIn(f"Port_Binding {PORT} (standby)", self.lab.heddle("central", "sb", "show").stdout)
        self.assertIn("standby", self.lab.heddle("hv3", "port", "list").stdout)
        self.traffic.announce()
        self.wait_at("hv3")
        self.lab.sync()
        known = self.traffic.sent["peer"]
        self.traffic.go_on()
        at_source = receive(self.traffic.places["hv2"], 1 << 30, Traffic.number(self.lab.MAC[3]), seconds=0.3)
        self.assertLess(at_source[-1], known)
        # The domain has ended at its source.
        self.hook("hv2", "release", "end", "migrated")
        self.assertEqual(self.lab.get(f"/v1/ports/{PORT}")["requested_chassis"], ["hv3"])
        self.traffic.go_on()
        self.assertEqual(self.status()["chassis"], "hv3")
        arrived, _, at_target = self.traffic.end()
        self.assert_moved(arrived, at_source, at_target)

    def test_a_move_that_is_called_off_is_not_noticed(self):
        self.migrate("hv3")
        wait_until(lambda: "the guest can be started at hv3" in self.migrate(), "hv3 is ready", 20)
        self.traffic.go_on()
        self.assertIn("called off, at hv2", self.migrate("--abort"))
        self.lab.sync()
        self.traffic.go_on()
        self.assertEqual(self.status()["chassis"], "hv2")
        # It can begin again, with the interface that is still there.
        waiting = subprocess.Popen(
            self.lab.inside("central", self.lab.program, "migrate", PORT, "hv3", "--wait", "--timeout", "60"),
            env=self.lab.environment("central"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        wait_until(lambda: self.status().get("standby") == {"chassis": "hv3", "up": True}, "hv3 is ready", 20)
        self.lab.sync()
        self.traffic.announce()
        self.assertEqual(waiting.communicate(timeout=60)[0], f"{PORT}: at hv3\n")
        self.assertEqual(self.lab.get(f"/v1/ports/{PORT}")["requested_chassis"], ["hv3"])
        self.traffic.go_on()
        self.assert_moved(*self.traffic.end())

    def test_a_target_that_dies_is_not_noticed(self):
        self.begin()
        self.kill(3)
        self.traffic.go_on()
        self.options("requested-chassis=hv2")
        self.traffic.go_on()
        arrived, at_source, at_target = self.traffic.end()
        self.assert_each_once(arrived, range(self.traffic.sent["guest"]))
        self.assert_each_once(at_source, range(self.traffic.sent["peer"]))
        self.assertEqual(at_target, [])

    def test_a_guest_whose_source_has_died_runs_at_the_target(self):
        self.begin()
        self.kill(2)
        self.traffic.announce()
        self.wait_at("hv3")
        self.traffic.go_on()
        sent = self.traffic.sent
        arrived, at_source, at_target = self.traffic.end()
        # From the announcement on nothing is lost.
        self.assertEqual(sorted(arrived)[-200:], list(range(sent["guest"] - 200, sent["guest"])))
        self.assertEqual(at_target, list(range(at_target[0], sent["peer"])))

    def test_central_starts_anew_while_a_guest_moves(self):
        self.begin()
        self.lab.central_daemon.kill()
        self.traffic.announce()
        self.traffic.go_on()
        # Also the target's agent and forwarder start anew.
        self.lab.agents[3].kill()
        self.revive(3)
        self.traffic.go_on(0.1)
        type(self).lab.central_daemon = self.lab.central()
        self.wait_at("hv3")
        self.traffic.go_on(0.1)
        self.assert_moved(*self.traffic.end())


if __name__ == "__main__":
    unittest.main()
