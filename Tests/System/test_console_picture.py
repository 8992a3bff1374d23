"""The console's picture in a real browser: hosts and tunnels, the keyboard, and ten thousand ports."""

import unittest

import console
from browser import DOWN, ENTER, ESCAPE, RIGHT, TAB
from console import Host


class PictureTest(console.ConsoleCase):
    def test_hosts_appear_with_their_ports_tunnels_and_what_they_have_applied(self):
        central, browser = self.begin()
        self.populate(central)
        self.show(central, browser, "#/topology?view=hosts")
        browser.when_shown("No host has come yet.")
        hosts = [(Host(central, "hv1", "10.0.0.1"), "web-vm1"), (Host(central, "hv2", "10.0.0.2"), "web-vm2")]
        for _ in range(2):
            for host, port in hosts:
                host.settle(port)
        browser.when("document.querySelector('[data-key=\"card hv1\"]')?.getAttribute('aria-label')"
                     " === 'host hv1, live, 1 up'")
        browser.when("document.querySelectorAll('.tunnels path').length === 1")
        self.assertIn("for web", browser.run("return document.querySelector('.tunnels title').textContent"))
        self.assertEqual(browser.run("return document.querySelector('[data-port=\"web-vm3\"]').dataset.card"), "")
        browser.go("#/hosts")
        browser.when_shown("2 hosts, 2 of them live. All live ones have applied revision")
        browser.go("#/trace?from=web-vm1&to=web-vm2")
        browser.when_shown("Delivered to web-vm2.", "#verdict")
        self.assertIn("by Geneve to 10.0.0.2 on hv2", browser.text(".outputs"))
        self.assertEqual(browser.run("return document.querySelectorAll('.strip').length"), 2)
        browser.go("#/ports/web-vm1")
        browser.when_shown("hv1, live, geneve 10.0.0.1")
        self.assertEqual(browser.run("return document.querySelectorAll('.advice').length"), 0)
        self.end(browser)

    def test_the_picture_is_read_and_opened_by_keyboard_alone(self):
        central, browser = self.begin()
        self.populate(central)
        for index in range(4, 12):
            central.create("/v1/switches/web/ports", {"name": f"web-vm{index}"})
        central.create("/v1/switches", {"name": "db"})
        self.show(central, browser)
        browser.when("document.querySelectorAll('.card').length === 2")
        for _ in range(40):
            browser.press(TAB)
            if browser.run("return document.activeElement.classList.contains('card')"):
                break
        focused = "document.activeElement.getAttribute('aria-label')"
        self.assertEqual(browser.run(f"return {focused}"), "switch db, no ports")
        browser.press(RIGHT)
        self.assertEqual(browser.run(f"return {focused}"), "switch web, 11 not plugged in")
        browser.press(ENTER)
        browser.when("document.activeElement.getAttribute('aria-expanded') === 'true'")
        browser.press(DOWN)
        self.assertEqual(browser.run(f"return {focused}"), "port web-vm1, not plugged in")
        browser.press(DOWN + RIGHT + ENTER)
        browser.when_shown("No host has plugged it in.", ".panel")
        self.assertEqual(browser.run(f"return {focused}"), "port web-vm4, not plugged in")
        browser.press(ESCAPE)
        self.assertEqual(browser.run(f"return {focused}"), "switch web, 11 not plugged in")
        self.end(browser)

    def test_ten_thousand_ports_are_shown_in_parts(self):
        central, browser = self.begin()
        for number in range(10):
            ops = [{"op": "create", "path": "/v1/switches", "body": {"name": f"net{number}"}}] + [
                {"op": "create", "path": f"/v1/switches/net{number}/ports", "body": {
                    "name": f"p{number}-{index}", "addresses": [f"02:00:00:{number:02x}:{index >> 8:02x}:{index & 255:02x}"]}}
                for index in range(1000)]
            central.create("/v1/transactions", {"ops": ops})
        self.show(central, browser)
        browser.when_shown("10,000 not plugged in", ".legend")
        self.assertLess(browser.run("return document.querySelectorAll('*').length"), 2000)
        browser.click("[data-key='card net3'] .turn")
        browser.when("document.querySelectorAll('.cell').length === 40")
        browser.press("/")
        browser.press("02:00:00:07:03:e7")
        browser.when("document.querySelector('.found [aria-selected=true]')?.textContent.includes('p7-999')")
        browser.press(ENTER)
        browser.when("document.querySelector('h1')?.textContent.includes('p7-999')")
        browser.click('a[href="#/topology?port=p7-999"]')
        browser.when("document.querySelector('.cell.is-selected')?.dataset.port === 'p7-999'")
        browser.go("#/ports")
        browser.when_shown("1 to 100 of 10,000 ports")
        browser.type("main input[type=search]", "p7-")
        browser.when_shown("1 to 100 of 1,000 ports")
        browser.run("[...document.querySelectorAll('.pager button')].at(-1).click()")
        browser.when("location.hash === '#/ports?filter=p7-&page=2'")
        # The address has all of it.
        self.show(central, browser, "#/ports?filter=p7-&page=2")
        browser.when_shown("101 to 200 of 1,000 ports")
        browser.go("#/ports")
        browser.when_shown("1 to 100 of 10,000 ports")
        self.assertLess(browser.run("return document.querySelectorAll('*').length"), 5000)
        central.curl("/v1/ports/p0-0", "-X", "PATCH", "-H", "Content-Type: application/json", "-d", '{"enabled":false}')
        browser.when_shown("disabled")
        self.end(browser)


if __name__ == "__main__":
    unittest.main()
