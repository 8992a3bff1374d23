"""A guest can do nothing to others, whatever it sends and whatever its virtio-net header asks for."""

import errno
import re
import socket
import struct
import unittest

from lab import NETWORK, Primer, wait_until
from packets import checksum, mac, packet_socket, receive

NEEDS_CHECKSUM = 1
# Prints the sizes of the datagrams that come until an empty one does.
DATAGRAMS = """
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind((sys.argv[1], 5003))
print("listening", flush=True)
while data := receiver.recv(65536):
    print(len(data), flush=True)
"""


def ip(text):
    return socket.inet_aton(text)


def forge(frame, start, offset, wanted):
    """An offload header by which the two bytes at `start + offset` become `wanted`, and the frame with the two bytes at
    its end that see to it: they balance the sum."""
    total = checksum(frame[start:] + b"\0\0")
    balance = (0xFFFF - struct.unpack("!H", wanted)[0] - total) % 0xFFFF
    return struct.pack("=BBHHHH", NEEDS_CHECKSUM, 0, 0, 0, start, offset), frame + struct.pack("!H", balance)


class GuestTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        # A receiver on the guest's own host, beside vm2 on another one.
        cls.lab.vm(3, "hv1")
        cls.lab.wait_up("ls1-vm3")
        cls.lab.sync()
        cls.lab.ping("vm1", cls.lab.IP[2])

    def drops(self, vm, reason):
        """Frames of a guest on hv1 that were dropped for a reason."""
        line = re.search(f"(?m)^{vm} .*$", self.lab.heddle("hv1", "port", "list", "--stats").stdout).group()
        found = re.search(rf"\b{reason}=(\d+)", line)
        return int(found.group(1)) if found else 0

    def udp(self, target, data):
        """A datagram from vm1."""
        addresses = ip(self.lab.IP[1]) + ip(self.lab.IP[target])
        content = struct.pack("!HHHH", 5555, 9, 8 + len(data), 0) + data
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 0, 0, 64, 17, 0) + addresses
        header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
        return mac(self.lab.MAC[target]) + mac(self.lab.MAC[1]) + b"\x08\0" + header + content

    def arp(self, target, operation=2):
        """An ARP packet of vm1's to a guest, or to all."""
        destination = mac(self.lab.MAC[target]) if target else b"\xff" * 6
        return destination + mac(self.lab.MAC[1]) + bytes.fromhex("080600010800060400") + bytes([operation]) \
            + mac(self.lab.MAC[1]) + ip(self.lab.IP[1]) + mac(self.lab.MAC[2]) + ip("172.16.255.200")

    def is_ours(self, frame):
        """True if a frame of vm1's is one that a test made: its kernel asks for neighbors when it likes."""
        is_datagram = frame[12:14] == b"\x08\0" and frame[36:38] == struct.pack("!H", 9)
        is_arp = frame[12:14] == b"\x08\x06" and frame[38:42] == ip("172.16.255.200")
        return frame[6:12] == mac(self.lab.MAC[1]) and (is_datagram or is_arp)

    def test_a_checksum_is_completed_where_the_frame_has_one_and_nowhere_else(self):
        lab = self.lab
        forged = []
        for target in 2, 3:
            # The low half of the source address, and that of the sender in ARP: 172.16.255.11 would become .99.
            forged.append(forge(self.udp(target, b"spoof!"), 20, 8, ip("172.16.255.99")[2:]))
            forged.append(forge(self.arp(target), 20, 10, ip("172.16.255.99")[2:]))
        forged.append(forge(self.arp(None), 20, 10, ip("172.16.255.99")[2:]))
        honest = [self.udp(target, b"the end") for target in (2, 3)]
        before = self.drops("vm1", "malformed_offload")
        with packet_socket(f"{lab.name}-vm1", "vm1", offloads=True) as sender, \
                packet_socket(f"{lab.name}-vm2", "vm2", offloads=True) as there, \
                packet_socket(f"{lab.name}-vm3", "vm3", offloads=True) as here:
            for header, frame in forged:
                sender.send(header + frame)
            for frame in honest:
                # Complete, and with the checksum of UDP to be completed.
                sender.send(bytes(10) + frame)
                pseudo = checksum(frame[26:34] + struct.pack("!HH", 17, len(frame) - 34))
                frame = frame[:40] + struct.pack("!H", pseudo) + frame[42:]
                sender.send(struct.pack("=BBHHHH", NEEDS_CHECKSUM, 0, 0, 0, 34, 6) + frame)
            for receiver in there, here:
                got = receive(receiver, 2, lambda frame: frame if self.is_ours(frame[10:]) else None)
                self.assertEqual([frame[-7:] for frame in got], [b"the end"] * 2)
                self.assertTrue(all(frame[10 + 26:10 + 30] == ip(lab.IP[1]) for frame in got))
        self.assertEqual(self.drops("vm1", "malformed_offload") - before, len(forged))

    def test_a_flood_of_requests_is_bounded_and_everybody_else_goes_on(self):
        lab = self.lab
        request = b"\xff" * 6 + self.arp(None, operation=1)[6:]
        request = request[:38] + ip(lab.IP[2])

        def has_reached_the_limit():
            with packet_socket(f"{lab.name}-vm1", "vm1") as sender:
                for _ in range(4000):
                    try:
                        sender.send(request)
                    except OSError as error:
                        # The queue of the device is full for a moment.
                        self.assertEqual(error.errno, errno.ENOBUFS)
            return self.drops("vm1", "neighbor_answer_limit") > 1000

        wait_until(has_reached_the_limit, "the limit is reached and counted")
        for vm in "vm3", "vm1":
            wait_until(lambda: lab.ping(vm, lab.IP[2]) == 3, f"{vm} goes on")

    def test_a_probe_for_a_duplicate_address_is_answered_or_heard(self):
        lab = self.lab
        probe = self.arp(None, operation=1)
        probe = probe[:28] + bytes(4) + bytes(6)
        with packet_socket(f"{lab.name}-vm1", "vm1") as sender, packet_socket(f"{lab.name}-vm2", "vm2") as there:
            known, unknown = probe + ip(lab.IP[3]), probe + ip("172.16.255.99")
            for frame in known, unknown:
                sender.send(frame)
            # A question of vm1's own kernel for that address has a sender.
            (heard,) = receive(there, 1, lambda frame: frame if frame[12:32] == probe[12:32] else None)
            # Others may ask vm1 for its own address meanwhile.
            reply = b"\0\2" + bytes(4)
            (answer,) = receive(sender, 1, lambda frame: frame if frame[20:22] + frame[38:42] == reply else None)
        self.assertEqual(heard, unknown)
        self.assertEqual(answer[22:32], mac(lab.MAC[3]) + ip(lab.IP[3]))

    def test_a_guest_with_the_address_that_central_gave_is_reached_and_may_use_no_other(self):
        lab = self.lab
        lab.curl("/v1/switches/ls1", "--fail-with-body", "-X", "PATCH", "-H", "Content-Type: application/merge-patch+json",
                 "-d", '{"subnet": "172.16.255.0/24", "exclude_ips": ["172.16.255.2..172.16.255.9"]}')
        lab.heddle("central", "nb", "lsp-add", "ls1", "ls1-vm4", "--", "lsp-set-addresses", "ls1-vm4", "dynamic", "--",
                   "lsp-set-port-security", "ls1-vm4", "dynamic")
        given, address = lab.get("/v1/ports/ls1-vm4")["status"]["dynamic_addresses"].split()
        self.assertEqual(address, "172.16.255.10")
        self.assertIn(f'        dynamic_addresses: "{given} {address}"\n', lab.heddle("central", "nb", "show").stdout)
        lab.plug("hv2", "vm4", "ls1-vm4", given, f"{address}/24", "172.16.255.99/24")
        lab.wait_up("ls1-vm4")
        lab.sync()
        self.assertEqual(lab.ping("vm1", address), 3)
        self.assertEqual(lab.ping("vm1", "172.16.255.99", count=1), 0)

    def test_a_datagram_from_a_host_with_a_larger_mtu_stays_one(self):
        lab = self.lab
        (datapath,) = lab.get("/v1/southbound/datapath-bindings")["items"]
        key = {binding["logical_port"]: binding["tunnel_key"]
               for binding in lab.get("/v1/southbound/port-bindings")["items"]}
        geneve = bytes.fromhex("02406558") + struct.pack("!I", datapath["tunnel_key"] << 8) \
            + bytes.fromhex("01028001") + struct.pack("!HH", key["ls1-vm1"], key["ls1-vm2"])
        listener = lab.listener("vm2", DATAGRAMS, lab.IP[2])
        for size in 3000, 0:
            frame = self.udp(2, bytes(size))
            frame = frame[:36] + struct.pack("!H", 5003) + frame[38:]
            pseudo = frame[26:34] + struct.pack("!HH", 17, len(frame) - 34)
            frame = frame[:40] + struct.pack("!H", ~checksum(pseudo + frame[34:]) & 0xFFFF) + frame[42:]
            # Larger than the underlay's MTU, so that the kernel cuts the outer packet.
            program = "import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(" \
                f"bytes.fromhex(sys.stdin.read()), ('{NETWORK}.4', 6081))"
            lab.on("hv1", "python3", "-c", program, input=(geneve + frame).hex())
        self.assertEqual(listener.communicate(timeout=60)[0].split(), ["3000"])


if __name__ == "__main__":
    unittest.main()
