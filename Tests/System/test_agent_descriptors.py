"""An agent that may have too few descriptors for what its forwarder holds: it says so, and goes on once it may."""

import os
import signal
import socket
import unittest

from lab import Lab, wait_until

# More than an agent leaves free of connections (HTTPLimits.spareDescriptorMinimum).
PORTS = 40
# Enough for the agent and the devices of so many ports, but not with so many connections of tools beside them.
LIMIT, CONNECTIONS = 72, 32
COMPLAINT = "more descriptors than this process may have"


class AgentDescriptorTest(unittest.TestCase):
    def test_it_gives_back_what_it_took_in_vain_and_recovers_by_itself(self):
        with Lab() as lab:
            lab.host("hv1", 3)
            lab.central()
            agent = lab.agent("hv1", 3)
            lab.heddle("central", "nb", "ls-add", "ls1")
            for number in range(PORTS):
                mac, address = f"02:ac:10:ff:01:{number:02x}", f"172.16.255.{number + 1}"
                lab.logical_port("ls1", f"ls1-vm{number}", mac, address)
                lab.plug("hv1", f"vm{number}", f"ls1-vm{number}", mac, f"{address}/24")
            lab.wait_up(f"ls1-vm{PORTS - 1}")
            lab.sync()
            agent.kill(signal.SIGKILL)

            # The forwarder says what it holds when all connections are there.
            forwarder = lab.forwarder_pid("hv1")
            os.kill(forwarder, signal.SIGSTOP)
            before = lab.inside
            lab.inside = lambda host, *command: before(host, "prlimit", f"--nofile={LIMIT // 2}:{LIMIT}", *command)
            agent = lab.agent("hv1", 3)
            lab.inside = before
            connections = [self.connect(f"{lab.state}/hv1/agent.sock") for _ in range(CONNECTIONS)]
            os.kill(forwarder, signal.SIGCONT)

            # It has raised its own limit. Again and again, and with something left for itself each time.
            wait_until(lambda: agent.output().count(COMPLAINT) > 1, "it says so")
            self.assertIn(f"{COMPLAINT}, {LIMIT}; raise its limit with 'prlimit", agent.output())
            self.assertLess(len(os.listdir(f"/proc/{agent.pid}/fd")), LIMIT)
            self.assertEqual(lab.heddle("hv1", "port", "list").stdout.count("ls1-vm"), PORTS)
            self.assertEqual(lab.ping("vm1", "172.16.255.3"), 3)

            for connection in connections:
                connection.close()
            wait_until(lambda: "took over the running forwarder" in agent.output(), "it has the forwarder back")
            lab.sync()
            self.assertEqual(lab.forwarder_pid("hv1"), forwarder)
            self.assertEqual(lab.ping("vm1", "172.16.255.3"), 3)
            self.assertNotIn("cannot save", agent.output())

    def connect(self, path):
        """A connection that the agent has taken: it has answered."""
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.connect(path)
        connection.sendall(b"GET /v1/status HTTP/1.1\r\nHost: agent\r\n\r\n")
        self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 200"))
        return connection


if __name__ == "__main__":
    unittest.main()
