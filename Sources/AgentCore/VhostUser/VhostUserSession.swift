import ForwarderProtocol

/// A VMM's connection to a vhost-user port: what it has said of its guest's memory and rings, and what it is answered.
///
/// Messages may come in any order. What they say is kept as it is; `device` tells what can be served by it.
/// - Parameter File: a descriptor that came along, whatever it is.
public struct VhostUserSession<File: Sendable>: Sendable {
    /// The features that are offered to the guest's driver.
    static var offeredFeatures: UInt64 {
        mask([
            VirtioFeature.checksum, VirtioFeature.guestChecksum, VirtioFeature.mtu, VirtioFeature.guestTCPv4,
            VirtioFeature.guestTCPv6, VirtioFeature.guestECN, VirtioFeature.hostTCPv4, VirtioFeature.hostTCPv6,
            VirtioFeature.hostECN, VirtioFeature.mergeableBuffers, VirtioFeature.multipleQueues, VirtioFeature.logAll,
            VirtioFeature.anyLayout, VirtioFeature.indirectDescriptors, VirtioFeature.eventIndex,
            VirtioFeature.protocolFeatures, VirtioFeature.version1,
        ])
    }
    static var offeredProtocolFeatures: UInt64 {
        mask([
            VhostUserFeature.multipleQueues, VhostUserFeature.logFile, VhostUserFeature.acknowledgments,
            VhostUserFeature.mtu,
        ])
    }
    private static var ringCount: Int { 2 * RingLayout.pairCountMaximum }

    /// The consequences of a message.
    public struct Reaction: Sendable {
        public var reply = Reply.none
        /// True if what is served by has changed: the reply waits until the forwarder goes by it.
        public var isDeviceChanged = false
    }

    public enum Reply: Sendable {
        case none
        case bytes([UInt8])
        /// The number of a ring's next buffer, which is in the guest's memory, in this file at this offset.
        case ringBase(ring: UInt32, File, offset: UInt64)
    }

    private struct Ring: Sendable {
        var size: UInt32 = 0
        var base: UInt32 = 0
        var addresses: Addresses?
        var kick: File?
        var call: File?
        var isEnabled = false
    }

    /// By the VMM's own addresses, but for the last.
    private struct Addresses: Hashable, Sendable {
        var descriptors: UInt64
        var used: UInt64
        var available: UInt64
        var usedLog: UInt64?
    }

    private struct Region: Sendable {
        var guest: RingLayout.Region
        /// Its address in the VMM.
        var address: UInt64
        var file: File
    }

    private var features: UInt64 = 0
    private var protocolFeatures: UInt64 = 0
    private var regions: [Region] = []
    private var rings = [Ring](repeating: Ring(), count: ringCount)
    private var log: (place: RingLayout.Log, file: File)?
    /// The MTU that the guest is told, if the VMM has said so.
    public private(set) var mtu: UInt64?
    /// Rises with each file that comes.
    private var fileVersion = 0

    public init() {}

    private static func mask(_ features: [Int]) -> UInt64 { features.reduce(0) { $0 | 1 << UInt64($1) } }

    private func has(_ feature: Int) -> Bool { features >> UInt64(feature) & 1 != 0 }

    /// True if the guest's driver takes superpackets of TCP.
    public var takesSuperpackets: Bool { has(VirtioFeature.guestTCPv4) && has(VirtioFeature.guestTCPv6) }

    // The service

    /// The rings that can be served and the memory that they are in, with their descriptors in the order of
    /// ``RingLayout``; `nil` while there are none. A ring without a call has `silent` in its place.
    public func device(silent: File) -> (layout: RingLayout, files: [File])? {
        guard let layout else { return nil }
        var files = regions.map(\.file)
        if layout.log != nil, let log { files.append(log.file) }
        for number in readyPairs {
            let (receiving, sending) = (rings[2 * number], rings[2 * number + 1])
            guard let kick = sending.kick else { return nil }
            files += [receiving.call ?? silent, kick, sending.call ?? silent]
        }
        return (layout, files)
    }

    private var layout: RingLayout? {
        let pairs = readyPairs.compactMap { number -> RingLayout.Pair? in
            guard let receiving = place(rings[2 * number]), let sending = place(rings[2 * number + 1]) else {
                return nil
            }
            return RingLayout.Pair(receiving: receiving, sending: sending)
        }
        guard !pairs.isEmpty, pairs.count == readyPairs.count else { return nil }
        return RingLayout(
            features: features,
            regions: regions.map(\.guest),
            pairs: pairs,
            log: has(VirtioFeature.logAll) ? log?.place : nil
        )
    }

    private var readyPairs: [Int] {
        (0..<RingLayout.pairCountMaximum).filter { isReady(rings[2 * $0]) && isReady(rings[2 * $0 + 1]) }
    }

    /// A ring runs from its kick on, and is in use when it is enabled, if there are features of the protocol.
    private func isReady(_ ring: Ring) -> Bool {
        ring.kick != nil && ring.addresses != nil && ring.size > 0
            && (ring.isEnabled || !has(VirtioFeature.protocolFeatures))
    }

