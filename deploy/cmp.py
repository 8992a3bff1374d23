#!/usr/bin/env python3
"""A client of Heddle as a cloud management platform has one: list, watch, reconcile, create, move, delete.

The standard library is all it takes. Use it as a module, or from the shell:

    ./deploy/cmp.py --url http://127.0.0.1:6641 list ports --filter switch=web
    ./deploy/cmp.py reconcile shop topology.json
    ./deploy/cmp.py create web web-vm1 02:ac:10:ff:00:44 172.16.255.44 --chassis hv1 --wait-up 60
    ./deploy/cmp.py move web-vm1 hv2
    ./deploy/cmp.py watch --count 1
    ./deploy/cmp.py delete web-vm1
"""

import argparse
import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse
import uuid


class Problem(Exception):
    """A refusal: one sentence for people, and a code that stays the same for programs."""

    def __init__(self, status, document):
        super().__init__(document.get("detail", f"HTTP {status}"))
        self.status = status
        self.code = document.get("code", "")
        self.pointer = document.get("pointer")


class Heddle:
    """One connection to central. Not for several threads at a time."""

    def __init__(self, url, token=None, ca=None, timeout=90):
        self.url = urllib.parse.urlsplit(url)
        self.token = token
        self.tls = ssl.create_default_context(cafile=ca) if self.url.scheme == "https" else None
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, query=(), headers=()):
        """Sends a request; gives the status, the fields and the JSON of the answer.

        A connection that the server has closed meanwhile is opened anew. That is safe: a POST of ours brings an
        idempotency key, and everything else may be repeated.
        """
        fields = {"Accept": "application/json", **dict(headers)}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            fields["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
        if query:
            path += "?" + urllib.parse.urlencode(query)
        for attempt in range(5):
            try:
                if self.connection is None:
                    self.connection = self.connect()
                self.connection.request(method, path, content, fields)
                response = self.connection.getresponse()
                data = response.read()
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt == 4:
                    raise
                time.sleep(0.2 * 2**attempt)
                continue
            if response.status == 503 and attempt < 4:
                time.sleep(int(response.headers.get("Retry-After", "1")))
                continue
            answer = json.loads(data) if data else None
            if response.status >= 400:
                raise Problem(response.status, answer or {})
            return response.status, response.headers, answer
        raise AssertionError("unreachable")

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(
                self.url.hostname, self.url.port, timeout=self.timeout, context=self.tls)
        return http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=self.timeout)

    # -- reading ------------------------------------------------------------------------------------------

    def list(self, collection, **filters):
        """All objects of a collection at one revision, page by page; gives the revision and the objects."""
        items, token = [], None
        while True:
            query = [("limit", 1000)]
            for name, values in filters.items():
                query += [(name, value) for value in ([values] if isinstance(values, str) else values)]
            if token:
                query.append(("page_token", token))
            try:
                _, _, page = self.request("GET", f"/v1/{collection}", query=query)
            except Problem as problem:
                if problem.code != "page_expired":
                    raise
                items, token = [], None
                continue
            items += page["items"]
            token = page["next_page_token"]
            if token is None:
                return page["revision"], items

    def get(self, collection, name):
        """One object, `None` where it is not there."""
        try:
            return self.request("GET", f"/v1/{collection}/{urllib.parse.quote(name, safe='')}")[2]
        except Problem as problem:
            if problem.status == 404:
                return None
            raise

    def watch(self, collection="ports", kind="logical_switch_port", wait=30):
        """Yields what is there and then every change, as `(op, object or id)`, for ever.

        Where central cannot tell the changes any more, everything is listed anew, and what is gone is told as deleted.
        """
        known = {}
        while True:
            revision, items = self.list(collection)
            current = {item["id"]: item for item in items}
            for key in [key for key in known if key not in current]:
                yield "delete", known.pop(key)
            for key, item in current.items():
                if known.get(key) != item:
                    known[key] = item
                    yield "put", item
            try:
                while True:
                    query = {"since": revision, "kinds": kind, "wait": wait}
                    _, _, feed = self.request("GET", "/v1/changes", query=query)
                    for change in feed["changes"]:
                        if change["op"] == "put":
                            known[change["id"]] = change["object"]
                            yield "put", change["object"]
                        else:
                            yield "delete", known.pop(change["id"], {"id": change["id"], "name": change["name"]})
                    revision = feed["to"]
            except Problem as problem:
                if problem.code != "resync_required":
                    raise

    # -- changing -----------------------------------------------------------------------------------------

    def reconcile(self, owner, topology):
        """Makes an owner's objects what the topology says. Gives the plan that was carried out.

        The plan is made first, and carried out only if nothing has changed since; else it is made anew.
        """
        path = f"/v1/topologies/{urllib.parse.quote(owner, safe='')}"
        while True:
            query = {"prune": "true", "dry_run": "true"}
            _, _, plan = self.request("PUT", path, topology, query)
            if not plan["plan"]:
                return plan
            try:
                query = {"prune": "true", "if_revision": plan["revision"]}
                return self.request("PUT", path, topology, query)[2]
            except Problem as problem:
                if problem.code != "precondition_failed":
                    raise

    def create_port(self, switch, name, mac, *ips, chassis=()):
        """Creates a port with port security. Repeated after a lost answer, it is still created once."""
        address = " ".join((mac, *ips))
        body = {
            "name": name, "switch": switch, "addresses": [address], "port_security": [address],
            "requested_chassis": list(chassis),
        }
        return self.request("POST", "/v1/ports", body, headers={"Idempotency-Key": str(uuid.uuid4())})[2]

    def wait_up(self, name, timeout, chassis=None):
        """Waits until a port is up, on a chassis where one is named; gives the port."""
        deadline = time.monotonic() + timeout
        revision = None
        while True:
            port = self.get("ports", name)
            if port and port["status"]["up"] and chassis in (None, port["status"]["chassis"]):
                return port
            left = deadline - time.monotonic()
            if left <= 0:
                reason = port["status"]["reason"] if port else "it does not exist"
                raise TimeoutError(f"the port {name} is not up after {timeout} s: {reason}")
            query = {"kinds": "logical_switch_port", "wait": min(30, max(1, int(left)))}
            # Nothing is missed between the look and the wait: what has changed since then is told at once.
            query["since"] = revision or (port["revision"] if port else 0)
            try:
                revision = self.request("GET", "/v1/changes", query=query)[2]["to"]
            except Problem as problem:
                if problem.code != "resync_required":
                    raise
                revision = int(self.request("GET", "/v1/ports", query={"limit": 1})[1]["Heddle-Revision"])

    def move(self, name, chassis):
        """Lets a port be claimed by another chassis only, by a change that nobody else's comes between."""
        while True:
            port = self.get("ports", name)
            if port is None:
                raise Problem(404, {"detail": f"there is no port {name}", "code": "not_found"})
            headers = {"If-Match": f'"{port["revision"]}"'}
            path = f"/v1/ports/{urllib.parse.quote(name, safe='')}"
            try:
                return self.request("PATCH", path, {"requested_chassis": [chassis]}, headers=headers)[2]
            except Problem as problem:
                if problem.code != "precondition_failed":
                    raise

    def delete(self, collection, name, wait=20):
        """Deletes an object and waits until the hosts have let go of it; names those that have not.

        What is not there is deleted already.
        """
        path = f"/v1/{collection}/{urllib.parse.quote(name, safe='')}"
        try:
            status, _, answer = self.request("DELETE", path, query={"until": "chassis", "wait": wait})
        except Problem as problem:
            if problem.code != "not_found":
                raise
            return []
        return answer["pending"] if status == 202 else []


