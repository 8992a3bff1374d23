import Southbound
import Wire

extension DHCPOptions {
    /// The content of hosts' answers.
    /// - Throws: ``Refusal`` for an option that there is not or that cannot be, and for one that is missing.
    func responder(_ id: ObjectID) throws(Refusal) -> DHCPResponder {
        var exchange: [String: [UInt8]] = [:]
        var encoded: [(option: DHCPOption, octets: [UInt8])] = []
        for (name, text) in options.sorted(by: { $0.key < $1.key }) {
            let option = try option(name)
            let octets: [UInt8]
            do throws(DHCPOptionError) {
                octets = try option.octets(text)
            } catch {
                throw Self.refusal(.invalidValue, name, "\"\(name)\" \(error); \(quoted(text)) is not that.")
            }
            switch option.purpose {
            case .exchange: exchange[name] = octets
            case .option: encoded.append((option, octets))
            }
        }
        if family == .v4, options["netmask"] == nil, let netmask = DHCPOption.named("netmask", of: .v4) {
            encoded.append((netmask, netmaskOctets))
        }
        let bytes = DHCPOption.encode(encoded, of: family)
        guard bytes.count <= DHCPResponder.optionByteCountMaximum else {
            let detail =
                "The options take \(bytes.count) bytes, and an answer has room for "
                + "\(DHCPResponder.optionByteCountMaximum)."
            throw Refusal(.limitExceeded, detail, pointer: "/options")
        }
        return switch family {
        case .v4: try version4(id, exchange, bytes)
        case .v6: try version6(id, exchange, bytes)
        }
    }

    private func version4(
        _ id: ObjectID,
        _ exchange: [String: [UInt8]],
        _ bytes: [UInt8]
    ) throws(Refusal) -> DHCPResponder {
        func number(_ name: String) -> UInt32? { exchange[name].map { $0.reduce(0) { $0 << 8 | UInt32($1) } } }
        guard let server = number("server_id").map({ IPv4Address($0) }) else {
            throw Self.missing("server_id", "the server's IPv4 address")
        }
        if server == .any || server.isMulticast || server.isLoopback || server == .broadcast {
            throw Self.refusal(.invalidValue, "server_id", "\(server) is not the address of one host.")
        }
        guard let leaseTime = number("lease_time") else {
            throw Self.missing("lease_time", "the seconds that an address may be used, such as 3600")
        }
        let (t1, t2) = (number("T1"), number("T2"))
        if let t1, t1 > t2 ?? leaseTime {
            throw Self.refusal(.invalidValue, "T1", "\"T1\" is at most \"T2\", which is at most \"lease_time\".")
        }
        if let t2, t2 > leaseTime {
            throw Self.refusal(.invalidValue, "T2", "\"T2\" is at most \"lease_time\", which is \(leaseTime).")
        }
        return DHCPResponder(
            id: id,
            cidr: cidr,
            serverID: server,
            serverMAC: exchange["server_mac"].map(Self.mac) ?? Self.serverMAC(of: server),
            nextServer: number("next_server").map { IPv4Address($0) },
            leaseTime: leaseTime,
            t1: t1,
            t2: t2,
            options: bytes
        )
    }

    private func version6(
        _ id: ObjectID,
        _ exchange: [String: [UInt8]],
        _ bytes: [UInt8]
    ) throws(Refusal) -> DHCPResponder {
        guard let mac = exchange["server_id"].map(Self.mac) else {
            throw Self.missing("server_id", "the server's MAC address")
        }
        let isStateless = exchange["dhcpv6_stateless"] == [1]
        return DHCPResponder(
            id: id,
            cidr: cidr,
            serverID: nil,
            serverMAC: mac,
            isStateless: isStateless,
            options: bytes
        )
    }

    /// The server's MAC if the user gives none: a locally administered one of the server's address, which differs for
    /// servers that differ.
    private static func serverMAC(of server: IPv4Address) -> MACAddress {
        MACAddress(truncating: 0x0e64_0000_0000 | UInt64(server.rawValue))
    }

    private static func mac(_ octets: [UInt8]) -> MACAddress {
        MACAddress(truncating: octets.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private var netmaskOctets: [UInt8] {
        let mask = cidr.length == 0 ? 0 : UInt32.max << UInt32(32 - cidr.length)
        return (0..<4).map { UInt8(truncatingIfNeeded: mask >> (24 - 8 * UInt32($0))) }
    }

    private func option(_ name: String) throws(Refusal) -> DHCPOption {
        if let option = DHCPOption.named(name, of: family) { return option }
        let (own, other) = family == .v4 ? ("DHCPv4", "DHCPv6") : ("DHCPv6", "DHCPv4")
        guard DHCPOption.named(name, of: family == .v4 ? .v6 : .v4) == nil else {
            let detail = "\"\(name)\" is an option of \(other), and \(cidr) makes these options of \(own)."
            throw Self.refusal(.unsupported, name, detail)
        }
        let known = DHCPOption.all(of: family).map(\.name).joined(separator: ", ")
        throw Self.refusal(.unsupported, name, "\(own) has no option \(quoted(name)); it has \(known).")
    }

    private static func missing(_ name: String, _ meaning: String) -> Refusal {
        refusal(.missingField, name, "The options need \"\(name)\", \(meaning).")
    }

    private static func refusal(_ code: Refusal.Code, _ name: String, _ detail: String) -> Refusal {
        Refusal(code, detail, pointer: "/options/" + escapedPointerToken(name))
    }
}