    private func place(_ ring: Ring) -> RingLayout.Ring? {
        guard let addresses = ring.addresses, let descriptors = guestAddress(addresses.descriptors),
            let available = guestAddress(addresses.available), let used = guestAddress(addresses.used)
        else { return nil }
        return RingLayout.Ring(
            size: UInt16(clamping: ring.size),
            descriptors: descriptors,
            available: available,
            used: used,
            usedLog: addresses.usedLog
        )
    }

    /// The guest's address of what is at an address of the VMM.
    private func guestAddress(_ address: UInt64) -> UInt64? {
        for region in regions {
            let offset = address &- region.address
            if offset < region.guest.byteCount { return region.guest.guestAddress &+ offset }
        }
        return nil
    }

    // Messages

    /// Takes a message.
    /// - Throws: ``VhostUserError``; the connection is to be closed.
    public mutating func take(
        _ header: VhostUserHeader,
        _ payload: [UInt8],
        _ files: [File]
    ) throws(VhostUserError) -> Reaction {
        guard let request = VhostUserRequest(rawValue: header.request) else {
            // A request that may be refused is.
            guard header.needsReply, acknowledges else { throw .unknownRequest(header.request) }
            return Reaction(reply: .bytes(VhostUserHeader.reply(to: header.request, littleEndian(UInt64(1)))))
        }
        guard payload.count == header.payloadByteCount else { throw .length(header.request) }
        let before = (layout, fileVersion)
        var reaction = Reaction()
        reaction.reply = try perform(request, payload, files)
        let after = (layout, fileVersion)
        reaction.isDeviceChanged = before.0 != after.0 || after.0 != nil && before.1 != after.1
        if case .none = reaction.reply, header.needsReply, acknowledges {
            reaction.reply = .bytes(VhostUserHeader.reply(to: header.request, littleEndian(UInt64(0))))
        }
        return reaction
    }

    private var acknowledges: Bool { protocolFeatures >> UInt64(VhostUserFeature.acknowledgments) & 1 != 0 }

    private mutating func perform(
        _ request: VhostUserRequest,
        _ payload: [UInt8],
        _ files: [File]
    ) throws(VhostUserError) -> Reply {
        switch request {
        case .setMemoryTable, .setLogBase, .setLogFile, .setRingKick, .setRingCall, .setRingError: break
        case .getFeatures, .setFeatures, .setOwner, .resetOwner, .setRingSize, .setRingAddresses, .setRingBase,
            .getRingBase, .getProtocolFeatures, .setProtocolFeatures, .getQueueCount, .setRingEnable, .setMTU:
            guard files.isEmpty else { throw .descriptorCount(request.rawValue) }
        }
        switch request {
        case .getFeatures: return answer(request, Self.offeredFeatures)
        case .getProtocolFeatures: return answer(request, Self.offeredProtocolFeatures)
        case .getQueueCount: return answer(request, UInt64(RingLayout.pairCountMaximum))
        case .setOwner, .setLogFile, .setRingError: return .none
        case .resetOwner: for number in rings.indices { rings[number].kick = nil }
        case .setFeatures:
            let bits = try word(payload, request)
            guard bits & ~Self.offeredFeatures == 0 else { throw .features(bits & ~Self.offeredFeatures) }
            features = bits
        case .setProtocolFeatures:
            let bits = try word(payload, request)
            guard bits & ~Self.offeredProtocolFeatures == 0 else {
                throw .protocolFeatures(bits & ~Self.offeredProtocolFeatures)
            }
            protocolFeatures = bits
        case .setMTU: mtu = try word(payload, request)
        case .setMemoryTable: try setMemory(payload, files)
        case .setLogBase: return try setLog(payload, files)
        case .setRingSize:
            let (number, size) = try ringWord(payload, request)
            guard size > 0, size <= UInt32(RingLayout.ringSizeMaximum), size & (size - 1) == 0 else {
                throw .ringSize(size)
            }
            rings[number].size = size
        case .setRingBase:
            let (number, base) = try ringWord(payload, request)
            rings[number].base = base
        case .setRingEnable:
            let (number, isEnabled) = try ringWord(payload, request)
            rings[number].isEnabled = isEnabled != 0
        case .setRingAddresses: try setAddresses(payload)
        case .getRingBase: return try stopRing(payload)
        case .setRingKick, .setRingCall: try setEvent(request, payload, files)
        }
        return .none
    }

    private func answer(_ request: VhostUserRequest, _ value: UInt64) -> Reply {
        .bytes(VhostUserHeader.reply(to: request.rawValue, littleEndian(value)))
    }

    private func word(_ payload: [UInt8], _ request: VhostUserRequest) throws(VhostUserError) -> UInt64 {
        guard payload.count == 8 else { throw .length(request.rawValue) }
        var reader = PayloadReader(payload)
        return try reader.integer()
    }

    /// Returns the number of a ring and what is said of it.
    private func ringWord(
        _ payload: [UInt8],
        _ request: VhostUserRequest
    ) throws(VhostUserError) -> (number: Int, value: UInt32) {
        guard payload.count == 8 else { throw .length(request.rawValue) }
        var reader = PayloadReader(payload)
        let number: UInt32 = try reader.integer()
        guard number < UInt32(Self.ringCount) else { throw .ringNumber(number) }
        return (Int(number), try reader.integer())
    }

