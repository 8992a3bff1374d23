"""The examples of openapi.yaml are run: each is sent to a central that has what it speaks of."""

import itertools
import json
import threading
import unittest
import urllib.parse

import contract
from test_http import Central

METHODS = ("get", "post", "put", "patch", "delete")
# An ACL and what it is of; apart from the others, whose host does not ask ACLs and would lose its port.
ACL = ["createSwitch", "createPort", "createPortGroup", "createAcl"]
QOS = ["createSwitch", "createQosRule"]
# The objects before a request that makes something; before the others, all of them exist.
NEEDED = {"createSwitch": [], "createSwitchPort": ["createSwitch"], "createPort": ["createSwitch"], "transact": [],
          "createPortGroup": ["createSwitch", "createPort"], "createAddressSet": [],
          "createAcl": ACL[:-1], "getAcl": ACL, "replaceAcl": ACL, "patchAcl": ACL, "deleteAcl": ACL,
          "createQosRule": QOS[:-1], "getQosRule": QOS, "replaceQosRule": QOS, "patchQosRule": QOS, "deleteQosRule": QOS,
          "createDhcpOptions": [], "createDnsRecords": [], "createMirror": [], "applyTopology": [],
          "createToken": [], "enrol": ["createToken"],
          "sync": ["createSwitch", "createPort"]}
WORLD = ["createSwitch", "createPort", "createPortGroup", "createAddressSet", "createDhcpOptions",
         "createDnsRecords", "createMirror", "sync", "applyTopology", "createToken", "enrol"]


class Operation:
    """One method on one path of the contract, with what its examples say."""

    def __init__(self, path, method):
        item = contract.contract()["paths"][path]
        self.path, self.method, self.item = path, method, item[method]
        self.name = self.item["operationId"]
        self.is_southbound = "6642" in item.get("servers", [{"url": ""}])[0]["url"]
        self.parameters = [
            contract.resolved(one) for one in item.get("parameters", []) + self.item.get("parameters", [])]

    def bodies(self):
        """The media type and the example of each content that a request may have; one of none where it has none."""
        if "requestBody" not in self.item:
            return [(None, None)]
        content = contract.resolved(self.item["requestBody"])["content"]
        return [(kind, described["example"]) for kind, described in content.items()]

    def queries(self):
        """The query of each request: none, and each parameter that has an example."""
        shown = [one for one in self.parameters if one["in"] == "query" and "example" in one]
        values = [one["example"] if isinstance(one["example"], list) else [one["example"]] for one in shown]
        queries = [""] + ["?" + urllib.parse.urlencode([(one["name"], item) for item in value])
                          for one, value in zip(shown, values)]
        if self.method == "delete" and any(one["name"] == "label" for one in self.parameters):
            # It never deletes all, and wants to be told how many.
            queries = ["?name=nobody&dry_run=true" + query.replace("?", "&") for query in queries]
        return queries

    def success(self):
        """The status of a request that does what the example says."""
        return min(int(status) for status in self.item["responses"] if status < "202" or status == "204")


OPERATIONS = {operation.name: operation for operation in (
    Operation(path, method) for path, item in contract.contract()["paths"].items() for method in METHODS
    if method in item)}


REPLIES = {"getPortStatistics", "getChassisStatistics", "getChassisMACs", "getChassisACLs", "getChassisStatus"}
COUNTED = {"rx_frames": 1, "rx_bytes": 60, "tx_frames": 0, "tx_bytes": 0, "drops": {}}
REPLIES_BY_SUBJECT = {
    "statistics": {"ports": [{"name": "vm1", "logical_port": "ls1-vm1", "state": "up", "statistics": COUNTED}]},
    "macs": {"macs": []}, "acls": {"acls": []}, "status": {"version": "0.1.0"}}


