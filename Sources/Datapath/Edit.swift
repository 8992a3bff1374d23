import Wire

/// Changes to the headers of a frame on its way out, as one value that is decided once and applied to each frame of a
/// flow: MAC and IP addresses, ports, hops, the code point, and one tag. What a frame does not have, an edit leaves
/// alone.
///
/// Checksums follow by what the changed words differ in (RFC 1624), so that payloads are not read; a checksum that is
/// yet to be completed has the addresses only, and changes with those.
public struct Edit: BitwiseCopyable, Equatable, Sendable {
    private(set) var parts: Parts = []
    private var hopCount: UInt8 = 0
    private(set) var dscp: UInt8 = 0
    private(set) var tagControl: UInt16 = 0
    private var sourcePort: UInt16 = 0
    private var destinationPort: UInt16 = 0
    private(set) var source: UInt64 = 0
    private(set) var destination: UInt64 = 0
    private var sourceHigh: UInt64 = 0
    private var sourceLow: UInt64 = 0
    private var destinationHigh: UInt64 = 0
    private var destinationLow: UInt64 = 0

    /// An IPv4 address lies in the low 32 bits.
    private(set) var sourceAddress: IPv6Address {
        get { IPv6Address(high: sourceHigh, low: sourceLow) }
        set { (sourceHigh, sourceLow) = (newValue.high, newValue.low) }
    }

    /// An IPv4 address lies in the low 32 bits.
    private(set) var destinationAddress: IPv6Address {
        get { IPv6Address(high: destinationHigh, low: destinationLow) }
        set { (destinationHigh, destinationLow) = (newValue.high, newValue.low) }
    }

    /// The parts of a frame.
    struct Parts: OptionSet, BitwiseCopyable {
        let rawValue: UInt16

        static let source = Parts(rawValue: 1)
        static let destination = Parts(rawValue: 2)
        static let ipv4Source = Parts(rawValue: 4)
        static let ipv4Destination = Parts(rawValue: 8)
        static let ipv6Source = Parts(rawValue: 16)
        static let ipv6Destination = Parts(rawValue: 32)
        static let sourcePort = Parts(rawValue: 64)
        static let destinationPort = Parts(rawValue: 128)
        static let hops = Parts(rawValue: 256)
        /// The first tag goes.
        static let removedTag = Parts(rawValue: 512)
        /// A tag comes in front of all that are left.
        static let addedTag = Parts(rawValue: 1024)
        /// The differentiated services code point.
        static let dscp = Parts(rawValue: 2048)
    }

    /// Octets by which an edited header may begin earlier than the frame's own.
    public static let growthMaximum = 4

    public init() {}

    public var isEmpty: Bool { parts.isEmpty }

    mutating func setSource(_ mac: UInt64) {
        source = mac
        parts.insert(.source)
    }

    /// Sets the MAC that the frame goes to.
    mutating func setDestination(_ mac: UInt64) {
        destination = mac
        parts.insert(.destination)
    }

    /// Sets the sender's address in packets of its family.
    mutating func setSource(_ address: IPAddress) {
        (sourceAddress, parts) = Self.set(address, parts, ipv4: .ipv4Source, ipv6: .ipv6Source)
    }

    /// Sets the address that packets of its family go to.
    mutating func setDestination(_ address: IPAddress) {
        (destinationAddress, parts) = Self.set(address, parts, ipv4: .ipv4Destination, ipv6: .ipv6Destination)
    }

    /// Sets the port of TCP and UDP that the packet comes from.
    mutating func setSourcePort(_ port: UInt16) {
        sourcePort = port
        parts.insert(.sourcePort)
    }

    /// Sets the port of TCP and UDP that the packet goes to.
    mutating func setDestinationPort(_ port: UInt16) {
        destinationPort = port
        parts.insert(.destinationPort)
    }

    /// Takes one more hop from the time to live or hop limit.
    mutating func takeHop() {
        hopCount &+= 1
        parts.insert(.hops)
    }

    /// Sets the differentiated services code point of IP packets, by its lowest six bits.
    mutating func setDSCP(_ value: UInt8) {
        dscp = value & 63
        parts.insert(.dscp)
    }

