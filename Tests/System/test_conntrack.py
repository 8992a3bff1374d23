"""Verdicts on TCP beside those of the kernel's conntrack: the same segments go to a port of Heddle and through a
namespace that forwards by nftables, under the same rules."""

import json
import random
import socket
import struct
import unittest

from lab import Primer
from packets import Inside, checksum, mac, packet_socket, receive

FIN, SYN, RST, ACK = 1, 2, 4, 16
MARK = 9
# One end may open connections, the other one only answers; marks are of no connection.
KERNEL = f"""
table ip filter {{
    chain early {{
        type filter hook prerouting priority -300
        udp dport {MARK} notrack
    }}
    chain through {{
        type filter hook forward priority 0
        policy drop
        udp dport {MARK} accept
        ct state established,related accept
        iifname "one" ct state new accept
    }}
}}
"""


class Way:
    """A box between two ends: segments go in at one side, and those that it lets pass come out at the other."""

    def __init__(self, sockets, macs, addresses):
        self.sockets, self.macs, self.addresses = sockets, macs, addresses
        self.number = 0

    def frame(self, side, content, protocol):
        self.number = (self.number + 1) & 0xFFFF
        source, target = (socket.inet_aton(self.addresses[index]) for index in (side, 1 - side))
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), self.number, 0, 64, protocol, 0)
        header += source + target
        header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
        return self.macs[side] + b"\x08\0" + header + content

    def tcp(self, side, segment):
        """A segment's octets: ports, numbers, flags, window, scale and data, with the checksum."""
        options = b"" if segment["scale"] is None else bytes([3, 3, segment["scale"], 1])
        ports = (segment["port"], 80) if side == 0 else (80, segment["port"])
        words = struct.pack(
            "!HHIIBBHHH", *ports, segment["seq"] % 2**32, segment["ack"] % 2**32 if segment["flags"] & ACK else 0,
            (5 + len(options) // 4) << 4, segment["flags"], segment["window"], 0, 0) + options + bytes(segment["count"])
        pseudo = b"".join(socket.inet_aton(self.addresses[index]) for index in (side, 1 - side))
        total = ~checksum(pseudo + struct.pack("!HH", 6, len(words)) + words) & 0xFFFF
        return self.frame(side, words[:16] + struct.pack("!H", total) + words[18:], 6)

    def verdicts(self, segments):
        """True for each of the segments that comes out; they are sent in their order."""
        passed, first = [], 0
        while first < len(segments):
            side = segments[first]["side"]
            turn = []
            for segment in segments[first:first + 16]:
                if segment["side"] != side:
                    break
                self.sockets[side].send(self.tcp(side, segment))
                turn.append(self.number)
            mark = self.frame(side, struct.pack("!HHHH", MARK, MARK, 8, 0), 17)
            self.sockets[side].send(mark)
            source, came = socket.inet_aton(self.addresses[side]), set()

            def wanted(frame, number=self.number):
                if frame[12:14] != b"\x08\0" or frame[26:30] != source:
                    return None
                came.add(struct.unpack("!H", frame[18:20])[0])
                return frame if number in came else None

            if not receive(self.sockets[1 - side], 1, wanted, 10):
                raise AssertionError("the mark after segments did not come")
            passed += [number in came for number in turn]
            first += len(turn)
        return passed


class Talk:
    """A random exchange: mostly what two ends say to each other, and now and then what nobody should.

    Differences that are wanted (docs/acls.md) are left out: strays come while both ends talk, none is older than all
    that is under way, and one that may end the connection is the last.
    """

    def __init__(self, generator, port):
        self.random, self.port = generator, port
        self.segments = []
        # True if nothing that is out of order may come any more.
        self.ends = False
        self.next = [generator.randrange(2**32), generator.randrange(2**32)]
        self.scales = [generator.choice([None, 0, 2, 7]) for _ in range(2)]
        self.windows = [generator.choice([8000, 30000, 60000]) for _ in range(2)]

    def happens(self, share):
        return self.random.random() < share

    def say(self, side, flags, count=0, seq=0, moves=True):
        self.segments.append({
            "side": side, "port": self.port, "seq": self.next[side] + seq, "ack": self.next[1 - side],
            "flags": flags, "window": self.windows[side], "scale": self.scales[side] if flags & SYN else None,
            "count": count})
        if moves:
            self.next[side] += count + bool(flags & SYN) + bool(flags & FIN)

    def open(self):
        for _ in range(self.random.choice([1, 1, 1, 2])):
            self.say(0, SYN, moves=False)
        self.next[0] += 1
        if self.happens(0.1):
            # Both at once: Linux does not know their windows then.
            self.ends = True
            self.say(1, SYN)
            self.say(0, SYN | ACK, seq=-1, moves=False)
            self.say(1, SYN | ACK, seq=-1, moves=False)
        else:
            self.say(1, SYN | ACK)
        self.say(0, ACK)

    def talk(self):
        first = len(self.segments)
        for _ in range(self.random.randrange(8)):
            side = self.random.randrange(2)
            self.say(side, ACK, self.random.choice([0, 1, 100, 700]))
            if self.happens(0.7):
                self.say(1 - side, ACK)
        segments = self.segments[:first]
        for segment in self.segments[first:]:
            segments.append(segment)
            if self.ends:
                continue
            if self.happens(0.1):
                segments.append(self.random.choice(segments[first - 1:]))
            if self.happens(0.1) and len(segments) > first + 1:
                segments[-2:] = segments[:-3:-1]
            if self.happens(0.15):
                stray = self.stray(segments[-1])
                segments.append(stray)
                self.ends = stray["flags"] & (RST | FIN) != 0
        self.segments = segments

    def stray(self, like):
        flags = self.random.choice([ACK, ACK, ACK, RST, RST | ACK, RST | ACK, SYN | ACK, FIN | ACK])
        offset = self.random.choice([1, -1, 300, -300, 2**24, 2**30])
        moved = self.random.choice(["seq", "ack"])
        return like | {"flags": flags, moved: like[moved] + offset, "scale": None,
                       "count": self.random.choice([0, 10]) if flags == ACK else 0}

    def close(self):
        first = self.random.randrange(2)
        self.say(first, FIN | ACK, self.random.choice([0, 50]))
        for _ in range(self.random.randrange(3)):
            self.say(1 - first, ACK, 100)
            self.say(first, ACK)
        self.say(1 - first, FIN | ACK)
        for _ in range(self.random.choice([1, 1, 2])):
            self.say(first, ACK)

    def reset(self):
        side = self.random.randrange(2)
        self.say(side, self.random.choice([RST, RST | ACK]))

    def whole(self):
        if self.happens(0.1):
            # In its midst.
            self.say(0, ACK)
            self.say(1, ACK)
            return self.segments
        self.open()
        self.talk()
        if self.ends or self.happens(0.7):
            self.close()
        else:
            self.reset()
        if self.happens(0.3):
            # The ends have forgotten it, whatever has come of it, and open another one.
            self.next = [(number + 2**28) % 2**32 for number in self.next]
            self.say(0, SYN)
            self.say(1, SYN | ACK)
            self.say(0, ACK)
            self.say(1, ACK, 100)
            self.say(0, ACK)
        return self.segments


class ConntrackTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.vm(3, "hv1")
        lab.wait_up("ls1-vm3")
        lab.heddle(
            "central", "nb", "--wait=hv",
            "acl-add", "ls1", "from-lport", "1000", f"udp.dst == {MARK}", "allow-stateless", "--",
            "acl-add", "ls1", "to-lport", "1000", f"udp.dst == {MARK}", "allow-stateless", "--",
            "acl-add", "ls1", "from-lport", "900", 'inport == "ls1-vm1" && ip', "allow-related", "--",
            "acl-add", "ls1", "from-lport", "900", 'inport == "ls1-vm3" && ip', "drop", "--",
            "acl-add", "ls1", "to-lport", "900", 'outport == "ls1-vm1" && ip', "drop")
        addresses = [lab.IP[1], lab.IP[3]]
        for vm in "vm1", "vm3":
            # Else the kernel there would answer for itself.
            lab.ip(vm, "addr", "flush", "dev", vm)
        sockets = [packet_socket(f"{lab.name}-{vm}", vm) for vm in ("vm1", "vm3")]
        macs = [mac(lab.MAC[3]) + mac(lab.MAC[1]), mac(lab.MAC[1]) + mac(lab.MAC[3])]
        cls.heddle = Way(sockets, macs, addresses)
        cls.kernel = cls.make_kernel(addresses)
        for each in cls.heddle.sockets + cls.kernel.sockets:
            cls.addClassCleanup(each.close)

    @classmethod
    def make_kernel(cls, addresses):
        lab = cls.lab
        lab.namespace("nft")
        lab.namespace("ends")
        sockets, macs = [], []
        lab.on("nft", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for name, address in zip(("one", "two"), addresses):
            lab.ip("nft", "link", "add", name, "type", "veth", "peer", "name", name, "netns", f"{lab.name}-ends")
            lab.ip("ends", "link", "set", name, "up")
            lab.ip("nft", "link", "set", name, "up")
            lab.on("nft", "sh", "-c", f"echo 0 > /proc/sys/net/ipv4/conf/{name}/rp_filter")
            links = [json.loads(lab.ip(host, "-j", "link", "show", name))[0]["address"] for host in ("nft", "ends")]
            lab.ip("nft", "route", "add", address, "dev", name)
            lab.ip("nft", "neigh", "add", address, "lladdr", links[1], "dev", name)
            sockets.append(packet_socket(f"{lab.name}-ends", name))
            macs.append(mac(links[0]) + mac(links[1]))
        lab.on("nft", "nft", "-f", "-", input=KERNEL)
        return Way(sockets, macs, addresses)

    def test_heddle_lets_pass_what_the_kernel_does(self):
        generator = random.Random(14)
        for number in range(400):
            segments = Talk(generator, 2000 + number).whole()
            kernel, heddle = self.kernel.verdicts(segments), self.heddle.verdicts(segments)
            if kernel != heddle:
                lines = [f"{segment}: kernel {one}, Heddle {other}"
                         for segment, one, other in zip(segments, kernel, heddle)]
                self.fail("\n".join(lines))


if __name__ == "__main__":
    unittest.main()
