"""Real clients get an address, a route, a name and the MTU from their own host: dhclient, udhcpc, systemd-networkd, rdisc6
and dig."""

import json
import os
import subprocess
import unittest

from lab import Primer, wait_until
from packets import packet_socket, receive

MTU = 1442
V4 = {"server_id": "172.16.255.1", "server_mac": "02:ac:10:ff:00:01", "lease_time": "3600", "router": "172.16.255.1",
      "dns_server": "{172.16.255.53}", "domain_name": "\"example.org\"",
      "classless_static_route": "{10.9.0.0/16,172.16.255.2}"}
V6 = {"server_id": "02:ac:10:ff:00:01", "dns_server": "fd00::53", "domain_search": "example.org"}
GATEWAY = {"address_mode": "dhcpv6_stateful", "gateway_mac": "02:ac:10:ff:00:01", "prefixes": "fd00::/64"}
# Prints what udhcpc has got.
SCRIPT = """#!/bin/sh
[ "$1" = bound ] && env
exit 0
"""
NETWORKD = "/lib/systemd/systemd-networkd"
# In a namespace of mounts, where it finds its configuration and believes to be in a container: nobody waits for udev.
START_NETWORKD = f"""
mount --make-rprivate / && mount -t tmpfs run /run && mount -t sysfs -o ro sysfs /sys
mkdir -p /run/systemd/network /run/systemd/netif/leases /run/systemd/netif/links /run/systemd/netif/lldp
chown -R systemd-network: /run/systemd/netif
cat > /run/systemd/network/vm4.network <<END
[Match]
Name=vm4
[Network]
DHCP=ipv4
IPv6AcceptRA=yes
[DHCPv4]
UseMTU=yes
END
exec {NETWORKD}
"""


class ServiceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(Primer())
        lab = cls.lab
        for name, cidr, options in (("four", "172.16.255.0/24", V4), ("six", "fd00::/64", V6)):
            cls.post("/v1/dhcp-options", {"name": name, "cidr": cidr, "options": options})
        cls.patch("/v1/switches/ls1", {"dns_domain": "example.org", "ra_guard": True, "dhcp_guard": True,
                                       "ipv6_ra_configs": GATEWAY})
        cls.post("/v1/dns-records", {"name": "names", "records": {"www.example.com": "192.0.2.80 2001:db8::80"}})
        cls.patch("/v1/switches/ls1", {"dns_records": ["names"]})
        lab.logical_port("ls1", "vm4", "02:ac:10:ff:00:44", "172.16.255.44", "fd00::44")
        cls.patch("/v1/ports/vm4", {"dhcpv4_options": "four", "dhcpv6_options": "six"})
        lab.plug("hv1", "vm4", "vm4", "02:ac:10:ff:00:44")
        lab.wait_up("vm4")
        lab.sync()
        wait_until(
            lambda: lab.ip("vm4", "-6", "addr", "show", "dev", "vm4", "scope", "link", "-tentative"), "vm4 may use IPv6")
        cls.script = f"{lab.state}/udhcpc"
        with open(cls.script, "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        lab.on("vm4", "chmod", "+x", cls.script)

    @classmethod
    def post(cls, path, value):
        cls.request("POST", path, value)

    @classmethod
    def patch(cls, path, value):
        cls.request("PATCH", path, value, "application/merge-patch+json")

    @classmethod
    def request(cls, method, path, value, kind="application/json"):
        cls.lab.curl(path, "-f", "-X", method, "-H", f"Content-Type: {kind}", "-d", json.dumps(value))

    def test_udhcpc(self):
        done = self.lab.on("vm4", "udhcpc", "-i", "vm4", "-f", "-q", "-n", "-O", "26", "-O", "121", "-s", self.script)
        got = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        self.assertEqual(got["ip"], "172.16.255.44")
        self.assertEqual(got["subnet"], "255.255.255.0")
        self.assertEqual(got["router"], "172.16.255.1")
        self.assertEqual(got["lease"], "3600")
        self.assertEqual(got["mtu"], str(MTU))
        self.assertEqual(got["staticroutes"], "10.9.0.0/16 172.16.255.2")

    def dhclient(self, family):
        leases = f"{self.lab.state}/dhclient{family}"
        command = ["dhclient", f"-{family}", "-1", "-v", "-cf", "/dev/null", "-sf", "/bin/true", "-lf", leases]
        self.lab.on("vm4", *command, "-pf", f"{leases}.pid", "vm4")
        # It goes to the background when it has a lease.
        try:
            with open(leases, encoding="utf-8") as file:
                return file.read()
        finally:
            self.lab.on("vm4", *command, "-x", "-pf", f"{leases}.pid", "vm4")

    def test_dhclient(self):
        lease = self.dhclient(4)
        self.assertIn("fixed-address 172.16.255.44;", lease)
        self.assertIn("option dhcp-server-identifier 172.16.255.1;", lease)
        self.assertIn(f"option interface-mtu {MTU};", lease)
        self.assertIn('option domain-name "example.org";', lease)

    def test_dhclient_of_ipv6(self):
        lease = self.dhclient(6)
        self.assertIn("iaaddr fd00::44 {", lease)
        self.assertIn("option dhcp6.name-servers fd00::53;", lease)

    def test_router_advertisement(self):
        text = self.lab.on("vm4", "rdisc6", "-1", "-r", "3", "vm4").stdout
        self.assertRegex(text, r"Stateful address conf.*Yes")
        self.assertRegex(text, rf"MTU.*{MTU}")
        self.assertRegex(text, r"Prefix.*fd00::/64")
        self.assertIn("02:AC:10:FF:00:01", text)

    @unittest.skipUnless(os.path.exists(NETWORKD), "no systemd-networkd")
    def test_networkd(self):
        lab = self.lab
        client = subprocess.Popen(
            lab.inside("vm4", "unshare", "-m", "sh", "-ec", START_NETWORKD), stderr=subprocess.DEVNULL)
        try:
            def has(*texts):
                addresses, routes = lab.ip("vm4", "addr", "show", "dev", "vm4"), lab.ip("vm4", "-6", "route")
                return all(text in addresses + routes + lab.ip("vm4", "route") for text in texts)
            wait_until(
                lambda: has("172.16.255.44/24", f"mtu {MTU}", "10.9.0.0/16 via 172.16.255.2"), "networkd has a lease")
            wait_until(
                lambda: has("fd00::44/128", "default via fe80::ac:10ff:feff:1"), "networkd has a lease of DHCPv6")
        finally:
            client.terminate()
            client.wait(20)

    def test_advertisements_come_unasked(self):
        def advertisement(frame):
            prefix = bytes.fromhex("fd00") if wanted is None else bytes.fromhex(wanted)
            return frame if frame[12:14] == b"\x86\xdd" and frame[54] == 134 and prefix in frame else None
        with packet_socket(f"{self.lab.name}-vm4", "vm4") as opened:
            for wanted in None, "fd01":
                more = {"prefixes": "fd00::/64,fd01::/64"} if wanted else {}
                periodic = {"send_periodic": "true", "max_interval": "4"}
                self.patch("/v1/switches/ls1", {"ipv6_ra_configs": GATEWAY | periodic | more})
                # The first comes at once, a change within seconds.
                frame, = receive(opened, 1, advertisement)
                self.assertEqual(frame[:6], bytes.fromhex("333300000001"))
                self.assertEqual(frame[6:12], bytes.fromhex("02ac10ff0001"))
        self.patch("/v1/switches/ls1", {"ipv6_ra_configs": {"send_periodic": None, "max_interval": None} | GATEWAY})

    def dig(self, *question):
        # The packet path answers wherever the query goes; the server has a MAC address, that of vm2.
        return self.lab.on("vm1", "dig", "+tries=2", "+timeout=2", f"@{self.lab.IP[2]}", *question).stdout

    def test_names(self):
        answer = self.dig("LS1-vm2.example.org")
        self.assertRegex(answer, r"(?m)^LS1-vm2\.example\.org\.\s+3600\s+IN\s+A\s+172\.16\.255\.22")
        self.assertEqual(self.dig("+short", "www.example.com", "AAAA").strip(), "2001:db8::80")
        self.assertEqual(self.dig("+short", "-x", self.lab.IP[2]).strip(), "ls1-vm2.example.org.")
        empty = self.dig("ls1-vm2.example.org", "MX")
        self.assertRegex(empty, r"status: NOERROR")
        self.assertRegex(empty, r"ANSWER: 0")

    def test_answers_are_counted(self):
        self.dig("ls1-vm2.example.org")
        ports = json.loads(self.lab.heddle("hv1", "port", "list", "--stats", "-o", "json").stdout)
        answers = {port["name"]: port.get("statistics", port) for port in ports["ports"]}
        self.assertGreater(answers["vm1"]["answers"]["dns"], 0)


if __name__ == "__main__":
    unittest.main()
