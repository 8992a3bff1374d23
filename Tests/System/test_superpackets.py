"""Long streams between VMs on two hosts arrive as they were sent, whatever the underlay leaves of their superpackets."""

import json
import unittest

from lab import Primer, run, wait_until

MEGABYTES = 300

# Both ends print the SHA-256 of the stream; the data repeat with a period that is no multiple of any segment.
SEND = """
import hashlib, socket, sys
hash, block = hashlib.sha256(), bytes((i * i + i // 251) & 255 for i in range(1000003))
with socket.create_connection((sys.argv[1], 5001)) as stream:
    for _ in range(int(sys.argv[2])):
        stream.sendall(block)
        hash.update(block)
print(hash.hexdigest())
"""
RECEIVE = """
import hashlib, socket, sys
hash = hashlib.sha256()
with socket.create_server((sys.argv[1], 5001), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as server:
    print("listening", flush=True)
    stream, _ = server.accept()
    while data := stream.recv(1 << 20):
        hash.update(data)
print(hash.hexdigest())
"""
# Numbered datagrams of sizes that change all the time; a thousand are under way, which no buffer overflows by.
# At most forty under way, of which the long ones are three frames each: fewer than a queue holds.
DATAGRAMS = """
import socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(20000):
    size = (100, 100, 100, 1400, 1400, 18, 3000)[number // 20 % 7]
    sender.sendto(number.to_bytes(4, "big") + bytes([number & 255]) * size, (sys.argv[1], 5002))
    if number % 20 == 19 and number >= 39 and not sys.stdin.readline():
        sys.exit("the receiver has ended")
sys.stdin.read()
"""
COLLECT = """
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)     # SO_RCVBUFFORCE
receiver.bind((sys.argv[1], 5002))
receiver.settimeout(60)
print("listening", file=sys.stderr, flush=True)
next, late, wrong = 0, 0, 0
while next < 20000:
    data = receiver.recv(65536)
    number = int.from_bytes(data[:4], "big")
    size = (100, 100, 100, 1400, 1400, 18, 3000)[number // 20 % 7]
    wrong += data[4:] != bytes([number & 255]) * size
    late += number != next
    next = number + 1
    if number % 20 == 19:
        print(number, flush=True)
print(late, wrong, file=sys.stderr)
"""


class SuperpacketTest(unittest.TestCase):
    def stream(self, lab, source, target, address, megabytes=MEGABYTES):
        receiver = lab.listener(target, RECEIVE, address)
        sent = lab.on(source, "python3", "-c", SEND, address, str(megabytes), timeout=120).stdout.strip()
        received = receiver.communicate(timeout=60)[0].strip()
        self.assertEqual(received, sent)

    def sent(self, lab):
        """Packets that hv1's NIC has sent, a train being one."""
        return json.loads(lab.ip("hv1", "-s", "-j", "link", "show", "ul"))[0]["stats64"]["tx"]["packets"]

    def datagrams(self, lab):
        verdict = lab.collect("vm2", COLLECT, "vm1", DATAGRAMS, lab.IP[2])
        self.assertEqual(verdict.split(), ["0", "0"], "late or lost, wrong")

    def test_streams_and_datagrams_arrive_as_they_were_sent(self):
        with Primer() as lab:
            for number in 1, 2:
                lab.heddle("central", "nb", "lsp-set-port-security", f"ls1-vm{number}")
                lab.ip(f"vm{number}", "addr", "add", f"fd00::{number}/64", "dev", f"vm{number}", "nodad")
            lab.sync()
            for offload in "on", "off":
                if offload == "off":
                    for host, nic in ("hv1", "ul"), ("hv2", "ul"), ("ul", "hv1"), ("ul", "hv2"):
                        run(*lab.inside(host, "ethtool", "-K", nic, *"tx off tso off gso off gro off".split()),
                            check=False)
                with self.subTest(f"underlay offloads {offload}"):
                    self.stream(lab, "vm1", "vm2", lab.IP[2])
                    self.stream(lab, "vm2", "vm1", lab.IP[1])
                    self.stream(lab, "vm1", "vm2", "fd00::2")
                    self.datagrams(lab)

    def test_a_superpacket_crosses_as_one_train(self):
        with Primer() as lab:
            before = self.sent(lab)
            self.stream(lab, "vm1", "vm2", lab.IP[2], 100)
            # 100 MB are 71,000 segments.
            self.assertLess(self.sent(lab) - before, 20_000)

    def test_ports_of_one_host_speak_in_superpackets(self):
        with Primer() as lab:
            lab.vm(3, "hv1")
            lab.wait_up("ls1-vm3")
            lab.sync()
            self.stream(lab, "vm1", "vm3", lab.IP[3])
            wait_until(lambda: lab.ping("vm3", lab.IP[2]) == 3, "vm2 answers vm3")


if __name__ == "__main__":
    unittest.main()
