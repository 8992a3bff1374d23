"""What becomes of superpackets, beside what the kernel makes of the same ones."""

import fcntl
import os
import random
import socket
import struct
import unittest

from lab import NETWORK, Primer, run, wait_until
from packets import Inside, Superpacket, TCPV4, UDP_TUNNEL_IPV4, checksum, mac, packet_socket, receive

GENEVE = 14 + 20 + 8 + 16
OFF = "tx off tso off gso off gro off tx-udp-segmentation off".split()


class SegmentTest(unittest.TestCase):
    def cases(self, lab):
        """Superpackets from vm1 to vm2 of every kind: both families, both transports, sizes, flags, numbers that wrap."""
        noise = random.Random(7)
        four = ((lab.MAC[1], lab.IP[1]), (lab.MAC[2], lab.IP[2]))
        six = ((lab.MAC[1], "fd00::1"), (lab.MAC[2], "fd00::2"))
        stamps = bytes.fromhex("0101080a0000000100000002")
        sizes = [(3000, 1000), (1001, 1000), (2999, 777), (40 * 1300 + 1, 1300), (7, 2), (63 * 18, 18)]
        for ipv6 in False, True:
            places = six if ipv6 else four
            for count, size in sizes:
                yield Superpacket(*places, size, noise.randbytes(count), ipv6=ipv6)
                yield Superpacket(*places, size, noise.randbytes(count), ipv6=ipv6, udp=True)
            for flags in 0x10, 0x19, 0x98, 0xD8, 0xD9, 0x50:
                yield Superpacket(*places, 1000, noise.randbytes(3500), ipv6=ipv6, flags=flags, options=stamps)
            for udp in False, True:
                for fragment, ident in (0x4000, 0xFFFE), (0, 0xFFFF), (0x4000, 0):
                    yield Superpacket(
                        *places, 1111, noise.randbytes(5000), ipv6=ipv6, udp=udp, ident=ident, fragment=fragment,
                        sequence=0xFFFFFC00, traffic_class=0x4A)

    def test_segments_are_the_kernels_byte_for_byte(self):
        with Primer() as lab:
            for number in 1, 2:
                lab.heddle("central", "nb", "lsp-set-port-security", f"ls1-vm{number}")
            lab.sync()
            for host, nic in ("hv1", "ul"), ("ul", "hv1"):
                run(*lab.inside(host, "ethtool", "-K", nic, *OFF), check=False)
            # The kernel's way: a veth that takes no superpackets, and so has them cut.
            lab.namespace("k")
            lab.ip("k", "link", "add", "k0", "type", "veth", "peer", "name", "k1")
            run(*lab.inside("k", "ethtool", "-K", "k0", *OFF), check=False)
            for device in "k0", "k1":
                lab.ip("k", "link", "set", device, "mtu", "1500", "up")
            ours = packet_socket(f"{lab.name}-vm1", "vm1", offloads=True)
            ours_cut = packet_socket(f"{lab.name}-ul", "hv1")
            kernels = packet_socket(f"{lab.name}-k", "k0", offloads=True)
            kernels_cut = packet_socket(f"{lab.name}-k", "k1")
            ends = mac(lab.MAC[2]) + mac(lab.MAC[1])
            count = 0
            with ours, ours_cut, kernels, kernels_cut:
                for packet in self.cases(lab):
                    for opened in ours, kernels:
                        opened.send(packet.offload + packet.bytes)
                    expected = receive(
                        kernels_cut, packet.segments, lambda frame: frame if frame.startswith(ends) else None)
                    got = receive(
                        ours_cut, packet.segments,
                        lambda frame: frame[GENEVE:] if frame[GENEVE:].startswith(ends) else None)
                    story = f"kind {packet.kind}, {len(packet.bytes)} bytes by {packet.size}"
                    self.assertEqual(len(expected), packet.segments, story)
                    self.assertEqual([frame.hex() for frame in got], [frame.hex() for frame in expected], story)
                    count += len(got)
            self.assertGreater(count, 500)

    def test_a_superpacket_that_a_kernels_tunnel_left_uncut_reaches_the_guest_as_one(self):
        with Primer() as lab:
            lab.ping("vm1", lab.IP[2])
            injector = self.tunnel_tap(lab)
            if injector is None:
                self.skipTest("this kernel's TAPs take no superpackets of tunnels (TUN_F_UDP_TUNNEL_GSO, Linux 6.17)")
            packet = Superpacket(
                (lab.MAC[1], lab.IP[1]), (lab.MAC[2], lab.IP[2]), 1402, random.Random(1).randbytes(20_000))
            with packet_socket(f"{lab.name}-vm2", "vm2", offloads=True) as guest:
                os.write(injector, self.tunnelled(lab, packet))
                header = struct.pack("=BB", 1, TCPV4)
                (got,) = receive(guest, 1, lambda frame: frame if frame[10:24] == packet.bytes[:14] else None)
            os.close(injector)
            self.assertEqual(got[:2], header)
            self.assertEqual(struct.unpack("=H", got[4:6])[0], 1402)
            self.assertEqual(got[10:].hex(), packet.bytes.hex())

    def tunnel_tap(self, lab):
        """A TAP on the underlay that takes tunnels' superpackets; None where the kernel has none."""
        with Inside(f"{lab.name}-ul"):
            tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"inject", 0x0002 | 0x1000 | 0x4000))   # TUNSETIFF
        try:
            fcntl.ioctl(tap, 0x400454D0, 0x1 | 0x2 | 0x4 | 0x80 | 0x100)                               # TUNSETOFFLOAD
            fcntl.ioctl(tap, 0x400454D8, struct.pack("i", 24))                                         # TUNSETVNETHDRSZ
        except OSError:
            os.close(tap)
            return None
        lab.ip("ul", "link", "set", "inject", "master", "br0", "up")
        return tap

    def tunnelled(self, lab, packet):
        """The superpacket as a kernel's Geneve device on hv1 would send it to hv2, offload header in front."""
        nics = [run("ip", "netns", "exec", f"{lab.name}-{host}", "cat", "/sys/class/net/ul/address").stdout.strip()
                for host in ("hv2", "hv1")]
        (datapath,) = lab.get("/v1/southbound/datapath-bindings")["items"]
        port = {binding["logical_port"]: binding["tunnel_key"]
                for binding in lab.get("/v1/southbound/port-bindings")["items"]}
        geneve = bytes.fromhex("02406558") + struct.pack("!I", datapath["tunnel_key"] << 8) \
            + bytes.fromhex("01028001") + struct.pack("!HH", port["ls1-vm1"], port["ls1-vm2"])
        length = 8 + len(geneve) + len(packet.bytes)
        addresses = socket.inet_aton(f"{NETWORK}.3") + socket.inet_aton(f"{NETWORK}.4")
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64, 17, 0) + addresses
        ip = ip[:10] + struct.pack("!H", ~checksum(ip) & 0xFFFF) + ip[12:]
        udp = struct.pack("!HHHH", 50000, 6081, length, 0)
        outer = b"".join(mac(nic) for nic in nics) + b"\x08\0" + ip + udp + geneve
        start = len(outer)
        header = struct.pack(
            "=BBHHHHHIHHHH", 1, TCPV4 | UDP_TUNNEL_IPV4, start + packet.header_length, packet.size,
            start + packet.transport, packet.field, 0, 0, 0, 0, 14 + 20, start + packet.network)
        return header + outer + packet.bytes


if __name__ == "__main__":
    unittest.main()
