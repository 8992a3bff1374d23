"""The console in a real browser: what it shows, what it changes, and what it does not let in."""

import itertools
import json
import os
import re
import signal
import socket
import tempfile
import threading
import unittest

import console
from browser import DOWN, ENTER
from console import LIVE
from lab import HEDDLE, ROOT, run, wait_until
from test_http import Central


def heads(text):
    """The status and the fields of curl -i."""
    lines = text.replace("\r\n", "\n").split("\n\n")[0].splitlines()
    return int(lines[0].split()[1]), dict(line.lower().split(": ", 1) for line in lines[1:])


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class FileTest(unittest.TestCase):
    """The files by themselves, without a browser."""

    PAGE = ("-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8")

    def test_the_page_and_its_files_come_with_their_types_and_strict_fields(self):
        with Central() as central:
            names = sorted(os.listdir(f"{ROOT}/console"))
            for name in ["", *names]:
                path = f"/console/{name}" if name else "/"
                status, fields = heads(central.curl(path, "-i", *self.PAGE))
                self.assertEqual(status, 200, path)
                kind = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml",
                        "js": "text/javascript; charset=utf-8"}[name.rsplit(".")[-1] or "html"]
                self.assertEqual(fields["content-type"], kind)
                policy = fields["content-security-policy"]
                for rule in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'",
                             "img-src 'self' data:", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"):
                    self.assertIn(rule, policy.split("; "))
                self.assertNotIn("unsafe", policy)
                self.assertEqual(fields["x-content-type-options"], "nosniff")
                self.assertEqual(fields["referrer-policy"], "no-referrer")
                self.assertEqual(fields["cross-origin-resource-policy"], "same-origin")
                for tag in fields["etag"], fields["etag"][:-1] + '-gzip"':
                    self.assertEqual(
                        heads(central.curl(path, "-i", *self.PAGE, "-H", f"If-None-Match: {tag}"))[0], 304)
                status, head = heads(central.curl(path, "-I", *self.PAGE))
                self.assertEqual((status, head["etag"]), (200, fields["etag"]))
                if name:
                    with open(f"{ROOT}/console/{name}", encoding="utf-8") as file:
                        self.assertEqual(central.curl(path), file.read())

    def test_programs_get_at_the_root_what_they_got_before(self):
        with Central() as central:
            for options in (), ("-H", "Accept: application/json"), ("-H", "Accept: text/html;q=0"):
                self.assertEqual(json.loads(central.curl("/", *options))["code"], "path_not_found")
            for path in "/console/nothing.js", "/console/", "/console/..%2fapp.js", "/console/%2e%2e":
                self.assertEqual(json.loads(central.curl(path, "--path-as-is"))["code"], "path_not_found", path)
            self.assertEqual(heads(central.curl("/", "-i", "-X", "POST", *self.PAGE))[0], 405)
            self.assertEqual(json.loads(central.curl("/v1/identity")), {"author": "anonymous", "role": "admin"})

    def test_the_files_have_no_markup_from_text_and_nothing_inline(self):
        for name in os.listdir(f"{ROOT}/console"):
            with open(f"{ROOT}/console/{name}", encoding="utf-8") as file:
                text = file.read()
            self.assertLessEqual(len(text.splitlines()), 400, name)
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "setInterval"):
                self.assertNotIn(word, text, name)
            if name.endswith(".html"):
                self.assertIsNone(re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src=)", text), name)
                self.assertIsNone(re.search(r"https?://", text), name)


