import ArgumentParser
import Client

/// `heddle trace`: the way of a frame through the network.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show what becomes of a frame, stage by stage and host by host.",
        discussion: """
            FLOW describes the frame by OVN's names of fields, FIELD=VALUE: inport, eth.src, eth.dst, eth.type, \
            vlan.vid, arp.tpa, arp.spa, nd.target, ip.src, ip.dst, ip.proto (tcp, udp, icmp or a number), tcp.src, \
            tcp.dst, udp.src, udp.dst, icmp.type, icmp.code. A missing eth.src, arp.spa or ip.src is the port's own \
            address. The ports of DHCP make a client's first message.

            The trace is made by the pipeline that forwards, over the present tables, on the host that has the port \
            and on those that it sends the frame to. It sends nothing, and ignores limits and paths between hosts.

            EXAMPLES:
              heddle trace ls1 'inport=vm1 eth.dst=02:00:00:00:00:02 ip.dst=10.0.0.2 tcp.dst=80'
              heddle trace ls1 inport=vm1 arp.tpa=10.0.0.2
              heddle trace ls1 'inport=vm1 ip.src=0.0.0.0 ip.dst=255.255.255.255 udp.src=68 udp.dst=67'
              heddle trace ls1 inport=vm1 eth.src=02:00:00:00:00:99 eth.dst=ff:ff:ff:ff:ff:ff -o json
            """
    )

    @Argument(help: "The switch, by name or UUID.", completion: .custom(completeSwitches)) var logicalSwitch: String

    @Argument(help: "The frame's fields, in one word or several.") var flow: [String]

    @Option(name: .shortAndLong, help: "How to print: text or json.") var output = TraceFormat.text

    func run() throws {
        put(try TraceSession(caller: try Connection.toCentral()).trace(logicalSwitch, flow: flow, as: output))
    }
}
