"""`heddle port capture`, read by tshark: what came, where it went, and why it did not."""

import os
import signal
import subprocess
import unittest

from lab import Primer, wait_until
from packets import mac, packet_socket

FIELDS = ["frame.comment", "frame.packet_flags_direction", "eth.src", "eth.dst", "frame.len"]


class CaptureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        cls.guest = packet_socket(f"{cls.lab.name}-vm1", "vm1")
        cls.addClassCleanup(cls.guest.close)

    def capture(self, *arguments, **keywords):
        """A capture of vm1 that has begun."""
        process = subprocess.Popen(
            self.lab.inside("hv1", self.lab.program, "port", "capture", "vm1", *arguments), text=True,
            stderr=subprocess.PIPE, env=self.lab.environment("hv1"), **keywords)
        self.lab.processes.append(process)
        self.addCleanup(process.stderr.close)
        self.assertEqual(process.stderr.readline(), "capturing vm1; Ctrl-C ends it\n")
        return process

    def frames(self, file):
        """The fields of each frame, by tshark."""
        command = ["tshark", "-n", "-r", file, "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        self.assertNotIn("cut short", done.stderr)
        return [dict(zip(FIELDS, line.split("\t"))) for line in done.stdout.splitlines()]

    def test_what_the_guest_sends_and_gets_with_the_verdicts(self):
        lab, file = self.lab, f"{self.lab.state}/all.pcapng"
        process = self.capture("-w", file)
        self.assertEqual(lab.ping("vm1", lab.IP[2], count=1), 1)
        self.guest.send(mac(lab.MAC[2]) + mac("02:ac:10:ff:00:99") + b"\x88\xb5" + bytes(46))
        wait_until(lambda: any("dropped" in frame["frame.comment"] for frame in self.frames(file)),
                   "the last frame is in the file")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 0)
        self.assertRegex(process.stderr.read(), r"^\d+ frames captured, 0 missed\n$")
        frames = self.frames(file)
        by_comment = {}
        for frame in frames:
            by_comment.setdefault(frame["frame.comment"], []).append(frame)
        sent = by_comment["to chassis hv2 (10.127.0.4)"]
        self.assertTrue(all(frame["eth.src"] == lab.MAC[1] for frame in sent))
        self.assertEqual({frame["frame.packet_flags_direction"] for frame in sent}, {"0x00000001"})
        got = by_comment["to the guest"]
        self.assertTrue(all(frame["eth.dst"] == lab.MAC[1] for frame in got))
        self.assertEqual({frame["frame.packet_flags_direction"] for frame in got}, {"0x00000002"})
        forged = by_comment["dropped: ingress_port_security"]
        self.assertEqual(forged[0]["eth.src"], "02:ac:10:ff:00:99")

    def test_limits_end_it_and_a_pipe_takes_it(self):
        process = self.capture("--count", "2", "--snap", "64", stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        reader = subprocess.Popen(
            ["tshark", "-n", "-r", "-", "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len"],
            stdin=process.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.lab.processes.append(reader)
        for _ in range(2):
            self.guest.send(mac(self.lab.MAC[2]) + mac(self.lab.MAC[1]) + b"\x88\xb5" + bytes(186))
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(process.stderr.read(), "2 frames captured, 0 missed\n")
        self.assertEqual(reader.communicate(timeout=30)[0], "64\t200\n64\t200\n")
        process = self.capture("--duration", "1", "-w", f"{self.lab.state}/time.pcapng")
        self.assertEqual(process.wait(30), 0)

    def test_a_filter_takes_what_it_is_true_of(self):
        lab, file = self.lab, f"{self.lab.state}/some.pcapng"
        process = self.capture("-w", file, "--count", "1", "--snap", "14", "--filter",
                               f'inport != "" && icmp4.type == 8 && ip4.dst == {lab.IP[2]}/32')
        self.guest.send(mac(lab.MAC[2]) + mac(lab.MAC[1]) + b"\x88\xb5" + bytes(46))
        self.assertEqual(lab.ping("vm1", lab.IP[2], count=1), 1)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual([frame["frame.comment"] for frame in self.frames(file)], ["to chassis hv2 (10.127.0.4)"])
        wrong = lab.heddle("hv1", "port", "capture", "vm1", "-w", file, "--filter", "tcp.dst = 80", check=False)
        self.assertIn('in the filter, at byte 9, "=": expected ==', wrong.stderr)

    def test_a_killed_reader_ends_the_capture_and_a_port_has_one(self):
        process = self.capture("-w", "/dev/null")
        again = self.lab.heddle("hv1", "port", "capture", "vm1", "-w", "/dev/null", check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("captured already", again.stderr)
        process.kill()
        process.wait()
        # The same again, as soon as the agent has seen the end.
        wait_until(lambda: self.lab.heddle("hv1", "port", "capture", "vm1", "--duration", "1", "-w", "/dev/null",
                                           check=False).returncode == 0, "vm1 can be captured again", 30)
        missing = self.lab.heddle("hv1", "port", "capture", "vm9", "-w", "/dev/null", check=False)
        self.assertIn("no port vm9", missing.stderr)

    def test_the_end_of_the_forwarder_is_told(self):
        process = self.capture("-w", "/dev/null")
        os.kill(self.lab.forwarder_pid("hv1"), signal.SIGKILL)
        self.assertEqual(process.wait(30), 1)
        self.assertIn("the capture has ended early", process.stderr.read())
        # The next test finds a forwarder.
        wait_until(lambda: self.lab.heddle("hv1", "port", "capture", "vm1", "--duration", "1", "-w", "/dev/null",
                                           check=False).returncode == 0, "vm1 can be captured again", 30)


if __name__ == "__main__":
    unittest.main()
