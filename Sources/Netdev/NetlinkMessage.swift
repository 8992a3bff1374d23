import CLinux
import Glibc
import Reactor

/// A message from the kernel, taken apart with every length checked.
public struct NetlinkMessage: Equatable, Sendable {
    /// RTM_NEWLINK …, or NLMSG_ERROR, NLMSG_DONE.
    public let type: UInt16
    /// NLM_F_MULTI …
    let flags: UInt16
    /// The number of the request it answers; 0 for news.
    let sequence: UInt32
    let payload: ArraySlice<UInt8>

    /// The bytes are no netlink messages.
    public struct Malformed: Error, Equatable {}

    public static func messages(in datagram: [UInt8]) throws(Malformed) -> [NetlinkMessage] {
        var messages: [NetlinkMessage] = []
        var rest = datagram[...]
        while !rest.isEmpty {
            guard let length = rest.word(at: 0, as: UInt32.self), length >= 16, length <= rest.count,
                let type = rest.word(at: 4, as: UInt16.self), let flags = rest.word(at: 6, as: UInt16.self),
                let sequence = rest.word(at: 8, as: UInt32.self)
            else { throw Malformed() }
            let message = rest.prefix(Int(length))
            messages.append(
                NetlinkMessage(type: type, flags: flags, sequence: sequence, payload: message.dropFirst(16))
            )
            rest = rest.dropFirst(alignedByteCount(Int(length)))
        }
        return messages
    }

    /// The attributes after a family header of `headerByteCount` bytes, by type; of a repeated one the last counts.
    func attributes(after headerByteCount: Int) throws(Malformed) -> [Int: ArraySlice<UInt8>] {
        guard payload.count >= headerByteCount else { throw Malformed() }
        var attributes: [Int: ArraySlice<UInt8>] = [:]
        var rest = payload.dropFirst(headerByteCount)
        while !rest.isEmpty {
            guard let length = rest.word(at: 0, as: UInt16.self), length >= 4, length <= rest.count,
                let type = rest.word(at: 2, as: UInt16.self)
            else { throw Malformed() }
            // The two highest bits are flags (nested, network byte order).
            attributes[Int(type & 0x3fff)] = rest.prefix(Int(length)).dropFirst(4)
            rest = rest.dropFirst(Self.alignedByteCount(Int(length)))
        }
        return attributes
    }

    /// Of NLMSG_ERROR and NLMSG_DONE: the errno, 0 for "done".
    public var errorNumber: Int32 {
        // A dump may end in an NLMSG_DONE without a number.
        guard let code = payload.word(at: 0, as: Int32.self) else { return type == UInt16(NLMSG_ERROR) ? EBADMSG : 0 }
        return code == .min ? EBADMSG : -code
    }

    private static func alignedByteCount(_ count: Int) -> Int { (count + 3) & ~3 }
}

extension ArraySlice<UInt8> {
    /// The number `offset` bytes after the start, in the machine's byte order; `nil` when it is not all there.
    func word<Word: FixedWidthInteger>(at offset: Int, as: Word.Type) -> Word? {
        guard offset >= 0, count - offset >= MemoryLayout<Word>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Word.self) }
    }

    /// The bytes up to the first zero.
    var text: String {
        String(decoding: prefix { $0 != 0 }, as: UTF8.self)
    }
}
