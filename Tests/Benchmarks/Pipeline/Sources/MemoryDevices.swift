import CLinux
import Datapath
import Glibc

/// Forwarding changes only the first bytes of a frame or train; the others are copied once.
private let changedByteCount = 128

/// Ports in memory: reading copies a frame, as far as it has changed, and writing is free.
///
/// Port n has a MAC and an IPv4 address that end in n. A frame is the template with the source of the port that is
/// read, and a destination of several in turn.
struct MemoryPorts: PortIO {
    struct State {
        /// The frame, its virtio-net header in front.
        var template: UnsafeMutableRawPointer
        var byteCount = 0
        /// The frames that are left until there is no more.
        var left = 0
        /// Port n sends to `destinationCount` of `remoteCount` ports from `firstRemote` on; of port 0 alone, or more
        /// than 4096.
        var destinationCount = 1
        var firstRemote = 0
        var remoteCount = 1
        var next = 0
        /// The last place that a whole frame was copied to.
        var whole: UnsafeMutableRawPointer?
    }

    let state: UnsafeMutablePointer<State>

    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        guard state.pointee.left > 0 else { return -Int(EAGAIN) }
        state.pointee.left &-= 1
        state.pointee.next &+= 1
        if state.pointee.next >= state.pointee.destinationCount { state.pointee.next = 0 }
        let flow = Int(port) &* state.pointee.destinationCount &+ state.pointee.next
        var destination = flow & 8191
        if destination >= state.pointee.remoteCount { destination &-= state.pointee.remoteCount }
        destination &+= state.pointee.firstRemote
        let isWhole = state.pointee.whole == bytes
        state.pointee.whole = bytes
        bytes.copyMemory(
            from: state.pointee.template,
            byteCount: isWhole ? min(changedByteCount, state.pointee.byteCount) : state.pointee.byteCount
        )
        let frame = bytes + OffloadHeader.byteCount
        let (source, target) = (UInt16(port).bigEndian, UInt16(destination).bigEndian)
        frame.storeBytes(of: target, toByteOffset: 4, as: UInt16.self)
        frame.storeBytes(of: source, toByteOffset: 10, as: UInt16.self)
        frame.storeBytes(of: source, toByteOffset: 28, as: UInt16.self)
        frame.storeBytes(of: target, toByteOffset: 32, as: UInt16.self)
        return state.pointee.byteCount
    }

    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int { 1 }
}

/// An underlay in memory: receiving copies a train, as far as it has changed, and sending is free.
struct MemoryUnderlay: UnderlayIO {
    struct State {
        var train: UnsafeMutableRawPointer
        var byteCount = 0
        /// The size of each datagram.
        var datagramByteCount = 0
        /// From whom.
        var address: UInt32 = 0
        /// The messages that are left until there is no more.
        var left = 0
        /// True if the train lies in the first slot.
        var isWhole = false
    }

    let state: UnsafeMutablePointer<State>

    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        guard state.pointee.left > 0 else { return -Int(EAGAIN) }
        state.pointee.left &-= 1
        let part = messages[0].msg_hdr.msg_iov[0]
        let byteCount = state.pointee.isWhole ? changedByteCount : state.pointee.byteCount
        state.pointee.isWhole = true
        part.iov_base.copyMemory(from: state.pointee.train, byteCount: byteCount)
        messages[0].msg_len = UInt32(state.pointee.byteCount)
        // UDP_GRO's ancillary data: length, level, type, size.
        let control = messages[0].msg_hdr.msg_control
        control?.storeBytes(of: 20, as: Int.self)
        control?.storeBytes(of: CLINUX_SOL_UDP, toByteOffset: 8, as: Int32.self)
        control?.storeBytes(of: CLINUX_UDP_GRO, toByteOffset: 12, as: Int32.self)
        control?.storeBytes(of: Int32(state.pointee.datagramByteCount), toByteOffset: 16, as: Int32.self)
        messages[0].msg_hdr.msg_controllen = 24
        let name = messages[0].msg_hdr.msg_name.assumingMemoryBound(to: sockaddr_storage.self)
        _ = clinux_make_ipv4(name, state.pointee.address, 40_000)
        return 1
    }

    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int { count }
}
