import Southbound
import Wire

/// A frame by which a physical network learns where a guest is.
public struct Announcement: Hashable, Sendable {
    /// The wire that it is sent to, by its name among the ports.
    public var wire: String
    /// The VLAN of the wire; `nil` for none.
    public var tag: UInt16?
    public var frame: [UInt8]
}

/// The guests that physical networks are told of (OVN's `send_garp_rarp`).
struct AnnouncementState: Sendable {
    /// Announcements of a guest, since any may be lost: at once, and after 1, 3, 7 and 15 seconds, as OVN has them.
    static let roundCount = 5
    static let firstPause = Duration.seconds(1)
    /// Guests of one turn; with a thousand and more a host that starts does not flood the network.
    static let turnGuestCountMaximum = 64
    /// The pause between two turns.
    static let turnPause = Duration.milliseconds(50)

    /// True if guests or wires may be others than those that were looked at last.
    var isOutdated = false
    /// The openings of each wire so far: on one that was away everybody is announced anew.
    var openings: [String: UInt64] = [:]
    /// By the ports' names.
    var guests: [String: Guest] = [:]
    /// The time of the next turn.
    var turnAt: Duration?

    struct Guest: Hashable, Sendable {
        /// The place that is announced: another one begins anew.
        var place: Place
        var roundsLeft = AnnouncementState.roundCount
        var pause = AnnouncementState.firstPause
        var dueAt: Duration
    }

    struct Place: Hashable, Sendable {
        var bindSequence: UInt64
        var addresses: [PortAddress]
        /// The wires with their openings.
        var wires: [String: UInt64]
    }
}

extension AgentCore {
    /// Announces guests that have come to this host, in turns of a few frames.
    mutating func settleAnnouncements(now: Duration) {
        if announcements.isOutdated {
            announcements.isOutdated = false
            noteGuestsToAnnounce(now: now)
        }
        guard let turnAt = announcements.turnAt, turnAt <= now else { return }
        let due = announcements.guests.filter { $0.value.roundsLeft > 0 && $0.value.dueAt <= now }
            .sorted { ($0.value.dueAt, $0.key) < ($1.value.dueAt, $1.key) }
        var sent: [Announcement] = []
        for (name, guest) in due.prefix(AnnouncementState.turnGuestCountMaximum) {
            let frames = guest.place.addresses.flatMap(Self.announcements)
            for wire in guest.place.wires.keys.sorted() {
                let tag = ports[wire]?.specification.tag
                sent += frames.map { Announcement(wire: wire, tag: tag, frame: $0) }
            }
            announcements.guests[name]?.roundsLeft -= 1
            announcements.guests[name]?.dueAt = now + guest.pause
            announcements.guests[name]?.pause = guest.pause * 2
        }
        if !sent.isEmpty { emit(.announce(sent)) }
        let next = announcements.guests.values.lazy.filter { $0.roundsLeft > 0 }.map(\.dueAt).min()
        let isCut = due.count > AnnouncementState.turnGuestCountMaximum
        announcements.turnAt = isCut ? now + AnnouncementState.turnPause : next
    }

    /// Compares the guests that are up here on switches with a wire with those that were announced.
    private mutating func noteGuestsToAnnounce(now: Duration) {
        var wires: [ObjectID: [String: UInt64]] = [:]
        for port in ports.values where port.isWire && forwarder.upPorts.contains(port.specification.name) {
            // The way to a guest through a gateway stays the same wherever the guest is.
            guard let binding = share.binding(of: port.specification.logicalPort), binding.isEnabled,
                binding.isLocalnet
            else { continue }
            let name = port.specification.name
            wires[binding.datapath, default: [:]][name] = announcements.openings[name] ?? 0
        }
        var guests: [String: AnnouncementState.Guest] = [:]
        defer {
            announcements.guests = guests
            announcements.turnAt = guests.values.lazy.filter { $0.roundsLeft > 0 }.map(\.dueAt).min()
        }
        guard !wires.isEmpty else { return }
        for name in forwarder.upPorts {
            guard let port = ports[name], !port.isWire,
                let binding = share.binding(of: port.specification.logicalPort), binding.isEnabled,
                binding.isAnnounced, let wires = wires[binding.datapath],
                let place = binding.location(on: configuration.chassis), place.state == .active
            else { continue }
            let shown = AnnouncementState.Place(
                bindSequence: place.bindSeq,
                addresses: binding.addresses,
                wires: wires
            )
            let known = announcements.guests[name]
            guests[name] = known?.place == shown ? known : AnnouncementState.Guest(place: shown, dueAt: now)
        }
    }

    /// The frames about an address: a gratuitous ARP request for each IPv4 address, else a RARP request, which tells
    /// switches of the MAC address alone.
    private static func announcements(of address: PortAddress) -> [[UInt8]] {
        let requests = address.ips.compactMap { ip -> [UInt8]? in
            guard case .v4(let ip) = ip else { return nil }
            return frame(EtherType.arp, ARPPacket.request, of: address.mac, target: .zero, ip)
        }
        guard requests.isEmpty else { return requests }
        return [frame(EtherType.rarp, ARPPacket.reverseRequest, of: address.mac, target: address.mac, IPv4Address(0))]
    }

    /// A message to all in which the sender's IP address is the target's.
    private static func frame(
        _ etherType: UInt16,
        _ operation: UInt16,
        of mac: MACAddress,
        target: MACAddress,
        _ ip: IPv4Address
    ) -> [UInt8] {
        let header = EthernetHeader(destination: .broadcast, source: mac, etherType: etherType)
        var frame = [UInt8](repeating: 0, count: header.byteCount)
        var span = frame.mutableSpan
        header.write(to: &span)
        // Frames without a tag have 60 octets at least (IEEE 802.3 clause 3.2.8).
        var content = [UInt8](repeating: 0, count: 60 - header.byteCount)
        var contentSpan = content.mutableSpan
        let packet = ARPPacket(operation: operation, senderMAC: mac, senderIP: ip, targetMAC: target, targetIP: ip)
        packet.write(to: &contentSpan)
        return frame + content
    }
}
