import Wire

/// A connection of a port of this host, for people.
public struct TrackedConnection: Sendable {
    /// The datapath's key.
    public var vni: UInt32
    /// The key on the datapath of the port that it is tracked for.
    public var portKey: UInt16
    /// The IP protocol.
    public var transport: UInt8
    /// The end that has opened it, and the other one.
    public var source: IPAddress
    public var destination: IPAddress
    /// The ports; of ICMP the identifier and 0, without ports 0.
    public var sourcePort: UInt16
    public var destinationPort: UInt16
    /// `opening`, `answered`, `established`, `closing`, `last_acknowledgment` or `closed`.
    public var state: String
    /// True if ACLs have ended it.
    public var isBlocked: Bool
    /// True if the port has opened it.
    public var isFromPort: Bool
    /// Seconds since a packet of it passed.
    public var idleSeconds: UInt64

    init(_ connection: Connection, now: UInt64) {
        let tuple = connection.tuple
        vni = connection.vni
        portKey = connection.portKey
        transport = tuple.transport
        source = Self.address(tuple.sourceHigh, tuple.sourceLow, tuple.isIPv6)
        destination = Self.address(tuple.destinationHigh, tuple.destinationLow, tuple.isIPv6)
        (sourcePort, destinationPort) = (tuple.sourcePort, tuple.destinationPort)
        state =
            switch connection.state {
            case .opening: "opening"
            case .answered: "answered"
            case .established: "established"
            case .closing: "closing"
            case .lastAcknowledgment: "last_acknowledgment"
            case .closed: "closed"
            }
        isBlocked = connection.isBlocked
        isFromPort = connection.isFromPort
        idleSeconds = (now - min(now, connection.time)) / 1000
    }

    private static func address(_ high: UInt64, _ low: UInt64, _ isIPv6: Bool) -> IPAddress {
        isIPv6 ? .v6(IPv6Address(high: high, low: low)) : .v4(IPv4Address(UInt32(truncatingIfNeeded: low)))
    }
}
