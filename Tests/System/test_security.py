"""TLS, tokens and joined hosts: who is let in and who is not, with openssl and curl as strangers."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

from lab import NETWORK, Lab, Primer, run, wait_until


def pieces(path):
    """The kinds of the PEM blocks of a file, and the blocks."""
    with open(path, encoding="utf-8") as file:
        blocks = re.findall(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n", file.read(), re.S)
    return [re.match("-----BEGIN ([A-Z ]+)", block).group(1).rstrip("-") for block in blocks], blocks


class SecurityTest(unittest.TestCase):
    def split_membership(self, lab, host):
        """Copies of a host's key and certificate, as a thief has them; gives curl's options."""
        kinds, blocks = pieces(f"{lab.state}/{host}/membership.pem")
        self.assertEqual(kinds, ["PRIVATE KEY", "CERTIFICATE", "CERTIFICATE"])
        self.assertEqual(os.stat(f"{lab.state}/{host}/membership.pem").st_mode & 0o777, 0o600)
        names = []
        for name, block in zip(("key", "crt"), blocks):
            names.append(f"{lab.state}/stolen-{host}.{name}")
            with open(names[-1], "w", encoding="utf-8") as file:
                file.write(block)
        return ["--key", names[0], "--cert", names[1]]

    def status(self, lab, path, *arguments, **keywords):
        """The status and the document of an answer."""
        done = lab.curl(path, "-w", "\n%{http_code}", *arguments, **keywords)
        body, _, code = done.stdout.rpartition("\n")
        return int(code), json.loads(body) if body.startswith("{") else body

    def s_client(self, lab, port, *arguments):
        return lab.on(
            "central", "openssl", "s_client", "-connect", f"{NETWORK}.2:{port}", "-CAfile", lab.ca,
            "-verify_return_error", "-verify_ip", f"{NETWORK}.2", *arguments, check=False, input="")

    def test_hosts_join_and_speak_tls_only(self):
        with Primer(secure=True) as lab:
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            for port in 6641, 6642:
                shown = self.s_client(lab, port)
                self.assertIn("New, TLSv1.3", shown.stdout)
                self.assertIn("Verification: OK", shown.stdout)
                self.assertIn("New, TLSv1.2", self.s_client(lab, port, "-no_tls1_3").stdout)
                self.assertNotEqual(self.s_client(lab, port, "-tls1_1", "-cipher", "ALL@SECLEVEL=0").returncode, 0)
                self.assertNotIn("New, TLS", self.s_client(lab, port, "-no_tls1_3", "-cipher", "AES128-SHA").stdout)
                # Nothing is resumed and nothing renegotiated.
                self.assertNotIn("TLS session ticket:", shown.stdout)
                plain = lab.on("central", "curl", "-sS", f"http://{NETWORK}.2:{port}/livez", check=False)
                self.assertNotEqual(plain.returncode, 0)
            chosen = self.s_client(lab, 6641, "-alpn", "http/1.1")
            self.assertIn("ALPN protocol: http/1.1", chosen.stdout)
            self.assertNotEqual(self.s_client(lab, 6641, "-alpn", "smtp").returncode, 0)
            self.assertIn("client certificate CA names", self.s_client(lab, 6642).stdout)
            # A restart of the agent needs no token.
            lab.agents[1].kill(signal.SIGTERM)
            lab.agents[1] = lab.agent("hv1", 3)
            lab.sync()
            log = "".join(agent.output() for agent in lab.agents.values())
            self.assertNotIn("heddle1.", log)

    def test_users_need_a_token_of_the_right_role(self):
        with Lab(secure=True) as lab:
            lab.central()
            code, problem = self.status(lab, "/v1/switches", token="")
            self.assertEqual((code, problem["code"]), (401, "unauthenticated"))
            head = lab.curl("/v1/switches", "-i", token="").stdout
            self.assertIn("www-authenticate: bearer", head.lower())
            viewer = lab.make_token("--role", "viewer")
            self.assertEqual(self.status(lab, "/v1/switches", token=viewer)[0], 200)
            body = ["-H", "Content-Type: application/json", "-d", '{"name": "ls1"}']
            code, problem = self.status(lab, "/v1/switches", *body, token=viewer)
            self.assertEqual((code, problem["code"]), (403, "forbidden"))
            self.assertIn("role editor", problem["detail"])
            editor = lab.make_token("--role", "editor", "--expires", "1h")
            self.assertEqual(self.status(lab, "/v1/switches", *body, token=editor)[0], 201)
            self.assertEqual(self.status(lab, "/v1/tokens", token=editor)[0], 403)
            self.assertEqual(self.status(lab, "/v1/tokens", token=lab.token)[0], 200)
            listed = lab.heddle("central", "token", "list").stdout
            self.assertRegex(listed, "(?m)^ID +FOR +CREATED +EXPIRES +STATE$")
            self.assertNotIn(viewer.split(".")[2], listed)
            lab.heddle("central", "token", "revoke", viewer.split(".")[1])
            code, problem = self.status(lab, "/v1/switches", token=viewer)
            self.assertEqual(code, 401)
            self.assertIn("revoked", problem["detail"])
            short = lab.make_token("--role", "viewer", "--expires", "1s")
            wait_until(lambda: self.status(lab, "/v1/switches", token=short)[0] == 401, "the token has expired")
            self.assertIn("expired", self.status(lab, "/v1/switches", token=short)[1]["detail"])
            # The client says so too, and tells a stranger's central by its authority.
            lab.token = viewer
            refused = lab.heddle("central", "nb", "show", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("revoked", refused.stderr)
            lab.ca = ""
            refused = lab.heddle("central", "nb", "show", check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("HEDDLE_CA", refused.stderr)
            # No secret is in what is kept or said.
            for folder, _, files in os.walk(lab.state):
                for file in files:
                    if not os.path.isfile(os.path.join(folder, file)):
                        continue
                    with open(os.path.join(folder, file), "rb") as content:
                        bytes_ = content.read()
                    for token in viewer, editor, short:
                        self.assertNotIn(token.split(".")[2].encode(), bytes_, file)

    def test_a_chassis_acts_only_as_itself(self):
        with Primer(secure=True) as lab:
            own = self.split_membership(lab, "hv1")
            path = "/v1/chassis/{}/changes?since=0"
            self.assertEqual(self.status(lab, path.format("hv1"), *own, base=lab.sb, token="")[0], 200)
            code, problem = self.status(lab, path.format("hv2"), *own, base=lab.sb, token="")
            self.assertEqual(code, 403)
            self.assertIn('that of the chassis "hv1", not of "hv2"', problem["detail"])
            self.assertEqual(self.status(lab, path.format("hv1"), base=lab.sb, token="")[0], 403)
            # A user's token is nothing here.
            self.assertEqual(self.status(lab, path.format("hv1"), base=lab.sb)[0], 403)
            # Another authority's certificate of the same name, and a certificate that signs itself.
            stranger = f"{lab.state}/stranger"
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{stranger}.key", "-out", f"{stranger}.crt", "-days", "1", "-subj", "/CN=heddle authority")
            run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{stranger}-hv1.key", "-out", f"{stranger}-hv1.csr", "-subj", "/CN=hv1", "-addext",
                "subjectAltName=URI:urn:heddle:chassis:hv1")
            run("openssl", "x509", "-req", "-in", f"{stranger}-hv1.csr", "-CA", f"{stranger}.crt", "-CAkey",
                f"{stranger}.key", "-out", f"{stranger}-hv1.crt", "-days", "1", "-copy_extensions", "copyall")
            for name in "stranger-hv1", "stranger":
                options = ["--key", f"{lab.state}/{name}.key", "--cert", f"{lab.state}/{name}.crt"]
                done = lab.curl(path.format("hv1"), *options, base=lab.sb, token="", check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual(done.stdout, "")
            # A chassis that is deleted is out at once, and back with a new token.
            revision = lab.get("/v1/ports/ls1-vm1")["revision"]
            lab.heddle("central", "sb", "chassis-del", "hv1")
            code, problem = self.status(lab, path.format("hv1"), *own, base=lab.sb, token="")
            self.assertEqual(code, 403)
            self.assertIn("was revoked", problem["detail"])
            wait_until(lambda: "was revoked" in lab.agents[1].output(), "the agent says why it is not heard")
            self.assertGreater(lab.get("/v1/ports/ls1-vm1")["revision"], revision)
            lab.agents[1].kill(signal.SIGTERM)
            lab.agents[1] = lab.agent("hv1", 3, "--join", lab.make_token("--chassis", "hv1"))
            lab.wait_up("ls1-vm1")
            lab.sync()
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            self.assertEqual(self.status(lab, path.format("hv1"), *own, base=lab.sb, token="")[0], 403)

    def test_joining_is_refused_with_one_sentence(self):
        with Lab(secure=True) as lab:
            lab.host("hv1", 3)
            lab.central()

            def refusal(*arguments):
                done = lab.heddle(
                    "hv1", "agent", "--central", lab.sb, "--chassis", "hv1", "--encap-ip", f"{NETWORK}.3",
                    "--state-dir", f"{lab.state}/hv1", *arguments, check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                return done.stderr

            self.assertIn("token create --chassis hv1", refusal())
            self.assertIn("--join takes", refusal("--join", "secret"))
            self.assertIn('is for the chassis "hv9"', refusal("--join", lab.make_token("--chassis", "hv9")))
            token = lab.make_token("--chassis", "hv1")
            lab.heddle("central", "token", "revoke", token.split(".")[1])
            self.assertIn("was revoked", refusal("--join", token))
            token = lab.make_token("--chassis", "hv1", "--expires", "1s")
            wait_until(lambda: "expired" in lab.heddle("central", "token", "list").stdout, "the token has expired")
            self.assertIn("expired at", refusal("--join", token))
            token = lab.make_token("--chassis", "hv1")
            last = "0" if token[-1] != "0" else "1"
            self.assertIn("the pin", refusal("--join", token[:-1] + last))
            agent = lab.agent("hv1", 3, "--join", token)
            agent.kill(signal.SIGTERM)
            forwarder = lab.forwarder_pid("hv1")
            os.kill(forwarder, signal.SIGKILL)
            wait_until(lambda: not os.path.exists(f"/proc/{forwarder}"), "the forwarder's port is free")
            shutil.rmtree(f"{lab.state}/hv1")
            self.assertIn("was used at", refusal("--join", token))

    def test_certificates_renew_themselves_and_old_ones_are_refused(self):
        with Lab(secure=True) as lab:
            lab.host("hv1", 3)
            lab.central("--chassis-certificate-life", "10s")
            lab.agent("hv1", 3)
            old = self.split_membership(lab, "hv1")
            text = run("openssl", "x509", "-in", old[3], "-noout", "-ext", "subjectAltName").stdout
            self.assertIn("URI:urn:heddle:chassis:hv1", text)
            path = "/v1/chassis/hv1/changes?since=0"
            self.assertEqual(self.status(lab, path, *old, base=lab.sb, token="")[0], 200)
            first = pieces(f"{lab.state}/hv1/membership.pem")
            wait_until(lambda: pieces(f"{lab.state}/hv1/membership.pem") != first, "the certificate is renewed")
            wait_until(
                lambda: self.status(lab, path, *old, base=lab.sb, token="")[0] == 403, "the former one has expired")
            self.assertIn("expired at", self.status(lab, path, *old, base=lab.sb, token="")[1]["detail"])
            # Beyond the life of its first certificate the host is still heard, and renews again.
            before = pieces(f"{lab.state}/hv1/membership.pem")
            wait_until(lambda: pieces(f"{lab.state}/hv1/membership.pem") != before, "it is renewed again")
            lab.heddle("central", "nb", "ls-add", "ls1")
            lab.sync()
            self.assertTrue(lab.get("/v1/chassis/hv1")["status"]["live"])

    def test_central_shows_another_certificate_without_a_restart(self):
        with Lab(secure=True) as lab:
            files = [f"{lab.state}/own.crt", f"{lab.state}/own.key"]

            def renew():
                run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", files[1] + ".new", "-out",
                    files[0] + ".new", "-days", "1", "-subj", "/CN=own", "-addext",
                    f"subjectAltName=IP:{NETWORK}.2")
                for file in files:
                    os.rename(file + ".new", file)
                return run("openssl", "x509", "-in", files[0], "-noout", "-serial").stdout

            def shown():
                done = self.s_client(lab, 6641, "-showcerts")
                return run("openssl", "x509", "-noout", "-serial", input=done.stdout).stdout

            first = renew()
            central = lab.central("--certificate", files[0], "--key", files[1])
            self.assertEqual(shown(), first)
            second = renew()
            central.process.send_signal(signal.SIGHUP)
            wait_until(lambda: shown() == second, "the new certificate is shown")
            third = renew()
            wait_until(lambda: shown() == third, "changed files are noticed without a signal")
            # A file that cannot be used changes nothing.
            with open(files[0], "w", encoding="utf-8") as file:
                file.write("no certificate")
            central.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "stay in use" in central.output(), "central says that it keeps what it has")
            self.assertEqual(shown(), third)

    def test_another_authority_takes_over(self):
        """As docs/operating.md says: hosts come to believe both, then the new one signs, then the old one counts for nothing."""
        with Lab(secure=True) as lab:
            lab.host("hv1", 3)
            lab.host("hv2", 4)
            life = ("--chassis-certificate-life", "10s")
            central = lab.central(*life)
            lab.agent("hv1", 3)
            left_over = lab.make_token("--chassis", "hv2")
            stolen = self.split_membership(lab, "hv1")
            old, new = f"{lab.state}/old.crt", f"{lab.state}/new.crt"
            shutil.copy(lab.ca, old)
            # The same name, as it may well be: they are told apart by their keys.
            run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=heddle authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout",
                f"{lab.state}/new.key", "-out", new)

            def believe(*certificates):
                nonlocal central
                central.kill(signal.SIGTERM)
                blocks = [pieces(file)[1][0] for file in certificates]
                with open(lab.ca, "w", encoding="ascii") as file:
                    file.writelines(blocks)
                central = lab.central(*life)
                return blocks

            def belief():
                return pieces(f"{lab.state}/hv1/membership.pem")[1][2:]

            def is_signed_by(authority):
                return run("openssl", "verify", "-no_check_time", "-CAfile", authority,
                           f"{lab.state}/hv1/membership.pem", check=False).returncode == 0

            def ask(*arguments):
                path = "/v1/chassis/hv1/changes?since=0"
                return self.status(lab, path, *arguments, base=lab.sb, token="", check=False)[0]

            both = believe(old, new)
            wait_until(lambda: belief() == both, "the host's next certificate brings both authorities", seconds=60)
            self.assertTrue(is_signed_by(old))
            shutil.copy(f"{lab.state}/new.key", f"{lab.data}/ca.key")
            both = believe(new, old)
            # The old one's certificates get in as before, as long as they have not expired.
            self.assertIn(ask(*stolen), (200, 403))
            self.assertNotEqual(lab.curl("/livez", "--cacert", old, check=False).returncode, 0)
            self.assertEqual(lab.curl("/livez").stdout, "ok\n")
            wait_until(lambda: is_signed_by(new), "the host has a certificate of the new authority", seconds=60)
            self.assertEqual(belief(), both)
            # A join token names the authority that it was made under.
            arguments = ["--central", lab.sb, "--chassis", "hv2", "--encap-ip", f"{NETWORK}.4", "--state-dir",
                         f"{lab.state}/hv2"]
            refused = lab.heddle("hv2", "agent", *arguments, "--join", left_over, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("the pin", refused.stderr)
            only = believe(new)
            # Not even a handshake.
            self.assertEqual(ask(*stolen), 0)
            wait_until(lambda: belief() == only, "the host believes the new authority alone", seconds=60)
            lab.agent("hv2", 4)
            lab.heddle("central", "nb", "ls-add", "ls1")
            lab.sync()
            wait_until(lambda: all(lab.get(f"/v1/chassis/{host}")["status"]["live"] for host in ("hv1", "hv2")),
                       "both hosts are live")

    def test_a_parked_tls_connection_takes_little_memory(self):
        with Lab(secure=True) as lab:
            central = lab.central()
            script = f"""
