"""A forwarder that is killed or replaced under load loses nothing: counted by sequence numbers, not by time."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from lab import Primer, run, wait_until

# Sends numbered datagrams at a rate, but never more than a window that no queue on the way overflows by: so a machine
# that is busy makes the test longer, and does not make it fail. What the receiver has got comes back over a pipe.
SEND = """
import os, select, socket, sys, time
address, rate, total, window = sys.argv[1], *map(int, sys.argv[2:])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect((address, 5003))
os.set_blocking(0, False)
sent = got = 0
begin = heard = time.monotonic()
while got < total:
    now = time.monotonic()
    for number in range(sent, min(total, got + window, int((now - begin) * rate))):
        sender.send(number.to_bytes(4, "big") + bytes(14))
        sent = number + 1
    try:
        words = os.read(0, 1 << 16)
    except BlockingIOError:
        words = None
    if words == b"":
        break
    if words:
        got, heard = int.from_bytes(words[-4:], "big"), now
    elif now - heard > 20:
        sys.exit(f"no progress at {got} of {sent}")
    else:
        select.select([0], [], [], 0.001)
print(int(total / (time.monotonic() - begin)))
"""
RECEIVE = """
import json, os, select, socket, sys, time
total = int(sys.argv[2])
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)     # SO_RCVBUFFORCE
receiver.bind((sys.argv[1], 5003))
receiver.setblocking(False)
print("listening", file=sys.stderr, flush=True)
seen, got, twice, pause, last = bytearray(total), 0, 0, 0, time.monotonic()
def tell():
    try:
        os.write(1, got.to_bytes(4, "big"))
    except BrokenPipeError:
        pass
while got < total:
    try:
        number = int.from_bytes(receiver.recv(2048)[:4], "big")
    except BlockingIOError:
        tell()
        if not select.select([receiver], [], [], 25)[0]:
            break
        continue
    now = time.monotonic()
    pause, last = max(pause, now - last) if got else 0, now
    twice += seen[number]
    got += not seen[number]
    seen[number] = 1
    if got % 256 == 0:
        tell()
