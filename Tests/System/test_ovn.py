"""OVN hands: rows as ovn-nbctl prints them, and networks that real ovn-nbctl has made, imported."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from lab import HEDDLE, run, wait_until
from test_http import Central

SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema"
NEEDED = "ovn-nbctl", "ovn-sbctl", "ovsdb-server", "ovsdb-tool"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Northbound:
    """A northbound database of OVN with its server; it and all files go with the `with` block."""

    def __init__(self, clustered=False):
        self.clustered = clustered

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="heddle-ovn-", dir="/tmp")
        self.file, self.socket = f"{self.folder}/nb.db", f"{self.folder}/nb.sock"
        if self.clustered:
            run("ovsdb-tool", "create-cluster", self.file, SCHEMA, f"unix:{self.folder}/raft")
        else:
            run("ovsdb-tool", "create", self.file, SCHEMA)
        self.server = subprocess.Popen(
            ["ovsdb-server", f"--remote=punix:{self.socket}", f"--unixctl={self.folder}/ctl", "--no-chdir",
             "-vconsole:off", self.file], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: self.nbctl("show", check=False).returncode == 0, "the database is served")
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)

    def stop(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(60)

    def nbctl(self, *arguments, check=True):
        return run("ovn-nbctl", f"--db=unix:{self.socket}", "--timeout=10", *arguments, check=check)

    def compact(self):
        run("ovs-appctl", "-t", f"{self.folder}/ctl", "ovsdb-server/compact")


def heddle(central, *arguments, check=True, **keywords):
    return run(HEDDLE, *arguments, check=check, env=os.environ | {"HEDDLE_NB": central.northbound}, **keywords)


@unittest.skipUnless(all(shutil.which(name) for name in NEEDED) and os.path.exists(SCHEMA), "needs OVN's programs")
class OVNTest(unittest.TestCase):
    maxDiff = None

    def masked(self, text):
        """A text with the identities in the order in which they come, since each side has its own."""
        seen = {}
        return UUID.sub(lambda match: f"id-{seen.setdefault(match.group(), len(seen))}", text)

    def test_rows_are_printed_and_changed_byte_for_byte_as_ovn_nbctl_does(self):
        with Northbound() as ovn, Central() as central:
            def both(*arguments, masked=False, ordered=True):
                theirs = ovn.nbctl(*arguments, check=False)
                ours = heddle(central, "nb", *arguments, check=False)
                mask = self.masked if masked else lambda text: text if ordered else sorted(text.split())
                self.assertEqual(mask(ours.stdout), mask(theirs.stdout), arguments)
                self.assertEqual(ours.returncode == 0, theirs.returncode == 0, (arguments, ours.stderr, theirs.stderr))
                return ours.stdout

            both("ls-add", "ls1")
            both("lsp-add", "ls1", "p1", "--", "lsp-set-addresses", "p1", "02:00:00:00:00:01 10.0.0.11", "unknown")
            both("lsp-add", "ls1", "p2", "--", "set", "Logical_Switch_Port", "p2", 'external_ids:a="b \\"c"',
                 'external_ids:neutron="x,y"')
            both("set", "Logical_Switch", "ls1", "external_ids:tenant=t1", "external_ids:k=\"a b\"",
                 'other_config:subnet="10.0.0.0/24"')
            both("create", "Address_Set", "name=as1", 'addresses="10.0.0.1","10.0.1.0/24"', masked=True)
            both("--id=@pg", "create", "Port_Group", "name=pg1", masked=True)
            both("add", "Address_Set", "as1", "addresses", '"10.0.0.2"')
            both("remove", "Address_Set", "as1", "addresses", '"10.0.0.1"', '"10.9.9.9"')
            both("set", "Logical_Switch_Port", "p1", "options:requested-chassis=hv1", "enabled=false")
            both("lsp-get-ls", "p1", masked=True)

            columns = {
                "Logical_Switch": "name,external_ids,other_config,copp,load_balancer,ports",
                "Logical_Switch_Port": "name,type,addresses,port_security,options,external_ids,parent_name,tag",
                "Address_Set": "_uuid,name,addresses,external_ids", "Port_Group": "name,ports,acls,external_ids",
            }
            for table, names in columns.items():
                for style in ["--format=list"], ["--format=csv"], ["-f", "json"], ["--format=table"], ["--bare"]:
                    for data in [], ["--data=bare"], ["--data=json"], ["--no-headings"]:
                        record = {"Logical_Switch": "ls1", "Logical_Switch_Port": "p1", "Address_Set": "as1",
                                  "Port_Group": "pg1"}[table]
                        both(*style, *data, f"--columns={names}", "list", table, record, masked=True)
            both("--format=json", "--pretty", "--columns=name,external_ids", "list", "Logical_Switch")
            both("list", "Logical_Switch", "ls1", masked=True)
            both("list", "Address_Set", masked=True)
            both("--columns=name", "list", "Logical_Switch", "--", "--columns=name", "list", "Address_Set", "--", "get",
                 "Logical_Switch", "ls1", "name")
            both("get", "Logical_Switch", "ls1", "name", "external_ids", "external_ids:tenant", "other_config")
            both("--if-exists", "get", "Logical_Switch", "ls1", "external_ids:none")
            both("--if-exists", "get", "Logical_Switch", "none", "name")
            for condition in (
                    ["name=p1"], ["enabled=false"], ["external_ids:a!=x"], ['addresses{>=}unknown'], ["type=\"\""],
                    ["options:requested-chassis=hv1", "name=p1"], ["external_ids{!=}{}"], ["name=none"],
                    ["external_ids:a{!=}x", "name{in}p1"], ["tag_request=[]", "name>p1"],
                    ["options:requested-chassis{in}hv1,hv2", "name=p1"], ["tag_request<5", "name=p2"]):
                both("--bare", "--columns=name", "find", "Logical_Switch_Port", *condition, ordered=False)
            for wrong in (
                    ["list", "foo"], ["list", "Logical_"], ["get", "Logical_Switch", "ls1", "foo"],
                    ["get", "Logical_Switch", "ls9", "name"], ["get", "Logical_Switch", "ls1", "external_ids:none"],
                    ["set", "Logical_Switch", "ls1", "external_ids=a"], ["set", "Logical_Switch_Port", "p1", "enabled=foo"],
                    ["set", "Logical_Switch_Port", "p1", "tag_request=5000"], ["clear", "Logical_Switch", "ls1", "name"],
                    ["set", "Logical_Switch_Port", "p1", "addresses=02:00:00:00:00:01 10.0.0.1"],
                    ["find", "Logical_Switch", "name"], ["find", "Logical_Switch", "name=a,b"]):
                both(*wrong)
            both("clear", "Logical_Switch", "ls1", "external_ids", "other_config")
            both("list", "Logical_Switch", "ls1", masked=True)
            both("destroy", "Address_Set", "as1")
            both("list", "Address_Set")

    def test_every_verb_of_the_installed_programs_is_here_or_answered(self):
        with Central() as central:
            for program, own in ("ovn-nbctl", "nb"), ("ovn-sbctl", "sb"):
                verbs = [line.split(",")[1] for line in run(program, "--commands").stdout.splitlines() if "," in line]
                self.assertGreater(len(verbs), 20)
                for verb in verbs:
                    done = heddle(central, own, verb, check=False)
                    self.assertNotIn("unknown command", done.stderr, verb)

    # -- import -------------------------------------------------------------------------------------------

    def fill(self, ovn):
        """Makes what a cloud has: switches with ports, groups, sets, ACLs, DHCP, DNS, and what Heddle has not."""
        nbctl = ovn.nbctl
        nbctl("ls-add", "ls1", "--", "set", "Logical_Switch", "ls1", 'other_config:subnet="10.0.0.0/24"',
              'other_config:exclude_ips="10.0.0.1 10.0.0.5..10.0.0.9"', "other_config:mcast_snoop=true",
              "other_config:fdb_age_threshold=7", "external_ids:tenant=t1")
        nbctl("ls-add", "web net")
        for number in 1, 2, 3:
            nbctl("lsp-add", "ls1", f"p{number}", "--", "lsp-set-addresses", f"p{number}",
                  f"02:00:00:00:00:0{number} 10.0.0.2{number}", "--", "lsp-set-port-security", f"p{number}",
                  f"02:00:00:00:00:0{number} 10.0.0.2{number}")
        nbctl("lsp-add", "ls1", "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7", "--", "lsp-set-addresses",
              "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7", "02:00:00:00:00:44 10.0.0.44")
        nbctl("lsp-add", "web net", "w1", "--", "lsp-set-addresses", "w1", "router", "--", "lsp-set-type", "w1", "router",
              "--", "lsp-set-options", "w1", "router-port=r0-w1")
        nbctl("lsp-add", "web net", "uplink", "--", "lsp-set-type", "uplink", "localnet", "--", "lsp-set-addresses",
              "uplink", "unknown", "--", "lsp-set-options", "uplink", "network_name=physnet1", "--", "set",
              "Logical_Switch_Port", "uplink", "tag=7")
        nbctl("lsp-add", "web net", "nested", "p1", "42")
        nbctl("lsp-add", "web net", "odd", "--", "lsp-set-port-security", "odd", "nonsense", "--", "set",
              "Logical_Switch_Port", "odd", "options:foo=bar", "options:requested-chassis=hv1")
        nbctl("pg-add", "pg1", "p1", "p2", "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7")
        nbctl("create", "Address_Set", "name=as1", 'addresses="10.0.0.0/24","10.1.0.1"')
        nbctl("acl-add", "pg1", "to-lport", "1002", "outport == @pg1 && ip4.src == $as1 && tcp.dst == 80", "allow-related")
        nbctl("--log", "--severity=notice", "--name=dropped", "acl-add", "pg1", "to-lport", "1001", "outport == @pg1 && ip",
              "drop")
        nbctl("acl-add", "ls1", "from-lport", "100", 'inport == "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7" && udp', "drop")
        nbctl("--apply-after-lb", "acl-add", "ls1", "from-lport", "90", "ct.est", "drop")
        dhcp = nbctl("create", "DHCP_Options", "cidr=10.0.0.0/24",
                     'options="server_id"="10.0.0.1" "lease_time"="3600" "server_mac"="0e:00:00:00:00:01" "router"="10.0.0.1"'
                     ).stdout.strip()
        nbctl("lsp-set-dhcpv4-options", "p1", dhcp)
        dns = nbctl("create", "DNS", 'records={"vm1.example"="10.0.0.21"}').stdout.strip()
        nbctl("set", "Logical_Switch", "ls1", f"dns_records={dns}")
        nbctl("mirror-add", "m1", "gre", "7", "from-lport", "192.0.2.9", "--", "lsp-attach-mirror", "p2", "m1")
        nbctl("lr-add", "r0", "--", "lrp-add", "r0", "r0-w1", "02:00:00:00:99:01", "10.2.0.1/24", "--", "lr-nat-add", "r0",
              "snat", "198.51.100.1", "10.0.0.0/24")
        nbctl("lb-add", "lb1", "10.0.0.100:80", "10.0.0.21:80,10.0.0.22:80", "--", "ls-lb-add", "ls1", "lb1")
        nbctl("qos-add", "ls1", "to-lport", "100", "ip", "rate=1000")
        nbctl("qos-add", "ls1", "from-lport", "90", 'inport == "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7"', "dscp=46")
        nbctl("ls-add", "gone", "--", "lsp-add", "gone", "gone1")
        nbctl("ls-del", "gone")
        nbctl("--may-exist", "lsp-add", "ls1", "p3")

    def imported(self, source):
        done = run(HEDDLE, "import", "ovn", source, "-o", "json")
        return json.loads(done.stdout), done.stderr

    def check(self, ovn):
        self.fill(ovn)
        network, told = self.imported(f"unix:{ovn.socket}")
        yaml = run(HEDDLE, "import", "ovn", f"unix:{ovn.socket}").stdout
        # The three ways tell the same: the server, its file as it is written, and as it is compacted.
        self.assertEqual(self.imported(ovn.file), (network, told))
        ovn.compact()
        self.assertEqual(self.imported(ovn.file), (network, told))
        ovn.stop()
        self.assertEqual(self.imported(ovn.file), (network, told))
        size = os.path.getsize(ovn.file)
        with open(ovn.file, "r+b") as file:
            file.seek(size // 2)
            old = file.read(1)
            file.seek(size // 2)
            file.write(bytes([old[0] ^ 1]))
        broken = run(HEDDLE, "import", "ovn", ovn.file, check=False)
        self.assertEqual((broken.returncode, broken.stdout), (1, ""))
        self.assertIn("damaged", broken.stderr)

        switches = {switch["name"]: switch for switch in network["switches"]}
        self.assertEqual(sorted(switches), ["ls1", "web-net"])
        self.assertEqual(switches["ls1"]["exclude_ips"], ["10.0.0.1", "10.0.0.5..10.0.0.9"])
        self.assertEqual(switches["ls1"]["other_config"], {"mcast_snoop": "true"})
        ports = {port["name"]: port for switch in network["switches"] for port in switch.get("ports", [])}
        neutrons = "3d0f0dd5-6ed8-4ca0-a0cd-f1a7a3a7a3a7"
        self.assertEqual(sorted(ports), [neutrons, "nested", "odd", "p1", "p2", "p3", "uplink"])
        self.assertEqual([(rule["match"], rule["dscp"]) for rule in network["qos_rules"]],
                         [(f'inport == "{neutrons}"', 46)])
        self.assertEqual((ports["nested"]["parent_name"], ports["nested"]["tag_request"]), ("p1", 42))
        self.assertEqual((ports["uplink"]["type"], ports["uplink"]["tag_request"]), ("localnet", 7))
        self.assertEqual((ports["odd"]["enabled"], ports["odd"]["requested_chassis"]), (False, ["hv1"]))
        self.assertEqual(ports["p1"]["dhcpv4_options"], "dhcp-10.0.0.0-24")
        self.assertEqual(ports["p2"]["mirror_rules"], ["m1"])
        self.assertEqual(len(network["port_groups"][0]["ports"]), 3)
        self.assertEqual(
            sorted(acl["match"] for acl in network["acls"]),
            [f'inport == "{neutrons}" && udp', "outport == @pg1 && ip",
             "outport == @pg1 && ip4.src == $as1 && tcp.dst == 80"])
        for line in (
                "Logical_Switch ls1: load_balancer: load balancers are not in this version",
                ": bandwidth: 'qos_max_rate' in a port's options bounds it",
                "Logical_Switch ls1: other_config:fdb_age_threshold: ", "Logical_Switch web net: name: it is web-net here",
                "Logical_Switch_Port w1: it leads to the router port r0-w1",
                "Logical_Switch_Port odd: port_security: ", "Logical_Switch_Port odd: enabled: the port is disabled",
                "Logical_Switch_Port odd: options:foo: ", "Logical_Router r0: logical routers are not in this version",
                "Load_Balancer lb1: load balancers are not in this version", "ACL "):
            self.assertIn(line, told)

        with Central() as central:
            file = f"{ovn.folder}/network.yaml"
            with open(file, "w", encoding="utf-8") as output:
                output.write(yaml)
            heddle(central, "apply", "-f", file)
            self.assertEqual(json.loads(heddle(central, "export", "-o", "json").stdout), network)
            again = heddle(central, "apply", "-f", file).stdout
            self.assertIn("unchanged", again)

    def test_a_standalone_database_is_imported_applied_and_exported_again(self):
        with Northbound() as ovn:
            self.check(ovn)

    def test_the_database_of_a_clusters_member_is_imported_applied_and_exported_again(self):
        with Northbound(clustered=True) as ovn:
            self.check(ovn)

    def test_what_is_no_northbound_database_is_refused_in_one_sentence(self):
        with tempfile.TemporaryDirectory() as folder:
            run("ovsdb-tool", "create", f"{folder}/sb.db", "/usr/share/ovn/ovn-sb.ovsschema")
            with open(f"{folder}/text", "w", encoding="utf-8") as file:
                file.write("hello\n")
            with open(f"{folder}/huge", "wb") as file:
                file.truncate(1 << 40)
            for source, status, piece in (
                    (f"{folder}/sb.db", 1, "OVN_Southbound"), (f"{folder}/text", 1, "no database"),
                    (f"{folder}/huge", 2, "cannot read"), (f"{folder}/none", 2, "No such file"),
                    (f"unix:{folder}/none", 1, "cannot be reached"), ("tcp:10.0.0.1:6641", 2, "unix:SOCKET"),
                    (folder, 2, "cannot read")):
                done = run(HEDDLE, "import", "ovn", source, check=False, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (status, ""), (source, done.stderr))
                self.assertIn(piece, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
