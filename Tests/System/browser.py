"""Chromium without a screen, driven by WebDriver's own HTTP (W3C WebDriver)."""

import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile

from lab import wait_until

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
DRIVER = shutil.which("chromedriver")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, ESCAPE, DOWN, RIGHT, TAB = "\ue007", "\ue00c", "\ue015", "\ue014", "\ue004"

# Calls back with the value of an expression as soon as it is true; the page's changes are what it waits for.
WHEN = """
const [expression, done] = arguments, look = new Function(`return (${expression})`)
const observer = new MutationObserver(() => check())
const check = () => { const value = look(); if (value) { observer.disconnect(); done(value) } return value }
if (!check()) observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
"""


class Browser:
    """A browser with a profile of its own; gone with all its processes when the `with` block ends."""

    def __init__(self, size=(1400, 900), theme="light", origin=""):
        self.size, self.theme, self.origin = size, theme, origin

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="hd-browser-")
        try:
            # It ends when the port that it has found for IPv4 is taken for IPv6.
            if not any(self.start() for _ in range(5)):
                raise AssertionError("chromedriver has ended")
            options = {"binary": CHROMIUM, "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
                "--disable-component-update", f"--user-data-dir={self.profile}", "--window-size=%d,%d" % self.size]}
            self.session = self.request("POST", "/session", {"capabilities": {"alwaysMatch": {
                "acceptInsecureCerts": True, "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
                "timeouts": {"script": 60_000}}}})["sessionId"]
            self.protocol("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": self.theme}])
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self):
        """Starts the driver; true if it serves."""
        self.driver = subprocess.Popen(
            [DRIVER, "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"HOME": self.profile})
        for line in self.driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                self.port = int(found.group(1))
                return True
        self.driver.wait(60)
        self.driver.stdout.close()
        return False

    def __exit__(self, *_):
        try:
            if hasattr(self, "session"):
                self.command("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(60)
            self.driver.stdout.close()
            wait_until(lambda: shutil.rmtree(self.profile, ignore_errors=True) or not os.path.exists(self.profile),
                       "the browser's profile is gone")

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['error']}: {value['message']}")
        return value

    def command(self, method, path, body=None):
        return self.request(method, f"/session/{self.session}{path}", body)

    def protocol(self, command, **parameters):
        """A command of Chromium's own protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    # -- pages --------------------------------------------------------------------------------------------

    def open(self, url):
        self.command("POST", "/url", {"url": url})

    def go(self, route):
        """Goes to a page of the console; gives its title."""
        self.run("location.hash = arguments[0]", route)

    def run(self, script, *arguments):
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def when(self, expression):
        """Waits until an expression of the page is true; gives its value."""
        try:
            return self.command("POST", "/execute/async", {"script": WHEN, "args": [expression]})
        except AssertionError as error:
            raise AssertionError(f"never: {expression}\n{self.text()}\n{self.log()}") from error

    def when_shown(self, text, where="main"):
        """Waits until a text is on the page."""
        return self.when(f"document.querySelector({json.dumps(where)})?.innerText.includes({json.dumps(text)})")

    def text(self, where="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText", where)

    def cover(self):
        """Opens another tab before the page."""
        self.page = self.command("GET", "/window")
        tab = self.command("POST", "/window/new", {"type": "tab"})["handle"]
        self.command("POST", "/window", {"handle": tab})

    def uncover(self):
        """Closes the tab before the page."""
        self.command("DELETE", "/window")
        self.command("POST", "/window", {"handle": self.page})

    def find(self, selector):
        self.when(f"document.querySelector({json.dumps(selector)})")
        return self.command("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector):
        self.command("POST", f"/element/{self.find(selector)}/click", {})

    def press(self, text):
        """Types at the place that has the focus."""
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]}]})

    def type(self, selector, text):
        element = self.find(selector)
        self.command("POST", f"/element/{element}/clear", {})
        self.command("POST", f"/element/{element}/value", {"text": text})

    def log(self):
        """The browser's complaints since it was asked last."""
        return [entry["message"] for entry in self.command("POST", "/se/log", {"type": "browser"})]

    def picture(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.command("GET", "/screenshot")))
