import CLinux
import Datapath
import Glibc

/// Datagrams on their way to the underlay, in trains: datagrams of one size, the last one maybe shorter, to one place
/// from one socket, that leave by one send (UDP_SEGMENT). Frames that wait together become trains, and so do the
/// segments of a superpacket. Nothing of a frame is copied: a train is a list of parts.
struct TrainBatch: ~Copyable {
    /// Trains that wait to be sent; a batch that is full is sent at once.
    static let trainCountMaximum = 64
    /// Datagrams of a train: UDP_MAX_SEGMENTS before Linux 6.9.
    static let datagramCountMaximum = 64
    /// Bytes of a train: the longest IPv4 packet less its headers and UDP's.
    static let trainByteCountMaximum = 65_507
    /// Parts of a train: header and payload of each datagram.
    private static let partCountMaximum = 2 * datagramCountMaximum
    /// Slices of one datagram: it lies in one part, or in two.
    static let sliceCountMaximum = 4

    let messages: UnsafeMutablePointer<clinux_mmsghdr>
    let trains: UnsafeMutablePointer<Train>
    private(set) var count = 0
    private let parts: UnsafeMutablePointer<iovec>
    private let controls: UnsafeMutableRawPointer
    /// The parts of one datagram of a train.
    let slices: UnsafeMutablePointer<iovec>

    struct Train {
        var place = 0
        var socket: Int32 = -1
        var congestion = CongestionCode.notCapable
        /// The size of all datagrams but the last.
        var datagramByteCount = 0
        var datagramCount = 0
        var byteCount = 0
        /// Bytes of the frames inside.
        var frameByteCount = 0
        /// The frames of the batch that are in it, bit by bit.
        var frames: UInt64 = 0
        /// True if more may come.
        var isOpen = false
        var parts: UnsafeMutablePointer<iovec>
        var partCount = 0

        mutating func append(_ part: iovec) {
            parts[partCount] = part
            partCount += 1
        }

        /// Takes the next `byteCount` bytes of the parts; how many slices they have.
        func slice(
            _ byteCount: Int,
            _ part: inout Int,
            _ offset: inout Int,
            into slices: UnsafeMutablePointer<iovec>
        ) -> Int {
            var rest = byteCount
            var count = 0
            while rest > 0, part < partCount, count < TrainBatch.sliceCountMaximum {
                let taken = min(rest, parts[part].iov_len - offset)
                slices[count] = iovec(iov_base: parts[part].iov_base.map { $0 + offset }, iov_len: taken)
                count += 1
                rest -= taken
                offset += taken
                guard offset == parts[part].iov_len else { continue }
                part += 1
                offset = 0
            }
            return count
        }
    }

    /// The destination of a datagram.
    struct Target {
        var place: Int
        var socket: Int32
        var congestion: CongestionCode
    }

    init() {
        messages = .allocate(capacity: Self.trainCountMaximum)
        messages.initialize(repeating: clinux_mmsghdr(), count: Self.trainCountMaximum)
        parts = .allocate(capacity: Self.trainCountMaximum * Self.partCountMaximum)
        parts.initialize(repeating: iovec(), count: Self.trainCountMaximum * Self.partCountMaximum)
        trains = .allocate(capacity: Self.trainCountMaximum)
        trains.initialize(repeating: Train(parts: parts), count: Self.trainCountMaximum)
        controls = .allocate(byteCount: Self.trainCountMaximum * Int(CLINUX_CONTROL_SIZE), alignment: 64)
        slices = .allocate(capacity: Self.sliceCountMaximum)
        slices.initialize(repeating: iovec(), count: Self.sliceCountMaximum)
    }

    deinit {
        slices.deallocate()
        messages.deallocate()
        parts.deallocate()
        trains.deallocate()
        controls.deallocate()
    }

    var isFull: Bool { count == Self.trainCountMaximum }

