import Wire

/// The octets between IP and an Ethernet frame on its way to a collector.
public struct MirrorHeader: BitwiseCopyable, Sendable {
    /// The octets of the longest: GRE with a sequence number, and ERSPAN's header.
    public static let byteCountMaximum = 16

    private let isERSPAN: Bool
    /// The key of GRE, or the index of ERSPAN.
    private let number: UInt32

    /// GRE (RFC 2784) of Ethernet frames (transparent Ethernet bridging, 0x6558) with a key (RFC 2890).
    public static func gre(key: UInt32) -> MirrorHeader { MirrorHeader(isERSPAN: false, number: key) }

    /// ERSPAN of version 1, or type II (draft-foschiano-erspan), in GRE with a sequence number.
    /// - Parameter index: its lowest 20 bits are told, and the lowest 10 are the session.
    public static func erspan(index: UInt32) -> MirrorHeader { MirrorHeader(isERSPAN: true, number: index) }

    /// The octets.
    public var byteCount: Int { isERSPAN ? 16 : 8 }

    /// Writes the header.
    /// - Parameters:
    ///   - memory: room for ``byteCountMaximum`` octets.
    ///   - sequence: of the frame, among those of one session.
    public func write(to memory: UnsafeMutableRawPointer, sequence: UInt32) {
        if isERSPAN {
            // The flag S, and ERSPAN's number among protocols.
            memory.storeBytes(of: (0x1000_88be as UInt32).bigEndian, as: UInt32.self)
            memory.storeBytes(of: sequence.bigEndian, toByteOffset: 4, as: UInt32.self)
            // Version 1, no VLAN, no class; the frame as it was; the session.
            let session = 0x1000_0000 | number & 0x3ff
            memory.storeBytes(of: session.bigEndian, toByteOffset: 8, as: UInt32.self)
            memory.storeBytes(of: (number & 0xf_ffff).bigEndian, toByteOffset: 12, as: UInt32.self)
        } else {
            // The flag K, and transparent Ethernet bridging.
            memory.storeBytes(of: (0x2000_6558 as UInt32).bigEndian, as: UInt32.self)
            memory.storeBytes(of: number.bigEndian, toByteOffset: 4, as: UInt32.self)
        }
    }
}
