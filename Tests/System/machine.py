"""Copies of this machine that are thrown away: its files below, what is changed in memory above, own processes."""

import os
import shutil
import subprocess
import tempfile
import unittest

from lab import run, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
# The folder of the replacement for systemd in the copy.
TOOLS = "/usr/local/lib/heddle-tests"
# Makes the copy and becomes its first process, which buries the processes that others leave behind. Toolchains and what
# a former installation has left are not in the copy.
INIT = """
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/changes" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" "$1/root"
cd "$1/root"
rm -rf opt/* var/lib/heddle etc/default/heddle-*
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
for folder in run tmp; do mount -t tmpfs tmpfs $folder; done
mkdir -p "./$2" run/systemd/system
cp "$3/systemctl" "$3/units.py" "./$2"
# apt runs the scripts of packages with a path of its own.
ln -sf "$2/systemctl" usr/bin/systemctl
ip link set lo up
mount --make-rshared .
exec chroot . bash -c 'echo ready; while :; do sleep 3600 & wait; done'
"""


class Machine:
    """A copy of this machine. `prefix` are the words that start a command in the network that it is to have."""

    def __init__(self, *prefix):
        self.prefix = prefix or ("unshare", "--net")

    def __enter__(self):
        with open("/proc/filesystems", encoding="ascii") as file:
            if "\toverlay\n" not in file.read():
                raise unittest.SkipTest("this kernel has no overlay file system, which a copy of the machine is made of")
        self.folder = tempfile.mkdtemp(prefix="heddle-machine-")
        self.process = subprocess.Popen(
            [*self.prefix, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INIT, "sh",
             self.folder, TOOLS, HERE],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            _, errors = self.process.communicate()
            shutil.rmtree(self.folder)
            raise AssertionError(f"no copy of this machine: {errors}")
        self.init = run("ps", "--ppid", str(self.process.pid), "-o", "pid=").stdout.strip()
        return self

    def __exit__(self, *failure):
        if failure and failure[0]:
            print(self.run("sh", "-c", "tail -n 20 /var/log/heddle-*.log", check=False).stdout)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        # The copy's processes end with it, and its mounts with them.
        wait_until(lambda: not os.path.exists(f"/proc/{self.init}"), "the machine has ended")
        shutil.rmtree(self.folder)

    def run(self, *command, check=True, timeout=120, **keywords):
        """Runs a command on the machine as root who has just logged in."""
        return run(
            "nsenter", f"--target={self.init}", "--mount", "--pid", "--net", "--root", "--wd", "env", "-i",
            f"PATH={TOOLS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
            *command, check=check, timeout=timeout, **keywords)

    def shell(self, script, check=True):
        """Runs a script on the machine, which ends at its first failure; gives what it printed."""
        return self.run("bash", "-euo", "pipefail", "-c", script, check=check).stdout

    def put(self, path, to):
        """Copies a file onto the machine."""
        with open(path, "rb") as file:
            data = file.read()
        subprocess.run(
            ["nsenter", f"--target={self.init}", "--mount", "--root", "--wd", "sh", "-c", 'cat >"$1"', "sh", to],
            input=data, check=True)
