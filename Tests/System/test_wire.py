"""What is on the underlay, decoded by a dissector that is not ours; and what hosts make of bytes that are not ours."""

import json
import os
import random
import signal
import struct
import subprocess
import unittest

from lab import NETWORK, Primer, wait_until

GENEVE_PORT = 6081


def capture(lab, host, action):
    """The Geneve packets that cross a host's NIC while `action()` runs, as tshark's list of field dictionaries."""
    path = f"{lab.state}/capture.pcap"
    tcpdump = subprocess.Popen(
        lab.inside(host, "tcpdump", "-i", "ul", "-U", "-w", path, "udp", "port", str(GENEVE_PORT)),
        stderr=subprocess.PIPE, text=True)
    tcpdump.stderr.readline()      # "listening on …"
    try:
        action()
    finally:
        tcpdump.send_signal(signal.SIGINT)
        tcpdump.communicate(timeout=20)
    done = subprocess.run(
        ["tshark", "-r", path, "-T", "json", "-Y", "geneve"], capture_output=True, text=True, check=True)
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def keys(packet):
    """VNI, ingress key and egress key of a decoded packet; fails where the option is not OVN's."""
    geneve = packet["geneve"]
    (option,) = (value for name, value in geneve["geneve.options"].items() if "geneve.option" in name)
    fields = flatten(option)
    assert int(fields["geneve.option.class"], 0) == 0x0102, fields
    assert int(fields["geneve.option.type"], 0) == 0x80, fields
    data = bytes.fromhex(fields["geneve.option.data"].replace(":", ""))
    assert len(data) == 4 and data[0] & 0x80 == 0, fields
    return int(geneve["geneve.vni"], 0), *struct.unpack("!HH", data)


def flatten(tree):
    flat = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value)
        else:
            flat[name] = value
    return flat


class WireTest(unittest.TestCase):
    def test_unicast_carries_the_keys_that_the_southbound_has(self):
        with Primer() as lab:
            lab.ping("vm1", lab.IP[2], count=1)
            packets = capture(lab, "hv1", lambda: lab.ping("vm1", lab.IP[2], count=3))
            echoes = [packet for packet in packets if "icmp" in packet]
            self.assertEqual(len(echoes), 6)
            (datapath,) = lab.get("/v1/southbound/datapath-bindings")["items"]
            port = {binding["logical_port"]: binding["tunnel_key"]
                    for binding in lab.get("/v1/southbound/port-bindings")["items"]}
            for packet in echoes:
                outer = packet["ip"][0] if isinstance(packet["ip"], list) else packet["ip"]
                one, other = ("ls1-vm1", "ls1-vm2") if outer["ip.src"] == f"{NETWORK}.3" else ("ls1-vm2", "ls1-vm1")
                self.assertEqual(keys(packet), (datapath["tunnel_key"], port[one], port[other]))
                self.assertEqual(flatten(packet["geneve"])["geneve.proto_type"], "0x6558")
                self.assertEqual(flatten(packet["geneve"])["geneve.flags.critical"] in ("1", True, "True"), True)
                udp = packet["udp"][0] if isinstance(packet["udp"], list) else packet["udp"]
                self.assertEqual(udp["udp.dstport"], str(GENEVE_PORT))
                self.assertEqual(flatten(outer)["ip.flags.df"] in ("1", True, "True"), True)

    def test_a_broadcast_goes_once_to_each_host_with_the_flood_groups_key(self):
        with Primer() as lab:
            lab.host("hv3", 5)
            lab.agent("hv3", 5)
            lab.vm(3, "hv3")
            lab.wait_up("ls1-vm3")
            lab.sync()
            command = ["arping", "-c", "1", "-w", "1", "-I", "vm1", "172.16.255.77"]
            packets = capture(lab, "hv1", lambda: lab.on("vm1", *command, check=False))
            floods = [packet for packet in packets if "arp" in packet]
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
