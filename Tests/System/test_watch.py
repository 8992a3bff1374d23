"""The output of a watch: `heddle get --watch` over changes, restarts of central and its own end."""

import json
import signal
import subprocess
import unittest

from lab import HEDDLE, Lab, wait_until


class Watcher:
    """A running `heddle get ... --watch`, which writes to files that are read as they grow."""

    def __init__(self, lab, *arguments):
        self.paths = [f"{lab.state}/watch-{len(lab.processes)}.{name}" for name in ("out", "err")]
        with open(self.paths[0], "wb") as output, open(self.paths[1], "wb") as errors:
            self.process = subprocess.Popen(
                lab.inside("central", HEDDLE, "get", *arguments), stdin=subprocess.DEVNULL, stdout=output,
                stderr=errors, env=lab.environment("central"),
                # A process that was started in the background ignores SIGINT, and so do its children.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        lab.processes.append(self.process)

    def read(self, number=0):
        with open(self.paths[number], encoding="utf-8") as file:
            return file.read()

    def rows(self):
        """The first two cells of each whole line."""
        return [tuple(line.split()[:2]) for line in self.read().split("\n")[:-1]]

    def wait_for(self, *rows):
        """Waits until these are the last rows."""
        wait_until(lambda: self.rows()[-len(rows):] == list(rows), f"{rows} are printed: {self.read()}")

    def errors(self, text):
        wait_until(lambda: text in self.read(1), f"{text!r} is said: {self.read(1)}")


class WatchTest(unittest.TestCase):
    def test_changes_are_seen_over_a_killed_central(self):
        with Lab() as lab:
            central = lab.central()
            nb = lambda *words: lab.heddle("central", "nb", *words)
            nb("ls-add", "ls1", "--", "lsp-add", "ls1", "p1")
            table, lines = Watcher(lab, "ports", "-w"), Watcher(lab, "ports", "--watch", "-o", "json")
            chosen = Watcher(lab, "ports", "--watch-only", "--filter", "enabled=false")
            one = Watcher(lab, "port", "p2", "p1", "-w")
            wait_until(lambda: one.process.poll() is not None, "an unknown name ends it")
            self.assertEqual(one.process.returncode, 1)
            self.assertEqual(one.read(1), "heddle: port p2: not found; 'heddle get ports' lists all\n")
            table.wait_for(("EVENT", "NAME"), ("ADDED", "p1"))
            # Only central can tell what a watch without a list has seen before.
            wait_until(
                lambda: 'heddle_parked_requests{kind="changes"} 3' in lab.curl("/metrics").stdout,
                "all of them wait for changes")

            nb("lsp-add", "ls1", "p2")
            nb("lsp-set-enabled", "p1", "disabled")
            nb("lsp-del", "p2")
            table.wait_for(("ADDED", "p2"), ("MODIFIED", "p1"), ("DELETED", "p2"))
            chosen.wait_for(("EVENT", "NAME"), ("ADDED", "p1"))

            for number in range(2):
                central.kill(signal.SIGKILL)
                wait_until(lambda: table.read(1).count("lost central") == number + 1, "the watch has lost central")
                central = lab.central()
                nb("lsp-add", "ls1", f"p3-{number}")
                table.wait_for(("ADDED", f"p3-{number}"))
                self.assertEqual(table.read(1).count(f"{lab.nb} is back\n"), number + 1, table.read(1))
            nb("lsp-set-enabled", "p1", "enabled", "--", "ls-del", "ls1")
            # The changes of one commit have no order.
            gone = [("DELETED", name) for name in ("p1", "p3-0", "p3-1")]
            wait_until(lambda: sorted(table.rows()[-3:]) == gone, f"all ports are gone: {table.read()}")
            chosen.wait_for(("ADDED", "p1"), ("DELETED", "p1"))

            wait_until(lambda: len(lines.rows()) == len(table.rows()) - 1, "both have seen the same")
            events = [json.loads(line) for line in lines.read().splitlines()]
            self.assertEqual([(event["type"], event["object"]["name"]) for event in events], table.rows()[1:])
            for watcher, number in ((table, signal.SIGINT), (lines, signal.SIGTERM), (chosen, signal.SIGINT)):
                watcher.process.send_signal(number)
                self.assertEqual(watcher.process.wait(60), -number)

    def test_bindings_and_groups_are_watched_though_they_have_no_changes_of_their_own(self):
        with Lab() as lab:
            lab.central()
            nb = lambda *words: lab.heddle("central", "nb", *words)
            nb("ls-add", "ls1", "--", "lsp-add", "ls1", "p1")
            bindings, one = Watcher(lab, "port-bindings", "-w"), Watcher(lab, "pb", "p2", "-w")
            groups = Watcher(lab, "multicast-groups", "-w", "-o", "name")
            bindings.wait_for(("EVENT", "LOGICAL"), ("ADDED", "p1"))
            wait_until(lambda: one.process.poll() is not None, "an unknown name ends it")
            self.assertEqual(one.read(1), "heddle: port-binding p2: not found; 'heddle get port-bindings' lists all\n")
            wait_until(lambda: groups.read(), "the groups are listed")
            nb("lsp-add", "ls1", "p2")
            bindings.wait_for(("ADDED", "p2"))
            nb("lsp-set-addresses", "p2", "02:00:00:00:00:02 10.0.0.2", "--", "lsp-del", "p1")
            bindings.wait_for(("DELETED", "p1"), ("MODIFIED", "p2"))
            nb("ls-del", "ls1")
            bindings.wait_for(("DELETED", "p2"))
            wait_until(lambda: groups.read().endswith(" deleted\n"), "the groups are gone")
            for watcher in bindings, groups:
                watcher.process.send_signal(signal.SIGINT)
                self.assertEqual(watcher.process.wait(60), -signal.SIGINT)

    def test_a_watch_goes_on_with_another_network(self):
        """Central comes back with a network of another epoch: the watch lists anew, and says so."""
        with Lab() as lab:
            central = lab.central()
            lab.heddle("central", "nb", "ls-add", "old", "--", "ls-add", "both")
            watcher = Watcher(lab, "switches", "-w")
            watcher.wait_for(("ADDED", "both"), ("ADDED", "old"))
            central.kill()
            lab.data += "-2"
            lab.central()
            watcher.errors("listing again")
            watcher.wait_for(("DELETED", "both"), ("DELETED", "old"))
            lab.heddle("central", "nb", "ls-add", "new")
            watcher.wait_for(("ADDED", "new"))
            watcher.process.send_signal(signal.SIGINT)
            self.assertEqual(watcher.process.wait(60), -signal.SIGINT)

    def test_it_ends_with_its_reader(self):
        with Lab() as lab:
            lab.central()
            lab.heddle("central", "nb", "ls-add", "ls1")
            # Nothing changes any more: the end of the pipe alone ends it.
            done = lab.on(
                "central", "bash", "-c", f"{HEDDLE} get switches -w | head -n 2; echo ${{PIPESTATUS[0]}}")
            self.assertEqual(done.stdout.split("\n")[1].split()[:2], ["ADDED", "ls1"])
            self.assertEqual((done.stdout.split("\n")[2], done.stderr), (str(128 + signal.SIGPIPE), ""))


if __name__ == "__main__":
    unittest.main()
