"""Tags between hosts: what is forged from another host's address is refused where both have keys, and only there."""

import json
import unittest

from lab import NETWORK, Primer, wait_until

# Sends a frame in another host's name: its address, and a port that is bound there.
FORGE = """
import socket, struct, sys
source, target, frame = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
geneve = struct.pack("!BBHIHBBHH", 2, 0x40, 0x6558, int(sys.argv[4]) << 8, 0x0102, 0x80, 1, int(sys.argv[5]), int(sys.argv[6]))
udp = struct.pack("!HHHH", 40000, 6081, 8 + len(geneve) + len(frame), 0)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
payload = udp + geneve + frame
ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
raw.sendto(ip + payload, (target, 0))
"""


class TunnelTagTest(unittest.TestCase):
    def drops(self, lab, host):
        stats = json.loads(lab.heddle(host, "port", "list", "--stats", "-o", "json").stdout)
        return stats["drops"].get("tunnel_tag_wrong", 0)

    def received(self, lab):
        return json.loads(lab.ip("vm2", "-j", "-s", "link", "show", "vm2"))[0]["stats64"]["rx"]["packets"]

    def forge(self, lab):
        keys = {port["logical_port"]: port for port in lab.get("/v1/southbound/port-bindings")["items"]}
        network = lab.get("/v1/southbound/datapath-bindings")["items"][0]["tunnel_key"]
        frame = bytes.fromhex((lab.MAC[2] + lab.MAC[1]).replace(":", "")) + b"\x88\xb5" + bytes(50)
        lab.on("central", "python3", "-c", FORGE, f"{NETWORK}.3", f"{NETWORK}.4", frame.hex(), str(network),
               str(keys["ls1-vm1"]["tunnel_key"]), str(keys["ls1-vm2"]["tunnel_key"]))

    def restart(self, lab, number, *arguments):
        lab.agents[number].kill(15)
        lab.agents[number] = lab.agent(f"hv{number}", 2 + number, *arguments)
        lab.sync()

    def test_forged_datagrams_are_refused_between_hosts_with_keys(self):
        with Primer(secure=True) as lab:
            # Without keys they are taken: so it is in OVN, too.
            before = self.received(lab)
            self.forge(lab)
            wait_until(lambda: self.received(lab) > before, "the forged frame has come")

            # One after the other; meanwhile they speak without tags.
            self.restart(lab, 1, "--authenticate-tunnels")
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            self.restart(lab, 2, "--authenticate-tunnels")
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            for host in ("hv1", "hv2"):
                (key,) = lab.get(f"/v1/chassis/{host}")["tunnel_keys"]
                with open(f"{lab.state}/{host}/tunnel_keys", encoding="ascii") as file:
                    self.assertNotIn(key, file.read())

            def is_refused():
                self.forge(lab)
                return self.drops(lab, "hv2") > 0
            wait_until(is_refused, "what has no tag is refused")
            before = self.received(lab)
            count = self.drops(lab, "hv2")
            self.forge(lab)
            wait_until(lambda: self.drops(lab, "hv2") > count, "the forged frame is counted")
            self.assertEqual(self.received(lab), before)
            self.assertEqual(lab.ping("vm1", lab.IP[2]), 3)
            self.assertEqual(lab.ping("vm2", lab.IP[1]), 3)


if __name__ == "__main__":
    unittest.main()
