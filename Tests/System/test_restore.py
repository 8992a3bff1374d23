"""Backups that are restored under live hosts: everybody goes by what central says then, and nobody by what it said."""

import os
import shutil
import signal
import unittest

from lab import Primer, wait_until

WRONG = "02:ac:10:ff:00:99"


class RestoreTest(unittest.TestCase):
    def restart(self, lab):
        lab.central_daemon = lab.central()

    def stop(self, lab):
        self.assertEqual(lab.central_daemon.kill(signal.SIGTERM), 0)

    def shut_out(self, lab):
        """Changes after the backup: vm1 may not send any more, and hosts go by that."""
        lab.heddle("central", "nb", "lsp-set-port-security", "ls1-vm1", WRONG, "--", "ls-add", "later")
        lab.sync()
        self.assertEqual(lab.ping("vm1", lab.IP[2]), 0)

    def check(self, lab):
        """The hosts have what central has: vm1 may send again."""
        self.assertNotIn("later", lab.heddle("central", "nb", "ls-list").stdout)
        lab.wait_up("ls1-vm1", "ls1-vm2")
        lab.sync()
        wait_until(lambda: lab.ping("vm1", lab.IP[2]) == 3, "the hosts go by the restored network")

    def test_a_restored_backup_is_what_all_hosts_go_by(self):
        with Primer() as lab:
            backup = f"{lab.state}/backup"
            made = lab.heddle("central", "central", "backup", backup, "--data-dir", lab.data)
            self.assertRegex(made.stdout, r"revision \d+, \d+ bytes, verified")
            self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
            again = lab.heddle("central", "central", "backup", backup, "--data-dir", lab.data, check=False)
            self.assertEqual((again.returncode, "--force" in again.stderr), (1, True))
            self.shut_out(lab)
            busy = lab.heddle("central", "central", "restore", backup, "--data-dir", lab.data, check=False)
            self.assertEqual((busy.returncode, "another central" in busy.stderr), (1, True))

            # A host that was away when central went back, and comes when its revision is there once more.
            lab.agents[1].kill()
            self.stop(lab)
            restored = lab.heddle("central", "central", "restore", backup, "--data-dir", lab.data)
            self.assertIn("kept: ", restored.stdout)
            self.restart(lab)
            for number in range(12):
                lab.heddle("central", "nb", "ls-add", f"other{number}")
            lab.agents[1] = lab.agent("hv1", 3)
            self.check(lab)

    def test_a_database_that_was_put_back_by_hand_is_noticed(self):
        with Primer() as lab:
            self.stop(lab)
            shutil.copy(f"{lab.data}/central.db", f"{lab.state}/copy")
            self.restart(lab)
            lab.wait_up("ls1-vm1", "ls1-vm2")
            self.shut_out(lab)
            self.stop(lab)
            shutil.copy(f"{lab.state}/copy", f"{lab.data}/central.db")
            self.restart(lab)
            self.assertIn("was put back to an earlier state", lab.central_daemon.output())
            self.check(lab)


if __name__ == "__main__":
    unittest.main()
