import CLinux
import Glibc
import Reactor

/// A conversation with rtnetlink in the namespace in which it was opened.
///
/// Requests are answered before the call returns; they may wait for the kernel's one lock over all devices, so a thread
/// that must not stop for some milliseconds must not make them.
struct NetlinkSocket: ~Copyable {
    /// More than the kernel puts into one datagram (32 KiB).
    static let datagramByteCountMaximum = 1 << 16
    /// The number of times that a dump is repeated because the devices changed under it.
    static let dumpAttemptsMaximum = 16

    let descriptor: Descriptor
    private var sequence: UInt32 = 0

    init() throws(SystemError) {
        descriptor = Descriptor(owning: Int32(try systemCall("socket netlink") { clinux_netlink_socket() }))
    }

    /// Sends a request that changes something and waits for its acknowledgement.
    /// - Parameters:
    ///   - call: names the request in errors: `netlink RTM_NEWLINK vm1`.
    ///   - flags: beside NLM_F_REQUEST and NLM_F_ACK.
    ///   - build: appends what comes after the header.
    mutating func acknowledge(
        _ call: String,
        type: Int,
        flags: Int32 = 0,
        _ build: (inout NetlinkRequest) -> Void
    ) throws(SystemError) {
        try send(call, type: type, flags: flags | NLM_F_ACK, build)
        while true {
            for message in try receive(call) where message.sequence == sequence {
                guard message.type == UInt16(NLMSG_ERROR) else { continue }
                guard message.errorNumber == 0 else { throw SystemError(call: call, errno: message.errorNumber) }
                return
            }
        }
    }

    /// One object; `nil` when the kernel knows no such device.
    mutating func get(
        _ call: String,
        type: Int,
        _ build: (inout NetlinkRequest) -> Void
    ) throws(SystemError) -> NetlinkMessage? {
        try send(call, type: type, flags: 0, build)
        while true {
            for message in try receive(call) where message.sequence == sequence {
                guard message.type == UInt16(NLMSG_ERROR) else { return message }
                if message.errorNumber == ENODEV { return nil }
                throw SystemError(call: call, errno: message.errorNumber)
            }
        }
    }

    /// All objects of a kind: the answers to a request with NLM_F_DUMP.
    mutating func dump(
        _ call: String,
        type: Int,
        _ build: (inout NetlinkRequest) -> Void
    ) throws(SystemError) -> [NetlinkMessage] {
        for _ in 0..<Self.dumpAttemptsMaximum {
            if let messages = try dumpOnce(call, type: type, build) { return messages }
        }
        throw SystemError(call: call, errno: EINTR)
    }

    /// `nil` when what was dumped changed meanwhile.
    private mutating func dumpOnce(
        _ call: String,
        type: Int,
        _ build: (inout NetlinkRequest) -> Void
    ) throws(SystemError) -> [NetlinkMessage]? {
        try send(call, type: type, flags: NLM_F_DUMP, build)
        var messages: [NetlinkMessage] = []
        var isConsistent = true
        while true {
            for message in try receive(call) where message.sequence == sequence {
                if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isConsistent = false }
                guard message.type == UInt16(NLMSG_ERROR) || message.type == UInt16(NLMSG_DONE) else {
                    messages.append(message)
                    continue
                }
                guard message.errorNumber == 0 else { throw SystemError(call: call, errno: message.errorNumber) }
                return isConsistent ? messages : nil
            }
        }
    }

    private mutating func send(
        _ call: String,
        type: Int,
        flags: Int32,
        _ build: (inout NetlinkRequest) -> Void
    ) throws(SystemError) {
        sequence &+= 1
        var request = NetlinkRequest(type: UInt16(type), flags: UInt16(NLM_F_REQUEST | flags), sequence: sequence)
        build(&request)
        let bytes = request.bytes
        let descriptor = descriptor
        try systemCall(call) { clinux_send(descriptor.raw, bytes, bytes.count, 0) }
    }

    /// The next datagram of the kernel; one of another process is passed over.
    /// - Throws: EBADMSG for what makes no sense.
    private func receive(_ call: String) throws(SystemError) -> [NetlinkMessage] {
        var datagram = [UInt8](repeating: 0, count: Self.datagramByteCountMaximum)
        while true {
            var isFromKernel: Int32 = 0
            let descriptor = descriptor
            let count = try systemCall(call) {
                clinux_netlink_receive(descriptor.raw, &datagram, datagram.count, &isFromKernel)
            }
            guard isFromKernel == 1 else { continue }
            guard count <= datagram.count else { throw SystemError(call: call, errno: EMSGSIZE) }
            do throws(NetlinkMessage.Malformed) {
                return try NetlinkMessage.messages(in: Array(datagram[..<count]))
            } catch {
                throw SystemError(call: call, errno: EBADMSG)
            }
        }
    }
}
