"""Frames made and read by hand, with the offload headers of packet sockets and TAPs, in any namespace."""

import array
import ctypes
import os
import select
import socket
import struct
import time

_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SOL_PACKET, PACKET_VNET_HDR = 263, 15
# The kinds of struct virtio_net_hdr.
TCPV4, TCPV6, UDP_L4, ECN = 1, 4, 5, 0x80


class Inside:
    """The block runs in a network namespace: what it opens belongs there."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        self.own = os.open("/proc/self/ns/net", os.O_RDONLY)
        other = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        self.enter(other)
        os.close(other)

    def __exit__(self, *_):
        self.enter(self.own)
        os.close(self.own)

    def enter(self, descriptor):
        if _libc.setns(descriptor, CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), "setns")


def packet_socket(namespace, device, offloads=False):
    """A socket for whole frames of a device; with `offloads` each has a virtio-net header of 10 bytes in front."""
    with Inside(namespace):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        opened.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)     # SO_RCVBUFFORCE
        if offloads:
            opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        opened.bind((device, 0))
    return opened


def receive(opened, count, wanted, seconds=30):
    """The next `count` frames that `wanted` makes something of; what came before the time was over."""
    found, deadline = [], time.monotonic() + seconds
    while len(found) < count:
        if not select.select([opened], [], [], max(0, deadline - time.monotonic()))[0]:
            break
        frame = wanted(opened.recv(1 << 17))
        if frame is not None:
            found.append(frame)
    return found


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def rarp(own):
    """The frame by which QEMU announces a guest with this MAC address."""
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 3) + (own + bytes(4)) * 2
    return b"\xff" * 6 + own + b"\x80\x35" + body + bytes(18)


def checksum(data):
    """The sum of RFC 1071, not inverted."""
    if len(data) % 2:
        data += b"\0"
    total = sum(array.array("H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return socket.htons(total)


class Superpacket:
    """A frame that stands for many, as a guest hands it to its device: its checksum holds the pseudo-header's sum."""

    def __init__(self, source, target, size, payload, ipv6=False, udp=False, flags=0x18, options=b"", ident=1,
                 sequence=1000, fragment=0x4000, traffic_class=0):
        transport = 8 if udp else 20 + len(options)
        length = transport + len(payload)
        protocol = 17 if udp else 6
        (source_mac, source_ip), (target_mac, target_ip) = source, target
        if ipv6:
            addresses = socket.inet_pton(socket.AF_INET6, source_ip) + socket.inet_pton(socket.AF_INET6, target_ip)
            network = struct.pack("!IHBB", 6 << 28 | traffic_class << 20 | 0x12345, length, protocol, 64) + addresses
        else:
            addresses = socket.inet_aton(source_ip) + socket.inet_aton(target_ip)
            network = struct.pack(
                "!BBHHHBBH", 0x45, traffic_class, 20 + length, ident, fragment, 64, protocol, 0) + addresses
            network = network[:10] + struct.pack("!H", ~checksum(network) & 0xFFFF) + network[12:]
        pseudo = checksum(addresses + struct.pack("!II", length, protocol))
        if udp:
            header = struct.pack("!HHHH", 40000, 5201, length, pseudo)
        else:
            header = struct.pack(
                "!HHIIBBHHH", 40000, 5201, sequence & 0xFFFFFFFF, 77, (transport // 4) << 4, flags, 500, pseudo, 0)
        ethernet = mac(target_mac) + mac(source_mac) + (b"\x86\xdd" if ipv6 else b"\x08\0")
        self.network, self.transport = len(ethernet), len(ethernet) + len(network)
        self.bytes = ethernet + network + header + options + payload
        self.kind = UDP_L4 if udp else TCPV6 if ipv6 else TCPV4
        self.kind |= ECN if not udp and flags & 0x80 else 0
        self.size, self.field = size, 6 if udp else 16
        self.header_length = self.transport + transport
        self.segments = -(-len(payload) // size)

    @property
    def offload(self):
        """The virtio-net header."""
        return struct.pack("=BBHHHH", 1, self.kind, self.header_length, self.size, self.transport, self.field)
