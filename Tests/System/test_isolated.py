"""A run of the tests that is killed or interrupted leaves nothing behind and does not make the next one fail."""

import glob
import os
import signal
import subprocess
import unittest

from lab import ROOT, run, wait_until

ISOLATED = os.path.join(ROOT, "Tests/isolated")
# As a system test does: a namespace, a folder, and a daemon in a session of its own.
TEST = """
ip netns add hd1x0-hv1
folder=$(mktemp -d)
setsid nsenter --net=/run/netns/hd1x0-hv1 sleep 1000 &
ip netns list
echo "$folder"
wait
"""


def processes(folder):
    """The processes that were started with temporary files in the folder."""
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if f"TMPDIR={folder}\0".encode() in file.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


class IsolatedTest(unittest.TestCase):
    def start(self):
        started = subprocess.Popen(
            [ISOLATED, "bash", "-euc", TEST], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(started.stdout.close)
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        self.assertEqual(started.stdout.readline(), "hd1x0-hv1\n")
        folder = os.path.dirname(started.stdout.readline().strip())
        self.assertGreaterEqual(len(processes(folder)), 2)
        return started, folder

    def test_a_run_that_is_killed_leaves_a_folder_which_the_next_removes_and_names(self):
        started, folder = self.start()
        other, other_folder = self.start()
        started.kill()
        wait_until(lambda: not processes(folder), "all processes of the run have ended")
        self.assertNotIn("hd1x0-hv1", run("ip", "netns", "list").stdout)
        following = run(ISOLATED, "echo", "all passed")
        self.assertEqual(following.stdout, "all passed\n")
        self.assertIn(f"removing {folder}, which a run that was killed has left", following.stderr)
        self.assertFalse(os.path.exists(folder))
        # One that goes on beside it keeps what it has.
        self.assertTrue(os.path.exists(other_folder))
        self.assertTrue(processes(other_folder))

    def test_a_run_that_is_interrupted_removes_all_of_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            started, folder = self.start()
            started.send_signal(number)
            self.assertEqual(started.wait(60), 130)
            self.assertFalse(processes(folder))
            self.assertFalse(os.path.exists(folder))

    def test_a_namespace_whose_test_was_killed_is_removed_with_its_processes_and_named(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        dead, alive = f"hd{ended.pid}x0-hv1", f"hd{os.getpid()}x999-hv1"
        for name in (dead, alive):
            run("ip", "netns", "add", name)
            self.addCleanup(run, "ip", "netns", "del", name, check=False)
        inside = subprocess.Popen(["nsenter", f"--net=/run/netns/{dead}", "sleep", "1000"])
        self.addCleanup(inside.kill)
        wait_until(lambda: str(inside.pid) in run("ip", "netns", "pids", dead).stdout, "a process is in there")
        following = run(ISOLATED, "true")
        self.assertIn(f"removing the namespace {dead}, which a test that was killed has left", following.stderr)
        self.assertEqual(inside.wait(60), -signal.SIGKILL)
        names = run("ip", "netns", "list").stdout
        self.assertNotIn(dead, names)
        self.assertIn(alive, names)

    def test_it_ends_as_its_command_does(self):
        self.assertEqual(run(ISOLATED, "sh", "-c", "exit 3", check=False).returncode, 3)
        self.assertEqual(run(ISOLATED, "cat", input="through\n").stdout, "through\n")


if __name__ == "__main__":
    unittest.main()
