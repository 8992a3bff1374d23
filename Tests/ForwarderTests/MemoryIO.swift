import CLinux
import Datapath
import Glibc
import Wire

@testable import Forwarder

/// The moment at which a process is killed: before or after one of its system calls. What it does then has no effect.
final class Death {
    /// Moments that are survived.
    private var countdown: Int
    private(set) var hasCome = false

    init(after countdown: Int) {
        self.countdown = countdown
    }

    /// True if the process is dead; a moment passes.
    func comes() -> Bool {
        if hasCome { return true }
        countdown -= 1
        hasCome = countdown < 0
        return hasCome
    }
}

/// Ports in memory: queues of frames by number. The virtio-net header is put before what is read and taken off what is
/// written.
struct MemoryPorts: PortIO {
    final class State {
        /// The frames that guests have sent.
        var toRead: [Int32: [[UInt8]]] = [:]
        /// The frames that guests have got.
        var written: [Int32: [[UInt8]]] = [:]
        /// The offload headers of these.
        var offloads: [Int32: [OffloadHeader]] = [:]
        /// The ports that refuse a frame with something left to be done.
        var refusesOffloads: Set<Int32> = []
        /// With which errno the next reads end when nothing is left; else EAGAIN.
        var readErrno: [Int32: Int32] = [:]
        /// With which errno all writes end.
        var writeErrno: [Int32: Int32] = [:]
        /// The virtio-net header of frames that are read.
        var vnetHeader = [UInt8](repeating: 0, count: 10)
        /// When the process is killed.
        var death: Death?
    }

    let state = State()

    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        if state.death?.comes() == true { return -Int(EAGAIN) }
        defer { _ = state.death?.comes() }
        guard let frame = state.toRead[port]?.first else { return -Int(state.readErrno[port] ?? EAGAIN) }
        state.toRead[port]?.removeFirst()
        let all = state.vnetHeader + frame
        precondition(all.count <= capacity)
        bytes.copyMemory(from: all, byteCount: all.count)
        return all.count
    }

    func write(_ port: Int32, _ parts: UnsafePointer<iovec>, _ count: Int) -> Int {
        if let errno = state.writeErrno[port] { return -Int(errno) }
        let all = UnsafeBufferPointer(start: parts, count: count).flatMap { part in
            [UInt8](UnsafeRawBufferPointer(start: part.iov_base, count: part.iov_len))
        }
        let offload = OffloadHeader(octets: all)
        if state.death?.comes() == true { return -1 }
        defer { _ = state.death?.comes() }
        if state.refusesOffloads.contains(port), offload != OffloadHeader() { return -Int(EINVAL) }
        state.written[port, default: []].append(Array(all[10...]))
        state.offloads[port, default: []].append(offload)
        return all.count
    }

    /// Returns the frames that guests have got since the last call.
    func takeWritten(_ port: Int32) -> [[UInt8]] { state.written.removeValue(forKey: port) ?? [] }
}

/// An underlay in memory: hosts by address, each with a queue of datagrams. A host's "socket" is its number here.
struct MemoryUnderlay: UnderlayIO {
    final class State {
        var hosts: [IPAddress] = []
        var queues: [IPAddress: [(source: IPAddress, datagram: [UInt8])]] = [:]
        /// The errors of the next sends, first to last.
        var sendErrors: [Int32] = []
        /// With which errno all sends of trains to a host end.
        var cutErrnos: [IPAddress: Int32] = [:]
        /// True if datagrams are received in trains.
        var receivesTrains = false
        /// With which traffic class datagrams are received, and were sent.
        var trafficClass: Int32 = 0
        var trafficClasses: [Int32] = []
        /// The most messages one send takes.
        var sendMaximum = Int.max
        var sendCount = 0
        /// True if what is sent are answers to probes.
        var echoes = false
        /// When the process is killed.
        var death: Death?
    }

    let state = State()

