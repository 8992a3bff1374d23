"""Traffic with a host that is not ours: Open vSwitch's userspace datapath, configured by hand as OVN would."""

import json
import os
import shutil
import signal
import socket
import unittest

from lab import NETWORK, Primer, run, wait_until
from packets import Inside
from test_superpackets import RECEIVE, SEND

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
NEEDED = "ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovsdb-tool", "nft"
MEGABYTES = 40


class OpenVSwitch:
    """Open vSwitch on a host of the lab, whose NIC becomes a port of its bridge br-phy."""

    def __init__(self, lab, host, octet):
        self.lab, self.host, self.octet = lab, host, octet
        self.folder = f"{lab.state}/{host}-ovs"

    def __enter__(self):
        lab, host = self.lab, self.host
        os.makedirs(self.folder)
        self.run("ovsdb-tool", "create", f"{self.folder}/db", SCHEMA)
        self.daemon("ovsdb-server", f"{self.folder}/db", f"--remote=punix:{self.folder}/db.sock")
        self.vsctl("--no-wait", "init")
        # The kernel must not answer what the bridge reads from the NIC.
        run(*lab.inside(host, "nft", "-f", "-"), input=(
            'table netdev ul { chain in { type filter hook ingress device "ul" priority 0; policy drop; }; }'))
        lab.ip(host, "addr", "flush", "dev", "ul")
        self.no_offloads(host, "ul")
        self.daemon("ovs-vswitchd", f"unix:{self.folder}/db.sock")
        for bridge in "br-int", "br-phy":
            self.vsctl("add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev", "fail-mode=secure")
        self.vsctl("set", "bridge", "br-phy", "fail-mode=standalone")
        self.vsctl("add-port", "br-phy", "ul")
        lab.ip(host, "addr", "add", f"{NETWORK}.{self.octet}/25", "dev", "br-phy")
        lab.ip(host, "link", "set", "br-phy", "up", "mtu", "1500")
        self.vsctl(
            "add-port", "br-int", "geneve", "--", "set", "interface", "geneve", "type=geneve", "ofport_request=100",
            "options:remote_ip=flow", "options:key=flow", "options:csum=true")
        self.ofctl("add-tlv-map", "br-int", "{class=0x102,type=0x80,len=4}->tun_metadata0")
        return self

    def __exit__(self, *_):
        for name in "ovs-vswitchd", "ovsdb-server":
            try:
                with open(f"{self.folder}/{name}.pid", encoding="utf-8") as file:
                    pid = int(file.read())
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"{name} has ended")
            except (OSError, ValueError):
                pass

    def run(self, *command):
        places = {name: self.folder for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")}
        return run(*self.lab.inside(self.host, *command), env=os.environ | places).stdout

    def daemon(self, name, *arguments):
        self.run(
            name, *arguments, f"--pidfile={self.folder}/{name}.pid", f"--log-file={self.folder}/{name}.log",
            f"--unixctl={self.folder}/{name}.ctl", "-vsyslog:off", "-vconsole:off", "--no-chdir", "--detach")

    def vsctl(self, *arguments):
        self.run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=20", *arguments)

    def ofctl(self, *arguments):
        self.run("ovs-ofctl", "-O", "OpenFlow13", *arguments)

    def no_offloads(self, host, device):
        """It forwards frames as it reads them, and so must not be given unfinished ones."""
        run(*self.lab.inside(host, "ethtool", "-K", device, *"tx off tso off gso off gro off".split()), check=False)

    def plug(self, vm, mac, address):
        """Gives a VM a NIC on br-int."""
        lab = self.lab
        lab.ip(self.host, "link", "add", "port", "type", "veth", "peer", "name", vm, "netns", f"{lab.name}-{vm}")
        lab.ip(self.host, "link", "set", "port", "up")
        lab.ip(vm, "link", "set", vm, "address", mac, "mtu", "1442", "up")
        lab.ip(vm, "addr", "add", f"{address}/24", "dev", vm)
        self.no_offloads(vm, vm)
        self.no_offloads(self.host, "port")
        self.vsctl("add-port", "br-int", "port", "--", "set", "interface", "port", "ofport_request=1")


class ForeignTest(unittest.TestCase):
    def test_open_vswitch_and_heddle_carry_each_others_traffic(self):
        missing = [program for program in NEEDED if shutil.which(program) is None]
        if missing:
            self.skipTest(f"{', '.join(missing)} not found; Tests/run installs openvswitch-switch and nftables")
        with Primer() as lab:
            # Central learns of the third host by an agent, whose place Open vSwitch then takes.
            lab.host("hv3", 6)
            agent = lab.agent("hv3", 6)
            lab.vm(3, "hv3")
            lab.wait_up("ls1-vm3")
            lab.sync()
            agent.kill()
            lab.kill_forwarder(f"{lab.state}/hv3")
            lab.ip("vm3", "link", "del", "vm3")
            with OpenVSwitch(lab, "hv3", 6) as switch:
                # As real NICs do, which complete checksums and cut trains.
                for host in "hv1", "hv2":
                    switch.no_offloads(host, "ul")
                switch.plug("vm3", lab.MAC[3], lab.IP[3])
                self.add_flows(lab, switch)
                for other in 1, 2:
                    wait_until(lambda: lab.ping("vm3", lab.IP[other], count=1), f"vm{other} answers vm3")
                    self.assertEqual(lab.ping(f"vm{other}", lab.IP[3]), 3)
                for source, target in (1, 3), (3, 1), (2, 3):
                    with self.subTest(source=source, target=target):
                        self.stream(lab, source, target)
                self.filter(lab)

    def filter(self, lab):
        """ACLs and connections at Heddle's side, which the other side knows nothing of."""
        allowed, refused, back = (self.listen(lab, *place) for place in ((1, 22), (1, 23), (3, 80)))
        rule = "web", "to-lport", "1000", "outport == @web && tcp.dst == 22"
        lab.heddle("central", "nb", "--wait=hv", "pg-add", "web", "ls1-vm1", "--", "acl-add", *rule, "allow-related", "--",
                   "acl-add", "web", "to-lport", "900", "outport == @web && ip", "drop", "--",
                   "acl-add", "web", "to-lport", "800", "outport == @web && tcp.dst == 99", "allow-related")
        pairs = [self.connect(lab, 3, allowed), self.connect(lab, 1, back)]
        for pair in pairs:
            self.assert_alive(*pair)
        listed = json.loads(lab.heddle("hv1", "connection", "list", "--port", "ls1-vm1", "-o", "json").stdout)
        self.assertEqual({(each["destination_port"], each["state"]) for each in listed["connections"]},
                         {(22, "established"), (80, "established")})
        # vm1 asks and is answered; vm3 asks in vain.
        self.assertEqual((lab.ping("vm1", lab.IP[3]), lab.ping("vm3", lab.IP[1])), (3, 0))
        with self.assertRaises(TimeoutError):
            self.connect(lab, 3, refused, patience=1)
        # Told through the tunnel that nobody is there.
        lab.heddle("central", "nb", "--wait=hv",
                   "acl-add", "web", "to-lport", "950", "outport == @web && tcp.dst == 23", "reject")
        with self.assertRaises(ConnectionRefusedError):
            self.connect(lab, 3, refused)
        for pair in pairs:
            self.assert_alive(*pair)
        # Ends in both directions, until it is allowed again.
        (client, served), other = pairs
        lab.heddle("central", "nb", "--wait=hv", "acl-del", *rule)
        for sender, receiver in (client, served), (served, client):
            sender.sendall(b"more")
            receiver.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                receiver.recv(4)
            receiver.settimeout(20)
        self.assert_alive(*other)
        lab.heddle("central", "nb", "--wait=hv", "acl-add", *rule, "allow-related")
        self.assertEqual((served.recv(4), client.recv(4)), (b"more", b"more"))
        self.assert_alive(client, served)
        self.assertIn("acl", lab.heddle("hv1", "port", "list", "--stats").stdout)

    def open(self, lab, vm):
        with Inside(f"{lab.name}-vm{vm}"):
            opened = socket.socket()
        opened.settimeout(20)
        self.addCleanup(opened.close)
        return opened

    def listen(self, lab, vm, port):
        listener = self.open(lab, vm)
        listener.bind((lab.IP[vm], port))
        listener.listen()
        return listener

    def connect(self, lab, vm, listener, patience=20):
        client = self.open(lab, vm)
        client.settimeout(patience)
        client.connect(listener.getsockname())
        client.settimeout(20)
        served, _ = listener.accept()
        served.settimeout(20)
        self.addCleanup(served.close)
        return client, served

    def assert_alive(self, client, served):
        for one, other in ((client, served), (served, client)):
            one.sendall(b"heddle")
            self.assertEqual(other.recv(6), b"heddle")

    def add_flows(self, lab, switch):
        (datapath,) = lab.get("/v1/southbound/datapath-bindings")["items"]
        port = {binding["logical_port"]: binding["tunnel_key"]
                for binding in lab.get("/v1/southbound/port-bindings")["items"]}

        def tunnel(host, egress):
            keys = port["ls1-vm3"] << 16 | egress
            return (f"set_field:{datapath['tunnel_key']}->tun_id,set_field:{keys:#x}->tun_metadata0,"
                    f"set_field:{NETWORK}.{host}->tun_dst,output:100")

        for number, host in (1, 3), (2, 4):
            egress = port[f"ls1-vm{number}"]
            switch.ofctl("add-flow", "br-int", f"in_port=1,dl_dst={lab.MAC[number]},actions={tunnel(host, egress)}")
        flood = f"{tunnel(3, 32768)},{tunnel(4, 32768)}"
        switch.ofctl("add-flow", "br-int", f"in_port=1,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions={flood}")
        for number in 1, 2:
            for egress in port["ls1-vm3"], 32768:
                keys = port[f"ls1-vm{number}"] << 16 | egress
                switch.ofctl(
                    "add-flow", "br-int",
                    f"in_port=100,tun_id={datapath['tunnel_key']},tun_metadata0={keys:#x},actions=output:1")

    def stream(self, lab, source, target):
        address = lab.IP[target]
        receiver = lab.listener(f"vm{target}", RECEIVE, address)
        try:
            sent = lab.on(f"vm{source}", "python3", "-c", SEND, address, str(MEGABYTES), timeout=120).stdout
            self.assertEqual(receiver.communicate(timeout=60)[0].strip(), sent.strip())
        finally:
            receiver.kill()
            receiver.wait()


if __name__ == "__main__":
    unittest.main()
