import Datapath
import JSON
import NetworkModel
import Persistent
import Wire

/// A frame that a request describes by OVN's names of fields (ovn-trace(8), "microflow"), and the port that sends it.
struct TraceInput {
    /// A field; the raw value is its name in requests. `ip4.src` and `ip6.src` are read as `ip.src`, and so on.
    enum Field: String, CaseIterable {
        case inport
        case ethernetSource = "eth.src"
        case ethernetDestination = "eth.dst"
        case etherType = "eth.type"
        case vlan = "vlan.vid"
        case arpTarget = "arp.tpa"
        case arpSender = "arp.spa"
        case neighborTarget = "nd.target"
        case ipSource = "ip.src"
        case ipDestination = "ip.dst"
        case ipProtocol = "ip.proto"
        case tcpSource = "tcp.src"
        case tcpDestination = "tcp.dst"
        case udpSource = "udp.src"
        case udpDestination = "udp.dst"
        case icmpType = "icmp.type"
        case icmpCode = "icmp.code"

        init?(name: String) {
            switch name.split(separator: ".").first {
            case "ip4", "ip6": self.init(rawValue: "ip" + name.dropFirst(3))
            case "icmp4", "icmp6": self.init(rawValue: "icmp" + name.dropFirst(5))
            default: self.init(rawValue: name)
            }
        }

        /// The part of a frame that the field describes; a frame has one of these.
        var part: String? {
            switch self {
            case .inport, .ethernetSource, .ethernetDestination, .vlan: nil
            case .etherType: "another protocol"
            case .arpTarget, .arpSender: "an ARP request"
            case .neighborTarget: "a neighbor solicitation"
            case .ipSource, .ipDestination, .ipProtocol: "an IP packet"
            case .tcpSource, .tcpDestination: "a TCP segment"
            case .udpSource, .udpDestination: "a UDP datagram"
            case .icmpType, .icmpCode: "an ICMP message"
            }
        }
    }

    /// The port that sends the frame.
    private(set) var port: Stored<LogicalSwitchPort>
    private(set) var switchName: String
    /// The port at whose device it has the tag of that port, which is nested in it; `nil` for others.
    private(set) var parent: String?
    private let values: [Field: String]

    /// The EtherType of a frame that is not said to carry anything: "local experimental" (IEEE 802).
    static let etherTypeDefault: UInt16 = 0x88b5

    /// Reads `{"switch","flow":{FIELD:VALUE,…}}`.
    init(_ content: JSONValue, in northbound: NorthboundDatabase) throws(Refusal) {
        try JSONReader(content).checkMembers(["switch", "flow"])
        guard let reference = content["switch"]?.stringValue else {
            throw Refusal(.missingField, "A trace needs the \"switch\" of the port, a string.", pointer: "/switch")
        }
        guard let logicalSwitch = northbound.logicalSwitch(Reference(reference)) else {
            throw Refusal(.referenceNotFound, "There is no switch \(quoted(reference)).", pointer: "/switch")
        }
        guard let flow = content["flow"] else {
            throw Refusal(.missingField, "A trace needs the fields of a frame in \"flow\".", pointer: "/flow")
        }
        let values = try Self.values(flow)
        guard let name = values[.inport] else { throw Self.missing(.inport, "the port that sends the frame") }
        guard let port = northbound.port(Reference(name)) else {
            throw Refusal(.referenceNotFound, "There is no port \(quoted(name)).", pointer: Self.pointer(.inport))
        }
        guard port.value.switchID == logicalSwitch.id else {
            let home = northbound.switches[port.value.switchID]?.value.name ?? ""
            throw Self.invalid(.inport, "The port \(quoted(name)) is on the switch \"\(home)\".")
        }
        self.port = port
        self.values = values
        switchName = logicalSwitch.value.name
        guard let tag = try number(.vlan, UInt16.self, upTo: 4095),
            let nested = northbound.ports.index.nested[port.value.name]?[tag].flatMap({ northbound.ports[$0] })
        else { return }
        (self.port, parent) = (nested, port.value.name)
        switchName = northbound.switches[nested.value.switchID]?.value.name ?? ""
    }

