"""The underlay's datagrams, decoded by a dissector that is not ours; and hosts' handling of bytes that are not ours."""

import os
import random
import signal
import struct
import subprocess
import unittest

from lab import NETWORK, Primer, run, wait_until

GENEVE_PORT = 6081


FIELDS = (
    "frame.protocols", "ip.src", "ip.flags.df", "udp.dstport", "geneve.version",
    "geneve.flags.oam", "geneve.flags.critical", "geneve.proto_type", "geneve.vni", "geneve.option.class",
    "geneve.option.type", "geneve.option.length", "geneve.option.unknown.data")


MARKER = "end-of-capture"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def capture(lab, host, action):
    """The Geneve packets that cross a host's NIC while `action()` runs, each as tshark's dictionary of FIELDS."""
    path = f"{lab.state}/capture.pcap"
    tcpdump = subprocess.Popen(
        lab.inside(host, "tcpdump", "-i", "ul", "--immediate-mode", "-U", "-w", path, "udp", "port", str(GENEVE_PORT)),
        stderr=subprocess.PIPE, text=True)
    tcpdump.stderr.readline()      # "listening on …"
    try:
        action()
        # Packets are written in order: once this one is in the file, so are all before it.
        run(*lab.inside(host, "bash", "-c", f"printf {MARKER} >/dev/udp/{NETWORK}.2/{GENEVE_PORT}"))
        wait_until(lambda: MARKER.encode() in read(path), "the capture has all packets")
    finally:
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.communicate(timeout=60)
    arguments = [word for field in FIELDS for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", path, "-Y", f"ip.dst != {NETWORK}.2", "-T", "fields", "-E", "occurrence=f", *arguments],
        capture_output=True, text=True, check=True)
    packets = [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]
    # Probes of the path go between hosts at any time, as control packets.
    return [packet for packet in packets if packet["geneve.flags.oam"] not in ("1", "True")]


def keys(packet):
    """VNI, ingress key and egress key of a decoded packet; fails where the header is not OVN's (RFC 8926, class
    0x0102, type 0x80)."""
    expected = {
        "geneve.version": "0", "geneve.flags.oam": "0", "geneve.flags.critical": "1", "geneve.proto_type": "0x6558",
        "geneve.option.class": "0x0102", "geneve.option.type": "0x80"}
    got = {name: packet[name].replace("True", "1").replace("False", "0") for name in expected}
    assert got == expected, packet
    data = bytes.fromhex(packet["geneve.option.unknown.data"].replace(":", ""))
    assert len(data) == 4 and data[0] & 0x80 == 0, packet
    return int(packet["geneve.vni"], 0), *struct.unpack("!HH", data)


