import CLinux
import Glibc
import Wire

@testable import Forwarder

/// Ports in memory: queues of frames by number. The virtio-net header is put before what is read and checked and taken
/// off what is written.
struct MemoryPorts: PortIO {
    final class State {
        /// What guests have sent.
        var toRead: [Int32: [[UInt8]]] = [:]
        /// What guests have got.
        var written: [Int32: [[UInt8]]] = [:]
        /// With which errno the next reads end when nothing is left; else EAGAIN.
        var readErrno: [Int32: Int32] = [:]
        /// With which errno all writes end.
        var writeErrno: [Int32: Int32] = [:]
        /// The virtio-net header of frames that are read.
        var vnetHeader = [UInt8](repeating: 0, count: 10)
    }

    let state = State()

    func read(_ port: Int32, _ bytes: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
        guard let frame = state.toRead[port]?.first else { return -Int(state.readErrno[port] ?? EAGAIN) }
        state.toRead[port]?.removeFirst()
        let all = state.vnetHeader + frame
        precondition(all.count <= capacity)
        bytes.copyMemory(from: all, byteCount: all.count)
        return all.count
    }

    func write(_ port: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        if let errno = state.writeErrno[port] { return -Int(errno) }
        let all = [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
        precondition(all[..<10].allSatisfy { $0 == 0 }, "a virtio-net header that was not cleared")
        state.written[port, default: []].append(Array(all[10...]))
        return count
    }

    /// What guests have got since the last call.
    func takeWritten(_ port: Int32) -> [[UInt8]] { state.written.removeValue(forKey: port) ?? [] }
}

/// An underlay in memory: hosts by address, each with a queue of datagrams. A host's "socket" is its number here.
struct MemoryUnderlay: UnderlayIO {
    final class State {
        var hosts: [IPAddress] = []
        var queues: [IPAddress: [(source: IPAddress, datagram: [UInt8])]] = [:]
        /// What the next calls of send answer instead of sending, first to last.
        var sendErrors: [Int32] = []
        /// The most messages one send takes.
        var sendMaximum = Int.max
        var sendCount = 0
    }

    let state = State()

    func socket(_ address: IPAddress) -> Int32 {
        state.hosts.append(address)
        return Int32(state.hosts.count - 1)
    }

    func receive(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        let address = state.hosts[Int(socket)]
        let waiting = state.queues[address] ?? []
        guard !waiting.isEmpty else { return -Int(EAGAIN) }
        let taken = waiting.prefix(count)
        for (index, (source, datagram)) in taken.enumerated() {
            let part = messages[index].msg_hdr.msg_iov[0]
            precondition(datagram.count <= part.iov_len)
            part.iov_base.copyMemory(from: datagram, byteCount: datagram.count)
            messages[index].msg_len = UInt32(datagram.count)
            let name = messages[index].msg_hdr.msg_name.assumingMemoryBound(to: sockaddr_storage.self)
            switch source {
            case .v4(let address): _ = clinux_make_ipv4(name, address.rawValue, 40000)
            case .v6(let address): _ = clinux_make_ipv6(name, address.high, address.low, 40000)
            }
        }
        state.queues[address] = Array(waiting.dropFirst(taken.count))
        return taken.count
    }

    func send(_ socket: Int32, _ messages: UnsafeMutablePointer<clinux_mmsghdr>, _ count: Int) -> Int {
        state.sendCount += 1
        if !state.sendErrors.isEmpty {
            let errno = state.sendErrors.removeFirst()
            if errno != 0 { return -Int(errno) }
        }
        let taken = min(count, state.sendMaximum)
        for index in 0..<taken {
            let header = messages[index].msg_hdr
            let name = header.msg_name.assumingMemoryBound(to: sockaddr_storage.self)
            precondition(clinux_port(name) == 6081)
            let target = address(name)
            var datagram: [UInt8] = []
            for part in UnsafeBufferPointer(start: header.msg_iov, count: header.msg_iovlen) {
                datagram += UnsafeRawBufferPointer(start: part.iov_base, count: part.iov_len)
            }
            state.queues[target, default: []].append((state.hosts[Int(socket)], datagram))
        }
        return taken
    }

    private func address(_ name: UnsafeMutablePointer<sockaddr_storage>) -> IPAddress {
        guard Int32(name.pointee.ss_family) == AF_INET6 else { return .v4(IPv4Address(clinux_ipv4(name))) }
        var (high, low): (UInt64, UInt64) = (0, 0)
        clinux_ipv6(name, &high, &low)
        return .v6(IPv6Address(high: high, low: low))
    }
}