tell()
print(json.dumps({"lost": total - got, "twice": twice, "longest_pause_ms": int(pause * 1000)}), file=sys.stderr)
"""
# Fewer than a TAP's queue holds (TAPDevice.QueueBound): 256 with one queue, and half of that with two.
WINDOW = 120
# With it a forwarder hands on what the last one left, one by one, in fewer calls than it lives for (`CALLS`): a datagram
# that was under way at two deaths would look like one that kills, and be put aside.
SMALL_WINDOW = 64
CALLS = 100
# The batch of a forwarder: frames of a port; messages of the underlay, each of which may be a train of 64.
PORT_BATCH, UNDERLAY_BATCH = 64, 64 * 64
# The agent starts a forwarder again at once when the last one was well for as long (AgentCore.forwarderStableTime).
STABLE = 5
# Each waits longer for the next one, up to some seconds.
DEATHS = 6


class RestartTest(unittest.TestCase):
    def flow(self, lab, rate, total, disturb, window=WINDOW):
        """Sends from vm1 to vm2 while `disturb(is_running)` does its worst; what was lost and what came twice."""
        receiver = subprocess.Popen(
            lab.inside("vm2", "python3", "-c", RECEIVE, lab.IP[2], str(total)), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.assertEqual(receiver.stderr.readline().strip(), "listening")
        sender = subprocess.Popen(
            lab.inside("vm1", "python3", "-c", SEND, lab.IP[2], str(rate), str(total), str(window)),
            stdin=receiver.stdout, stdout=subprocess.PIPE, text=True)
        receiver.stdout.close()
        try:
            disturb(lambda: sender.poll() is None)
            rate = sender.communicate(timeout=400)[0].strip()
            result = json.loads(receiver.stderr.read())
        finally:
            for process in sender, receiver:
                process.kill()
                process.wait()
            receiver.stderr.close()
        print(f"{rate}/s, {result}")
        return result

    def restart(self, lab, host, number):
        """Ends a host's forwarder and waits for the next one, whose process it gives."""
        pid = lab.forwarder_pid(host)
        os.kill(pid, number)
        return wait_until(lambda: self.other(lab, host, pid), f"{host} has another forwarder")

    def other(self, lab, host, pid):
        """The process of a host's forwarder, if it is not this one."""
        try:
            found = lab.forwarder_pid(host)
        except (OSError, ValueError):
            return None
        return found if found != pid else None

    def carrier_changes(self, lab, vm):
        return run("ip", "netns", "exec", f"{lab.name}-{vm}", "cat", f"/sys/class/net/{vm}/carrier_changes").stdout

    def quiet(self, lab):
        """No neighbour is asked for while the streams run."""
        self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)

    def test_a_forwarder_that_is_killed_at_10_000_packets_a_second_loses_nothing(self):
        with Primer() as lab:
            self.quiet(lab)
            kills = {"hv1": 0, "hv2": 0}

            def disturb(is_running):
                while is_running() and sum(kills.values()) < 8:
                    for host in kills:
                        time.sleep(STABLE / 2 + 0.25)
                        if is_running():
                            self.restart(lab, host, signal.SIGKILL)
                            kills[host] += 1

            carriers = [self.carrier_changes(lab, vm) for vm in ("vm1", "vm2")]
            result = self.flow(lab, 10_000, 250_000, disturb)
            self.assertEqual(result["lost"], 0)
            self.assertLessEqual(result["twice"], kills["hv1"] * PORT_BATCH + kills["hv2"] * UNDERLAY_BATCH)
            self.assertGreaterEqual(min(kills.values()), 3)
            self.assertEqual([self.carrier_changes(lab, vm) for vm in ("vm1", "vm2")], carriers)

    def test_a_forwarder_that_is_replaced_at_50_000_packets_a_second_loses_and_repeats_nothing(self):
        with Primer() as lab:
            self.quiet(lab)
            replaced = []

            def disturb(is_running):
                while is_running() and len(replaced) < 6:
                    for host in "hv1", "hv2":
                        time.sleep(STABLE / 2 + 0.25)
                        if is_running():
                            self.restart(lab, host, signal.SIGTERM)
                            replaced.append(host)

            carriers = [self.carrier_changes(lab, vm) for vm in ("vm1", "vm2")]
            result = self.flow(lab, 50_000, 800_000, disturb)
            self.assertEqual((result["lost"], result["twice"]), (0, 0))
            self.assertGreaterEqual(len(replaced), 4)
            self.assertEqual([self.carrier_changes(lab, vm) for vm in ("vm1", "vm2")], carriers)

    def test_a_forwarder_that_is_killed_between_taking_and_handing_on_loses_nothing(self):
        for host, call in ("hv1", "sendmmsg"), ("hv2", "writev"):
            with self.subTest(call=call), Primer() as lab:
                self.quiet(lab)
                deaths = 0

                def disturb(is_running):
                    nonlocal deaths
                    with self.killing(lab, 1 if host == "hv1" else 2, call, CALLS):
                        pid = self.restart(lab, host, signal.SIGKILL)
                        while deaths < DEATHS:
                            found = wait_until(lambda: self.other(lab, host, pid) or not is_running(), "it dies")
                            if found is True:
                                break
                            deaths, pid = deaths + 1, found

                result = self.flow(lab, 10_000, 60_000, disturb, SMALL_WINDOW)
                self.assertEqual(result["lost"], 0)
                self.assertGreater(deaths, 2)
                self.assertLessEqual(result["twice"], (deaths + 2) * (PORT_BATCH if host == "hv1" else UNDERLAY_BATCH))

    def test_a_frame_that_ends_the_forwarder_twice_is_quarantined_saved_and_counted(self):
        with Primer() as lab:
            lab.heddle("central", "nb", "lsp-set-port-security", "ls1-vm1")
            lab.sync()
            # Nothing but what this test sends: each frame that leaves kills.
            run("ip", "netns", "exec", f"{lab.name}-vm1", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            with self.killing(lab, 1, "sendmmsg", 1):
                self.restart(lab, "hv1", signal.SIGKILL)
                lab.wait_up("ls1-vm1")
                lab.sync()
                frame = bytes.fromhex(
                    (lab.MAC[2] + lab.MAC[1] + "88b5").replace(":", "")) + b"this frame ends forwarders" + bytes(20)
                self.inject(lab, "vm1", frame)
                path = f"{lab.state}/hv1/quarantine"
                wait_until(lambda: os.path.isdir(path) and os.listdir(path), "the frame is saved")
                wait_until(lambda: not os.listdir(path)[0].endswith(".new"), "the file is whole")
                (name,) = os.listdir(path)
                with open(f"{path}/{name}", "rb") as file:
                    self.assertEqual(file.read(), bytes(10) + frame)
                lab.sync()
                pid = lab.forwarder_pid("hv1")
                # The guest sends it again, and again it goes nowhere.
                self.inject(lab, "vm1", frame)
                wait_until(
                    lambda: "quarantined=2" in self.statistics(lab),
                    "both are counted")
                self.assertEqual(lab.forwarder_pid("hv1"), pid)
                self.assertIn("please report", lab.agents[1].output())
            wait_until(lambda: lab.ping("vm1", lab.IP[2], count=1), "vm2 answers")

    @contextlib.contextmanager
    def killing(self, lab, number, call, when):
        """Every forwarder that an agent starts within dies when a thread of it makes a system call for the `when`th
        time, before the kernel does what it says."""
        if shutil.which("strace") is None:
            self.skipTest("strace not found; Tests/run installs it")
        path = f"{lab.state}/strace.log"
        with open(path, "wb") as log:
            strace = subprocess.Popen(
                ["strace", "-f", "-p", str(lab.agents[number].pid), "-e", f"trace={call}", "-e",
                 f"inject={call}:signal=SIGKILL:when={when}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def is_attached():
            with open(path, "rb") as log:
                return b"attached" in log.read()

        try:
            wait_until(is_attached, "strace has the agent")
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(60)

    def statistics(self, lab):
        return lab.heddle("hv1", "port", "list", "--stats").stdout

    def inject(self, lab, vm, frame):
        code = (
            "import socket\n"
            "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
            f"s.bind(('{vm}', 0))\n"
            f"s.send(bytes.fromhex('{frame.hex()}'))\n")
        run(*lab.inside(vm, "/usr/bin/python3", "-c", code))


if __name__ == "__main__":
    unittest.main()
