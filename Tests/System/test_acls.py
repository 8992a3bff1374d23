"""ACLs between guests on two hosts: a scan meets what is open, and a change holds at once."""

import json
import re
import socket
import struct
import tempfile
import unittest

from lab import Primer, run, wait_until
from packets import Inside, packet_socket, receive

# Asks all ports at once; a guest refuses one that nobody listens to, so that an answer tells what has passed.
SCAN = """
import errno, selectors, socket, sys, time
selector = selectors.DefaultSelector()
answered, end = [], time.monotonic() + 1
for port in range(1000, 1032):
    probe = socket.socket()
    probe.setblocking(False)
    if probe.connect_ex((sys.argv[1], port)) == errno.ECONNREFUSED:
        answered.append(port)
    else:
        selector.register(probe, selectors.EVENT_WRITE, port)
while len(answered) < 32 and time.monotonic() < end:
    for key, _ in selector.select(end - time.monotonic()):
        if key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED:
            answered.append(key.data)
        selector.unregister(key.fileobj)
print(*sorted(answered))
"""
EVERY = [str(port) for port in range(1000, 1032)]


class ACLTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())

    def nb(self, *words):
        return self.lab.heddle("central", "nb", "--wait=hv", *words).stdout

    def scan(self):
        return self.lab.on("vm1", "/usr/bin/python3", "-c", SCAN, self.lab.IP[2]).stdout.split()

    def test_a_scan_meets_only_what_acls_let_pass_and_each_change_holds_at_once(self):
        self.assertEqual(self.scan(), EVERY)
        some = "outport == @web && tcp.dst == {1003, 1007}"
        self.nb("pg-add", "web", "ls1-vm2", "--", "acl-add", "web", "to-lport", "900", "outport == @web && ip", "drop",
                "--", "acl-add", "web", "to-lport", "1000", some, "allow")
        self.assertEqual(self.scan(), ["1003", "1007"])
        self.assertEqual(self.nb("acl-list", "web"), f"  to-lport  1000 ({some}) allow\n"
                         "  to-lport   900 (outport == @web && ip) drop\n")
        text = self.lab.heddle(
            "central", "trace", "ls1", f"inport=ls1-vm1 eth.dst={self.lab.MAC[2]} ip.dst={self.lab.IP[2]} "
            "tcp.src=4000 tcp.dst=1004").stdout
        self.assertRegex(text, "ls_out_acl_eval +ls1-vm2 +drop: acl by web-to-lport-900-[0-9a-f]{8}\n")
        self.assertIn("\ndropped: acl\n", text)
        stats = self.lab.heddle("hv2", "port", "list", "--stats").stdout
        self.assertRegex(stats, r"\bacl=\d+")

        # Kept flows end with what has allowed them, and with a membership.
        self.nb("acl-del", "web", "to-lport", "1000", some)
        self.assertEqual(self.scan(), [])
        self.nb("pg-set-ports", "web")
        self.assertEqual(self.scan(), EVERY)
        # On the sender's side.
        self.nb("acl-add", "ls1", "from-lport", "5", 'inport == "ls1-vm1" && tcp.dst > 1015', "drop")
        self.assertEqual(self.scan(), EVERY[:16])
        self.nb("acl-del", "ls1")
        self.assertEqual(self.scan(), EVERY)

    def test_a_rejected_client_hears_of_it_at_once(self):
        lab = self.lab
        lab.vm(3, "hv1")
        lab.wait_up("ls1-vm3")
        heard = packet_socket(f"{lab.name}-vm1", "vm1")
        self.addCleanup(heard.close)
        some = "tcp.dst == 80 || udp.dst == 53"
        # On a switch that tracks connections, and on one that does not; where frames go out, and where they come in.
        for direction, action in ("to-lport", "allow-related"), ("to-lport", "allow"), ("from-lport", "allow"):
            with self.subTest(direction, action=action):
                self.nb("acl-add", "ls1", direction, "10", some, "reject", "--", "acl-add", "ls1", direction, "9", "1", action)
                # From another host, and from the same one.
                for number in 2, 3:
                    self.assert_refused(lab.IP[number])
                    self.assert_sound(receive(heard, 2, lambda frame: self.rejection(frame, lab.IP[number])))
                self.nb("acl-del", "ls1")

    def test_decisions_are_logged_and_counted(self):
        lab = self.lab
        self.nb("--log", "--severity=warning", "--name=no-web", "acl-add", "ls1", "to-lport", "10", "tcp.dst == 81",
                "reject", "--", "--name=all", "acl-add", "ls1", "to-lport", "9", "ip4", "allow")
        self.addCleanup(self.nb, "acl-del", "ls1")
        self.assertIn("tcp.dst == 81) reject log(name=no-web,severity=warning)", self.nb("acl-list", "ls1"))
        for _ in range(2):
            asked = lab.on("vm1", "curl", "-sS", "-m", "10", f"http://{lab.IP[2]}:81/", check=False)
            self.assertEqual(asked.returncode, 7, asked.stderr)
        line = re.compile(
            r'^agent: warning: acl_log: name="no-web", verdict=reject, severity=warning, direction=to-lport, '
            rf'inport="ls1-vm1", outport="ls1-vm2": tcp,dl_src={lab.MAC[1]},dl_dst={lab.MAC[2]},nw_src={lab.IP[1]},'
            rf"nw_dst={lab.IP[2]},tp_src=\d+,tp_dst=81,tcp_flags=syn", re.M)
        wait_until(lambda: len(line.findall(lab.agents[2].output())) == 2, "the lines of the log")
        counted = json.loads(lab.heddle("hv2", "acl", "counters", "--switch", "ls1", "-o", "json").stdout)["acls"]
        self.assertEqual({acl["name"]: acl["decisions"] for acl in counted}["no-web"], 2)
        self.assertIn("no-web", lab.heddle("hv2", "acl", "counters").stdout)
        self.assertEqual(line.findall(lab.agents[1].output()), [])

    def assert_refused(self, address):
        asked = self.lab.on("vm1", "curl", "-sS", "-m", "10", f"http://{address}/", check=False)
        self.assertEqual(asked.returncode, 7, asked.stderr)
        with Inside(f"{self.lab.name}-vm1"):
            query = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with query:
            query.settimeout(10)
            query.connect((address, 53))
            query.send(b"question")
            with self.assertRaises(ConnectionRefusedError):
                query.recv(100)

    def rejection(self, frame, address):
        """An RST or an ICMP error that seems to come from an address."""
        is_one = frame[12:14] == b"\x08\0" and frame[26:30] == socket.inet_aton(address)
        return frame if is_one and (frame[23] == 1 or frame[23] == 6 and frame[47] & 4) else None

    def assert_sound(self, frames):
        """tshark says what they are, and that their checksums are right."""
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for frame in frames:
                file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)
            file.flush()
            fields = "ip.checksum.status", "tcp.flags.reset", "tcp.checksum.status", "icmp.code", "icmp.checksum.status"
            said = run("tshark", "-n", "-r", file.name, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
                       "-T", "fields", "-E", "occurrence=f", "-E", "separator=,",
                       *(word for field in fields for word in ("-e", field))).stdout
        self.assertEqual(said.splitlines(), ["1,1,1,,", "1,,,3,1"])


if __name__ == "__main__":
    unittest.main()