    /// Adds a datagram that lies in one piece to the open train to its target, if it fits; `false` if not.
    func join(_ frame: Int, _ datagram: UnsafeMutableRawPointer, byteCount: Int, to target: Target) -> Bool {
        guard let train = openTrain(to: target) else { return false }
        guard byteCount <= train.pointee.datagramByteCount,
            train.pointee.byteCount + byteCount <= Self.trainByteCountMaximum
        else {
            train.pointee.isOpen = false
            return false
        }
        let last = train.pointee.parts + (train.pointee.partCount - 1)
        if let base = last.pointee.iov_base, base + last.pointee.iov_len == datagram {
            last.pointee.iov_len += byteCount
        } else {
            train.pointee.parts[train.pointee.partCount] = iovec(iov_base: datagram, iov_len: byteCount)
            train.pointee.partCount += 1
        }
        train.pointee.byteCount += byteCount
        train.pointee.frameByteCount += byteCount - Verdict.geneveHeaderByteCount
        train.pointee.datagramCount += 1
        train.pointee.frames |= 1 << UInt64(frame)
        if byteCount < train.pointee.datagramByteCount || train.pointee.datagramCount == Self.datagramCountMaximum {
            train.pointee.isOpen = false
        }
        return true
    }

    /// Begins a train with a datagram that lies in one piece; there must be room.
    mutating func begin(
        _ frame: Int,
        _ datagram: UnsafeMutableRawPointer,
        byteCount: Int,
        to target: Target
    ) {
        let train = add(target, frame)
        train.pointee.parts[0] = iovec(iov_base: datagram, iov_len: byteCount)
        train.pointee.partCount = 1
        train.pointee.datagramByteCount = byteCount
        train.pointee.datagramCount = 1
        train.pointee.byteCount = byteCount
        train.pointee.frameByteCount = byteCount - Verdict.geneveHeaderByteCount
        train.pointee.isOpen = true
    }

    /// Begins a train that takes no more than what the caller puts into it; there must be room.
    mutating func beginClosed(_ frame: Int, datagramByteCount: Int, to target: Target) -> UnsafeMutablePointer<Train> {
        let train = add(target, frame)
        train.pointee.datagramByteCount = datagramByteCount
        return train
    }

    mutating func removeAll() {
        count = 0
    }

    /// Makes the messages of all trains.
    /// - Parameter byteCount: of each address.
    func prepareMessages(_ addresses: UnsafeMutablePointer<sockaddr_storage>, _ byteCount: socklen_t) {
        for index in 0..<count {
            let train = trains + index
            let control = controls + index * Int(CLINUX_CONTROL_SIZE)
            let address = addresses + train.pointee.place
            let segment = train.pointee.datagramCount > 1 ? train.pointee.datagramByteCount : 0
            let controlByteCount = clinux_make_control(
                control,
                UInt16(truncatingIfNeeded: segment),
                Int32(address.pointee.ss_family) == AF_INET6 ? 1 : 0,
                Int32(train.pointee.congestion.rawValue)
            )
            messages[index].msg_hdr.msg_name = UnsafeMutableRawPointer(address)
            messages[index].msg_hdr.msg_namelen = byteCount
            messages[index].msg_hdr.msg_iov = train.pointee.parts
            messages[index].msg_hdr.msg_iovlen = train.pointee.partCount
            messages[index].msg_hdr.msg_control = controlByteCount > 0 ? control : nil
            messages[index].msg_hdr.msg_controllen = controlByteCount
        }
    }

    /// The last train to the target, if it takes more: an older one must not be overtaken.
    private func openTrain(to target: Target) -> UnsafeMutablePointer<Train>? {
        var index = count - 1
        while index >= 0 {
            let train = trains + index
            if train.pointee.place == target.place, train.pointee.socket == target.socket {
                return train.pointee.isOpen && train.pointee.congestion == target.congestion ? train : nil
            }
            index -= 1
        }
        return nil
    }

    private mutating func add(_ target: Target, _ frame: Int) -> UnsafeMutablePointer<Train> {
        let train = trains + count
        train.pointee = Train(
            place: target.place,
            socket: target.socket,
            congestion: target.congestion,
            frames: 1 << UInt64(frame),
            parts: parts + count * Self.partCountMaximum
        )
        count += 1
        return train
    }
}
