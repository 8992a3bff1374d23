"""README's commands, taken out of README itself and run in order as they stand there: the lab, and three machines from the
package to its removal. A command that nothing here runs is a failure."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from lab import HEDDLE, Lab, run, wait_until
from machine import Machine
from test_package import package
from units import ROOT

# Commands that are not run, and why.
NOT_RUN = {
    "./Tests/run": "it is what runs this test",
    "./deploy/package": "it is run by the test of the package, whose result is installed here",
}
ADDRESSES = {"central": "10.0.0.2", "hv1": "10.0.0.3", "hv2": "10.0.0.4", "anywhere": "10.0.0.5"}
# The hosts on which the commands are typed that follow a paragraph with these words.
PLACES = {
    "as root, in a copy of this repository": ["repository"],
    "The lab ends like this": ["transcript"],
    "It keeps running": ["repository"],
    "Build a package": [],
    "Install it on each machine": ["central", "hv1", "hv2"],
    "On central's machine, which has": ["central"],
    "On the two hosts": ["hv1", "hv2"],
    "From anywhere, with a copy": ["anywhere"],
    "On hv1, plug in": ["hv1"],
    "On hv2, plug in": ["hv2"],
    "Look at it from anywhere": ["anywhere"],
    "Nobody has to write addresses": ["anywhere"],
    "A whole network may live": ["anywhere"],
    "The VMM makes the interface": ["anywhere"],
    "On its host, in any order": ["hv1"],
    "On each host, link it": ["hv1", "hv2"],
    "Then give the runtime a network": ["configuration"],
    "Without a runtime": ["hv1"],
    "**Reboot.**": ["hv2"],
    "**Backup and restore.**": ["central"],
    "To go back to it": ["central"],
    "**Upgrade.**": ["central", "hv1", "hv2"],
    "On a host, also let": ["hv1", "hv2"],
    "**Firewall.**": ["central"],
    "And on each host": ["hv1", "hv2"],
    "**Uninstall.**": ["hv2"],
    "Then let central forget": ["central"],
}


def blocks():
    """The paragraphs of README that end in an indented block: which of PLACES it is, and the block's lines."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    for paragraph, block in re.findall(r"((?:^\S.*\n)+)\n((?:^    .*\n)+)", text, re.M):
        if "──▶" in block:
            continue
        words = [words for words in PLACES if words in paragraph.replace("\n", " ")]
        assert len(words) == 1, f"where are the commands typed that follow {paragraph!r}? ({words})"
        yield words[0], re.sub("^    ", "", block, flags=re.M)


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        self.blocks = dict(blocks())

    def test_each_block_of_commands_is_run_once_and_in_order(self):
        found = [words for words, _ in blocks()]
        self.assertEqual(found, list(PLACES), "PLACES says where each block of README is typed, in README's order")
        for words in (words for words, places in PLACES.items() if not places):
            for line in self.blocks[words].splitlines():
                self.assertIn(line.split(" ")[0], NOT_RUN)

    def test_the_lab_does_what_it_says_and_prints_what_is_shown(self):
        with Machine() as machine, tempfile.TemporaryDirectory() as folder:
            archive = f"{folder}/repository.tar"
            run("tar", "-C", ROOT, "-cf", archive, "deploy")
            machine.put(archive, "/root/repository.tar")
            machine.put(HEDDLE, "/root/heddle")
            machine.shell("mkdir /root/repository; tar -C /root/repository -xf /root/repository.tar; chmod 755 /root/heddle")
            printed = ""
            for words in "as root, in a copy of this repository", "It keeps running":
                commands = [line for line in self.blocks[words].splitlines() if line not in NOT_RUN]
                printed += machine.shell("export HEDDLE=/root/heddle; cd /root/repository\n" + "\n".join(commands))
            seen = iter(self.steady(printed).splitlines())
            for line in self.blocks["The lab ends like this"].splitlines():
                if line.strip() != "...":
                    self.assertIn(self.steady(line), seen, f"{line!r} is not printed, or not in this order")
            self.assertIn("ls1-vm3", printed)
            self.assertEqual(printed.count(" 0% packet loss"), 6)
            self.assertEqual(machine.shell("ip netns list; pgrep -x heddle || true"), "")

    @staticmethod
    def steady(text):
        """The text without its times, which differ."""
        return re.sub(r"time[ =][\d.]+ ?ms", "TIME", text)

    @unittest.skipUnless(shutil.which("qemu-system-x86_64"), "no QEMU, which README starts")
    def test_three_machines_from_the_package_to_its_removal(self):
        with Lab() as lab, tempfile.TemporaryDirectory() as self.folder:
            self.machines, self.exports, self.printed = {}, "", {}
            try:
                for octet, (name, address) in enumerate(ADDRESSES.items(), 2):
                    if name != "central":
                        lab.host(name, octet)
                    lab.ip(name, "addr", "add", f"{address}/24", "dev", "ul")
                    self.machines[name] = Machine(*lab.inside(name)).__enter__()
                self.walk()
            except BaseException as error:
                for machine in self.machines.values():
                    machine.__exit__(type(error))
                raise
            for machine in self.machines.values():
                machine.__exit__()

    def walk(self):
        prepare = {
            "Install it on each machine": self.bring_package, "From anywhere, with a copy": self.bring_client,
            "On its host, in any order": lambda name: self.machines[name].shell("truncate -s 1M /root/vm3.img"),
            "**Reboot.**": self.reboot, "**Upgrade.**": self.bring_newer_package,
            "**Firewall.**": self.close, "And on each host": self.close}
        check = {
            "On the two hosts": lambda text, _: self.assertIn("All is well.", text),
            "From anywhere, with a copy": lambda text, _: self.assertIn("not-plugged", text),
            "On hv2, plug in": self.see_the_pings,
            "Look at it from anywhere": lambda text, _: self.assertRegex(
                text, r"Chassis hv2\n(.*\n)+ +Port_Binding ls1-vm2"),
            "A whole network may live": lambda text, _: self.assertIn("Plan for default: ", text),
            "On its host, in any order": lambda _, name: self.wait_up(name, "vm3"),
            "Without a runtime": lambda _, name: self.wait_up(name, "web"),
            "**Reboot.**": lambda _, name: self.wait_up(name, "vm2"),
            "To go back to it": lambda *_: self.see_that_all_reach_each_other(),
            "On a host, also let": lambda *_: self.see_that_all_reach_each_other(),
            "And on each host": lambda *_: self.see_that_all_reach_each_other(),
            "**Uninstall.**": lambda _, name: self.machines[name].shell("! command -v heddle; ! pgrep -x heddle"),
            "Then let central forget": lambda _, name: self.assertNotIn(
                "hv2", self.machines[name].shell("heddle get chassis -o name"))}
        for words, text in self.blocks.items():
            for name in PLACES[words]:
                if name == "configuration":
                    self.connect_a_container(text)
                if name in self.machines:
                    prepare.get(words, lambda _: None)(name)
                    self.printed[words, name] = self.machines[name].shell("cd\n" + self.filled_in(text, words, name))
                    check.get(words, lambda *_: None)(self.printed[words, name], name)

    def filled_in(self, text, words, name):
        """The commands with what stands for somebody's own: names, addresses, tokens, the version."""
        if words == "Install it on each machine":
            return re.sub(r"heddle_\S+\.deb", os.path.basename(package()), text)
        if words == "On the two hosts":
            text = text.replace("hv1", name).replace("10.0.0.3", ADDRESSES[name])
            # A machine that is busy with others may take a moment to get well.
            text = text.replace("heddle doctor", "until heddle doctor; do sleep 1; done")
            return text.replace("TOKEN", self.tokens()["hv1 hv2".split().index(name)])
        if name == "anywhere":
            text = text.replace("HEDDLE_TOKEN=TOKEN", f"HEDDLE_TOKEN={self.tokens()[2]}")
            before, self.exports = self.exports, self.exports + "".join(
                line + "\n" for line in text.splitlines() if line.startswith("export "))
            return before + text
        return text

    def tokens(self):
        return self.printed["On central's machine, which has", "central"].split()

    def bring_package(self, name):
        self.machines[name].put(package(), f"/root/{os.path.basename(package())}")

    def bring_newer_package(self, name):
        self.bring_package(name)
        self.machines[name].shell(f"""
            dpkg-deb --raw-extract /root/{os.path.basename(package())} /root/newer
            sed -i 's/^Version: .*/&+newer/' /root/newer/DEBIAN/control
            dpkg-deb --root-owner-group --build -Znone /root/newer /root/heddle_NEW.deb >/dev/null
            """)

    def bring_client(self, name):
        """Somebody's own computer: the program, and the authority."""
        self.machines[name].put(package(), "/root/heddle.deb")
        self.machines[name].shell("dpkg --install /root/heddle.deb >/dev/null")
        self.machines[name].put(self.file("ca.crt", self.machines["central"].shell("cat /var/lib/heddle/central/ca.crt")),
                                "/root/ca.crt")

    def file(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def see_the_pings(self, text, _):
        self.assertIn(" 3 received", text)
        self.assertRegex(text, r"vm2 +ls1-vm2 +up")

    def wait_up(self, name, port):
        wait_until(
            lambda: re.search(rf"(?m)^{port} .* up ", self.machines[name].shell("heddle port list")), f"{port} is up")

    def see_that_all_reach_each_other(self):
        ping = "ip netns exec vm1 ping -c 1 -W 1 172.16.255.22"
        wait_until(lambda: self.machines["hv1"].run("sh", "-c", ping, check=False).returncode == 0, "vm1 reaches vm2")

    def reboot(self, name):
        """As far as it matters here: nothing runs, and what was made in memory is gone."""
        self.machines[name].shell("""
            systemctl stop heddle-agent heddle-forwarder
            ip netns del vm2
            systemctl start heddle-forwarder heddle-agent
            """)

    def close(self, name):
        """A firewall that lets nothing in but what has been asked for, as distributions come with."""
        self.machines[name].shell("""
            nft add table inet filter
            nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'
            nft add rule inet filter input iif lo accept
            nft add rule inet filter input ct state established,related accept
            """)

    def connect_a_container(self, configuration):
        """As a runtime does it (CNI): the plugin is called by its name, with the network's file as its input."""
        machine = self.machines["hv2"]
        self.assertEqual(json.loads(configuration)["name"], "net1")
        for path, text in (("net.conf", configuration), ("cni.token", self.tokens()[2] + "\n"),
                           ("ca.crt", self.machines["central"].shell("cat /var/lib/heddle/central/ca.crt"))):
            machine.shell("mkdir -p /etc/heddle")
            to = "/etc/cni/net.d/10-heddle.conf" if path == "net.conf" else f"/etc/heddle/{path}"
            machine.put(self.file(path, text), to)
        made = json.loads(machine.shell("""
            ip netns add pod
            export CNI_CONTAINERID=pod CNI_NETNS=/run/netns/pod CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
            CNI_COMMAND=ADD /opt/cni/bin/heddle </etc/cni/net.d/10-heddle.conf
            """))
        address = made["ips"][0]["address"].split("/")[0]
        machine.shell("ip netns exec pod ping -c 1 -w 10 172.16.255.11")
        self.assertIn(address, machine.shell("ip netns exec pod ip addr show eth0"))
        machine.shell("""
            export CNI_CONTAINERID=pod CNI_NETNS=/run/netns/pod CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin
            CNI_COMMAND=DEL /opt/cni/bin/heddle </etc/cni/net.d/10-heddle.conf
            """)


if __name__ == "__main__":
    unittest.main()