    mutating func removeTag() {
        if parts.contains(.addedTag) { parts.remove(.addedTag) } else { parts.insert(.removedTag) }
    }

    /// Adds a tag (IEEE 802.1Q) in front of the others; of two only the later.
    mutating func addTag(_ control: UInt16) {
        tagControl = control
        parts.insert(.addedTag)
    }

    /// Makes further changes, to what this edit leaves of a frame.
    mutating func append(_ later: Edit) {
        if later.parts.contains(.source) { setSource(later.source) }
        if later.parts.contains(.destination) { setDestination(later.destination) }
        if !later.parts.isDisjoint(with: [.ipv4Source, .ipv6Source]) {
            parts.subtract([.ipv4Source, .ipv6Source])
            parts.formUnion(later.parts.intersection([.ipv4Source, .ipv6Source]))
            sourceAddress = later.sourceAddress
        }
        if !later.parts.isDisjoint(with: [.ipv4Destination, .ipv6Destination]) {
            parts.subtract([.ipv4Destination, .ipv6Destination])
            parts.formUnion(later.parts.intersection([.ipv4Destination, .ipv6Destination]))
            destinationAddress = later.destinationAddress
        }
        if later.parts.contains(.sourcePort) { setSourcePort(later.sourcePort) }
        if later.parts.contains(.destinationPort) { setDestinationPort(later.destinationPort) }
        if later.parts.contains(.hops) {
            hopCount &+= later.hopCount
            parts.insert(.hops)
        }
        if later.parts.contains(.dscp) { setDSCP(later.dscp) }
        if later.parts.contains(.removedTag) { removeTag() }
        if later.parts.contains(.addedTag) { addTag(later.tagControl) }
    }

    private static func set(
        _ address: IPAddress,
        _ parts: Parts,
        ipv4: Parts,
        ipv6: Parts
    ) -> (IPv6Address, Parts) {
        let others = parts.subtracting([ipv4, ipv6])
        switch address {
        case .v4(let address): return (IPv6Address(high: 0, low: UInt64(address.rawValue)), others.union(ipv4))
        case .v6(let address): return (address, others.union(ipv6))
        }
    }
}

