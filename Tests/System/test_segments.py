"""The fate of superpackets, beside the kernel's handling of the same ones."""

import random
import unittest

from lab import Primer, run
from packets import Superpacket, mac, packet_socket, receive

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


if __name__ == "__main__":
    unittest.main()
