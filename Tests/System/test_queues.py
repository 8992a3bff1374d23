"""Hosts with several queues: flows are spread over threads, each stays in order, and no restart leaves a queue unread."""

import hashlib
import os
import re
import signal
import unittest

from lab import Lab, Primer, wait_until

FLOWS, ROUNDS = 48, 20

# Flows of numbered datagrams, one under way in each: all of them together are fewer than a queue holds. Nobody answers them: a flow that is answered moves to the queue
# that it was answered on, and may be overtaken by itself in that moment. What has come is told over a pipe.
COLLECT_FLOWS = """
import socket, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)     # SO_RCVBUFFORCE
receiver.bind((sys.argv[1], 5004))
receiver.settimeout(20)
print("listening", file=sys.stderr, flush=True)
flows, late = {}, 0
while len(flows) < FLOWS or min(flows.values()) < ROUNDS - 1:
    data, source = receiver.recvfrom(64)
    number = int.from_bytes(data, "big")
    late += number != flows.get(source, -1) + 1
    flows[source] = number
    print(number, flush=True)
print(late, file=sys.stderr)
"""
SEND_FLOWS = """
import select, socket, sys
flows = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(FLOWS)]
for flow in flows:
    flow.connect((sys.argv[1], 5004))
for number in range(ROUNDS):
    for flow in flows:
        flow.send(number.to_bytes(4, "big"))
    for _ in flows:
        if not sys.stdin.readline():
            sys.exit("the receiver has ended")
"""
# One stream of so many bytes from each of some connections, at once.
STREAMS = """
import socket, sys, threading
def send():
    with socket.create_connection((sys.argv[1], 5005)) as stream:
        for _ in range(20):
            stream.sendall(block)
block = bytes((i * i + i // 251) & 255 for i in range(1000003))
threads = [threading.Thread(target=send) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
COLLECT = """
import hashlib, os, socket, sys, threading
def receive(stream):
    hash = hashlib.sha256()
    while data := stream.recv(1 << 20):
        hash.update(data)
    os.write(1, hash.hexdigest().encode() + bytes([10]))
with socket.create_server((sys.argv[1], 5005), backlog=16) as server:
    print("listening", flush=True)
    threads = [threading.Thread(target=receive, args=(server.accept()[0],)) for _ in range(8)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


class Queues(Primer):
    """The primer's lab with so many queues a TAP, and sockets of the underlay, on each host."""

    def __init__(self, count):
        super().__init__()
        self.count = count

    def agent(self, host, octet, *arguments):
        return super().agent(host, octet, "--queues", str(self.count), *arguments)

    def pollers(self, host):
        """The queues and frames that each thread has read so far."""
        table = self.heddle(host, "port", "list", "--stats").stdout
        rows = re.findall(r"^(from-\S+) +(\d+) +(\d+)$", table, re.MULTILINE)
        return {name: (int(sources), int(frames)) for name, sources, frames in rows}


class QueueTest(unittest.TestCase):
    def flows(self, lab):
        """Flows from vm1 to vm2: all arrive, each in order."""
        # While a neighbour is asked for, vm1 itself reorders what waits for the answer.
        wait_until(lambda: lab.ping("vm1", lab.IP[2], count=1), "vm2 answers")
        verdict = lab.collect("vm2", self.sized(COLLECT_FLOWS), "vm1", self.sized(SEND_FLOWS), lab.IP[2])
        self.assertEqual(verdict, "0", "late")

    def sized(self, program):
        return program.replace("FLOWS", str(FLOWS)).replace("ROUNDS", str(ROUNDS))

    def test_flows_are_spread_over_queues_and_stay_in_order(self):
        with Queues(2) as lab:
            for _ in range(20):
                self.flows(lab)
                self.streams(lab)
                pollers = {host: lab.pollers(host) for host in ("hv1", "hv2")}
                if all(frames for table in pollers.values() for _, frames in table.values()):
                    break
                # Which socket of the underlay hears a host is decided by the few ports that it sends from: they may all
                # fall to one. The next forwarder has others.
                for host in pollers:
                    self.replace(lab, host, signal.SIGTERM)
            for host, table in pollers.items():
                self.assertEqual(
                    sorted(table), ["from-ports-0", "from-ports-1", "from-underlay-0", "from-underlay-1"])
                for name, (sources, frames) in table.items():
                    self.assertGreater(frames, 0, (host, name))
                    self.assertEqual(sources, 1, (host, name))

    def streams(self, lab):
        """Streams from vm1 to vm2, all at once, arrive as they were sent."""
        collector = lab.listener("vm2", COLLECT, lab.IP[2])
        lab.on("vm1", "python3", "-c", STREAMS, lab.IP[2], timeout=120)
        block = bytes((i * i + i // 251) & 255 for i in range(1000003))
        self.assertEqual(collector.communicate(timeout=60)[0].split(), [hashlib.sha256(block * 20).hexdigest()] * 8)

    def replace(self, lab, host, number):
        """Ends a host's forwarder and waits for the next one."""
        pid = lab.forwarder_pid(host)
        os.kill(pid, number)
        wait_until(lambda: self.differs(lab, host, pid), f"{host} has another forwarder")
        lab.wait_up("ls1-vm1", "ls1-vm2")

    def test_all_queues_are_read_after_restarts_of_either_process_and_of_both(self):
        with Queues(3) as lab:
            self.flows(lab)
            for number in signal.SIGTERM, signal.SIGKILL:
                self.replace(lab, "hv2", number)
                self.flows(lab)
            lab.agents[2].kill(signal.SIGKILL)
            lab.agents[2] = lab.agent("hv2", 4)
            self.flows(lab)
            # The TAP is opened again with all its queues.
            lab.agents[2].kill(signal.SIGKILL)
            os.kill(lab.forwarder_pid("hv2"), signal.SIGKILL)
            lab.agents[2] = lab.agent("hv2", 4)
            lab.wait_up("ls1-vm2")
            self.flows(lab)
            # As many queues as before, and fewer who read them: none is left out.
            self.assertEqual(lab.agents[2].kill(signal.SIGTERM), 0)
            lab.count = 1
            lab.agents[2] = lab.agent("hv2", 4)
            os.kill(lab.forwarder_pid("hv2"), signal.SIGTERM)
            wait_until(lambda: len(lab.pollers("hv2")) == 2, "the next forwarder has one queue")
            self.assertEqual([sources for sources, _ in lab.pollers("hv2").values()], [3, 3])
            self.flows(lab)

    def differs(self, lab, host, pid):
        try:
            return lab.forwarder_pid(host) != pid
        except (OSError, ValueError):
            return False

    def test_a_second_agent_is_told_that_the_underlays_port_is_taken(self):
        with Lab() as lab:
            lab.host("hv1", 3)
            lab.central()
            lab.agent("hv1", 3, "--queues", "2")
            second = lab.agent_arguments("hv1", 3)
            second[second.index("--state-dir") + 1] += "-second"
            refused = lab.heddle("hv1", "agent", *second, "--queues", "2", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("UDP port 6081 at 10.127.0.3 is taken by another process", refused.stderr)

    def test_a_wrong_number_of_queues_is_refused(self):
        with Lab() as lab:
            for count in "0", "9", "-1":
                refused = lab.heddle(
                    "central", "agent", "--central", lab.sb, "--encap-ip", "10.127.0.2", f"--queues={count}",
                    check=False)
                self.assertEqual(refused.returncode, 2)
                self.assertIn("--queues takes 1 to 8", refused.stderr)


if __name__ == "__main__":
    unittest.main()