extension Edit: CustomStringConvertible {
    /// The changes in words: `destination MAC 02:00:00:00:00:01, 1 hop less`.
    public var description: String {
        let texts: [(Parts, String)] = [
            (.source, "source MAC \(MACAddress(truncating: source))"),
            (.destination, "destination MAC \(MACAddress(truncating: destination))"),
            (.ipv4Source, "source \(IPv4Address(UInt32(truncatingIfNeeded: sourceAddress.low)))"),
            (.ipv4Destination, "destination \(IPv4Address(UInt32(truncatingIfNeeded: destinationAddress.low)))"),
            (.ipv6Source, "source \(sourceAddress)"), (.ipv6Destination, "destination \(destinationAddress)"),
            (.sourcePort, "source port \(sourcePort)"), (.destinationPort, "destination port \(destinationPort)"),
            (.hops, "\(hopCount) hop\(hopCount == 1 ? "" : "s") less"), (.removedTag, "first tag removed"),
            (.addedTag, "tag \(tagControl) added"), (.dscp, "DSCP \(dscp)"),
        ]
        return texts.filter { parts.contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}

extension Edit {
    /// The frame as the edit leaves it.
    public func applied(to frame: [UInt8]) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: Self.growthMaximum) + frame
        return memory.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress.map({ $0 + Self.growthMaximum }) else { return frame }
            let read = Frame(start, byteCount: frame.count)
            let byteCount = frame.count + growth(of: read)
            return Array(UnsafeRawBufferPointer(start: apply(to: start, read, isPartial: false), count: byteCount))
        }
    }

    /// Octets by which a frame gets longer.
    public func growth(of frame: Frame) -> Int {
        guard !frame.isShort else { return 0 }
        return (parts.contains(.addedTag) ? 4 : 0) &- (removesTag(of: frame) ? 4 : 0)
    }

    /// Changes a frame in its place. Its payload stays; with another number of tags the frame begins elsewhere.
    /// - Parameters:
    ///   - bytes: the frame, with room for `growthMaximum` octets in front of it.
    ///   - frame: the same as it was read; it holds no more afterwards.
    ///   - isPartial: true if the checksum of its TCP, UDP or ICMPv6 is yet to be completed.
    /// - Returns: where it begins now.
    public func apply(
        to bytes: UnsafeMutableRawPointer,
        _ frame: Frame,
        isPartial: Bool
    ) -> UnsafeMutableRawPointer {
        guard !frame.isShort else { return bytes }
        changePacket(bytes, frame, isPartial: isPartial)
        var start = bytes
        if removesTag(of: frame) {
            start = bytes + 4
            start.copyMemory(from: bytes, byteCount: 12)
        }
        if parts.contains(.addedTag) {
            start -= 4
            start.copyMemory(from: start + 4, byteCount: 12)
            start.store16(Int(EtherType.customerTag), at: 12)
            start.store16(Int(tagControl), at: 14)
        }
        if parts.contains(.destination) { start.storeMAC(destination, at: 0) }
        if parts.contains(.source) { start.storeMAC(source, at: 6) }
        return start
    }

    private func removesTag(of frame: Frame) -> Bool {
        parts.contains(.removedTag) && frame.tagByteCount > 0 && frame.byteCount >= frame.networkOffset
    }

    private func changePacket(_ bytes: UnsafeMutableRawPointer, _ frame: Frame, isPartial: Bool) {
        let network = bytes + frame.networkOffset
        switch frame.network {
        case .ipv4:
            let hops = takeHops(from: network, at: 8) &+ markIPv4(network)
            let addresses = changeIPv4Addresses(network)
            network.changeChecksum(at: 10, by: hops &+ addresses)
            changeTransport(bytes, frame, isPartial: isPartial, by: addresses)
        case .ipv6:
            _ = takeHops(from: network, at: 7)
            markIPv6(network)
            changeTransport(bytes, frame, isPartial: isPartial, by: changeIPv6Addresses(network))
        case .malformed, .opaque, .foreignARP, .arp: return
        }
    }

    /// Takes hops from the octet at `offset`; the difference that it makes to a sum.
    private func takeHops(from network: UnsafeMutableRawPointer, at offset: Int) -> UInt64 {
        guard parts.contains(.hops) else { return 0 }
        let left = network.load(fromByteOffset: offset, as: UInt8.self)
        return network.replace(left &- min(left, hopCount), at: offset)
    }

    /// Sets the upper six bits of the second octet (RFC 2474 section 3); the difference that it makes to a sum.
    private func markIPv4(_ network: UnsafeMutableRawPointer) -> UInt64 {
        guard parts.contains(.dscp) else { return 0 }
        let old = network.load(fromByteOffset: 1, as: UInt8.self)
        return network.replace(dscp &<< 2 | old & 3, at: 1)
    }

    /// Sets the upper six bits of the traffic class, behind the version (RFC 8200 section 3), which no sum has.
    private func markIPv6(_ network: UnsafeMutableRawPointer) {
        guard parts.contains(.dscp) else { return }
        let old = UInt16(bigEndian: network.loadUnaligned(fromByteOffset: 0, as: UInt16.self))
        network.store16(Int(old & 0xf03f | UInt16(dscp) &<< 6), at: 0)
    }

    private func changeIPv4Addresses(_ network: UnsafeMutableRawPointer) -> UInt64 {
        var change: UInt64 = 0
        if parts.contains(.ipv4Source) {
            change &+= network.replace(UInt32(truncatingIfNeeded: sourceAddress.low), at: 12)
        }
        if parts.contains(.ipv4Destination) {
            change &+= network.replace(UInt32(truncatingIfNeeded: destinationAddress.low), at: 16)
        }
        return change
    }

    private func changeIPv6Addresses(_ network: UnsafeMutableRawPointer) -> UInt64 {
        var change: UInt64 = 0
        if parts.contains(.ipv6Source) { change &+= network.replace(sourceAddress, at: 8) }
        if parts.contains(.ipv6Destination) { change &+= network.replace(destinationAddress, at: 24) }
        return change
    }

    private func changeTransport(
        _ bytes: UnsafeMutableRawPointer,
        _ frame: Frame,
        isPartial: Bool,
        by addresses: UInt64
    ) {
        let transport = bytes + frame.transportOffset
        let offset: Int
        switch frame.transport {
        case IPProtocol.tcp: offset = Frame.tcpChecksumOffset
        case IPProtocol.udp: offset = Frame.udpChecksumOffset
        case IPProtocol.icmpv6 where frame.network == .ipv6:
            guard frame.transportByteCount >= 4 else { return }
            return transport.changeChecksum(at: 2, by: addresses, isPartial: isPartial)
        default: return
        }
        // Later fragments have no ports, and the first one's checksum is that of all.
        guard frame.transportByteCount >= offset &+ 2 else { return }
        var ports: UInt64 = 0
        if parts.contains(.sourcePort) { ports &+= transport.replace(sourcePort, at: 0) }
        if parts.contains(.destinationPort) { ports &+= transport.replace(destinationPort, at: 2) }
        let isUDP = frame.transport == IPProtocol.udp
        // UDP says by 0 that there is none (RFC 768).
        if isUDP, !isPartial, transport.loadUnaligned(fromByteOffset: offset, as: UInt16.self) == 0 { return }
        transport.changeChecksum(at: offset, by: isPartial ? addresses : addresses &+ ports, isPartial: isPartial)
        if isUDP, !isPartial, transport.loadUnaligned(fromByteOffset: offset, as: UInt16.self) == 0 {
            transport.storeBytes(of: ~0, toByteOffset: offset, as: UInt16.self)
        }
    }
}

