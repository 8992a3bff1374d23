"""The output of commands at a terminal, and elsewhere."""

import fcntl
import os
import pty
import struct
import termios
import unittest

from lab import HEDDLE, run
from test_http import Central


class TerminalTest(unittest.TestCase):
    def at_terminal(self, central, *words, width=0, **environment):
        """The output of a command whose standard output is a terminal, of so many columns."""
        pid, terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
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

    def test_a_table_fits_the_terminal_and_is_whole_elsewhere(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1"})
            address = "02:00:00:00:00:01 10.0.0.1 10.0.0.2 fd00::1"
            central.create("/v1/switches/ls1/ports", {"name": "a-port-with-a-name-that-stays", "addresses": [address]})
            whole = run(HEDDLE, "get", "ports", env=os.environ | {"HEDDLE_NB": central.northbound}).stdout
            self.assertIn(address, whole)
            fitted = self.at_terminal(central, "get", "ports", width=80, NO_COLOR="1")
            self.assertLessEqual(max(map(len, fitted.splitlines())), 80)
            self.assertIn("a-port-with-a-name-that-stays", fitted)
            self.assertIn("…", fitted)
            self.assertIn(address, self.at_terminal(central, "get", "ports", "-o", "wide", width=80, NO_COLOR="1"))
            self.assertEqual(self.at_terminal(central, "get", "ports", width=1000, NO_COLOR="1"), whole)


if __name__ == "__main__":
    unittest.main()
