"""HTTP as other programs speak it: curl, nghttp and h2load against a central of its own."""

import functools
import gzip
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

import contract
from lab import HEDDLE, run, wait_until


class Central:
    """A central on free ports of the loopback; gone with its files when the `with` block ends."""

    def __init__(self, *options, launcher=()):
        self.options, self.launcher = options, launcher

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="hd-http-")
        return self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.launcher, HEDDLE, "central", "--data-dir", self.directory.name, "--northbound", "127.0.0.1:0",
             "--southbound", "127.0.0.1:0", *self.options], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r"ready, northbound (https?://\S+), southbound (https?://[^\s,]+)", line)
            if found:
                self.northbound, self.southbound = found.group(1).rstrip(","), found.group(2)
                return self
        raise AssertionError(f"central ended with {self.process.wait()}")

    def restart(self, number):
        """Ends central by a signal and starts it again, at other ports and the same Unix socket."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        assert status in (0, -number), status
        self.process.stderr.close()
        self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.directory.cleanup()

    @property
    def port(self):
        return int(self.northbound.rsplit(":", 1)[1])

    def reach(self, target):
        """The arguments by which curl reaches central at the Unix socket, which stays the same over restarts."""
        return ["--unix-socket", self.directory.name + "/northbound.sock", "http://localhost" + target]

    def curl(self, path, *options, **keywords):
        return self.ask(self.northbound + path, *options, **keywords)

    def ask(self, url, *options, **keywords):
        """The output of curl, compared with the contract."""
        return contract.curl(functools.partial(run, **keywords), ["--max-time", "60", *options], url).stdout

    def create(self, path, body):
        return json.loads(self.curl(path, "-f", "-H", "Content-Type: application/json", "--data-binary", "@-",
                                    input=json.dumps(body)))

    def resident(self):
        """The memory that is in use, in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class ContentCodingTest(unittest.TestCase):
    def test_curl_gets_lists_in_gzip_and_sends_gzip(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1"})
            ops = [{"op": "create", "path": "/v1/switches/ls1/ports", "body": {"name": f"p{index}"}}
                   for index in range(1000)]
            with tempfile.NamedTemporaryFile() as file:
                file.write(gzip.compress(json.dumps({"ops": ops}).encode()))
                file.flush()
                code = central.curl(
                    "/v1/transactions", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json",
                    "-H", "Content-Encoding: gzip", "--data-binary", "@" + file.name)
            self.assertEqual(code, "200")
            plain = central.curl("/v1/ports?limit=5000")
            for version in "--http1.1", "--http2-prior-knowledge":
                told = central.curl("/v1/ports?limit=5000", "--compressed", version, "-w", "\n%{size_download}")
                document, size = told.rsplit("\n", 1)
                self.assertEqual(document, plain)
                self.assertLess(int(size), len(plain) // 3)

    def test_an_object_has_a_tag_for_each_coding_and_either_is_taken_back(self):
        with Central() as central:
            labels = {f"label-{index}": "x" * 40 for index in range(40)}
            revision = central.create("/v1/switches", {"name": "ls1", "labels": labels})["revision"]
            told = central.curl("/v1/switches/ls1", "-i", "-o", "-", "-H", "Accept-Encoding: gzip", "--raw", "-I")
            self.assertIn(f'ETag: "{revision}-gzip"', told)
            self.assertIn("Vary: Accept-Encoding", told)
            for tag in f'"{revision}"', f'"{revision}-gzip"':
                told = central.curl("/v1/switches/ls1", "-i", "-H", f"If-None-Match: {tag}")
                self.assertIn("304 Not Modified", told)
                self.assertIn(f"ETag: {tag}", told)
                self.assertIn("Vary: Accept-Encoding", told)
            for method in "PATCH", "DELETE":
                code = central.curl(
                    "/v1/switches/ls1", "-X", method, "-H", f'If-Match: "{revision}-gzip"', "-o", "/dev/null", "-w",
                    "%{http_code}", "-H", "Content-Type: application/merge-patch+json", "-d", "{}")
                self.assertIn(code, ("200", "204"))


class RefusalTest(unittest.TestCase):
    def test_what_the_head_decides_is_told_before_the_content(self):
        with Central() as central:
            path, json_type = "/v1/transactions", ("-H", "Content-Type: application/json")
            cases = [
                ("/v1/nowhere", 404, json_type), ("/v1/switches/a/b/c", 404, json_type), ("/version", 405, json_type),
                (path, 415, ("-H", "Content-Type: text/plain")), (path, 401, json_type + ("-H", "Authorization: x")),
                (path, 403, json_type + ("-H", "Origin: http://evil.example")), (path + "?colour=red", 400, json_type),
                (path, 415, json_type + ("-H", "Content-Encoding: br")), ("/v1/switches", 413, json_type),
            ]
            for version in "--http1.1", "--http2-prior-knowledge":
                for target, status, options in cases:
                    told = run("curl", "-s", version, "-H", "Expect: 100-continue", "--expect100-timeout", "60", "-X", "POST",
                               *options, "--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}",
                               central.northbound + target, input=" " * (9 << 20)).stdout
                    self.assertEqual(told, f"{status} 0", f"{version} {target} {options}")
                told = run("curl", "-s", version, "-H", "Expect: 100-continue", "--expect100-timeout", "60", *json_type,
                           "--data-binary", "@-", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}",
                           central.northbound + path, input=" " * (9 << 20)).stdout
                self.assertEqual(told, f"400 {9 << 20}")

    def test_pages_of_other_sites_and_clients_of_proxies_change_nothing(self):
        with Central() as central:
            body = json.dumps({"ops": [{"op": "create", "path": "/v1/switches", "body": {"name": "ls1"}}]})

            def status(*options):
                answer = central.curl("/v1/transactions", "-w", "%{http_code}", "--data-binary", body, *options)
                return int(answer[-3:])
            # The request that fetch() with a Blob of no type sends without asking first.
            simple = ("-H", "Content-Type:")
            foreign = ("-H", "Origin: https://evil.example", "-H", "Sec-Fetch-Site: cross-site")
            typed = ("-H", "Content-Type: application/json")
            self.assertEqual(status(*simple), 415)
            self.assertEqual(status(*simple, *foreign), 403)
            self.assertEqual(status(*typed, "-H", "Origin: null"), 403)
            self.assertEqual(status(*typed, "-H", "X-Forwarded-For: 192.0.2.1"), 403)
            self.assertEqual(json.loads(central.curl("/v1/switches"))["items"], [])
            self.assertEqual(status(*typed, "-H", f"Origin: {central.northbound}", "-H", "Sec-Fetch-Site: same-origin"), 200)


class HTTP2Test(unittest.TestCase):
    def test_curl_speaks_http2_with_prior_knowledge(self):
        with Central() as central:
            told = central.curl("/v1/switches", "--http2-prior-knowledge", "-d", '{"name":"ls1"}',
                                "-H", "Content-Type: application/json", "-w", "\n%{http_version} %{http_code}")
            document, status = told.rsplit("\n", 1)
            self.assertEqual(status, "2 201")
            self.assertEqual(json.loads(document)["name"], "ls1")
            plain = central.curl("/v1/switches/ls1")
            self.assertEqual(central.curl("/v1/switches/ls1", "--http2-prior-knowledge"), plain)

    def test_a_long_list_and_a_long_body_cross_windows(self):
        with Central() as central:
            central.create("/v1/switches", {"name": "ls1"})
            ops = [{"op": "create", "path": "/v1/switches/ls1/ports", "body": {"name": f"p{index}", "labels": {
                "text": "x" * 60}}} for index in range(3000)]
            with tempfile.NamedTemporaryFile("w") as file:
                json.dump({"ops": ops}, file)
                file.flush()
                code = central.curl("/v1/transactions", "--http2-prior-knowledge", "-o", "/dev/null", "-w",
                                    "%{http_code}", "-H", "Content-Type: application/json", "-d", "@" + file.name)
            self.assertEqual(code, "200")
            plain = central.curl("/v1/ports?limit=5000")
            self.assertGreater(len(plain), 1 << 20)
            self.assertEqual(central.curl("/v1/ports?limit=5000", "--http2-prior-knowledge"), plain)

    def test_h2load_gets_every_answer(self):
        with Central() as central:
            told = run("h2load", "-n", "20000", "-c", "8", "-m", "32", central.northbound + "/livez").stdout
            self.assertIn("20000 succeeded, 0 failed, 0 errored, 0 timeout", told)

    def test_nghttp_finds_settings_and_an_answer(self):
        with Central() as central:
            told = run("nghttp", "-nv", central.northbound + "/livez").stdout
            self.assertIn("SETTINGS_MAX_CONCURRENT_STREAMS(0x03):128", told)
            self.assertIn(":status: 200", told)

    def test_tls_agrees_on_http2_or_http1_and_on_nothing_else(self):
        with Central("--tls") as central:
            for option, version in ("--http2", "2"), ("--http1.1", "1.1"):
                told = central.curl("/livez", "-k", option, "-o", "/dev/null", "-w", "%{http_version} %{http_code}")
                self.assertEqual(told, version + " 200")
            told = run("h2load", "-n", "2000", "-c", "4", "-m", "16", central.northbound + "/livez").stdout
            self.assertIn("2000 succeeded, 0 failed", told)
            told = run("openssl", "s_client", "-connect", central.northbound[8:], "-alpn", "spdy/3", check=False,
                       stdin=subprocess.DEVNULL)
            self.assertIn("no application protocol", told.stderr)

    def test_sigterm_answers_what_is_parked_says_goaway_and_exits_with_0(self):
        with Central() as central:
            poll = subprocess.Popen(
                ["nghttp", "-v", central.northbound + "/v1/changes?wait=60"],
                stdout=subprocess.PIPE, text=True)
            parked = 'heddle_parked_requests{kind="changes"} 1'
            wait_until(lambda: parked in central.curl("/metrics"), "central holds the request")
            central.process.send_signal(signal.SIGTERM)
            told = poll.communicate(timeout=60)[0]
            self.assertEqual(central.process.wait(60), 0)
            self.assertIn("recv GOAWAY", told)
            self.assertRegex(told, r":status: (200|503)")


if __name__ == "__main__":
    unittest.main()