class ConsoleTest(console.ConsoleCase):
    def test_a_change_appears_by_itself_and_nothing_is_asked_again_and_again(self):
        central, browser = self.begin()
        self.show(central, browser)
        browser.when_shown("There are no switches yet")
        self.populate(central)
        browser.when("document.querySelectorAll('.card').length === 1 && document.querySelectorAll('.cell').length === 3")
        central.curl("/v1/ports/web-vm2", "-X", "PATCH", "-H", "Content-Type: application/json", "-d", '{"enabled":false}')
        browser.when("document.querySelector('[data-port=\"web-vm2\"] use').getAttribute('href') === '#mark-disabled'")
        asked = re.compile(r'^heddle_http_requests_total\{.*\} (\d+)', re.M)
        before = sum(map(int, asked.findall(central.curl("/metrics"))))
        central.curl("/v1/ports/web-vm3", "-X", "DELETE")
        browser.when("document.querySelectorAll('.cell').length === 2")
        # The deletion, and the metrics themselves.
        self.assertLessEqual(sum(map(int, asked.findall(central.curl("/metrics")))) - before, 2)
        self.end(browser)

    def test_whoever_has_a_token_gets_in_and_a_viewer_sees_no_buttons(self):
        central, browser = self.begin("--tls")
        browser.open(central.northbound + "/#/switches")
        browser.type("#token", "heddle-wrong")
        browser.press(ENTER)
        browser.when_shown("no token of this central", "#login-error")
        browser.type("#token", self.token(central, "viewer"))
        browser.press(ENTER)
        browser.when(LIVE)
        self.assertEqual(browser.text(".who"), "viewer")
        self.assertNotIn("New switch", browser.text())
        self.assertNotIn("Apply", browser.text("header nav"))
        browser.go("#/switches/new")
        browser.when_shown("There is no switch new.")
        self.assertEqual(browser.run("return Object.keys(localStorage).length + document.cookie.length"), 0)
        self.assertEqual(browser.run("return Object.keys(sessionStorage)"), ["heddle-token"])
        browser.click("header button")
        browser.when("document.getElementById('token')")
        self.assertEqual(browser.run("return Object.keys(sessionStorage)"), [])
        browser.type("#token", self.token(central, "editor"))
        browser.press(ENTER)
        browser.when(LIVE)
        browser.go("#/switches")
        browser.when_shown("New switch")
        self.end(browser, but=("401",))

    def test_a_revoked_token_leads_back_to_the_login(self):
        central, browser = self.begin("--tls")
        browser.open(central.northbound + "/")
        browser.type("#token", self.token(central, "viewer"))
        browser.press(ENTER)
        browser.when(LIVE)
        listed = json.loads(run("curl", "-sS", *central.reach("/v1/tokens")).stdout)["items"]
        run("curl", "-sSf", "-X", "DELETE", *central.reach(f"/v1/tokens/{listed[0]['id']}"))
        browser.when("document.getElementById('token')")
        self.end(browser, but=("401",))

    def test_the_search_finds_names_addresses_and_labels_by_keyboard_alone(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser)
        browser.when("document.querySelectorAll('.cell').length === 3")
        for text, name in (("10.0.0.3", "web-vm3"), ("02:00:00:00:00:02", "web-vm2"), ("app=shop-1", "web-vm1")):
            browser.press("/")
            browser.press(text)
            browser.when(f"document.querySelector('.found [aria-selected=true]')?.textContent.includes('{name}')")
            browser.press(ENTER)
            browser.when(f"document.querySelector('h1')?.textContent.includes('{name}')")
        browser.press("/web")
        browser.when("document.querySelectorAll('.found li').length === 4")
        browser.press(DOWN + ENTER)
        browser.when("document.querySelector('h1')?.textContent.includes('web-vm1')")
        self.end(browser)

    def test_two_ports_make_a_trace(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser, "#/ports/web-vm1")
        browser.click('a[href="#/trace?from=web-vm1"]')
        browser.type("#to", "web-vm2")
        browser.when("document.querySelector('.found [aria-selected=true]')")
        browser.press(ENTER)
        browser.when("document.getElementById('ip').value === '10.0.0.2'")
        browser.click("form button.main")
        told = browser.when("document.getElementById('verdict')?.textContent")
        answer = json.loads(central.curl("/v1/trace", "--json", json.dumps({"switch": "web", "flow": {
            "inport": "web-vm1", "eth.dst": "02:00:00:00:00:02", "ip.dst": "10.0.0.2", "icmp4.type": 8}})))
        self.assertIn(answer["drop_reason"], told)
        self.assertIn(answer["detail"], browser.text(".verdict"))
        self.assertIn("to=web-vm2", browser.run("return location.hash"))
        self.end(browser)

    def test_a_page_says_why_a_port_is_down_as_describe_does(self):
        central, browser = self.begin()
        self.populate(central)
        central.create("/v1/switches/web/ports", {"name": "nested", "parent_name": "nobody", "tag_request": 3})
        central.create("/v1/switches/web/ports", {"name": "vip", "type": "virtual", "virtual_ip": "10.0.0.9", "virtual_parents": ["web-vm1"]})
        central.create("/v1/switches/web/ports", {"name": "off", "enabled": False})
        central.create("/v1/switches/web/ports", {"name": "edge", "type": "localnet"})
        self.show(central, browser)
        for name in "web-vm1", "nested", "vip", "off", "edge":
            told = run(HEDDLE, "describe", "port", name, env=os.environ | {"HEDDLE_NB": central.northbound}).stdout
            advice = " ".join(told.split("\n\n", 1)[1].split())
            browser.go(f"#/ports/{name}")
            browser.when(f"document.querySelector('h1')?.textContent.includes('{name}')")
            shown = browser.run("return [...document.querySelectorAll('.advice p')].map("
                                "(one) => (one.querySelector('code') ?? one).textContent).join(' ')")
            self.assertEqual(shown, advice)
        self.end(browser)

    def test_a_port_is_made_refused_at_its_field_changed_and_deleted(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser, "#/ports/new?switch=web")
        browser.type("#field-name", "web-vm9")
        browser.type("#field-addresses", "02:00:00:00:00:01 10.0.0.9")
        browser.click("button.main")
        told = browser.when("document.getElementById('field-addresses-error').textContent")
        self.assertIn("02:00:00:00:00:01", told)
        self.assertEqual(browser.run("return document.activeElement.id"), "field-addresses")
        self.assertEqual(browser.run("return document.activeElement.getAttribute('aria-invalid')"), "true")
        browser.type("#field-addresses", "02:00:00:00:00:09 10.0.0.9")
        browser.type("#field-labels", "app=<img src=x onerror=alert(1)>\nnote=a=b")
        browser.click("button.main")
        browser.when_shown("No host has plugged it in.")
        made = json.loads(central.curl("/v1/ports/web-vm9"))
        self.assertEqual(made["labels"], {"app": "<img src=x onerror=alert(1)>", "note": "a=b"})
        browser.click('a[href="#/ports/web-vm9/edit"]')
        browser.click("#field-enabled")
        browser.type("#field-labels", "note=new")
        browser.click("button.main")
        browser.when_shown("It is switched off.")
        made = json.loads(central.curl("/v1/ports/web-vm9"))
        self.assertEqual((made["enabled"], made["labels"], made["addresses"]),
                         (False, {"note": "new"}, ["02:00:00:00:00:09 10.0.0.9"]))
        browser.when_shown("anonymous", ".history")
        browser.click("button.danger")
        browser.click("dialog button.danger")
        browser.when("location.hash === '#/switches/web'")
        self.assertEqual(json.loads(central.curl("/v1/ports/web-vm9"))["code"], "not_found")
        self.end(browser, but=("409",))

    def test_the_page_of_a_port_tells_its_counters_live(self):
        central, browser = self.begin()
        self.populate(central)
        host = console.Host(central, "hv1", "10.0.0.1")
        host.FEATURES += ("ask",)
        host.settle("web-vm1")
        frames, is_done = itertools.count(1000, 50), threading.Event()

        def serve():
            while not is_done.is_set():
                host.sync("web-vm1", wait=1)
                for query in host.seen.get("ask", ()):
                    counted = {"rx_frames": next(frames), "rx_bytes": 1, "tx_frames": 7, "tx_bytes": 1,
                               "drops": {"acl": 3}}
                    host.reply(query, {"ports": [
                        {"name": "vm1", "logical_port": "web-vm1", "state": "up", "statistics": counted}]})
        server = threading.Thread(target=serve)
        server.start()
        self.addCleanup(server.join)
        self.addCleanup(is_done.set)
        self.show(central, browser, "#/ports/web-vm1")
        shown = "[...document.querySelectorAll('.counters tbody tr')].map((row) => row.innerText)"
        browser.when(f"{shown}.some((text) => /^dropped: acl\\s+0\\s+3/.test(text))")
        browser.when(f"{shown}.some((text) => /^from the guest\\s+[1-9]\\d*\\s+1,[0-9]{{3}}/.test(text))")
        browser.when("document.querySelector('.spark polyline').getAttribute('points').split(' ').length >= 2")
        self.end(browser)

    def test_somebody_elses_change_is_not_written_over(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser, "#/switches/web/edit")
        browser.type("#field-labels", "tier=mine")
        central.curl("/v1/switches/web", "-X", "PATCH", "-H", "Content-Type: application/json", "-d", '{"labels":{"tier":"theirs"}}')
        browser.when_shown("Somebody has changed this switch meanwhile", ".warning")
        browser.click("button.main")
        browser.when_shown("has changed since", ".error[role=alert]")
        self.assertEqual(json.loads(central.curl("/v1/switches/web"))["labels"], {"tier": "theirs"})
        self.end(browser, but=("412",))

    def test_text_of_others_stays_text(self):
        central, browser = self.begin()
        evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
        central.create("/v1/switches", {"name": "web", "labels": {"note": evil}})
        central.create("/v1/switches/web/ports", {"name": "vm", "labels": {"note": evil}})
        self.show(central, browser)
        for route in "#/switches", "#/switches/web", "#/ports", "#/ports/vm", "#/changes", "#/switches/web/edit", "#/ports/" + evil:
            browser.go(route)
            browser.when("document.querySelector('h1')?.checkVisibility() || document.querySelector('main .none')")
            if route == "#/changes":
                browser.when_shown("onerror")
            self.assertEqual(browser.run("return document.querySelectorAll('main img, main script').length"), 0, route)
        browser.press("/onerror")
        browser.when("document.querySelectorAll('.found li').length === 2")
        self.assertIn("Heddle", browser.run("return document.title"))
        self.end(browser)

    def test_the_stream_goes_on_where_it_was_when_central_comes_back_from_a_kill(self):
        port = free_port()
        central, browser = self.begin("--northbound", f"127.0.0.1:{port}")
        self.populate(central)
        self.show(central, browser, "#/ports")
        browser.run("window.isTheSame = true")
        central.process.send_signal(signal.SIGKILL)
        central.process.wait(60)
        browser.when_shown("central does not answer", "#connection")
        central.process.stderr.close()
        central.start()
        central.curl("/v1/ports/web-vm1", "-X", "DELETE")
        central.create("/v1/switches/web/ports", {"name": "late"})
        browser.when_shown("late")
        browser.when(LIVE)
        self.assertNotIn("web-vm1", browser.text("main"))
        self.assertTrue(browser.run("return window.isTheSame"))
        self.end(browser, but=("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"))

    def test_a_tab_behind_others_has_no_stream_and_goes_on_when_it_is_seen(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser, "#/ports")
        streams = lambda number: f'heddle_parked_requests{{kind="changes"}} {number}\n' in central.curl("/metrics")
        wait_until(lambda: streams(1), "central has its stream")
        browser.cover()
        wait_until(lambda: streams(0), "central has none")
        central.create("/v1/switches/web/ports", {"name": "meanwhile"})
        browser.uncover()
        browser.when_shown("meanwhile")
        browser.when(LIVE)
        self.end(browser)

    def test_a_topology_file_is_shown_as_a_plan_and_applied(self):
        central, browser = self.begin()
        self.show(central, browser, "#/apply")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("owner: shop  # whose it is\nswitches:\n- name: web\n  labels: {tier: front, 'a b': \"c\"}\n  ports:\n"
                       "    - name: web-vm1\n      addresses: ['02:ac:10:ff:00:44 172.16.255.444']\n")
            file.flush()
            browser.command("POST", f"/element/{browser.find('#file')}/value", {"text": file.name})
            browser.when_shown("ports web-vm1, addresses/0: ", ".error")
            file.seek(0)
            file.truncate()
            file.write("owner: shop\nswitches:\n- name: web\n  labels:\n    tier: front\nports:\n"
                       "- {name: web-vm1, switch: web, addresses: [unknown]}\n")
            file.flush()
            browser.run("document.getElementById('file').value = ''")
            browser.command("POST", f"/element/{browser.find('#file')}/value", {"text": file.name})
            browser.when_shown("2 created, 0 unchanged.", ".plan")
        self.assertEqual(json.loads(central.curl("/v1/switches"))["items"], [])
        browser.click(".plan button.main")
        browser.when("document.getElementById('applied')")
        made = json.loads(central.curl("/v1/ports/web-vm1"))
        self.assertEqual((made["owner"], made["switch"], made["addresses"]), ("shop", "web", ["unknown"]))
        self.end(browser, but=("422",))

    def test_every_page_names_its_controls_and_fits_a_narrow_screen(self):
        central, browser = self.begin(size=(520, 800), theme="dark")
        self.populate(central)
        self.show(central, browser)
        for route in ("#/topology", "#/topology?view=hosts", "#/switches", "#/switches/web", "#/switches/web/edit", "#/ports",
                      "#/ports/web-vm1", "#/ports/new", "#/hosts", "#/changes", "#/trace", "#/apply"):
            browser.go(route)
            browser.when(f"location.hash === '{route}' && document.querySelector('h1')")
            unnamed = browser.run("""return [...document.querySelectorAll('button, input, select, textarea, [role=button]')]
                .filter((one) => !one.labels?.length && !one.getAttribute('aria-label') && !one.textContent.trim())
                .map((one) => one.outerHTML)""")
            self.assertEqual(unnamed, [], route)
            wide = browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            self.assertEqual(wide, 0, route)
        self.end(browser)


if __name__ == "__main__":
    unittest.main()
