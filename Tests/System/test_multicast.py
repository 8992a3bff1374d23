"""Multicast groups on a switch that asks for members: real memberships of guests on three hosts, and who gets frames."""

import json
import socket
import struct
import unittest

from lab import Primer, wait_until
from packets import Inside, checksum, mac, packet_socket, receive

GROUP = "239.1.1.1"
GROUP6 = "ff05::103"
QUERIER = "02:ac:10:ff:00:fe"


def group_mac(group):
    if ":" in group:
        return b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[12:]
    octets = socket.inet_aton(group)
    return b"\x01\x00\x5e" + bytes([octets[1] & 0x7F]) + octets[2:]


def packet(source, ip, group, number):
    """A UDP packet to a group, or a broadcast, that says its number."""
    data = b"heddle" + struct.pack("!I", number)
    udp = struct.pack("!HHHH", 1000, 2000, 8 + len(data), 0) + data
    target = b"\xff" * 6 if group == "255.255.255.255" else group_mac(group)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 4, 17, 0)
    header += socket.inet_aton(ip) + socket.inet_aton(group)
    header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
    return target + mac(source) + b"\x08\0" + header + udp


def report(source, ip, *groups):
    """An IGMPv3 report by which a guest joins groups."""
    records = b"".join(struct.pack("!BBH", 4, 0, 0) + struct.pack("!I", group) for group in groups)
    message = struct.pack("!BBHHH", 0x22, 0, 0, 0, len(groups)) + records
    message = message[:2] + struct.pack("!H", ~checksum(message) & 0xFFFF) + message[4:]
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, 0, 1, 2, 0)
    header += socket.inet_aton(ip) + socket.inet_aton("224.0.0.22")
    header = header[:10] + struct.pack("!H", ~checksum(header) & 0xFFFF) + header[12:]
    return group_mac("224.0.0.22") + mac(source) + b"\x08\0" + header + message


class MulticastTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab = cls.enterClassContext(Primer())
        lab.MAC = {**lab.MAC, 4: "02:ac:10:ff:00:44"}
        lab.IP = {**lab.IP, 4: "172.16.255.44"}
        lab.host("hv3", 5)
        lab.agents[3] = lab.agent("hv3", 5)
        lab.vm(3, "hv3")
        lab.vm(4, "hv1")
        lab.wait_up("ls1-vm3", "ls1-vm4")
        lab.sync()
        cls.sockets = {n: packet_socket(f"{lab.name}-vm{n}", f"vm{n}") for n in (1, 2, 3, 4)}
        for opened in cls.sockets.values():
            cls.addClassCleanup(opened.close)
        cls.number = 0

    def configure(self, **config):
        settings = {f"mcast_{key}": value for key, value in config.items()}
        body = json.dumps({"other_config": settings or None})
        self.lab.curl("/v1/switches/ls1", "--fail-with-body", "-X", "PATCH", "-H",
                      "Content-Type: application/merge-patch+json", "-d", body)
        self.lab.sync()

    def listed(self, host):
        return json.loads(self.lab.heddle(host, "multicast", "list", "-o", "json").stdout)

    def members(self, host, group=GROUP):
        groups = self.listed(host)["groups"]
        return sorted(entry["logical_port"] for entry in groups if entry["group"] == group)

    def wait_members(self, *ports, group=GROUP, hosts=("hv1", "hv2", "hv3")):
        for host in hosts:
            wait_until(
                lambda: self.members(host, group) == sorted(ports), f"{host} knows {ports}, not {self.members(host)}")

    def wait_heard(self):
        for host in ("hv1", "hv2", "hv3"):
            wait_until(
                lambda: [one["listening"] for one in self.listed(host)["switches"]] == [False],
                f"{host} has heard all members")

    def join(self, vm, group=GROUP):
        """A guest's socket that is a member of a group until it is closed."""
        with Inside(f"{self.lab.name}-vm{vm}"):
            index = socket.if_nametoindex(f"vm{vm}")
            if ":" in group:
                opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                packed = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, packed)
            else:
                opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                request = socket.inet_aton(group) + socket.inet_aton("0.0.0.0") + struct.pack("@i", index)
                opened.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        self.addCleanup(opened.close)
        return opened

    def who_gets(self, group=GROUP, sender=1):
        """The VMs that get ten frames to a group, each of them whole or none."""
        MulticastTest.number += 1000
        first = self.number
        source, ip = self.lab.MAC[sender], self.lab.IP[sender]
        for number in range(first, first + 10):
            self.sockets[sender].send(packet(source, ip, group, number))
        # To all, and after them in the same queues.
        self.sockets[sender].send(packet(source, ip, "255.255.255.255", first + 99))
        got = []
        for vm in sorted(self.sockets):
            if vm == sender:
                continue
            found = []

            def take(frame):
                if frame[42:48] != b"heddle" or frame[23] != 17:
                    return None
                found.append(struct.unpack("!I", frame[48:52])[0])
                return found[-1] if found[-1] == first + 99 else None
            self.assertEqual(receive(self.sockets[vm], 1, take), [first + 99], f"vm{vm}")
            frames = [number for number in found if number >= first][:-1]
            self.assertIn(frames, ([], list(range(first, first + 10))), f"vm{vm}")
            if frames:
                got.append(vm)
        return got

    def test_frames_go_to_members_on_all_hosts_until_they_leave_or_are_silent(self):
        lab = self.lab
        self.configure()
        self.assertEqual(self.who_gets(), [2, 3, 4])
        # A busy machine may lose a query or its answer, but not six in a row.
        self.configure(snoop="true", idle_timeout="30", query_interval="5", eth_src=QUERIER,
                       ip4_src="172.16.255.254", ip6_src="fe80::fe")
        self.wait_heard()
        self.assertEqual(self.who_gets(), [])
        second = self.join(2)
        self.wait_members("ls1-vm2")
        self.assertEqual(self.who_gets(), [2])
        third = self.join(3)
        fourth = self.join(4)
        self.wait_members("ls1-vm2", "ls1-vm3", "ls1-vm4")
        for _ in range(2):
            self.assertEqual(self.who_gets(), [2, 3, 4])
        self.assertEqual(self.who_gets(sender=3), [2, 4])
        self.assertEqual(self.who_gets("239.1.1.2"), [])
        self.assertEqual(self.who_gets("224.0.0.99"), [2, 3, 4])
        self.assertEqual(sorted(entry["chassis"] for entry in self.listed("hv2")["groups"]
                                if entry["group"] == GROUP), ["hv1", "hv2", "hv3"])
        # Members answer queries, so they stay for longer than the time that they may be silent.
        self.wait_idle_over("ls1-vm3")
        self.assertEqual(self.who_gets(), [2, 3, 4])
        third.close()
        self.wait_members("ls1-vm2", "ls1-vm4")
        self.assertEqual(self.who_gets(), [2, 4])
        # An agent that starts anew floods until its members have answered.
        lab.agents[1].kill()
        lab.agents[1] = lab.agent("hv1", 3)
        self.wait_members("ls1-vm2", "ls1-vm4", hosts=("hv1",))
        self.wait_heard()
        self.assertEqual(self.who_gets(), [2, 4])
        # A port that only listens to all of it, and one that hears of members.
        lab.heddle("central", "nb", "lsp-set-options", "ls1-vm3", "mcast_flood=true")
        lab.sync()
        self.assertEqual(self.who_gets(), [2, 3, 4])
        lab.heddle("central", "nb", "lsp-set-options", "ls1-vm3")
        lab.sync()
        self.assertEqual(self.who_gets(), [2, 4])
        second.close()
        fourth.close()
        self.wait_members()
        self.assertEqual(self.who_gets(), [])

    def wait_idle_over(self, port):
        """Waits until a member has reported again at least twice."""
        seen = []

        def has_reported():
            idle = [entry["idle_seconds"] for entry in self.listed("hv1")["groups"]
                    if entry["logical_port"] == port and entry["group"] == GROUP]
            self.assertEqual(len(idle), 1, "it was forgotten")
            seen.extend(idle)
            return sum(1 for before, after in zip(seen, seen[1:]) if after < before) >= 2
        wait_until(has_reported, "the member answers queries")

    def test_ipv6_members_are_known_by_mld(self):
        self.configure(snoop="true", idle_timeout="15", eth_src=QUERIER, ip6_src="fe80::fe")
        # The port security of the primer knows no IPv6.
        self.lab.heddle("central", "nb", "lsp-set-port-security", "ls1-vm2")
        self.lab.sync()
        self.wait_heard()
        opened = self.join(2, GROUP6)
        self.wait_members("ls1-vm2", group=GROUP6)
        opened.close()
        self.wait_members(group=GROUP6)

    def test_a_silent_member_is_forgotten_and_a_flood_of_groups_is_bounded(self):
        lab = self.lab
        self.configure(snoop="true", idle_timeout="15", query_interval="1", table_size="500", eth_src=QUERIER,
                       ip6_src="fe80::fe")
        self.wait_heard()
        # Nobody asks by IGMP, and the groups are no real guest's.
        for number in range(0, 10_000, 50):
            groups = [0xEF020000 + number + index for index in range(50)]
            self.sockets[3].send(report(lab.MAC[3], lab.IP[3], *groups))

        def known():
            state = self.listed("hv1")["switches"][0]
            return state["groups"] == 500 and state["refused"] > 0
        wait_until(known, "the table is full")
        stats = json.loads(lab.heddle("hv3", "port", "list", "--stats", "-o", "json").stdout)["ports"][0]["statistics"]
        drops = stats["drops"]
        self.assertGreater(drops.get("multicast_report_limit", 0), 0)
        self.assertLessEqual(
            drops.get("multicast_report", 0) + drops["multicast_report_limit"] + stats["forwarded_frames"],
            stats["rx_frames"])
        wait_until(lambda: self.listed("hv1")["switches"][0]["groups"] == 0, "silent members are forgotten")

    def test_queries_are_what_tshark_says_they_are(self):
        lab = self.lab
        self.configure(snoop="true", idle_timeout="15", query_interval="2", query_max_response="1", eth_src=QUERIER,
                       ip4_src="172.16.255.254", ip6_src="fe80::fe")
        shown = lab.on(
            "vm2", "tshark", "-n", "-i", "vm2", "-c", "2", "-a", "duration:60", "-T", "fields",
            *(word for field in ("eth.src", "igmp.version", "igmp.type", "igmp.max_resp", "igmp.checksum.status",
                                 "icmpv6.type", "icmpv6.checksum.status", "ip.ttl", "ipv6.hlim")
              for word in ("-e", field)),
            "-f", f"ether src {QUERIER}").stdout.splitlines()
        rows = {tuple(line.split("\t")[1:]) for line in shown}
        self.assertEqual({line.split("\t")[0] for line in shown}, {QUERIER})
        self.assertEqual(rows, {
            ("3", "0x11", "10", "1", "", "", "1", ""), ("", "", "", "", "130", "1", "", "1")})


if __name__ == "__main__":
    unittest.main()