    private static func values(_ flow: JSONValue) throws(Refusal) -> [Field: String] {
        guard let members = flow.objectValue?.members else {
            throw Refusal(.invalidValue, "\"flow\" has to be an object, not \(flow.kindName).", pointer: "/flow")
        }
        var values: [Field: String] = [:]
        for (name, value) in members {
            let pointer = "/flow/" + escapedPointerToken(name)
            guard let field = Field(name: name) else {
                let known = Field.allCases.map(\.rawValue).joined(separator: ", ")
                throw Refusal(.unknownField, "A frame has no field \(quoted(name)); use \(known).", pointer: pointer)
            }
            guard let text = value.stringValue ?? value.integerValue.map({ String($0) }) else {
                let detail = "\(quoted(name)) has to be a string or a number, not \(value.kindName)."
                throw Refusal(.invalidValue, detail, pointer: pointer)
            }
            guard values.updateValue(text, forKey: field) == nil else {
                throw Refusal(.invalidValue, "\"\(field.rawValue)\" is given twice.", pointer: pointer)
            }
        }
        return values
    }

    /// The frame.
    /// - Throws: ``Refusal`` if the fields do not describe one.
    func frame() throws(Refusal) -> TracedFrame {
        try checkParts()
        let payload = try payload()
        guard let source = try mac(.ethernetSource) ?? ownMAC else {
            throw Self.missing(.ethernetSource, "as the port has no address that it could be")
        }
        guard let destination = try mac(.ethernetDestination) ?? Self.destination(of: payload) else {
            throw Self.missing(.ethernetDestination, "the MAC address that the frame goes to")
        }
        var frame = TracedFrame(source: source, destination: destination, payload: payload)
        // That of a nested port is taken off at the device.
        if parent == nil { frame.vlan = try number(.vlan, UInt16.self, upTo: 4095) }
        return frame
    }

    /// Refuses fields of frames that are different ones.
    private func checkParts() throws(Refusal) {
        let fields = Field.allCases.filter { values[$0] != nil }
        let solicitation = values[.neighborTarget] != nil
        var seen: (field: Field, part: String)?
        for field in fields {
            guard var part = field.part else { continue }
            if solicitation, field == .ipSource { part = Field.neighborTarget.part ?? part }
            defer { seen = (field, part) }
            guard let before = seen, before.part != part, before.part != Field.ipSource.part else { continue }
            let detail =
                "\"\(before.field.rawValue)\" is of \(before.part) and \"\(field.rawValue)\" of \(part); "
                + "leave one of them out."
            throw Self.invalid(field, detail)
        }
    }

    private func payload() throws(Refusal) -> TracedFrame.Payload {
        if let target = try ip(.arpTarget) {
            let sender = try ip(.arpSender) ?? ownIP(like: target) ?? .v4(IPv4Address(0))
            guard case (.v4, .v4) = (target, sender) else {
                throw Self.invalid(.arpTarget, "ARP is of IPv4; use \"nd.target\" for IPv6.")
            }
            return .neighborRequest(target: target, from: sender)
        }
        guard values[.arpSender] == nil else { throw Self.missing(.arpTarget, "the address that is asked for") }
        if let target = try ip(.neighborTarget) {
            let sender = try ip(.ipSource) ?? ownIP(like: target) ?? .v6(.any)
            guard case (.v6, .v6) = (target, sender) else {
                throw Self.invalid(.neighborTarget, "Neighbor discovery is of IPv6; use \"arp.tpa\" for IPv4.")
            }
            return .neighborRequest(target: target, from: sender)
        }
        let isPacket = Field.allCases.contains { values[$0] != nil && $0.part != nil && $0 != .etherType }
        guard isPacket else {
            return .none(etherType: try number(.etherType, UInt16.self, upTo: .max) ?? Self.etherTypeDefault)
        }
        guard let destination = try ip(.ipDestination) else {
            throw Self.missing(.ipDestination, "the IP address that the packet goes to")
        }
        guard let source = try ip(.ipSource) ?? ownIP(like: destination) else {
            throw Self.missing(.ipSource, "as the port has no address of that family")
        }
        guard source.isIPv4 == destination.isIPv4 else {
            throw Self.invalid(.ipSource, "\"ip.src\" and \"ip.dst\" have to be of one family.")
        }
        return .ip(source: source, destination: destination, try transport(isIPv4: source.isIPv4))
    }

