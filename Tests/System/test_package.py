"""The Debian package, installed, upgraded, removed and purged by the real dpkg on a copy of this machine."""

import functools
import os
import shutil
import tempfile
import unittest

from lab import HEDDLE, run
from machine import Machine
from units import ROOT

_folder = tempfile.TemporaryDirectory(prefix="heddle-package-")


@functools.cache
def package():
    """The path of a package of the binary that is tested."""
    return run(os.path.join(ROOT, "deploy/package"), _folder.name, env=os.environ | {"HEDDLE": HEDDLE},
               timeout=600).stdout.split("\n")[-2]


class PackageTest(unittest.TestCase):
    def test_what_was_built_at_another_place_is_forgotten(self):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(f"{folder}/deploy")
            os.makedirs(f"{folder}/.build")
            script = shutil.copy(os.path.join(ROOT, "deploy/forget-moved-build"), f"{folder}/deploy")
            for place, kept in ((folder, True), ("/somewhere/else", False)):
                with open(f"{folder}/.build/release.yaml", "w", encoding="utf-8") as file:
                    file.write(f'inputs: ["{place}/Sources/x.swift"]')
                self.assertEqual(run(script).stdout == "", kept)
                self.assertEqual(os.path.exists(f"{folder}/.build"), kept)

    def test_it_holds_the_program_its_units_and_what_they_need(self):
        files = run("dpkg-deb", "--contents", package()).stdout
        for path in (
                "./usr/bin/heddle", "./lib/systemd/system/heddle-central.service",
                "./lib/systemd/system/heddle-agent.service", "./lib/systemd/system/heddle-forwarder.service",
                "./etc/default/heddle-central", "./etc/default/heddle-agent",
                "./usr/share/bash-completion/completions/heddle", "./usr/share/zsh/vendor-completions/_heddle",
                "./usr/share/fish/vendor_completions.d/heddle.fish", "./usr/share/doc/heddle/copyright",
                "./usr/share/man/man1/heddle.1.gz", "./usr/share/man/man8/heddle-central.8.gz",
                "./usr/share/man/man1/heddle-nb.1.gz", "./usr/share/doc/heddle/operating.md"):
            self.assertIn(f" {path}\n", files)
        depends = run("dpkg-deb", "--field", package(), "Depends").stdout
        for library in ("libc6", "libssl3", "libsqlite3-0", "libnghttp2-14", "adduser"):
            self.assertIn(library, depends)
        self.assertNotIn("swift", depends)
        # A host's settings have a token in them; old distributions know no other compression than xz.
        self.assertRegex(files, r"-rw------- root/root .* \./etc/default/heddle-agent\n")
        self.assertIn("data.tar.xz", run("ar", "t", package()).stdout)

    def test_it_is_installed_upgraded_removed_and_purged(self):
        with Machine() as machine:
            machine.put(package(), "/root/heddle.deb")
            machine.shell("dpkg --install /root/heddle.deb")
            version = run("dpkg-deb", "--field", package(), "Version").stdout
            # Neither a toolchain nor anything else that the package does not depend on is needed.
            self.assertEqual(
                machine.shell("heddle --version; ! ldd /usr/bin/heddle | grep -e 'not found' -e /opt/"), version)
            self.assertEqual(
                machine.shell("getent passwd heddle-central heddle-agent heddle-forwarder | cut -d: -f1,7"),
                "heddle-central:/usr/sbin/nologin\nheddle-agent:/usr/sbin/nologin\n"
                "heddle-forwarder:/usr/sbin/nologin\n")
            self.assertEqual(machine.shell("systemd-analyze verify /lib/systemd/system/heddle-*.service 2>&1"), "")
            self.assertEqual(machine.shell("dpkg --verify heddle; pgrep -x heddle || true"), "")

            # It works as it comes, and an upgrade keeps what it has and what its administrator has set.
            machine.shell("""
                systemctl enable --now heddle-central
                heddle nb ls-add ls1
                echo '# mine' >>/etc/default/heddle-central
                """)
            before = machine.shell("stat -c '%U %a' /var/lib/heddle/central; cat /run/heddle-central.pid")
            self.assertTrue(before.startswith("heddle-central 700\n"))
            printed = machine.shell("""
                dpkg-deb --raw-extract /root/heddle.deb /root/newer
                sed -i 's/^Version: .*/&+newer/' /root/newer/DEBIAN/control
                dpkg-deb --root-owner-group --build -Znone /root/newer /root/newer.deb >/dev/null
                dpkg --install /root/newer.deb
                """)
            # No forwarder runs here.
            self.assertNotIn("heddle-forwarder", printed)
            after = machine.shell("stat -c '%U %a' /var/lib/heddle/central; cat /run/heddle-central.pid")
            self.assertNotEqual(after, before)
            self.assertTrue(after.startswith("heddle-central 700\n"))
            self.assertEqual(machine.shell("heddle get switches -o name; tail -n 1 /etc/default/heddle-central"),
                             "switch/ls1\n# mine\n")

            # The shell completes by what the package has installed, asking the central that runs.
            complete = """
                source /usr/share/bash-completion/completions/heddle
                COMP_LINE=$1; COMP_POINT=${#1}; read -ra COMP_WORDS <<<"$1"
                [[ $1 != *' ' ]] || COMP_WORDS+=("")
                COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=()
                _heddle heddle "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                echo "${COMPREPLY[*]}"
                """
            for line, words in (
                    ("heddle des", "describe"), ("heddle get switches l", "ls1"), ("heddle nb lsp-add ", "ls1"),
                    ("heddle nb ls-", "ls-add ls-del ls-list ls-get"), ("heddle nb ls-add x -- ls-d", "ls-del"),
                    ("heddle sb sh", "show"), ("heddle apply --wait ", "none sb hv"),
                    ("heddle get ports --switch ", "ls1"), ("heddle token create --role e", "editor")):
                self.assertEqual(machine.run("bash", "-c", complete, "bash", line).stdout, words + "\n", line)

            # Removal ends what runs and keeps what it has, what was enabled, too: an installation brings that back.
            printed = machine.shell("""
                systemctl enable --now heddle-forwarder
                dpkg --remove heddle >/dev/null
                ! pgrep -x heddle
                dpkg --install /root/heddle.deb
                """)
            self.assertIn("systemctl restart heddle-forwarder", machine.shell("dpkg --install /root/newer.deb"))
            self.assertNotIn("systemctl restart heddle-forwarder", printed)
            self.assertEqual(machine.shell("heddle get switches -o name; pgrep -xc heddle"), "switch/ls1\n2\n")

            # A purge takes all of it, but for interfaces, which may be in use.
            self.assertEqual(
                machine.shell("""
                    dpkg --remove heddle >/dev/null
                    pgrep -x heddle || ls -d /var/lib/heddle/central /etc/default/heddle-agent
                    install -D /dev/null /var/lib/heddle/agent/ports
                    dpkg --purge heddle 2>/dev/null | grep -o 'ip tuntap list'
                    for path in /var/lib/heddle /etc/default/heddle-agent /usr/bin/heddle; do test ! -e $path; done
                    ls /etc/systemd/system/multi-user.target.wants | grep heddle || true
                    getent passwd heddle-central heddle-agent heddle-forwarder || echo nobody is left
                    """),
                "/etc/default/heddle-agent\n/var/lib/heddle/central\nip tuntap list\nnobody is left\n")


if __name__ == "__main__":
    unittest.main()