class World:
    """A central, and what requests before have made in it."""

    def __init__(self, central):
        self.central = central
        self.made = {}
        self.threads = []
        self.query = None

    def send(self, operation, kind, body, query=""):
        """Sends an example; gives its status. The answer is held against its schema on the way."""
        path = operation.path
        for one in operation.parameters:
            if one["in"] == "path":
                path = path.replace("{" + one["name"] + "}", one["example"])
        token = self.made.get("createToken")
        if token:       # nobody can say beforehand what a token will be
            path = path.replace("0123456789abcdef", token["id"])
            body = body | {"token": token["token"]} if operation.name == "enrol" else body
        if operation.name == "reply":
            body = body | {"id": self.query}
        options = ["-X", operation.method.upper(), "-w", "\n%{http_code}"]
        if kind:
            options += ["-H", f"Content-Type: {kind}", "--data-binary", json.dumps(body)]
        success = contract.resolved(operation.item["responses"][str(operation.success())])
        if "text/html" in success.get("content", {}):       # a page is for those who want one
            options += ["-H", "Accept: text/html"]
        base = self.central.southbound if operation.is_southbound else self.central.northbound
        text, _, status = self.central.ask(base + path + query, *options).rpartition("\n")
        self.made[operation.name] = json.loads(text) if text.startswith("{") else None
        return int(status), text

    def prepare(self, operation):
        for name in NEEDED.get(operation.name, WORLD):
            needed = OPERATIONS[name]
            kind, body = needed.bodies()[0]
            if name == "createToken":
                body = {"chassis": "hv1"}
            elif name == "applyTopology":
                body = {"switches": [{"name": "shop"}]}
            status, text = self.send(needed, kind, body)
            assert status == needed.success(), f"{name} before {operation.name}: {status} {text}"
        if operation.name in REPLIES:
            self.begin_to_reply()
        if operation.name == "reply":
            self.ask()
        if "/migration" in operation.path:
            self.prepare_move(is_begun=operation.name != "beginMigration")

    def prepare_move(self, is_begun):
        """The port is at hv1, and the target of the example joins; if the move has begun, it has the port plugged in."""
        _, body = OPERATIONS["sync"].bodies()[0]
        features = [*body["features"], "port_binding.guards", "port_binding.locations.standby"]
        self.sync("hv1", body | {"seq": 2, "features": features})
        target = body | {"chassis_id": "hv2", "features": features, "encaps": [{"type": "geneve", "ip": "10.127.0.4"}]}
        self.sync("hv2", target | {"ports": []})
        if is_begun:
            begin = OPERATIONS["beginMigration"]
            status, text = self.send(begin, *begin.bodies()[0])
            assert status == begin.success(), text
            self.sync("hv2", target | {"seq": 2})

    def begin_to_reply(self):
        """hv1 has the port, and replies to a question."""
        _, body = OPERATIONS["sync"].bodies()[0]
        body = body | {"seq": 2, "features": [*body["features"], "port_binding.guards", "ask"]}
        place = json.loads(self.sync("hv1", body))
        body = body | {"epoch": place["epoch"], "hash": place["hash"], "since": place["to"], "applied": place["to"]}

        def serve():
            for number in itertools.count(3):
                queries = json.loads(self.sync("hv1", body | {"seq": number, "wait": 20})).get("ask", ())
                for query in queries:
                    self.post("hv1", "replies", {"id": query["id"], "reply": REPLIES_BY_SUBJECT[query["subject"]]})
                if queries:
                    return
        self.threads.append(threading.Thread(target=serve, daemon=True))
        self.threads[-1].start()

    def ask(self):
        """Somebody asks hv1 about its counters: the number of that question is the one to reply to."""
        _, body = OPERATIONS["sync"].bodies()[0]
        body = body | {"seq": 2, "features": [*body["features"], "ask"]}
        place = json.loads(self.sync("hv1", body))
        self.threads.append(threading.Thread(
            target=self.central.ask, args=[f"{self.central.northbound}/v1/chassis/hv1/statistics"], daemon=True))
        self.threads[-1].start()
        body = body | {"seq": 3, "wait": 20, "epoch": place["epoch"], "hash": place["hash"], "since": place["to"]}
        self.query = json.loads(self.sync("hv1", body))["ask"][0]["id"]

    def sync(self, chassis, body):
        return self.post(chassis, "sync", body)

    def post(self, chassis, what, body):
        return self.central.ask(
            f"{self.central.southbound}/v1/chassis/{chassis}/{what}", "--fail-with-body", "-H",
            "Content-Type: application/json", "--data-binary", json.dumps(body))

    def end(self):
        for thread in self.threads:
            thread.join(60)


class ExampleTest(unittest.TestCase):
    def test_every_operation_has_an_example_of_what_it_is_sent(self):
        for operation in OPERATIONS.values():
            for one in operation.parameters:
                if one["in"] == "path":
                    self.assertIn("example", one, f"{operation.name}: {one['name']}")
            if "requestBody" in operation.item:
                for kind, described in contract.resolved(operation.item["requestBody"])["content"].items():
                    self.assertIn("example", described, f"{operation.name}: {kind}")

    def test_every_example_does_what_the_contract_says(self):
        sent = 0
        for operation in OPERATIONS.values():
            for kind, body in operation.bodies():
                for query in operation.queries():
                    with self.subTest(operation.name, kind=kind, query=query), Central() as central:
                        world = World(central)
                        world.prepare(operation)
                        status, text = world.send(operation, kind, body, query)
                        world.end()
                        self.assertEqual(status, operation.success(), text)
                        sent += 1
        self.assertGreater(sent, len(OPERATIONS))


if __name__ == "__main__":
    unittest.main()