    private mutating func setEvent(
        _ request: VhostUserRequest,
        _ payload: [UInt8],
        _ files: [File]
    ) throws(VhostUserError) {
        let value = try word(payload, request)
        let number = UInt32(value & 0xff)
        guard number < UInt32(Self.ringCount) else { throw .ringNumber(number) }
        let hasNone = value & 0x100 != 0
        guard files.count == (hasNone ? 0 : 1) else { throw .descriptorCount(request.rawValue) }
        fileVersion += 1
        if request == .setRingCall {
            rings[Int(number)].call = files.first
        } else {
            guard !hasNone else { throw .polling }
            rings[Int(number)].kick = files.first
        }
    }

    private mutating func setAddresses(_ payload: [UInt8]) throws(VhostUserError) {
        guard payload.count == 40 else { throw .length(VhostUserRequest.setRingAddresses.rawValue) }
        var reader = PayloadReader(payload)
        let number: UInt32 = try reader.integer()
        guard number < UInt32(Self.ringCount) else { throw .ringNumber(number) }
        let flags: UInt32 = try reader.integer()
        var addresses = Addresses(
            descriptors: try reader.integer(),
            used: try reader.integer(),
            available: try reader.integer()
        )
        let log: UInt64 = try reader.integer()
        if flags & 1 != 0 { addresses.usedLog = log }
        rings[Int(number)].addresses = addresses
    }

    /// Stops a ring and tells the number of its next buffer.
    private mutating func stopRing(_ payload: [UInt8]) throws(VhostUserError) -> Reply {
        let (number, _) = try ringWord(payload, .getRingBase)
        let ring = rings[number]
        rings[number].kick = nil
        let index = UInt32(number)
        // The ring itself tells what is used.
        if ring.kick != nil, let used = ring.addresses?.used {
            for region in regions {
                let offset = used &- region.address
                guard offset < region.guest.byteCount else { continue }
                return .ringBase(ring: index, region.file, offset: region.guest.fileOffset &+ offset &+ 2)
            }
        }
        return .bytes(Self.ringBase(index, UInt16(truncatingIfNeeded: ring.base)))
    }

    /// Returns the answer that tells the number of a ring's next buffer.
    public static func ringBase(_ ring: UInt32, _ base: UInt16) -> [UInt8] {
        VhostUserHeader.reply(
            to: VhostUserRequest.getRingBase.rawValue,
            littleEndian(ring) + littleEndian(UInt32(base))
        )
    }

    private mutating func setMemory(_ payload: [UInt8], _ files: [File]) throws(VhostUserError) {
        let request = VhostUserRequest.setMemoryTable.rawValue
        guard payload.count >= 8 else { throw .length(request) }
        var reader = PayloadReader(payload)
        let count = Int(try reader.integer(UInt32.self))
        _ = try reader.integer(UInt32.self)
        guard count > 0, count <= RingLayout.regionCountMaximum else { throw .memory }
        guard payload.count >= 8 + 32 * count else { throw .length(request) }
        guard files.count == count else { throw .descriptorCount(request) }
        var next: [Region] = []
        for file in files {
            let guestAddress: UInt64 = try reader.integer()
            let byteCount: UInt64 = try reader.integer()
            let address: UInt64 = try reader.integer()
            let guest = RingLayout.Region(
                guestAddress: guestAddress,
                byteCount: byteCount,
                fileOffset: try reader.integer()
            )
            let isPossible =
                byteCount > 0 && !guestAddress.addingReportingOverflow(byteCount - 1).overflow
                && !address.addingReportingOverflow(byteCount - 1).overflow
                && byteCount <= RingLayout.memoryByteCountMaximum
                && guest.fileOffset <= RingLayout.memoryByteCountMaximum - byteCount
            guard isPossible else { throw .memory }
            for other in next {
                guard other.guest.guestAddress &- guestAddress >= byteCount,
                    guestAddress &- other.guest.guestAddress >= other.guest.byteCount,
                    other.address &- address >= byteCount, address &- other.address >= other.guest.byteCount
                else { throw .memory }
            }
            next.append(Region(guest: guest, address: address, file: file))
        }
        regions = next
        fileVersion += 1
    }

    private mutating func setLog(_ payload: [UInt8], _ files: [File]) throws(VhostUserError) -> Reply {
        guard payload.count == 16 else { throw .length(VhostUserRequest.setLogBase.rawValue) }
        guard let file = files.first, files.count == 1 else {
            throw .descriptorCount(VhostUserRequest.setLogBase.rawValue)
        }
        var reader = PayloadReader(payload)
        let place = RingLayout.Log(byteCount: try reader.integer(), fileOffset: try reader.integer())
        guard place.byteCount > 0, place.byteCount <= RingLayout.memoryByteCountMaximum,
            place.fileOffset <= RingLayout.memoryByteCountMaximum - place.byteCount
        else { throw .log }
        log = (place, file)
        fileVersion += 1
        return answer(.setLogBase, 0)
    }
}
