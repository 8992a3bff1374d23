"""The output of commands at a terminal, and elsewhere."""

import os
import pty
import unittest

from lab import HEDDLE, run
from test_http import Central


class TerminalTest(unittest.TestCase):
    def at_terminal(self, central, *words, **environment):
        """The output of a command whose standard output is a terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(HEDDLE, [HEDDLE, *words], os.environ | {"TERM": "xterm", "HEDDLE_NB": central.northbound} | environment)
        text = b""
        try:
            while piece := os.read(terminal, 65536):
                text += piece
        except OSError:     # The terminal's other end is closed.
            pass
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, text)
        return text.decode().replace("\r\n", "\n")

    def test_states_have_colours_at_a_terminal_only(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1", "labels": {"note": "down"}})
            central.create("/v1/switches/ls1/ports", {"name": "p1"})
            plain = run(HEDDLE, "get", "ports", env=os.environ | {"HEDDLE_NB": central.northbound}).stdout
            self.assertNotIn("\x1b", plain)
            self.assertRegex(plain, r"p1 +ls1 +down")
            painted = self.at_terminal(central, "get", "ports")
            self.assertIn("\x1b[31mdown\x1b[0m", painted)
            self.assertTrue(painted.startswith("\x1b[1mNAME"))
            self.assertEqual(painted.replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", ""), plain)
            for environment in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
                self.assertEqual(self.at_terminal(central, "get", "ports", **environment), plain)
            self.assertEqual(self.at_terminal(central, "get", "ports", "--color=never"), plain)
            self.assertEqual(self.at_terminal(central, "get", "ports", "--color", NO_COLOR="1"), painted)
            self.assertNotIn("\x1b", self.at_terminal(central, "get", "ports", "-o", "json"))


if __name__ == "__main__":
    unittest.main()