import socket, ssl, sys
context = ssl.create_default_context(cafile={lab.ca!r})
context.check_hostname = False
kept = []
for count in range(230):
    plain = socket.create_connection(("{NETWORK}.2", 6641))
    stream = context.wrap_socket(plain)
    # A write that reads back proves that the connection has been used; then a long poll is parked on it.
    stream.sendall(b"GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
    stream.recv(4096)
    stream.sendall(b"GET /v1/changes?wait=60 HTTP/1.1\\r\\nHost: a\\r\\n"
                   b"Authorization: Bearer {lab.token}\\r\\n\\r\\n")
    kept.append(stream)
    if count in (29, 229):
        print(count, flush=True)
        sys.stdin.readline()
"""
            client = subprocess.Popen(
                lab.inside("central", sys.executable, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            lab.processes.append(client)
            resident = []
            for _ in range(2):
                self.assertTrue(client.stdout.readline())
                with open(f"/proc/{central.pid}/status", encoding="utf-8") as file:
                    resident.append(int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)))
                client.stdin.write("\n")
                client.stdin.flush()
            client.communicate()
            self.assertEqual(client.returncode, 0)
            each = (resident[1] - resident[0]) / 200
            print(f"{each:.1f} KiB a connection ", end="")
            self.assertLess(each, 40)


if __name__ == "__main__":
    unittest.main()
