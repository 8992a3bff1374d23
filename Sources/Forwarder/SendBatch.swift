import CLinux
import Datapath
import Glibc

/// Frames on their way to the underlay: one message for each copy, all sent by one call. The parts (Geneve header,
/// frame) are made once for a frame and shared by its copies.
struct SendBatch: ~Copyable {
    /// Copies that one call sends; a batch that is full is sent at once.
    static let messageCountMaximum = 256

    let messages: UnsafeMutablePointer<clinux_mmsghdr>
    /// The frame, by its number in the batch, that each message is a copy of.
    let frames: UnsafeMutablePointer<Int>
    private(set) var count = 0
    private let parts: UnsafeMutablePointer<iovec>
    private let headers: UnsafeMutableRawPointer

    init() {
        messages = .allocate(capacity: Self.messageCountMaximum)
        messages.initialize(repeating: clinux_mmsghdr(), count: Self.messageCountMaximum)
        frames = .allocate(capacity: Self.messageCountMaximum)
        frames.initialize(repeating: 0, count: Self.messageCountMaximum)
        parts = .allocate(capacity: 2 * FrameBuffers.slotCount)
        parts.initialize(repeating: iovec(), count: 2 * FrameBuffers.slotCount)
        headers = .allocate(byteCount: Verdict.geneveHeaderByteCount * FrameBuffers.slotCount, alignment: 64)
    }

    deinit {
        messages.deallocate()
        frames.deallocate()
        parts.deallocate()
        headers.deallocate()
    }

    var isFull: Bool { count == Self.messageCountMaximum }

    /// Makes the parts of a frame; before its first copy.
    func prepare(_ number: Int, _ frame: UnsafeMutableRawPointer, byteCount: Int, _ verdict: Verdict) {
        let header = headers + number * Verdict.geneveHeaderByteCount
        verdict.storeGeneveHeader(to: header)
        parts[2 * number] = iovec(iov_base: header, iov_len: Verdict.geneveHeaderByteCount)
        parts[2 * number + 1] = iovec(iov_base: frame, iov_len: byteCount)
    }

    /// Adds a copy of a prepared frame; there must be room.
    mutating func append(_ number: Int, to address: UnsafeMutablePointer<sockaddr_storage>, _ length: socklen_t) {
        let message = messages + count
        message.pointee.msg_hdr.msg_name = UnsafeMutableRawPointer(address)
        message.pointee.msg_hdr.msg_namelen = length
        message.pointee.msg_hdr.msg_iov = parts + 2 * number
        message.pointee.msg_hdr.msg_iovlen = 2
        frames[count] = number
        count += 1
    }

    mutating func removeAll() {
        count = 0
    }
}
