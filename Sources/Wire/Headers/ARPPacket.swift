/// An ARP packet for IPv4 over Ethernet (RFC 826, "Packet format").
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     | hardware type = 1             | protocol type = 0x0800        |
///     | length = 6    | length = 4    | operation                     |
///     | sender hardware address, 6 octets; sender protocol address, 4 |
///     | target hardware address, 6 octets; target protocol address, 4 |
public struct ARPPacket: Hashable, Sendable {
    /// 1 request, 2 reply; others exist.
    public var operation: UInt16
    /// The sender's MAC address (`arp.sha`).
    public var senderMAC: MACAddress
    /// The sender's IPv4 address (`arp.spa`); 0.0.0.0 in a probe (RFC 5227 section 2.1.1).
    public var senderIP: IPv4Address
    /// The target's MAC address (`arp.tha`); ignored in requests.
    public var targetMAC: MACAddress
    /// The target's IPv4 address (`arp.tpa`).
    public var targetIP: IPv4Address

    public static let byteCount = 28
    public static let request: UInt16 = 1
    public static let reply: UInt16 = 2
    /// The operation of RARP's request (RFC 903).
    public static let reverseRequest: UInt16 = 3

    public init(
        operation: UInt16,
        senderMAC: MACAddress,
        senderIP: IPv4Address,
        targetMAC: MACAddress,
        targetIP: IPv4Address
    ) {
        self.operation = operation
        self.senderMAC = senderMAC
        self.senderIP = senderIP
        self.targetMAC = targetMAC
        self.targetIP = targetIP
    }

    /// Writes the packet to the start of `bytes`, which must have room for 28 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes.store(0x0001_0800 as UInt32, at: 0)
        bytes.store(0x0604 as UInt16, at: 4)
        bytes.store(operation, at: 6)
        bytes.store(senderMAC, at: 8)
        bytes.store(senderIP.rawValue, at: 14)
        bytes.store(targetMAC, at: 18)
        bytes.store(targetIP.rawValue, at: 24)
    }
}
