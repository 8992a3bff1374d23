"""The quick start for three machines, typed as README.md has it: package, tokens, TLS, units, ports, a topology."""

import os
import re
import shutil
import tempfile
import unittest

from lab import Lab
from machine import Machine
from test_package import package
from units import ROOT

# The host on which the commands after a paragraph with this beginning are typed.
PLACES = {
    "Make a package": [],
    "Install it on each machine": ["central", "hv1", "hv2"],
    "On central's machine": ["central"],
    "On the two hosts": ["hv1", "hv2"],
    "From anywhere": ["anywhere"],
    "On hv1": ["hv1"],
    "On hv2": ["hv2"],
    "A whole network": ["anywhere"],
    "Nobody has to write addresses": ["anywhere"],
}
ADDRESSES = {"central": "10.0.0.2", "hv1": "10.0.0.3", "hv2": "10.0.0.4", "anywhere": "10.0.0.5"}


def steps():
    """The paragraphs of README's section that end in commands: their first words, and the commands."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        section = re.search(r"^## On three machines\n(.*?)\n`heddle help`", file.read(), re.S | re.M)[1]
    for paragraph, commands in re.findall(r"((?:^\S.*\n)+)\n((?:^    .*\n)+)", section, re.M):
        place = [words for words in PLACES if paragraph.startswith(words)]
        assert len(place) == 1, f"where are the commands typed that follow {paragraph!r}?"
        yield place[0], re.sub("^    ", "", commands, flags=re.M)


class QuickStartTest(unittest.TestCase):
    def test_its_commands_do_what_it_says(self):
        with Lab() as lab, tempfile.TemporaryDirectory() as folder:
            machines = {}
            try:
                for octet, (name, address) in enumerate(ADDRESSES.items(), 2):
                    if name != "central":
                        lab.host(name, octet)
                    lab.ip(name, "addr", "add", f"{address}/24", "dev", "ul")
                    machines[name] = Machine(*lab.inside(name)).__enter__()
                self.walk(machines, folder)
            except BaseException as error:
                for machine in machines.values():
                    machine.__exit__(type(error))
                raise
            for machine in machines.values():
                machine.__exit__()

    def walk(self, machines, folder):
        printed, exports = {}, ""
        self.assertEqual([words for words, _ in steps()], list(PLACES))
        for words, commands in steps():
            for name in PLACES[words]:
                script = commands
                if words == "Install it on each machine":
                    deb = os.path.basename(package())
                    machines[name].put(package(), f"/root/{deb}")
                    script = re.sub(r"heddle_\S+\.deb", deb, script)
                elif words == "On the two hosts":
                    script = script.replace("hv1", name).replace("10.0.0.3", ADDRESSES[name])
                    # A machine that is busy with others may take a moment to get well.
                    script = script.replace("heddle doctor", "until heddle doctor; do sleep 1; done")
                    script = script.replace("TOKEN", self.tokens(printed)["hv1 hv2".split().index(name)])
                elif name == "anywhere":
                    # Somebody's own computer: the program, the authority and a token for users.
                    copied = shutil.copy(package(), folder)
                    machines[name].put(copied, "/root/heddle.deb")
                    machines[name].shell("command -v heddle >/dev/null || dpkg --install /root/heddle.deb >/dev/null")
                    authority = os.path.join(folder, "ca.crt")
                    with open(authority, "w", encoding="utf-8") as file:
                        file.write(machines["central"].shell("cat /var/lib/heddle/central/ca.crt"))
                    machines[name].put(authority, "/root/ca.crt")
                    script = exports + script.replace("HEDDLE_TOKEN=TOKEN", f"HEDDLE_TOKEN={self.tokens(printed)[2]}")
                    exports += "".join(line + "\n" for line in script.split("\n") if line.startswith("export "))
                printed[words, name] = machines[name].shell("cd\n" + script)
        self.check(printed)

    def tokens(self, printed):
        return printed["On central's machine", "central"].split()

    def check(self, printed):
        for name in "hv1", "hv2":
            self.assertIn("All is well.", printed["On the two hosts", name])
        self.assertIn("port ls1-vm1", printed["From anywhere", "anywhere"].lower())
        self.assertIn("not-plugged", printed["From anywhere", "anywhere"])
        self.assertIn(" 3 received", printed["On hv2", "hv2"])
        self.assertRegex(printed["On hv2", "hv2"], r"vm2 +ls1-vm2 +up")
        self.assertRegex(printed["A whole network", "anywhere"], r"Chassis hv2\n(.*\n)+ +Port_Binding ls1-vm2")
        self.assertIn("Plan for default: ", printed["A whole network", "anywhere"])


if __name__ == "__main__":
    unittest.main()
