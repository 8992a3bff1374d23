"""OVN hands: rows as ovn-nbctl prints them."""

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


if __name__ == "__main__":
    unittest.main()
