"""clients.py CONTRACT URL: clients that generators make of the contract carry every kind of object through its life.

openapi-python-client makes functions, datamodel-code-generator makes models: every answer is read by both.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request

TOOLS = os.path.dirname(sys.executable)
# The kinds in the order in which they can be made: the module of their functions, one and many of them, the schema,
# a body, and a patch.
KINDS = (
    ("dhcp_options", "dhcp_options", "dhcp_options", "DhcpOptions",
     {"cidr": "10.0.0.0/24", "options": {"server_id": "10.0.0.254", "lease_time": "3600"}},
     {"options": {"lease_time": "60", "mtu": None}}),
    ("dns_records", "dns_records", "dns_records", "DnsRecords", {"records": {"a.example": "10.0.0.1"}},
     {"records": {"b.example": "10.0.0.2", "a.example": None}}),
    ("switches", "switch", "switches", "Switch", {"subnet": "10.0.0.0/24"}, {"dns_records": ["made-dns_records"]}),
    ("ports", "port", "ports", "Port",
     {"switch": "made-switch", "addresses": ["02:00:00:00:00:01 10.0.0.1"], "dhcpv4_options": "made-dhcp_options"},
     {"enabled": False}),
    ("mirrors", "mirror", "mirrors", "Mirror", {"type": "gre", "filter": "both", "sink": "192.0.2.1", "index": 5},
     {"filter": "to-lport"}),
    ("port_groups", "port_group", "port_groups", "PortGroup", {"ports": ["made-port"]}, {"ports": []}),
    ("address_sets", "address_set", "address_sets", "AddressSet", {"addresses": ["10.0.0.0/24"]},
     {"addresses": ["10.0.0.7"]}),
    ("acls", "acl", "acls", "Acl",
     {"switch": "made-switch", "direction": "to-lport", "priority": 1000, "match": "ip4", "action": "drop"},
     {"priority": 7}),
    ("qos_rules", "qos_rule", "qos_rules", "QosRule",
     {"switch": "made-switch", "direction": "from-lport", "priority": 1000, "match": "ip4", "dscp": 46},
     {"priority": 7}),
)


def generate(contract, folder):
    """Makes the client and the models."""
    run = {"check": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "timeout": 300}
    subprocess.run([f"{TOOLS}/openapi-python-client", "generate", "--path", contract, "--meta", "none",
                    "--output-path", f"{folder}/made_client"], **run)
    subprocess.run([f"{TOOLS}/datamodel-codegen", "--input", contract, "--output", f"{folder}/made_models.py",
                    "--output-model-type", "pydantic_v2.BaseModel", "--disable-warnings"], **run)
    sys.path.insert(0, folder)


class Life:
    """The life of an object of one kind, told in calls of the client."""

    def __init__(self, client, kind):
        self.client = client
        self.module, self.one, self.many, self.schema, self.body, self.patch = kind
        self.name = f"made-{self.one}"
        self.models = importlib.import_module("made_models")

    def model(self, suffix, content):
        """A content of the client; a client with models is able to say it, too."""
        wanted = getattr(self.models, self.schema + suffix).model_validate(content)
        assert json.loads(wanted.model_dump_json(exclude_unset=True)) == content, (self.schema, suffix)
        return getattr(importlib.import_module("made_client.models"), self.schema + suffix).from_dict(content)

    def call(self, operation, *arguments, status, schema=None, **options):
        """Calls a function of the client; gives what it has read. The models read the same."""
        function = importlib.import_module(f"made_client.api.{self.module}.{operation}").sync_detailed
        answer = function(*arguments, client=self.client, **options)
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.content}"
        if schema:
            read = getattr(self.models, schema).model_validate_json(answer.content)
            assert type(answer.parsed).__name__ == schema, f"{operation}: {type(answer.parsed)}"
            assert answer.parsed.to_dict().keys() == read.model_dump(exclude_unset=True).keys()
        return answer

    def begin(self):
        """The object is made, listed, read and changed."""
        body = {"name": self.name, "labels": {"made": "yes", "kind": self.one}} | self.body
        made = self.call(f"create_{self.one}", body=self.model("Input", body), status=201, schema=self.schema)
        taken = self.call(f"create_{self.one}", body=self.model("Input", body), status=409, schema="Problem")
        assert (taken.parsed.code, taken.parsed.pointer) == ("name_conflict", "/name")
        found = self.call(
            f"list_{self.many}", label=["made in (yes,no),!other", f"kind={self.one}"], name=["made-*"],
            status=200, schema=f"{self.schema}List").parsed.items
        assert [(type(one).__name__, one.name) for one in found] == [(self.schema, self.name)]
        refused = self.call(f"list_{self.many}", label=["made in (yes"], status=400, schema="Problem")
        assert refused.parsed.code == "invalid_parameter"
        read = self.call(f"get_{self.one}", self.name, status=200, schema=self.schema)
        assert read.parsed.id == made.parsed.id
        patch = {"labels": {"kind": None, "more": "1"}} | self.patch
        patched = self.call(f"patch_{self.one}", self.name, body=self.model("Patch", patch), status=200,
                            if_match=read.headers["ETag"], schema=self.schema)
        assert patched.parsed.labels.to_dict() == {"made": "yes", "more": "1"}
        stale = self.call(f"patch_{self.one}", self.name, body=self.model("Patch", {"labels": None}), status=412,
                          if_match=read.headers["ETag"], schema="Problem")
        assert stale.parsed.code == "precondition_failed"
        replacement = self.model("Replacement", {"labels": {"made": "yes"}} | self.body)
        self.call(f"replace_{self.one}", self.name, body=replacement, status=200, schema=self.schema)
        self.call(f"get_{self.one}", "nowhere", status=404, schema="Problem")

    def end(self):
        """The object is deleted by its label, once the number is told, and another by its name."""
        label = ["made=yes"]
        refused = self.call(f"delete_selected_{self.many}", label=label, status=409, schema="Problem")
        assert refused.parsed.code == "deletions_unconfirmed" and refused.parsed.confirm_deletes == 1, refused.content
        gone = self.call(f"delete_selected_{self.many}", label=label, confirm_deletes=1, status=200, schema="Deletion")
        assert (gone.parsed.deleted, gone.parsed.names) == (1, [self.name])
        self.call(f"delete_{self.one}", self.name, status=404, schema="Problem")


def main():
    contract, url = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        generate(contract, folder)
        client = importlib.import_module("made_client").Client(base_url=url)
        lives = [Life(client, kind) for kind in KINDS]
        described = {path.split("/")[2] for path in made_paths(url)}
        assert described == {life.many.replace("_", "-") for life in lives}, described
        for life in lives:
            life.begin()
        topology = importlib.import_module("made_client.models").TopologyInput.from_dict(
            {"switches": [{"name": "shop"}], "ports": [{"name": "shop-1", "switch": "shop"}]})
        shop = Life(client, ("topologies", "topology", "topologies", "Topology", {}, {}))
        shop.call("apply_topology", "shop", body=topology, status=200, schema="TopologyPlan")
        assert len(shop.call("get_topology", "shop", status=200, schema="Topology").parsed.ports) == 1
        plan = shop.call("delete_topology", "shop", confirm_deletes=2, status=200, schema="TopologyPlan").parsed.plan
        assert sorted(step.name for step in plan) == ["shop", "shop-1"]
        # Objects that refer to others go before them.
        for life in reversed(lives):
            life.end()
        print(f"{len(lives)} kinds by clients of two generators")


def made_paths(url):
    """The collections of users' objects: those that can be deleted from."""
    with urllib.request.urlopen(f"{url}/v1", timeout=10) as answer:
        links = json.load(answer)["links"].values()
    paths = []
    for link in links:
        request = urllib.request.Request(url + link, method="OPTIONS")
        with urllib.request.urlopen(request, timeout=10) as answer:
            if "DELETE" in answer.headers["Allow"]:
                paths.append(link)
    return paths


if __name__ == "__main__":
    main()
