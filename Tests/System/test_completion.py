"""Completion as people use it: keys are pressed in real shells on a terminal, and central is asked for names."""

import os
import pty
import select
import shutil
import signal
import tempfile
import time
import unittest

from lab import HEDDLE
from test_http import Central

# Shows the words that it is run with, but for those that the shells' scripts run.
SHOW = f"""#!/bin/sh
case "$1" in ---completion|completion) exec {HEDDLE} "$@";; esac
printf 'RAN'; printf ' <%s>' "$@"; echo '.'
"""
SHELLS = {
    "bash": (["bash", "--norc", "-i"], "source <(heddle completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "fpath=($SCRIPTS $fpath); autoload -Uz compinit; compinit -u -D"),
    "fish": (["fish", "--no-config"], "heddle completion fish | source"),
}


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self, name, folder, environment):
        words, setup = SHELLS[name]
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, os.environ | environment | {
                "TERM": "dumb", "HOME": folder, "SCRIPTS": folder, "PATH": f"{folder}:{os.environ['PATH']}"})
        self.seen = ""
        self.type(f"{setup}\r")
        self.type("echo REA''DY\r")
        self.wait("READY")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def type(self, keys):
        os.write(self.terminal, keys.encode())

    def wait(self, text, seconds=30):
        """Reads until a text comes; gives what stands behind it in its line."""
        deadline = time.monotonic() + seconds
        while text not in self.seen or "\n" not in self.seen.split(text, 1)[1]:
            if time.monotonic() > deadline or not select.select([self.terminal], [], [], 1)[0]:
                if time.monotonic() > deadline:
                    raise AssertionError(f"no {text!r} in {self.seen!r}")
                continue
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        line, self.seen = self.seen.split(text, 1)[1].split("\n", 1)
        return line.strip()

    def complete(self, line):
        """The words that a line runs after the tabulator was pressed behind it."""
        self.type(f"{line}\t\r")
        return self.wait("RAN ")


class CompletionTest(unittest.TestCase):
    def test_names_with_colons_are_completed_in_all_shells(self):
        with Central() as central, tempfile.TemporaryDirectory() as folder:
            for name in "net:alpha", "net:beta", "plain":
                central.create("/v1/switches", {"name": name})
            with open(f"{folder}/heddle", "w", encoding="utf-8") as file:
                file.write(SHOW)
            os.chmod(f"{folder}/heddle", 0o755)
            os.system(f"{folder}/heddle completion zsh >{folder}/_heddle")
            for name in SHELLS:
                with self.subTest(name):
                    if not shutil.which(name):
                        self.skipTest(f"{name} is not installed; Tests/run installs it")
                    with Shell(name, folder, {"HEDDLE_NB": central.northbound}) as shell:
                        for line, words in (
                                ("heddle nb show pl", "<nb> <show> <plain>."),
                                ("heddle nb show net:a", "<nb> <show> <net:alpha>."),
                                ("heddle get switches net:b", "<get> <switches> <net:beta>."),
                                ("heddle nb show ne", "<nb> <show> <net:>."),
                                ("heddle get ports --switch net:a", "<get> <ports> <--switch> <net:alpha>."),
                                ("heddle nb ls-d", "<nb> <ls-del>.")):
                            self.assertEqual(shell.complete(line), words, line)


if __name__ == "__main__":
    unittest.main()