    private func transport(isIPv4: Bool) throws(Refusal) -> TracedFrame.Transport {
        let icmp: UInt8 = isIPv4 ? 1 : 58
        let numbers: [String: UInt8] = ["tcp": 6, "udp": 17, "icmp": icmp, "icmp4": 1, "icmp6": 58]
        let said = try values[.ipProtocol].map { text throws(Refusal) -> UInt8 in
            guard let number = numbers[text] ?? UInt8(text) else {
                throw Self.invalid(.ipProtocol, "\(quoted(text)) is not tcp, udp, icmp or a number from 0 to 255.")
            }
            return number
        }
        func has(_ fields: Field..., number: UInt8) throws(Refusal) -> Bool {
            guard let field = fields.first(where: { values[$0] != nil }) else { return said == number }
            guard said ?? number == number else {
                throw Self.invalid(field, "\"\(field.rawValue)\" is of another protocol than \"ip.proto\".")
            }
            return true
        }
        func port(_ field: Field) throws(Refusal) -> UInt16 { try number(field, UInt16.self, upTo: .max) ?? 0 }
        if try has(.tcpSource, .tcpDestination, number: 6) {
            return .tcp(source: try port(.tcpSource), destination: try port(.tcpDestination))
        }
        if try has(.udpSource, .udpDestination, number: 17) {
            return .udp(source: try port(.udpSource), destination: try port(.udpDestination))
        }
        if try has(.icmpType, .icmpCode, number: icmp) {
            let echoRequest: UInt8 = isIPv4 ? 8 : 128
            let type = try number(.icmpType, UInt8.self, upTo: .max) ?? echoRequest
            return .icmp(type: type, code: try number(.icmpCode, UInt8.self, upTo: .max) ?? 0)
        }
        return .none(protocolNumber: said ?? 253)
    }

    /// The MAC address that a request for a neighbor, or a packet to all or to a group, goes to; other frames have none
    /// by themselves.
    private static func destination(of payload: TracedFrame.Payload) -> MACAddress? {
        switch payload {
        case .neighborRequest(.v4, _): .broadcast
        case .neighborRequest(.v6(let target), _): MACAddress(truncating: 0x3333_ff00_0000 | target.low & 0xff_ffff)
        case .ip(_, .v4(.broadcast), _): .broadcast
        case .ip(_, .v6(let group), _) where group.isMulticast:
            MACAddress(truncating: 0x3333_0000_0000 | group.low & 0xffff_ffff)
        case .none, .ip: nil
        }
    }

    private var ownMAC: MACAddress? {
        for case .known(let mac, _) in port.value.logicalAddresses { return mac }
        return nil
    }

    private func ownIP(like other: IPAddress) -> IPAddress? {
        for case .known(_, let ips) in port.value.logicalAddresses {
            if let ip = ips.first(where: { $0.isIPv4 == other.isIPv4 }) { return ip }
        }
        return nil
    }

    private func mac(_ field: Field) throws(Refusal) -> MACAddress? {
        try values[field].map { text throws(Refusal) in
            guard let mac = MACAddress(text) else {
                throw Self.invalid(field, "\(quoted(text)) is not a MAC address, such as 02:00:00:00:00:01.")
            }
            return mac
        }
    }

    private func ip(_ field: Field) throws(Refusal) -> IPAddress? {
        try values[field].map { text throws(Refusal) in
            guard let ip = IPAddress(text) else { throw Self.invalid(field, "\(quoted(text)) is not an IP address.") }
            return ip
        }
    }

    private func number<Number: FixedWidthInteger>(_ field: Field, _ type: Number.Type, upTo maximum: Number)
        throws(Refusal) -> Number?
    {
        try values[field].map { text throws(Refusal) in
            let isHexadecimal = text.hasPrefix("0x")
            let number = Number(isHexadecimal ? String(text.dropFirst(2)) : text, radix: isHexadecimal ? 16 : 10)
            guard let number, (0...maximum).contains(number) else {
                throw Self.invalid(field, "\(quoted(text)) is not a number from 0 to \(maximum).")
            }
            return number
        }
    }

    private static func pointer(_ field: Field) -> String { "/flow/" + field.rawValue }

    private static func invalid(_ field: Field, _ detail: String) -> Refusal {
        Refusal(.invalidValue, detail, pointer: pointer(field))
    }

    private static func missing(_ field: Field, _ why: String) -> Refusal {
        Refusal(.missingField, "The flow needs \"\(field.rawValue)\", \(why).", pointer: pointer(field))
    }
}

extension IPAddress {
    fileprivate var isIPv4: Bool {
        switch self {
        case .v4: true
        case .v6: false
        }
    }
}