    func socket(_ address: IPAddress) -> Int32 {
        state.hosts.append(address)
        return Int32(state.hosts.count - 1)
    }

    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        let address = state.hosts[Int(socket)]
        if state.death?.comes() == true { return -Int(EAGAIN) }
        defer { _ = state.death?.comes() }
        guard state.queues[address]?.isEmpty == false else { return -Int(EAGAIN) }
        var taken = 0
        while taken < count, let (source, train, size) = nextTrain(address) {
            let header = messages + taken
            let part = header.pointee.msg_hdr.msg_iov[0]
            precondition(train.count <= part.iov_len)
            part.iov_base.copyMemory(from: train, byteCount: train.count)
            header.pointee.msg_len = UInt32(train.count)
            header.pointee.msg_hdr.msg_controllen = putControl(header.pointee.msg_hdr.msg_control, size)
            let name = header.pointee.msg_hdr.msg_name.assumingMemoryBound(to: sockaddr_storage.self)
            switch source {
            case .v4(let address): _ = clinux_make_ipv4(name, address.rawValue, 40000)
            case .v6(let address): _ = clinux_make_ipv6(name, address.high, address.low, 40000)
            }
            taken += 1
        }
        return taken
    }

    /// The next datagram, or, where trains are received, all that may come with it.
    private func nextTrain(_ address: IPAddress) -> (IPAddress, [UInt8], Int)? {
        guard var queue = state.queues[address], let (source, first) = queue.first else { return nil }
        queue.removeFirst()
        var train = first
        var count = 1
        while state.receivesTrains, count < 64, train.count == count * first.count, let next = queue.first,
            next.source == source, !next.datagram.isEmpty, next.datagram.count <= first.count,
            train.count + next.datagram.count <= 65_507
        {
            train += next.datagram
            count += 1
            queue.removeFirst()
        }
        state.queues[address] = queue
        return (source, train, count > 1 ? first.count : 0)
    }

    /// UDP_GRO and the traffic class as the kernel tells them.
    private func putControl(_ control: UnsafeMutableRawPointer, _ size: Int) -> Int {
        var byteCount = 0
        func put(_ level: Int32, _ type: Int32, _ value: Int32) {
            control.storeBytes(of: 20, toByteOffset: byteCount, as: Int.self)
            control.storeBytes(of: level, toByteOffset: byteCount + 8, as: Int32.self)
            control.storeBytes(of: type, toByteOffset: byteCount + 12, as: Int32.self)
            control.storeBytes(of: value, toByteOffset: byteCount + 16, as: Int32.self)
            byteCount += 24
        }
        if size > 0 { put(CLINUX_SOL_UDP, CLINUX_UDP_GRO, Int32(size)) }
        if state.trafficClass > 0 { put(CLINUX_IPPROTO_IP, IP_TOS, state.trafficClass) }
        return byteCount
    }

    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        if state.death?.comes() == true { return -1 }
        defer { _ = state.death?.comes() }
        state.sendCount += 1
        if !state.sendErrors.isEmpty {
            let errno = state.sendErrors.removeFirst()
            if errno != 0 { return -Int(errno) }
        }
        let taken = min(count, state.sendMaximum)
        for index in 0..<taken {
            let header = messages[index].msg_hdr
            let name = header.msg_name.assumingMemoryBound(to: sockaddr_storage.self)
            // Answers to probes go to who has asked.
            precondition([state.echoes ? 40000 : 6081, 0].contains(clinux_port(name)))
            let target = address(name)
            var train: [UInt8] = []
            for part in UnsafeBufferPointer(start: header.msg_iov, count: header.msg_iovlen) {
                train += UnsafeRawBufferPointer(start: part.iov_base, count: part.iov_len)
            }
            let size = control(header, CLINUX_SOL_UDP, CLINUX_UDP_SEGMENT, as: UInt16.self).map { Int($0) }
            if size != nil, let errno = state.cutErrnos[target] { return index > 0 ? index : -Int(errno) }
            precondition(train.count <= 65_507)
            state.trafficClasses.append(control(header, CLINUX_IPPROTO_IP, IP_TOS, as: Int32.self) ?? 0)
            var rest = train[...]
            repeat {
                let datagram = rest.prefix(size ?? rest.count)
                rest = rest.dropFirst(datagram.count)
                state.queues[target, default: []].append((state.hosts[Int(socket)], Array(datagram)))
            } while !rest.isEmpty
        }
        return taken
    }

    /// A value that is sent along with a message.
    private func control<Value: FixedWidthInteger & BitwiseCopyable>(
        _ header: msghdr,
        _ level: Int32,
        _ type: Int32,
        as: Value.Type
    ) -> Value? {
        var offset = 0
        while let control = header.msg_control, offset + 16 < header.msg_controllen {
            let byteCount = control.load(fromByteOffset: offset, as: Int.self)
            if control.load(fromByteOffset: offset + 8, as: Int32.self) == level,
                control.load(fromByteOffset: offset + 12, as: Int32.self) == type
            {
                return control.loadUnaligned(fromByteOffset: offset + 16, as: Value.self)
            }
            offset += (byteCount + 7) / 8 * 8
        }
        return nil
    }

    private func address(_ name: UnsafeMutablePointer<sockaddr_storage>) -> IPAddress {
        guard Int32(name.pointee.ss_family) == AF_INET6 else { return .v4(IPv4Address(clinux_ipv4(name))) }
        var (high, low): (UInt64, UInt64) = (0, 0)
        clinux_ipv6(name, &high, &low)
        return .v6(IPv6Address(high: high, low: low))
    }
}

extension OffloadHeader {
    /// The header in the first 10 octets.
    init(octets: [UInt8]) {
        self = octets.withUnsafeBytes { bytes in bytes.baseAddress.map { OffloadHeader($0) } ?? OffloadHeader() }
    }
}
