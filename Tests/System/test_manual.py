"""The manual pages that the program writes of itself: what man says of them, and whether they tell all that --help does."""

import glob
import os
import re
import shutil
import tempfile
import unittest

from lab import HEDDLE, run


class ManualTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        run(HEDDLE, "manual", cls.folder)
        cls.paths = sorted(glob.glob(f"{cls.folder}/man[18]/*.[18]"))

    def shown(self, path):
        """A page as a terminal of 100 columns shows it, without its marks, and in one line."""
        done = run("man", "--warnings", "-E", "UTF-8", "-l", path, env=os.environ | {
            "MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
        self.assertEqual(done.stderr, "", path)
        return re.sub(r"\s+", " ", done.stdout)

    def test_each_command_has_a_page_and_heddle_names_it(self):
        commands = re.findall(r"(?m)^  ([a-z]+)(?:  |$)", run(HEDDLE, "--help").stdout.split("SUBCOMMANDS:")[1])
        names = {os.path.basename(path).rsplit(".", 1)[0] for path in self.paths}
        self.assertEqual(names, {"heddle"} | {f"heddle-{name}" for name in commands})
        self.assertNotIn("manual", commands)

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "no man")
    def test_man_has_no_complaint_and_shows_every_option(self):
        overview = self.shown(f"{self.folder}/man1/heddle.1")
        for path in self.paths:
            page = self.shown(path)
            name = os.path.basename(path).rsplit(".", 1)[0]
            self.assertIn(f"{name} - ", page)
            if name == "heddle":
                continue
            self.assertIn(f"{name}({path[-1]})", overview)
            command = name.split("-", 1)[1]
            help_text = run(HEDDLE, command, "--help").stdout
            below = re.findall(r"(?m)^  ([a-z]+)(?:  |$)", (help_text.split("SUBCOMMANDS:") + [""])[1])
            texts = [help_text] + [run(HEDDLE, command, word, "--help").stdout for word in below]
            for text in texts:
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
                    if option not in ("--help", "--version"):
                        self.assertIn(option, page, f"{option} in {name}")
        self.assertIn("lsp-set-addresses", self.shown(f"{self.folder}/man1/heddle-nb.1"))
        self.assertIn("HEDDLE_NB", overview)

    def test_a_folder_that_cannot_be_written_is_refused_with_its_name(self):
        done = run(HEDDLE, "manual", "/proc/nothing", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write the manual pages into /proc/nothing/man1", done.stderr)


if __name__ == "__main__":
    unittest.main()
