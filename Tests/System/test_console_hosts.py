"""The console's pages about hosts, which tell what only hosts know, and histories as those see them who may only look."""

import itertools
import json
import re
import threading
import unittest

import console
from browser import ENTER
from console import LIVE
from lab import run


class ConsoleHostsTest(console.ConsoleCase):
    def serve(self, host, *ports, replies):
        """Has a host answer central's questions; `replies` gives the reply to a subject."""
        is_done = threading.Event()

        def work():
            while not is_done.is_set():
                host.sync(*ports, wait=1)
                for query in host.seen.get("ask", ()):
                    host.reply(query, replies(query["subject"]))
        server = threading.Thread(target=work)
        server.start()
        self.addCleanup(server.join)
        self.addCleanup(is_done.set)

    def test_the_pages_of_hosts_tell_what_hosts_say_of_themselves(self):
        central, browser = self.begin()
        self.populate(central)
        version = json.loads(central.curl("/version"))["version"]
        host = console.Host(central, "hv1", "10.0.0.1")
        host.FEATURES += ("ask",)
        host.settle("web-vm1")
        frames = itertools.count(1000, 50)
        status = {
            "version": version, "inner_mtu": 1442, "share": {"revision": 5},
            "central": {"clock_seconds_ahead": 0}, "forwarder": {"running": True, "applied": 5},
            "ports": {"plugged": 1, "up": 1}, "session": {"lease_seconds": 999_999}}

        def replies(subject):
            if subject == "status":
                return status
            counted = {"rx_frames": next(frames), "rx_bytes": 1, "tx_frames": 7, "tx_bytes": 1, "drops": {"acl": 3}}
            return {"ports": [{"name": "vm1", "logical_port": "web-vm1", "state": "up", "statistics": counted}],
                    "underlay": {"rx_frames": 20, "tx_frames": 30}, "drops": {"acl": 1, "tunnel_unknown": 2}}
        self.serve(host, "web-vm1", replies=replies)
        self.show(central, browser, "#/hosts")
        row = "document.querySelector('main tbody tr')?.innerText"
        browser.when(f"/{re.escape(version)}\\s+\\d\\d s\\s+none/.test({row})")
        self.show(central, browser, "#/hosts/hv1")
        browser.when_shown("All that its agent can tell is well.", ".report")
        self.assertRegex(browser.text(".report"), r"ends in \d\d s, unless central hears from it")
        shown = "[...document.querySelectorAll('.counters tbody tr')].map((row) => row.innerText)"
        browser.when(f"{shown}.some((text) => /^from guests\\s+[1-9]\\d*\\s+1,[0-9]{{3}}/.test(text))")
        browser.when(f"{shown}.some((text) => /^dropped: acl\\s+0\\s+4/.test(text))")
        self.assertIn("to other hosts", browser.text(".counters"))
        # Faults are told when the network has changed.
        status |= {"version": "0.0.1", "central": {"clock_seconds_ahead": -60}, "ports": {"plugged": 2, "up": 0},
                   "forwarder": {"running": False, "applied": 4}}
        central.create("/v1/switches", {"name": "later"})
        for text in ("The agent is 0.0.1", "60 s behind this host's", "2 of 2 plugged ports are not up",
                     "not in touch with a forwarder"):
            browser.when_shown(text, ".report")
        browser.go("#/hosts")
        browser.when(f"{row}?.includes('4 findings')")
        self.end(browser)

    def test_who_may_only_look_sees_who_has_changed_what_but_nothing_of_tokens(self):
        central, browser = self.begin("--tls")
        for path, body in (("/v1/switches", {"name": "web"}), ("/v1/switches/web/ports", {"name": "web-vm1"})):
            run("curl", "-sSf", "--json", json.dumps(body), *central.reach(path))
        browser.open(central.northbound + "/#/ports/web-vm1")
        browser.type("#token", self.token(central, "viewer"))
        browser.press(ENTER)
        browser.when(LIVE)
        browser.when_shown("created it, revision", ".history")
        author = json.loads(run("curl", "-sS", *central.reach("/v1/identity")).stdout)["author"]
        self.assertIn(author, browser.text(".history"))
        self.assertNotIn(" from ", browser.text(".history"))
        # It goes on, though the page was there before the network was.
        run("curl", "-sSf", "-X", "PATCH", "--json", '{"enabled":false}', *central.reach("/v1/ports/web-vm1"))
        browser.when_shown("changed it, revision", ".history")
        browser.go("#/changes")
        browser.when_shown("created port web-vm1", ".timeline")
        self.assertIn(author, browser.text(".timeline"))
        self.assertNotIn("token", browser.text(".timeline").replace(author, ""))
        self.end(browser, but=("401",))


if __name__ == "__main__":
    unittest.main()