def parse(arguments):
    parser = argparse.ArgumentParser(description="A CMP's client of Heddle.")
    parser.add_argument("--url", default=os.environ.get("HEDDLE_NB", "http://127.0.0.1:6641"))
    parser.add_argument("--token", default=os.environ.get("HEDDLE_TOKEN"))
    parser.add_argument("--ca", default=os.environ.get("HEDDLE_CA") or None, help="central's authority, a PEM file")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("list")
    verb.add_argument("collection", choices=["switches", "ports", "chassis"])
    verb.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE")
    verb = verbs.add_parser("watch")
    verb.add_argument("--count", type=int, help="end after so many changes")
    verb = verbs.add_parser("reconcile")
    verb.add_argument("owner")
    verb.add_argument("file", help="a topology as JSON; - for standard input")
    verb = verbs.add_parser("create")
    verb.add_argument("switch")
    verb.add_argument("name")
    verb.add_argument("mac")
    verb.add_argument("ip", nargs="*")
    verb.add_argument("--chassis", action="append", default=[])
    verb.add_argument("--wait-up", type=int, metavar="SECONDS")
    verb = verbs.add_parser("wait")
    verb.add_argument("name")
    verb.add_argument("--chassis")
    verb.add_argument("--timeout", type=int, default=60)
    verb = verbs.add_parser("move")
    verb.add_argument("name")
    verb.add_argument("chassis")
    verb = verbs.add_parser("delete")
    verb.add_argument("name")
    return parser.parse_args(arguments)


def main(arguments):
    options = parse(arguments)
    heddle = Heddle(options.url, options.token, options.ca)

    def say(document):
        print(json.dumps(document), flush=True)

    if options.verb == "list":
        filters = {}
        for text in options.filter:
            name, _, value = text.partition("=")
            filters.setdefault(name, []).append(value)
        say(heddle.list(options.collection, **filters)[1])
    elif options.verb == "watch":
        for number, (op, item) in enumerate(heddle.watch(), 1):
            say({"op": op, "name": item.get("name"), "status": item.get("status")})
            if number == options.count:
                break
    elif options.verb == "reconcile":
        with sys.stdin if options.file == "-" else open(options.file, encoding="utf-8") as file:
            say(heddle.reconcile(options.owner, json.load(file)))
    elif options.verb == "create":
        port = heddle.create_port(options.switch, options.name, options.mac, *options.ip, chassis=options.chassis)
        say(heddle.wait_up(options.name, options.wait_up) if options.wait_up else port)
    elif options.verb == "wait":
        say(heddle.wait_up(options.name, options.timeout, options.chassis))
    elif options.verb == "move":
        say(heddle.move(options.name, options.chassis))
    else:
        say({"pending": heddle.delete("ports", options.name)})


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Problem, TimeoutError, OSError) as error:
        sys.exit(f"cmp: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
