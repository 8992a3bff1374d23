"""A central that is wrong, and a host that is a copy of another: packets go on, and everybody is told why."""

import contextlib
import os
import shutil
import signal
import unittest

from lab import Lab, wait_until


class Trust(Lab):
    """ls1 over three hosts: vm1 and vm2 on hv1, vm3 on hv2, vm4 on hv3. `early` is a backup that has only vm1."""

    HOST = {1: "hv1", 2: "hv1", 3: "hv2", 4: "hv3"}

    def __enter__(self):
        super().__enter__()
        try:
            for number, name in enumerate(["hv1", "hv2", "hv3"], 3):
                self.host(name, number)
            self.daemon = self.central()
            self.agents = {name: self.agent(name, number) for number, name in enumerate(["hv1", "hv2", "hv3"], 3)}
            self.heddle("central", "nb", "ls-add", "ls1")
            self.vm(1)
            self.wait_up("vm1")
            self.early = self.backup("early")
            for number in (2, 3, 4):
                self.vm(number)
            self.wait_up("vm2", "vm3", "vm4")
            self.sync()
        except BaseException:
            self.__exit__(AssertionError)
            raise
        return self

    def vm(self, number):
        mac, address = f"02:ac:10:ff:00:0{number}", f"172.16.255.{number}"
        self.logical_port("ls1", f"vm{number}", mac, address)
        self.plug(self.HOST[number], f"vm{number}", f"vm{number}", mac, f"{address}/24")

    def backup(self, name):
        file = f"{self.state}/{name}"
        self.heddle("central", "central", "backup", file, "--data-dir", self.data)
        return file

    @contextlib.contextmanager
    def central_away(self):
        """Something is done while central does not run."""
        assert self.daemon.kill(signal.SIGTERM) == 0
        yield
        self.daemon = self.central()

    def restore(self, *arguments):
        with self.central_away():
            self.heddle("central", "central", "restore", *arguments, "--data-dir", self.data)

    def states(self):
        """The state of each chassis by central: `live`, or `held`."""
        lines = self.heddle("central", "get", "chassis").stdout.splitlines()
        at = lines[0].index("STATE"), lines[0].index("HOSTNAME")
        return {line.split()[0]: line[at[0]:at[1]].strip() for line in lines[1:]}

    def wait_states(self, **wanted):
        wait_until(lambda: self.states() == wanted, f"the chassis are {wanted}")

    def reach(self):
        """Which of the VMs vm1 reaches."""
        return [number for number in (2, 3, 4) if self.ping("vm1", f"172.16.255.{number}", 2) == 2]


ALL_HELD = {"hv1": "held", "hv2": "held", "hv3": "held"}
NONE_HELD = {"hv1": "live", "hv2": "live", "hv3": "live"}


class TrustTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Trust(secure=True))

    def kill_both(self, agent_first):
        """The end of hv1's agent and forwarder, at once."""
        lab = self.lab
        victims = [lab.agents["hv1"].pid, lab.forwarder_pid("hv1")]
        for victim in victims if agent_first else victims[::-1]:
            os.kill(victim, signal.SIGKILL)
        lab.agents["hv1"].process.wait(60)
        lab.agents["hv1"] = lab.agent("hv1", 3)

    def test_a_backup_that_takes_ports_away_is_held_until_it_is_accepted_or_forced(self):
        lab = self.lab
        pings = [lab.pings("vm1", f"172.16.255.{number}", 300) for number in (2, 4)]
        right = f"{lab.state}/right"
        with lab.central_away():
            shutil.copytree(lab.data, right)
            lab.heddle("central", "central", "restore", lab.early, "--data-dir", lab.data)
        lab.wait_states(**ALL_HELD)
        self.assertEqual([stream.lost() for stream in pings], [0, 0])

        # Everybody is told.
        held = lab.get("/v1/chassis/hv1")["status"]["held"]
        self.assertEqual((held["plugged_ports"], held["ports"]), (1, 3))
        self.assertIn("heddle_chassis_holding 3", lab.curl("/metrics").stdout)
        self.assertIn("heddle agent accept", lab.heddle("central", "describe", "chassis", "hv1").stdout)
        self.assertIn("take away 1 plugged port ", lab.heddle("hv1", "port", "list").stdout)
        doctor = lab.heddle("hv1", "doctor", "--state-dir", f"{lab.state}/hv1", check=False)
        self.assertEqual((doctor.returncode, "held" in doctor.stdout, "agent accept" in doctor.stdout), (1, True, True))
        self.assertIn("Chassis hv1 does not use this network", lab.daemon.output())

        # Whatever ends meanwhile, and in whatever order.
        lab.agents["hv2"].kill()
        os.kill(lab.forwarder_pid("hv1"), signal.SIGKILL)
        lab.agents["hv2"] = lab.agent("hv2", 4)
        for agent_first in (True, False):
            wait_until(lambda: lab.reach() == [2, 3, 4], "packets go on by the old share")
            self.kill_both(agent_first)
        wait_until(lambda: lab.reach() == [2, 3, 4], "packets go on by the old share")
        lab.wait_states(**ALL_HELD)
        revision = lab.get("/v1/chassis/hv1")["revision"]
        lab.heddle("central", "nb", "ls-add", "later")
        self.assertEqual(lab.get("/v1/chassis/hv1")["revision"], revision, "who holds causes no commits")

        # The right central is back.
        with lab.central_away():
            shutil.rmtree(lab.data)
            shutil.copytree(right, lab.data)
        lab.wait_states(**NONE_HELD)
        lab.sync()
        self.assertIn("continues this host's history", lab.agents["hv1"].output())
        refused = lab.heddle("hv1", "agent", "accept", check=False)
        self.assertEqual((refused.returncode, "Nothing is held" in refused.stderr), (1, True))

        # A user's word at one host, then one for all.
        lab.restore(lab.early)
        lab.wait_states(**ALL_HELD)
        self.assertIn("goes by revision", lab.heddle("hv1", "agent", "accept").stdout)
        lab.wait_states(**ALL_HELD | {"hv1": "live"})
        self.assertIn("pending", lab.heddle("hv1", "port", "list").stdout)
        self.assertEqual(lab.reach(), [])
        restored = lab.backup("restored")
        lab.restore(restored, "--force-hosts")
        lab.wait_states(**NONE_HELD)
        lab.sync()
        self.assertIn("--force-hosts", lab.agents["hv2"].output())

        # A port that is made anew is up at once.
        for number in (2, 3, 4):
            lab.logical_port("ls1", f"vm{number}", f"02:ac:10:ff:00:0{number}", f"172.16.255.{number}")
        lab.wait_up("vm2", "vm3", "vm4")
        lab.sync()
        self.assertEqual(lab.reach(), [2, 3, 4])

    def test_a_copy_of_a_state_directory_is_told_apart(self):
        lab = self.lab
        lab.host("copy", 9)
        shutil.copytree(f"{lab.state}/hv2", f"{lab.state}/copy", ignore=lambda _, names: [
            name for name in names if name.endswith((".sock", ".pid", ".log"))])
        arguments = ["--central", lab.sb, "--chassis", "hv2", "--encap-ip", "10.127.0.9", "--state-dir",
                     f"{lab.state}/copy"]
        pings = lab.pings("vm1", "172.16.255.3", 200)
        copy = lab.start("copy", "agent", *arguments)
        wait_until(lambda: "a copy of its state directory" in copy.output(), "the copy is told")
        self.assertRegex(copy.output(), "live at 10.127.0.4.*10.127.0.9")
        doctor = lab.heddle("copy", "doctor", "--state-dir", f"{lab.state}/copy", check=False)
        self.assertIn("join as another chassis", doctor.stdout)
        # Nor is a new start of central an opportunity.
        with lab.central_away():
            pass
        wait_until(lambda: lab.states()["hv2"] == "live", "hv2 is heard")
        self.assertEqual(pings.lost(), 0)
        self.assertEqual(lab.get("/v1/chassis/hv2")["encaps"][0]["ip"], "10.127.0.4")

        # Once the other has ended and said so, it may: a host that has moved.
        self.assertEqual(lab.agents["hv2"].kill(signal.SIGTERM), 0)
        wait_until(lambda: lab.get("/v1/chassis/hv2")["encaps"][0]["ip"] == "10.127.0.9", "the host has moved", 20)
        copy.kill(signal.SIGTERM)
        # The same directory under the same kernel needs no leave.
        lab.kill_forwarder(f"{lab.state}/copy/forwarder")
        lab.agents["hv2"] = lab.agent("hv2", 4)
        wait_until(lambda: lab.get("/v1/chassis/hv2")["encaps"][0]["ip"] == "10.127.0.4", "it is back", 20)
        lab.sync()
        wait_until(lambda: lab.reach() == [2, 3, 4], "all is well")

    def test_b_database_that_was_put_back_by_hand_is_held_where_it_takes_ports_away(self):
        lab = self.lab
        with lab.central_away():
            shutil.copy(f"{lab.data}/central.db", f"{lab.state}/former.db")
        wait_until(lambda: lab.reach() == [2, 3, 4], "all is well")
        lab.heddle("hv1", "port", "del", "vm2")
        lab.heddle("central", "nb", "lsp-del", "vm2", "--", "lsp-del", "vm3")
        lab.logical_port("ls1", "vm5", "02:ac:10:ff:00:05", "172.16.255.5")
        lab.plug("hv3", "vm5", "vm5", "02:ac:10:ff:00:05", "172.16.255.5/24")
        lab.wait_up("vm5")
        lab.sync()
        with lab.central_away():
            shutil.copy(f"{lab.state}/former.db", f"{lab.data}/central.db")
        self.assertIn("was put back to an earlier state", lab.daemon.output())
        # A change that takes nothing from a host is undone there silently, and vm3 is bound again.
        lab.wait_up("vm3")
        lab.wait_states(**NONE_HELD | {"hv3": "held"})
        lab.plug("hv1", "vm2", "vm2", "02:ac:10:ff:00:02", "172.16.255.2/24")
        lab.wait_up("vm2")
        self.assertEqual(lab.ping("vm4", "172.16.255.5"), 3)
        lab.heddle("hv3", "port", "del", "vm5")
        lab.wait_states(**NONE_HELD)
        wait_until(lambda: lab.reach() == [2, 3, 4], "all is well")


class EmptyCentralTest(unittest.TestCase):
    def test_an_empty_central_is_held(self):
        with Trust() as lab:
            pings = lab.pings("vm1", "172.16.255.2", 200)
            with lab.central_away():
                shutil.move(lab.data, f"{lab.state}/right")
            lab.wait_states(**ALL_HELD)
            self.assertEqual(pings.lost(), 0)
            self.assertEqual(lab.reach(), [2, 3, 4])
            with lab.central_away():
                shutil.rmtree(lab.data)
                shutil.move(f"{lab.state}/right", lab.data)
            lab.wait_states(**NONE_HELD)
            lab.sync()


if __name__ == "__main__":
    unittest.main()
