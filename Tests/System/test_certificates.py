"""Certificates and tokens that must not let anybody in, made with openssl; central is asked over TLS on loopback."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import unittest

from lab import HEDDLE, run
from test_http import Central

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class CertificateTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.central = Central("--tls").__enter__()
        cls.addClassCleanup(cls.central.__exit__)
        cls.folder = cls.central.directory.name
        cls.ca = f"{cls.folder}/ca"
        for name in "hv1", "hv2":
            cls.join(name)

    @classmethod
    def heddle(cls, *arguments):
        return run(HEDDLE, *arguments, "--data-dir", cls.folder).stdout.strip()

    @classmethod
    def token(cls, *arguments):
        return cls.heddle("token", "create", *arguments)

    @classmethod
    def request(cls, path, *options, base=None, body=None):
        """The status and the document of an answer; 0 where there is none."""
        if body is not None:
            options += ("-H", "Content-Type: application/json", "-d", json.dumps(body))
        done = run("curl", "-sS", "--max-time", "20", "--cacert", f"{cls.folder}/ca.crt", "-w", "\n%{http_code}",
                   *options, (base or cls.central.southbound) + path, check=False)
        document, _, code = done.stdout.rpartition("\n")
        return int(code), json.loads(document) if document.startswith("{") else document

    @classmethod
    def signing_request(cls, name):
        run("openssl", "req", *CURVE, "-keyout", f"{cls.folder}/{name}.key", "-out", f"{cls.folder}/{name}.csr", "-subj",
            f"/CN={name}")
        with open(f"{cls.folder}/{name}.csr", encoding="ascii") as file:
            return file.read()

    @classmethod
    def enrol(cls, name, token):
        return cls.request(f"/v1/chassis/{name}/enrolment", body={"token": token, "request": cls.signing_request(name)})

    @classmethod
    def join(cls, name):
        code, answer = cls.enrol(name, cls.token("--chassis", name))
        assert code == 201, answer
        with open(f"{cls.folder}/{name}.crt", "w", encoding="ascii") as file:
            file.write(answer["certificate"])

    def uris(self, name):
        text = run("openssl", "x509", "-in", f"{self.folder}/{name}.crt", "-noout", "-ext", "subjectAltName").stdout
        return [part.strip()[4:] for part in text.split("\n")[1].split(",")]

    def forge(self, uris, *, ca=None, begins="20200101000000Z", ends="20990101000000Z", usage="clientAuth"):
        """A certificate with these URIs, of central's own authority unless said otherwise; the options for curl."""
        self.signing_request("forged")
        names = "\n".join(f"URI.{index} = {uri}" for index, uri in enumerate(uris))
        with open(f"{self.folder}/forged.cnf", "w", encoding="ascii") as file:
            file.write("[x]\nbasicConstraints = critical, CA:false\n")
            file.write(f"extendedKeyUsage = {usage}\n")
            file.write(f"subjectAltName = @names\n[names]\n{names}\n" if uris else "")
        os.makedirs(f"{self.folder}/forgery", exist_ok=True)
        open(f"{self.folder}/forgery/index.txt", "w", encoding="ascii").close()
        with open(f"{self.folder}/forgery/ca.cnf", "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca = d\n[d]\ndatabase = {self.folder}/forgery/index.txt\nrand_serial = yes\n"
                       f"new_certs_dir = {self.folder}/forgery\ndefault_md = sha256\npolicy = p\nunique_subject = no\n"
                       "[p]\ncommonName = supplied\n")
        ca = ca or self.ca
        run("openssl", "ca", "-batch", "-config", f"{self.folder}/forgery/ca.cnf", "-cert", f"{ca}.crt", "-keyfile",
            f"{ca}.key", "-in", f"{self.folder}/forged.csr", "-out", f"{self.folder}/forged.crt", "-startdate", begins,
            "-enddate", ends, "-extfile", f"{self.folder}/forged.cnf", "-extensions", "x", "-notext")
        return self.shown("forged")

    def shown(self, name):
        return ["--cert", f"{self.folder}/{name}.crt", "--key", f"{self.folder}/{name}.key"]

    def poll(self, *options, chassis="hv1"):
        """404 to a chassis that has joined and said nothing yet; 403 to whoever is not it."""
        return self.request(f"/v1/chassis/{chassis}/changes?since=0", *options)

    def refusal(self, *options, chassis="hv1"):
        code, problem = self.poll(*options, chassis=chassis)
        self.assertEqual(code, 403, problem)
        return problem["detail"]

    def test_a_chassis_is_who_its_certificate_says_and_nobody_else(self):
        self.assertEqual(self.poll(*self.shown("hv1"))[0], 404)
        self.assertIn("not of \"hv2\"", self.refusal(*self.shown("hv1"), chassis="hv2"))
        self.assertIn("needs the certificate", self.refusal())
        # A certificate as central would make it, made with a stolen key of its authority: so forging works here at all.
        own = self.uris("hv1")
        self.assertEqual(self.poll(*self.forge(own))[0], 404)

    def test_names_that_are_missing_or_given_twice_are_nobody(self):
        chassis, joining = self.uris("hv1")
        other, _ = self.uris("hv2")
        for uris in [], [chassis], [joining], [chassis, other, joining], [chassis, chassis, joining], \
                ["urn:heddle:chassis:", joining], ["urn:other:hv1"]:
            with self.subTest(uris):
                self.assertRegex(self.refusal(*self.forge(uris)), "names no chassis|was revoked|that of the chassis")
        # Another chassis' joining, or one that never was.
        self.assertIn("was revoked", self.refusal(*self.forge([chassis, self.uris("hv2")[1]])))
        self.assertIn("was revoked", self.refusal(*self.forge([chassis, "urn:heddle:enrolment:0123456789abcdef"])))

    def test_time_counts(self):
        own = self.uris("hv1")
        self.assertIn("expired at", self.refusal(*self.forge(own, ends="20200102000000Z")))
        # Central made it while its clock was ahead: the joining decides, not the clock (404: it has not synced yet).
        self.assertEqual(self.poll(*self.forge(own, begins="20980101000000Z"))[0], 404)

    def test_other_authorities_and_other_uses_do_not_count(self):
        stranger = f"{self.folder}/stranger"
        run("openssl", "req", "-x509", *CURVE, "-keyout", f"{stranger}.key", "-out", f"{stranger}.crt", "-days", "1",
            "-subj", "/CN=heddle authority")
        self.assert_turned_away(self.forge(self.uris("hv1"), ca=stranger))
        self.assert_turned_away(self.forge(self.uris("hv1"), usage="serverAuth"))

    def assert_turned_away(self, options):
        """The handshake ends with an alert, which the client gets, whatever it had sent by then."""
        self.assertEqual(self.poll(*options)[0], 0)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(options[1], options[3])
        port = int(self.central.southbound.rsplit(":", 1)[1])
        for _ in range(5):
            with self.assertRaises(ssl.SSLError) as caught:
                with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 30)) as connection:
                    # In TLS 1.3 the client is done before the server has looked at its certificate.
                    connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
                    while connection.recv(4096):
                        pass
            self.assertIn("ALERT", str(caught.exception).upper())

    def test_a_join_token_is_good_for_one_joining_of_its_chassis(self):
        token = self.token("--chassis", "hv3")
        code, problem = self.enrol("hv4", token)
        self.assertEqual((code, "is for the chassis" in problem["detail"]), (403, True))
        # Nothing was used up by that, and of many that use it at once one wins.
        request = json.dumps({"token": token, "request": self.signing_request("hv3")})
        racers = [subprocess.Popen(
            ["curl", "-sS", "--max-time", "30", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
             f"{self.folder}/ca.crt", "-H", "Content-Type: application/json", "-d", request,
             f"{self.central.southbound}/v1/chassis/hv3/enrolment"], stdout=subprocess.PIPE, text=True) for _ in range(8)]
        self.assertEqual(sorted(racer.communicate()[0] for racer in racers), ["201"] + ["403"] * 7)
        code, problem = self.enrol("hv3", token)
        self.assertEqual((code, "was used at" in problem["detail"]), (403, True))
        code, problem = self.enrol("hv3", self.token("--role", "admin"))
        self.assertEqual(code, 403)

    def test_a_chassis_that_was_never_heard_can_be_revoked(self):
        self.join("hv5")
        self.assertEqual(self.poll(*self.shown("hv5"), chassis="hv5")[0], 404)
        admin = ["-H", "Authorization: Bearer " + self.token("--role", "admin")]
        before = self.request("/v1/southbound/chassis", *admin, base=self.central.northbound)
        code, _ = self.request("/v1/chassis/hv5", "-X", "DELETE", *admin, base=self.central.northbound)
        self.assertEqual(code, 204)
        self.assertIn("was revoked", self.refusal(*self.shown("hv5"), chassis="hv5"))
        code, _ = self.request("/v1/chassis/hv5", "-X", "DELETE", *admin, base=self.central.northbound)
        self.assertEqual(code, 404)
        self.assertEqual(
            self.request("/v1/southbound/chassis", *admin, base=self.central.northbound)[1]["items"],
            before[1]["items"])
        # The same by the command line, for a host that joins and is thrown out again.
        self.join("hv5")
        environment = dict(os.environ, HEDDLE_NB=self.central.northbound, HEDDLE_CA=f"{self.folder}/ca.crt",
                           HEDDLE_TOKEN=self.token("--role", "admin"))
        subprocess.run([HEDDLE, "delete", "chassis", "hv5"], env=environment, check=True, stdout=subprocess.DEVNULL)
        self.assertIn("was revoked", self.refusal(*self.shown("hv5"), chassis="hv5"))

    def test_wrong_tokens_are_counted_and_right_ones_served(self):
        right = ["-H", "Authorization: Bearer " + self.token("--role", "viewer")]
        wrong = {"Authorization": "Bearer heddle1.0123456789abcdef." + "0" * 64}
        context = ssl.create_default_context(cafile=f"{self.folder}/ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", int(self.central.northbound.rsplit(":", 1)[1]),
                                                 context=context, timeout=30)
        codes = []
        while 429 not in codes and len(codes) < 1000:
            connection.request("GET", "/v1/switches", headers=wrong)
            answer = connection.getresponse()
            codes.append(answer.status)
            document = json.loads(answer.read())
        connection.close()
        self.assertEqual(set(codes), {401, 429})
        self.assertGreaterEqual(codes.count(401), 20)
        self.assertEqual((answer.headers["Retry-After"], document["code"]), ("1", "too_many_attempts"))
        self.assertEqual(self.request("/v1/switches", *right, base=self.central.northbound)[0], 200)


if __name__ == "__main__":
    unittest.main()
