"""Runs a systemd unit's command with the unit's settings, without systemd: what a container lets us try.

User, capabilities, NoNewPrivileges, directories, ProtectSystem, UMask, LimitNOFILE and
SystemCallFilter are applied; Type=notify is answered by a socket. As a program it is the last link of the chain: it
installs the filter of system calls that its first argument names, and becomes the command behind it.
"""

import ctypes
import grp
import os
import platform
import pwd
import re
import shlex
import socket
import struct
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Users of no name, where the package has not made real ones.
UIDS = {"heddle-central": 64871, "heddle-agent": 64872, "heddle-forwarder": 64873}


class Unit:
    def __init__(self, name, folder=os.path.join(ROOT, "deploy/systemd")):
        self.path = os.path.join(folder, name + ".service")
        self.settings = {}
        with open(self.path, encoding="utf-8") as file:
            for line in file:
                match = re.match(r"(\w+)=(.*)", line)
                if match:
                    self.settings.setdefault(match[1], []).append(match[2].strip())

    def __getitem__(self, name):
        return self.settings[name][-1]

    @property
    def uid(self):
        return self.ids[0]

    @property
    def ids(self):
        """The numbers of its user and group."""
        try:
            user = pwd.getpwnam(self["User"])
            return user.pw_uid, user.pw_gid
        except KeyError:
            return UIDS[self["User"]], UIDS[self["User"]]

    @property
    def groups(self):
        """The options by which setpriv gives it the groups beside its own."""
        numbers = []
        for name in self.settings.get("SupplementaryGroups", []):
            try:
                numbers.append(grp.getgrnam(name).gr_gid)
            except KeyError:
                numbers.append(UIDS[name])
        return "--groups=" + ",".join(map(str, numbers)) if numbers else "--clear-groups"

    def capabilities(self, name):
        names = " ".join(self.settings.get(name, [])).lower().replace("cap_", "").split()
        return ",".join(["-all"] + [f"+{capability}" for capability in names])

    def command(self, heddle, library, options, tools):
        """The words that run the unit with `library` as /var/lib, its binary being `heddle`."""
        folder = os.path.join(library, self["StateDirectory"])
        os.makedirs(folder, mode=0o755, exist_ok=True)
        os.chmod(folder, int(self["StateDirectoryMode"], 8))
        os.chown(folder, *self.ids)
        words = shlex.split(self["ExecStart"].replace("$OPTIONS", ""))
        assert words[0] == "/usr/bin/heddle" and self["ProtectSystem"] == "strict"
        assert self["NoNewPrivileges"] == "yes"
        limit = self["LimitNOFILE"]
        # Containers may keep the device to root; on hosts udev gives it to everybody.
        device = os.path.join(library, "tun")
        if not os.path.exists(device):
            os.mknod(device, 0o20666, os.makedev(10, 200))
            os.chmod(device, 0o666)
        script = (
            f"mount --bind {shlex.quote(device)} /dev/net/tun && "
            f"mount --bind {shlex.quote(library)} /var/lib && mount -o remount,bind,ro / && umask {self['UMask']} && "
            # As far as this machine lets us; the number of descriptors is not what is tried here.
            f"{{ ulimit -n {limit} 2>/dev/null || true; }} && exec \"$@\"")
        return [
            "unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", script, "sh",
            "setpriv", f"--reuid={self.ids[0]}", f"--regid={self.ids[1]}", self.groups, "--no-new-privs",
            f"--bounding-set={self.capabilities('CapabilityBoundingSet')}",
            f"--inh-caps={self.capabilities('AmbientCapabilities')}",
            f"--ambient-caps={self.capabilities('AmbientCapabilities')}",
            sys.executable, os.path.join(tools, "units.py"), ",".join(str(number) for number in self.system_calls()),
            heddle, *words[1:], *options]

    def system_calls(self):
        """The numbers of the system calls that SystemCallFilter leaves; none where they are not known."""
        if platform.machine() != "x86_64":
            return []
        with open("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", encoding="utf-8") as file:
            numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", file.read()))
        allowed = set()
        for line in self.settings["SystemCallFilter"]:
            names = set().union(*map(self.group, line.lstrip("~").split()))
            allowed = allowed - names if line.startswith("~") else allowed | names
        return sorted(int(numbers[name]) for name in allowed if name in numbers)

    @classmethod
    def group(cls, name):
        if not name.startswith("@"):
            return {name}
        listing = subprocess.run(
            ["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
        words = [line.strip() for line in listing.splitlines()[1:]]
        return set().union(*(cls.group(word) for word in words if word and not word.startswith("#")))


class Notifications:
    """The service manager's end of Type=notify."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        os.chmod(path, 0o777)
        self.socket.settimeout(30)

    def wait(self, word):
        """Waits for a message that has the line `word`; gives the message."""
        while True:
            text = self.socket.recv(4096).decode()
            if word in text.split("\n"):
                return text

    def close(self):
        self.socket.close()


def filter_system_calls(numbers):
    """Lets only these system calls through (seccomp(2)); the others fail with EPERM, as SystemCallErrorNumber says."""
    def instruction(code, jump_true, jump_false, value):
        return struct.pack("HBBI", code, jump_true, jump_false, value)
    load, equal, give = 0x20, 0x15, 0x06
    allow, refuse = 0x7fff0000, 0x00050000 | 1
    program = [instruction(load, 0, 0, 0)]
    for number in numbers:
        program += [instruction(equal, 0, 1, number), instruction(give, 0, 0, allow)]
    program.append(instruction(give, 0, 0, refuse))
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    if ctypes.CDLL(None, use_errno=True).prctl(22, 2, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl PR_SET_SECCOMP")


if __name__ == "__main__":
    if sys.argv[1]:
        filter_system_calls([int(number) for number in sys.argv[1].split(",")])
    os.execv(sys.argv[2], sys.argv[2:])
