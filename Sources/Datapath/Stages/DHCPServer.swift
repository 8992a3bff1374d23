import Southbound
import Wire

// The DHCP server of a port in the tables, for both stages that read it: the rows, how records become rows, and the
// reading.

/// The content of answers to a port's DHCP messages.
struct DHCPRow {
    var serverMAC: UInt64
    /// DHCPv4 only.
    var serverID: UInt32
    /// DHCPv4 only: `siaddr`.
    var nextServer: UInt32
    /// Seconds; all bits set is for ever.
    var leaseTime: UInt32
    /// Seconds; 0 leaves it to the client.
    var renewalTime: UInt32
    /// Seconds; 0 leaves it to the client.
    var rebindingTime: UInt32
    /// 1 if no addresses are given.
    var isStateless: UInt32
    /// The encoded options (`UInt8`).
    var options: Extent
    /// `DHCPOfferRow`s.
    var offers: Extent
}

/// The address that a client is given.
struct DHCPOfferRow {
    var mac: UInt64
    /// The IPv6 address, or an IPv4 one in the lower half; 0 if there is none.
    var high: UInt64
    var low: UInt64
}

/// A responder as it is known while tables are compiled.
struct DHCPResponderState {
    var record: DHCPResponder
    /// Its options in the file.
    var options: Extent
}

extension ForwardingTables {
    /// Takes a responder; the ports that refer to it are laid again by `layChangedResponders`.
    func put(_ responder: DHCPResponder) {
        dhcpResponders[responder.id] = DHCPResponderState(record: responder, options: file.append(responder.options))
        changedResponders.insert(responder.id)
    }

    func removeDHCPResponder(_ id: ObjectID) {
        if dhcpResponders.removeValue(forKey: id) != nil { changedResponders.insert(id) }
    }

    /// Lays the server of a port that is plugged in here.
    /// - Returns: 0 if there is none, or nothing to give.
    func layDHCP(_ id: ObjectID?, of port: PortBinding, isIPv6: Bool) -> Reference {
        guard let id, let responder = dhcpResponders[id] else { return 0 }
        let record = responder.record
        guard record.cidr.isIPv6 == isIPv6, isIPv6 || record.serverID != nil else { return 0 }
        let isStateless = isIPv6 && record.isStateless
        let offers = port.addresses.compactMap { address -> DHCPOfferRow? in
            let ip = isStateless ? nil : address.ips.first { record.cidr.contains($0) }
            guard ip != nil || isStateless else { return nil }
            switch ip {
            case .v4(let ip): return DHCPOfferRow(mac: address.mac.rawValue, high: 0, low: UInt64(ip.rawValue))
            case .v6(let ip): return DHCPOfferRow(mac: address.mac.rawValue, high: ip.high, low: ip.low)
            case nil: return DHCPOfferRow(mac: address.mac.rawValue, high: 0, low: 0)
            }
        }
        guard !offers.isEmpty else { return 0 }
        let row = DHCPRow(
            serverMAC: record.serverMAC.rawValue,
            serverID: record.serverID?.rawValue ?? 0,
            nextServer: record.nextServer?.rawValue ?? 0,
            leaseTime: record.leaseTime ?? .max,
            renewalTime: record.t1 ?? 0,
            rebindingTime: record.t2 ?? 0,
            isStateless: isStateless ? 1 : 0,
            options: responder.options,
            offers: file.append(offers)
        )
        return file.append(row)
    }

    /// Lays what refers to responders that have changed anew.
    func layChangedResponders() {
        guard !changedResponders.isEmpty else { return }
        for id in portsHere.values.flatMap(\.self).sorted() {
            guard let port = port(id) else { continue }
            let responders = [port.dhcpv4Options, port.dhcpv6Options]
            if responders.contains(where: { $0.map(changedResponders.contains) ?? false }) { layAgain(id) }
        }
        for case let datapath? in datapathsByIndex where datapath.record.dnsRecords.contains(where: isChanged) {
            layNames(of: datapath)
        }
        changedResponders = []
    }

    private func isChanged(_ id: ObjectID) -> Bool { changedResponders.contains(id) }
}

extension TableFile {
    /// Copies a server from another file.
    /// - Parameter moved: where the options of responders lie now.
    func copyDHCP(_ place: Reference, from former: TableFile, _ moved: [Reference: Extent]) -> Reference {
        guard place != 0 else { return 0 }
        var row = former.load(DHCPRow.self, at: place)
        row.options = moved[row.options.first] ?? copy(UInt8.self, row.options, from: former)
        row.offers = copy(DHCPOfferRow.self, row.offers, from: former)
        return append(row)
    }

    /// The server as text.
    func dhcpText(_ place: Reference) -> String {
        guard place != 0 else { return "none" }
        let row = load(DHCPRow.self, at: place)
        let offers = load(DHCPOfferRow.self, row.offers).map { offer in
            let ip =
                offer.high == 0
                ? "\(IPv4Address(UInt32(truncatingIfNeeded: offer.low)))"
                : "\(IPv6Address(high: offer.high, low: offer.low))"
            return "\(MACAddress(truncating: offer.mac)) \(ip)"
        }
        return "\(MACAddress(truncating: row.serverMAC)) \(IPv4Address(row.serverID)) \(IPv4Address(row.nextServer)) "
            + "\(row.leaseTime) \(row.renewalTime) \(row.rebindingTime) \(row.isStateless) \(offers) "
            + hexadecimal(load(UInt8.self, row.options))
    }
}

extension IPPrefix {
    var isIPv6: Bool { address.bitCount == 128 }
}

/// The server of a port, as both stages read it.
struct DHCPServer {
    let row: UnsafePointer<DHCPRow>
    /// The encoded options, as many as a record may have.
    let options: UnsafeBufferPointer<UInt8>
    private let tables: Tables

    init?(at place: Reference, _ tables: Tables) {
        guard let row = tables.row(DHCPRow.self, at: place) else { return nil }
        self.row = row
        self.tables = tables
        let options = tables.rows(UInt8.self, row.pointee.options)
        let count = min(options.count, DHCPOption.octetCountMaximum)
        self.options = UnsafeBufferPointer(start: options.baseAddress, count: count)
    }

    /// The address for the client with a MAC address; `nil` if there is none.
    func offer(to mac: UInt64) -> DHCPOfferRow? {
        tables.rows(DHCPOfferRow.self, row.pointee.offers).first { $0.mac == mac }
    }
}

extension Frame {
    /// The payload of a UDP datagram that is there in one piece; `nil` if it is none.
    var datagramPayload: OctetRange? {
        guard isIP, transport == IPProtocol.udp, !isLaterFragment, transportByteCount >= UDPHeader.byteCount else {
            return nil
        }
        if network == .ipv4 ? ipv4FragmentWord & 0x3fff != 0 : hasIPv6Fragment { return nil }
        let count = Int(bytes.integer16(at: transportOffset + 4))
        guard count >= UDPHeader.byteCount, count <= transportByteCount else { return nil }
        return OctetRange(start: transportOffset + UDPHeader.byteCount, count: count - UDPHeader.byteCount)
    }

    /// The octets of a part of the frame.
    func octets(_ range: OctetRange) -> UnsafeBufferPointer<UInt8> {
        bytes.octets(from: range.start, to: range.end)
    }
}