// Words are changed in the machine's byte order, as sums are (see `WordSum`).
extension UnsafeMutableRawPointer {
    fileprivate func storeMAC(_ mac: UInt64, at offset: Int) {
        store16(Int(mac &>> 32), at: offset)
        storeBytes(of: UInt32(truncatingIfNeeded: mac).bigEndian, toByteOffset: offset &+ 2, as: UInt32.self)
    }

    /// Stores a value; the difference that it makes to a sum of what changed.
    fileprivate func replace(_ value: UInt32, at offset: Int) -> UInt64 {
        let old = loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
        return UInt64(~old) &+ UInt64(value.bigEndian)
    }

    fileprivate func replace(_ value: UInt16, at offset: Int) -> UInt64 {
        let old = loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
        return UInt64(~old) &+ UInt64(value.bigEndian)
    }

    fileprivate func replace(_ address: IPv6Address, at offset: Int) -> UInt64 {
        replace(UInt32(truncatingIfNeeded: address.high &>> 32), at: offset)
            &+ replace(UInt32(truncatingIfNeeded: address.high), at: offset &+ 4)
            &+ replace(UInt32(truncatingIfNeeded: address.low &>> 32), at: offset &+ 8)
            &+ replace(UInt32(truncatingIfNeeded: address.low), at: offset &+ 12)
    }

    /// Stores an octet; the difference that its word makes.
    fileprivate func replace(_ value: UInt8, at offset: Int) -> UInt64 {
        let word = offset & ~1
        let old = loadUnaligned(fromByteOffset: word, as: UInt16.self)
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
        return UInt64(~old) &+ UInt64(loadUnaligned(fromByteOffset: word, as: UInt16.self))
    }

    /// RFC 1624: HC' = ~(~HC + ~m + m'); of a sum that is yet to be completed and so not inverted, HC' = HC + ~m + m'.
    fileprivate func changeChecksum(at offset: Int, by change: UInt64, isPartial: Bool = false) {
        guard change != 0 else { return }
        let old = loadUnaligned(fromByteOffset: offset, as: UInt16.self)
        let sum = WordSum.fold(UInt64(isPartial ? old : ~old) &+ change)
        storeBytes(of: isPartial ? sum : ~sum, toByteOffset: offset, as: UInt16.self)
    }
}
