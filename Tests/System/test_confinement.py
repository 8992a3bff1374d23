"""The forwarder has nothing to lose: what somebody can do who has taken it over, tried from inside it."""

import os
import pwd
import socket
import struct
import sys
import unittest

from intruder import IS_POSSIBLE, Intruder
from lab import Primer, run, wait_until

AT_FDCWD = -100
READ_ONLY, EXECUTABLE_MEMORY, PRIVATE_MEMORY = 0, 1 | 4, 0x22
READABLE_MEMORY, WRITABLE_MEMORY, SHARED_MEMORY = 1, 1 | 2, 1


def forwarder_ids():
    """The numbers of its user and group: of the package's user, else those that are nobody's."""
    try:
        user = pwd.getpwnam("heddle-forwarder")
        return user.pw_uid, user.pw_gid
    except KeyError:
        return 65530, 65530


def statuses(pid):
    """The kernel's status of every thread of a process."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="utf-8") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def unix_address(path):
    return struct.pack("H", socket.AF_UNIX) + path.encode()


class ConfinementTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer(secure=True))

    def test_every_thread_has_a_user_of_its_own_and_nothing_else(self):
        user, group = forwarder_ids()
        threads = list(statuses(self.lab.forwarder_pid("hv1")))
        # The control thread, the log's, and one for each direction at least.
        self.assertGreaterEqual(len(threads), 4)
        for status in threads:
            with self.subTest(status["Name"]):
                self.assertEqual(status["Uid"].split(), [str(user)] * 4)
                self.assertEqual(status["Gid"].split(), [str(group)] * 4)
                self.assertEqual(status["Groups"].strip(), "")
                for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(status[name], 16), 0, name)
                self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_its_user_reaches_neither_the_key_nor_the_agent(self):
        user, group = forwarder_ids()
        folder = f"{self.lab.state}/hv1"
        self.assertNotIn("forwarder.sock", os.listdir(folder))
        connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
        for words in (["cat", f"{folder}/membership.pem"], [sys.executable, "-c", connect, f"{folder}/agent.sock"]):
            done = run("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *words, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("Permission denied", done.stderr)

    @unittest.skipUnless(IS_POSSIBLE, "system calls are made by x86-64's registers")
    def test_from_inside_it_reaches_nothing(self):
        lab = self.lab
        folder = f"{lab.state}/hv1"
        key, agent = f"{folder}/membership.pem".encode(), unix_address(f"{folder}/agent.sock")
        pid = lab.forwarder_pid("hv1")
        tables = next(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")
                      if "heddle-tables" in os.readlink(f"/proc/{pid}/fd/{fd}"))
        with Intruder(pid) as intruder:
            for path in (key, b"/etc/passwd", b"/proc/self/mem"):
                self.assertEqual(intruder.call("openat", AT_FDCWD, path, READ_ONLY), "EPERM")
                self.assertEqual(intruder.call("open", path, READ_ONLY), "EPERM")
            self.assertEqual(intruder.call("unlink", key), "EPERM")
            for family, kind in (
                    (socket.AF_UNIX, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_STREAM),
                    (socket.AF_NETLINK, socket.SOCK_DGRAM), (socket.AF_PACKET, socket.SOCK_RAW)):
                self.assertEqual(intruder.call("socket", family, kind, 0), "EPERM")
            # It may have a socket for datagrams; not even that reaches the agent.
            own = intruder.call("socket", socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
            self.assertIsInstance(own, int)
            self.assertEqual(intruder.call("connect", own, agent, len(agent)), "EPERM")
            self.assertEqual(intruder.call("mmap", 0, 4096, EXECUTABLE_MEMORY, PRIVATE_MEMORY, -1, 0), "EPERM")
            self.assertEqual(intruder.call("memfd_create", b"code", 0), "EPERM")
            # The agent's tables it reads, and cannot change.
            self.assertIsInstance(intruder.call("mmap", 0, 4096, READABLE_MEMORY, SHARED_MEMORY, tables, 0), int)
            self.assertEqual(intruder.call("mmap", 0, 4096, WRITABLE_MEMORY, SHARED_MEMORY, tables, 0), "EPERM")
            self.assertEqual(intruder.call("write", tables, b"tables", 6), "EPERM")
            self.assertEqual(intruder.call("kill", lab.agents[1].pid, 0), "EPERM")
            # TUNSETPERSIST of whatever device.
            self.assertEqual(intruder.call("ioctl", own, 0x400454cb, 0), "EPERM")
        # It goes on, and so do the packets.
        self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)

    def has_other_forwarder(self, host, pid):
        try:
            return self.lab.forwarder_pid(host) != pid
        except ValueError:
            # It is about to write its number.
            return False

    @unittest.skipUnless(IS_POSSIBLE, "system calls are made by x86-64's registers")
    def test_calls_that_only_an_intruder_makes_end_it(self):
        lab = self.lab
        for call, *arguments in (("execve", b"/bin/sh", 0, 0), ("fork",), ("ptrace", 0), ("io_uring_setup", 8, 0)):
            pid = lab.forwarder_pid("hv2")
            with Intruder(pid) as intruder:
                self.assertEqual(intruder.call(call, *arguments), "killed")
            # The agent has the next one at once, with the same descriptors.
            wait_until(lambda: self.has_other_forwarder("hv2", pid), "another forwarder runs")
            wait_until(lambda: lab.ping("vm1", lab.IP[2], count=1), "vm1 reaches vm2 again")


if __name__ == "__main__":
    unittest.main()
