"""Long streams arrive as they were sent over an underlay that loses, repeats and reorders packets and trains of them.

HEDDLE_STREAM_MB is the length of the streams together, in megabytes: 200, or 40000 for a test of minutes. Longer
streams meet about as many mishaps as short ones, further apart, so that they are as fast as the relay.
"""

import json
import os
import subprocess
import unittest

from lab import Primer, run
from test_superpackets import RECEIVE, SEND

MEGABYTES = int(os.environ.get("HEDDLE_STREAM_MB", "200"))
SEED = 11

# Relays frames between two devices with their offload headers, and impairs tunnels: of a thousand (or as many times more
# as its fourth argument says) 3 are lost, 3 come twice and 10 come later than those behind them. Ends with its stdin,
# and tells what it has done.
RELAY = """
import json, random, select, socket, sys
ends = []
for device in sys.argv[1:3]:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    end.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)     # SO_RCVBUFFORCE
    end.setsockopt(263, 15, 1)                          # PACKET_VNET_HDR
    end.setsockopt(263, 23, 1)                          # PACKET_IGNORE_OUTGOING
    end.bind((device, 0))
    end.setblocking(False)
    ends.append(end)
chance = random.Random(int(sys.argv[3]))
sparseness = float(sys.argv[4])
done = dict(passed=0, lost=0, repeated=0, reordered=0, full=0)
held = [[], []]

def send(index, frame):
    try:
        ends[index].send(frame)
    except (BlockingIOError, OSError):
        done["full"] += 1

def relay(source, frame):
    target = 1 - source
    done["passed"] += 1
    if frame[10 + 36:10 + 38] == (6081).to_bytes(2, "big"):
        dice = chance.random() * sparseness
        if dice < 0.003:
            done["lost"] += 1
            return
        if dice < 0.006:
            done["repeated"] += 1
            send(target, frame)
        elif dice < 0.016:
            done["reordered"] += 1
            held[target].append([chance.randrange(1, 6), frame])
            return
    send(target, frame)
    for waiting in held[target][:]:
        waiting[0] -= 1
        if waiting[0] == 0:
            held[target].remove(waiting)
            send(target, waiting[1])

print("relaying", flush=True)
while True:
    # A frame that is held back goes on alone if nothing follows.
    ready = select.select([*ends, sys.stdin], [], [], 0.002 if held[0] or held[1] else None)[0]
    if sys.stdin in ready:
        break
    if not ready:
        for target in 0, 1:
            for _, frame in held[target]:
                send(target, frame)
            held[target] = []
    for source in 0, 1:
        if ends[source] in ready:
            try:
                for _ in range(64):
                    relay(source, ends[source].recv(1 << 17))
            except BlockingIOError:
                pass
print(json.dumps(done))
"""


class ImpairedTest(unittest.TestCase):
    def test_streams_over_a_bad_underlay_arrive_as_they_were_sent(self):
        with Primer() as lab:
            # hv1's cable goes through the relay.
            lab.ip("ul", "link", "add", "relay0", "type", "veth", "peer", "name", "relay1")
            lab.ip("ul", "link", "set", "relay0", "up")
            lab.ip("ul", "link", "set", "hv1", "nomaster", "promisc", "on")
            lab.ip("ul", "link", "set", "relay1", "master", "br0", "up")
            relay = subprocess.Popen(
                lab.inside("ul", "/usr/bin/python3", "-c", RELAY, "hv1", "relay0", str(SEED),
                           str(max(1, MEGABYTES / 200))),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            try:
                self.assertEqual(relay.stdout.readline().strip(), "relaying")
                for offload in "on", "off":
                    if offload == "off":
                        for host, nic in ("hv1", "ul"), ("hv2", "ul"), ("ul", "hv1"), ("ul", "hv2"), ("ul", "relay0"):
                            run(*lab.inside(host, "ethtool", "-K", nic, *"tx off tso off gso off gro off".split()),
                                check=False)
                    for source, target, address in ("vm1", "vm2", lab.IP[2]), ("vm2", "vm1", lab.IP[1]):
                        with self.subTest(offload=offload, source=source):
                            self.stream(lab, source, target, address)
                done = json.loads(relay.communicate("\n", timeout=60)[0])
            finally:
                relay.kill()
                relay.wait()
            print(done)
            for what in "lost", "repeated", "reordered":
                self.assertGreater(done[what], 0)

    def stream(self, lab, source, target, address):
        megabytes = MEGABYTES // 4
        receiver = lab.listener(target, RECEIVE, address)
        try:
            sent = lab.on(source, "python3", "-c", SEND, address, str(megabytes), timeout=120 + megabytes)
            self.assertEqual(receiver.communicate(timeout=60)[0].strip(), sent.stdout.strip())
        finally:
            receiver.kill()
            receiver.wait()


if __name__ == "__main__":
    unittest.main()
