"""podman's containers get their interface, their address and their way to other hosts from `heddle cni`."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lab import HEDDLE, Primer

CONTAINERS_CONF = """[network]
network_backend = "cni"
cni_plugin_dirs = ["{folder}/plugins"]
network_config_dir = "{folder}/networks"
[engine]
runtime = "crun"
events_logger = "none"
cgroup_manager = "cgroupfs"
"""
# Without the host's cgroups; the namespaces of networks that podman makes are mounts that the agent sees, too.
ALONE = "mount --make-rprivate /sys && umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec \"$@\""


@unittest.skipUnless(
    all(map(shutil.which, ("podman", "crun", "busybox"))), "no podman, no crun, or no busybox for a container")
class PodmanTest(unittest.TestCase):
    def podman(self, *arguments):
        # Its paths have at most 50 bytes.
        return subprocess.run(
            self.lab.inside(
                "hv1", "unshare", "-m", "--propagation", "unchanged", "sh", "-c", ALONE, "sh", "podman", "--root",
                f"{self.folder}/r", "--runroot", f"{self.folder}/s", "--tmpdir", f"{self.folder}/t", "--storage-driver",
                "vfs", *arguments),
            capture_output=True, text=True, timeout=60,
            env=os.environ | {"CONTAINERS_CONF": f"{self.folder}/containers.conf"})

    def run_container(self, network, *command):
        return self.podman(
            "run", "--rm", "--cgroups=disabled", "--network", network, "--rootfs", f"{self.folder}/rootfs", "/busybox",
            "sh", "-c", *command)

    def make_folder(self):
        self.folder = tempfile.mkdtemp(prefix="hd", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        for name in "networks", "plugins", "rootfs":
            os.mkdir(f"{self.folder}/{name}")
        shutil.copy(shutil.which("busybox"), f"{self.folder}/rootfs/busybox")
        os.symlink(os.path.abspath(HEDDLE), f"{self.folder}/plugins/heddle")
        with open(f"{self.folder}/containers.conf", "w", encoding="utf-8") as file:
            file.write(CONTAINERS_CONF.format(folder=self.folder))
        plugin = {"type": "heddle", "switch": "ls1", "central": self.lab.nb,
                  "agent_socket": f"{self.lab.state}/hv1/agent.sock", "subnet": "172.16.255.0/24"}
        with open(f"{self.folder}/networks/net1.conflist", "w", encoding="utf-8") as file:
            json.dump({"cniVersion": "0.4.0", "name": "net1", "plugins": [plugin]}, file)

    def test_a_container_reaches_the_other_host_and_leaves_nothing(self):
        with Primer() as self.lab:
            lab = self.lab
            self.make_folder()
            done = self.run_container("none", "/busybox true")
            if done.returncode != 0:
                self.skipTest(f"podman runs no container here: {done.stderr.strip()[-300:]}")
            lab.curl("/v1/switches/ls1", "-f", "-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "-d",
                     json.dumps({"subnet": "172.16.255.0/24"}))
            done = self.run_container("net1", f"/busybox ip addr && /busybox ping -c 3 -i 0.2 {lab.IP[2]}")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, re.compile(r"eth0.* mtu 1442 .*inet 172\.16\.255\.2/24", re.DOTALL))
            self.assertIn("3 packets received", done.stdout)
            names = [port["name"] for port in lab.get("/v1/ports")["items"]]
            self.assertEqual(sorted(names), ["ls1-vm1", "ls1-vm2"])
            listed = json.loads(lab.heddle("hv1", "port", "list", "-o", "json").stdout)["ports"]
            self.assertEqual([port["name"] for port in listed], ["vm1"])


if __name__ == "__main__":
    unittest.main()
