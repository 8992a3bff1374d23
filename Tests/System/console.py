"""Parts of the console's tests: a central, a browser that shows its console, and hosts that are made up."""

import json
import unittest

from browser import CHROMIUM, DRIVER, Browser
from lab import HEDDLE, run
from test_http import Central

LIVE = "document.getElementById('connection')?.textContent.startsWith('live')"


class Host:
    """An agent as central sees it: it plugs ports in, and has applied what it was told."""

    FEATURES = ("chassis", "datapath_binding", "port_binding", "port_binding.guards")

    def __init__(self, central, name, ip):
        self.central, self.name, self.ip = central, name, ip
        self.seen, self.number = {"epoch": None, "hash": None, "to": 0}, 0

    def sync(self, *ports, wait=0):
        self.number += 1
        body = {
            "chassis_id": self.name, "boot_id": self.name, "seq": self.number, "hostname": self.name + ".example", "wait": wait,
            "features": self.FEATURES, "epoch": self.seen["epoch"], "hash": self.seen["hash"], "since": self.seen["to"],
            "applied": self.seen["to"], "encaps": [{"type": "geneve", "ip": self.ip}],
            "ports": [{"logical_port": port, "interface": "tap0", "claim": 1, "up": True} for port in ports]}
        self.seen = json.loads(self.central.ask(
            f"{self.central.southbound}/v1/chassis/{self.name}/sync", "--json", json.dumps(body)))

    def reply(self, query, content):
        """Replies to a question of central's."""
        self.central.ask(
            f"{self.central.southbound}/v1/chassis/{self.name}/replies", "--json",
            json.dumps({"id": query["id"], "reply": content}))

    def settle(self, *ports):
        """Syncs until it has nothing new to apply."""
        before = None
        while before != self.seen["to"]:
            before = self.seen["to"]
            self.sync(*ports)


@unittest.skipUnless(CHROMIUM and DRIVER, "no Chromium here: apt-get install chromium chromium-driver")
class ConsoleCase(unittest.TestCase):
    def begin(self, *options, **keywords):
        """A central and a browser that shows its console."""
        central = self.enterContext(Central(*options))
        browser = self.enterContext(Browser(**keywords))
        self.addCleanup(lambda: self.assertEqual(self.complaints, []))
        self.complaints = []
        return central, browser

    def show(self, central, browser, route="#/topology"):
        browser.open(central.northbound + "/" + route)
        browser.when(LIVE)

    def end(self, browser, but=()):
        """Nothing that the browser would not do, and no error that nobody took care of."""
        # Hosts that are made up count nothing.
        but = (*but, "/statistics", "/status")
        self.complaints = [line for line in browser.log() if not any(word in line for word in but)]

    def token(self, central, role):
        return run(HEDDLE, "token", "create", "--data-dir", central.directory.name, "--role", role).stdout.strip()

    def populate(self, central):
        central.create("/v1/switches", {"name": "web", "labels": {"tier": "front"}})
        for index in range(1, 4):
            central.create("/v1/switches/web/ports", {
                "name": f"web-vm{index}", "addresses": [f"02:00:00:00:00:0{index} 10.0.0.{index}"],
                "labels": {"app": f"shop-{index}"}})