class WireTest(unittest.TestCase):
    def test_unicast_carries_the_keys_that_the_southbound_has(self):
        with Primer() as lab:
            lab.ping("vm1", lab.IP[2], count=1)
            packets = capture(lab, "hv1", lambda: lab.ping("vm1", lab.IP[2], count=3))
            echoes = [packet for packet in packets if "icmp:" in packet["frame.protocols"]]
            self.assertEqual(len(echoes), 6)
            (datapath,) = lab.get("/v1/southbound/datapath-bindings")["items"]
            port = {binding["logical_port"]: binding["tunnel_key"]
                    for binding in lab.get("/v1/southbound/port-bindings")["items"]}
            for packet in echoes:
                one, other = ("ls1-vm1", "ls1-vm2") if packet["ip.src"] == f"{NETWORK}.3" else ("ls1-vm2", "ls1-vm1")
                self.assertEqual(keys(packet), (datapath["tunnel_key"], port[one], port[other]))
                self.assertEqual(packet["udp.dstport"], str(GENEVE_PORT))
                self.assertIn(packet["ip.flags.df"], ("1", "True"))

    def test_a_broadcast_goes_once_to_each_host_with_the_flood_groups_key(self):
        with Primer() as lab:
            lab.host("hv3", 5)
            lab.agent("hv3", 5)
            lab.vm(3, "hv3")
            lab.wait_up("ls1-vm3")
            lab.sync()
            command = ["arping", "-c", "1", "-w", "1", "-I", "vm1", "172.16.255.77"]
            packets = capture(lab, "hv1", lambda: lab.on("vm1", *command, check=False))
            floods = [packet for packet in packets if "arp" in packet["frame.protocols"]]
            self.assertEqual(len(floods), 2)
            self.assertEqual({keys(packet)[2] for packet in floods}, {32768})

    def test_known_addresses_are_answered_on_the_host_and_ask_nobody(self):
        with Primer() as lab:
            command = ["arping", "-c", "2", "-w", "3", "-I", "vm1", lab.IP[2]]
            packets = capture(lab, "hv1", lambda: self.assertIn(
                lab.MAC[2].upper(), lab.on("vm1", *command, check=False).stdout.upper()))
            # arping asks the first time by broadcast (answered here), then by unicast (which crosses).
            self.assertEqual([packet for packet in packets if keys(packet)[2] >= 32768], [])

    def test_frames_from_a_host_that_shares_nothing_are_dropped(self):
        with Primer() as lab:
            lab.host("rogue", 9)
            vni = lab.get("/v1/southbound/datapath-bindings")["items"][0]["tunnel_key"]
            frame = bytes.fromhex("02ac10ff002202ac10ff00110800") + b"\0" * 46
            packet = bytes.fromhex("02406558") + struct.pack("!I", vni << 8) \
                + bytes.fromhex("01028001") + struct.pack("!HH", 1, 2) + frame
            self.send(lab, "rogue", [packet] * 5)
            wait_until(
                lambda: "nknown" in lab.heddle("hv2", "port", "list", "--stats").stdout, "the drop is counted")

    def test_no_bytes_stop_a_forwarder(self):
        with Primer() as lab:
            forwarders = [lab.forwarder_pid("hv1"), lab.forwarder_pid("hv2")]
            seed = random.randrange(1 << 32)
            noise = random.Random(seed)
            good = bytes.fromhex("0240655800000100" "0102800100010002" "02ac10ff002202ac10ff00110800") + bytes(60)
            packets = [good[:count] for count in range(len(good))]
            for _ in range(3000):
                packet = bytearray(good if noise.random() < 0.7 else noise.randbytes(noise.randrange(200)))
                for _ in range(noise.randrange(4)):
                    if packet:
                        packet[noise.randrange(len(packet))] = noise.randrange(256)
                packets.append(bytes(packet))
            # From an address that nobody knows, and from hv1's own, whose frames are looked into.
            lab.host("rogue", 9)
            self.send(lab, "rogue", packets)
            self.send(lab, "hv1", packets)
            self.inject(lab, "vm1", [noise.randbytes(noise.randrange(14, 1400)) for _ in range(1000)])
            self.inject(lab, "vm1", [
                bytes.fromhex("02ac10ff002202ac10ff0011") + noise.choice((b"\x08\0", b"\x86\xdd", b"\x08\x06"))
                + noise.randbytes(noise.randrange(0, 100)) for _ in range(2000)])
            self.assertEqual([lab.forwarder_pid("hv1"), lab.forwarder_pid("hv2")], forwarders, f"seed {seed}")
            for pid in forwarders:
                os.kill(pid, 0)
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)

    def send(self, lab, host, packets):
        """Sends UDP payloads from a host to hv2's tunnel port."""
        code = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "for line in sys.stdin:\n"
            f"    s.sendto(bytes.fromhex(line), ('{NETWORK}.4', {GENEVE_PORT}))\n")
        subprocess.run(
            lab.inside(host, "/usr/bin/python3", "-c", code), input="\n".join(p.hex() for p in packets), text=True,
            check=True, timeout=60)

    def inject(self, lab, vm, frames):
        """Sends frames as a guest would, through its interface."""
        code = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
            f"s.bind(('{vm}', 0))\n"
            "for line in sys.stdin:\n"
            "    s.send(bytes.fromhex(line))\n")
        subprocess.run(
            lab.inside(vm, "/usr/bin/python3", "-c", code), input="\n".join(f.hex() for f in frames), text=True,
            check=True, timeout=60)


if __name__ == "__main__":
    unittest.main()
