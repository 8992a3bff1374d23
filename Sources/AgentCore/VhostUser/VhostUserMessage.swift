import ForwarderProtocol

// Messages of vhost-user (QEMU's docs/interop/vhost-user.rst): u32 request, u32 flags, u32 length of the payload,
// payload, in the machine's byte order, which is little-endian on all machines of ours.

/// The requests of a VMM that a port knows.
enum VhostUserRequest: UInt32, CaseIterable {
    case getFeatures = 1
    case setFeatures = 2
    case setOwner = 3
    case resetOwner = 4
    case setMemoryTable = 5
    case setLogBase = 6
    case setLogFile = 7
    case setRingSize = 8
    case setRingAddresses = 9
    case setRingBase = 10
    case getRingBase = 11
    case setRingKick = 12
    case setRingCall = 13
    case setRingError = 14
    case getProtocolFeatures = 15
    case setProtocolFeatures = 16
    case getQueueCount = 17
    case setRingEnable = 18
    case setMTU = 20
}

/// The numbers of the protocol's own features.
enum VhostUserFeature {
    static let multipleQueues = 0
    static let logFile = 1
    static let acknowledgments = 3
    static let mtu = 4
}

/// The head of a message.
public struct VhostUserHeader: Hashable, Sendable {
    public static let byteCount = 12
    /// The longest payload: the memory table has 264 octets.
    public static let payloadByteCountMaximum = 1024

    var request: UInt32
    var flags: UInt32
    public var payloadByteCount: Int

    private static let version: UInt32 = 1
    private static let versionMask: UInt32 = 3
    private static let isReply: UInt32 = 4
    private static let needsReply: UInt32 = 8

    /// True if the VMM waits for a word about how it went.
    var needsReply: Bool { flags & Self.needsReply != 0 }

    /// - Parameter bytes: ``byteCount`` of them.
    public init(parsing bytes: [UInt8]) throws(VhostUserError) {
        var reader = PayloadReader(bytes)
        request = try reader.integer()
        flags = try reader.integer()
        let count: UInt32 = try reader.integer()
        try reader.end()
        guard flags & Self.versionMask == Self.version else { throw .version }
        guard flags & Self.isReply == 0 else { throw .replyWithoutRequest }
        guard count <= UInt32(Self.payloadByteCountMaximum) else { throw .tooLong }
        payloadByteCount = Int(count)
    }

    /// Returns the answer to a request.
    static func reply(to request: UInt32, _ payload: [UInt8]) -> [UInt8] {
        littleEndian(request) + littleEndian(version | isReply) + littleEndian(UInt32(clamping: payload.count))
            + payload
    }
}

/// The reason why a VMM's connection is closed; one clause for the log.
public enum VhostUserError: Error, Hashable, Sendable, CustomStringConvertible {
    case version
    case replyWithoutRequest
    case tooLong
    /// The payload has another length than the request's.
    case length(UInt32)
    case unknownRequest(UInt32)
    /// It comes with another number of descriptors.
    case descriptorCount(UInt32)
    case features(UInt64)
    case protocolFeatures(UInt64)
    case ringNumber(UInt32)
    case ringSize(UInt32)
    /// Regions are empty, too many, too large, or lie over each other.
    case memory
    /// A ring is not in the guest's memory, or not where it may be.
    case ringAddress
    case polling
    case log

    public var description: String {
        switch self {
        case .version: "a message is of another version than 1"
        case .replyWithoutRequest: "a reply came that nobody asked for"
        case .tooLong: "a message is longer than \(VhostUserHeader.payloadByteCountMaximum) octets"
        case .length(let request): "a message of request \(request) has a wrong length"
        case .unknownRequest(let request): "request \(request) is not known"
        case .descriptorCount(let request): "a message of request \(request) has a wrong number of descriptors"
        case .features(let bits): "it wants features that were not offered, 0x\(String(bits, radix: 16))"
        case .protocolFeatures(let bits):
            "it wants features of the protocol that were not offered, 0x\(String(bits, radix: 16))"
        case .ringNumber(let number): "there is no ring \(number)"
        case .ringSize(let size):
            "a ring of \(size) buffers is not served; a power of two up to \(RingLayout.ringSizeMaximum) is"
        case .memory: "the guest's memory is described in a way that cannot be"
        case .ringAddress: "a ring does not lie in the guest's memory"
        case .polling: "a ring without an eventfd for its kicks is not served"
        case .log: "the log of the guest's memory is described in a way that cannot be"
        }
    }
}

/// Takes words off a payload, front to back.
struct PayloadReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(
        _ type: Value.Type = Value.self
    ) throws(VhostUserError) -> Value {
        let size = Value.bitWidth / 8
        guard rest.count >= size else { throw .tooLong }
        var value: Value = 0
        for byte in rest.prefix(size).reversed() { value = value << 8 | Value(byte) }
        rest = rest.dropFirst(size)
        return value
    }

    func end() throws(VhostUserError) {
        guard rest.isEmpty else { throw .tooLong }
    }
}

/// Returns the octets of a word, the lowest first.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}
