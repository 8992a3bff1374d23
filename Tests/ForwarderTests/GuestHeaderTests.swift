import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// The frame that was judged is the frame that is sent, whatever a guest's virtio-net header asks for.
@Suite struct GuestHeaderTests {
    /// The guest on port 0 has port security; port 1 is on its host and port 2 on another one, and both take anything.
    private static func hosts(innerMTU: Int) -> MemoryHosts {
        MemoryHosts(hostCount: 2, places: [0, 0, 1], innerMTU: innerMTU) { binding, number in
            binding.addresses = [PortAddress(mac: MemoryHosts.mac(number), ips: [])]
            guard number == 0 else { return }
            let addresses = [
                IPPrefix(address: .v4(MemoryHosts.ip(0)), length: 32), IPPrefix(address: .v6(own), length: 128),
            ]
            binding.portSecurity = [PortSecurityEntry(mac: MemoryHosts.mac(0), prefixes: addresses.compactMap(\.self))]
        }
    }

    /// The source of `Flow`'s frames over IPv6.
    private static let own = IPv6Address(high: 0xfd01_0203_0405_0607, low: 0x0809_0a0b_0c0d_0e0f)

    /// Why the sender's port security or admission refuses what somebody got; `nil` if it does not.
    private static func refusal(of frame: [UInt8], _ net: MemoryHosts) -> DropReason? {
        let tables = net.hosts[0].generation.pointer.pointee.tables
        let reason = frame.withUnsafeBytes { bytes in
            bytes.baseAddress.flatMap { base in
                tables.process(
                    Frame(base, byteCount: bytes.count),
                    from: 0,
                    reply: UnsafeMutableRawBufferPointer(start: nil, count: 0)
                ).dropReason
            }
        }
        return reason == .malformedFrame || reason == .ingressPortSecurity ? reason : nil
    }

    /// The ways in which a receiver may read a frame: it takes it as it is, completes the checksum, or cuts it, each as
    /// the header says and without another look.
    private static func readings(_ frame: [UInt8], _ offload: OffloadHeader) -> [[UInt8]] {
        var readings = [frame]
        if offload.needsChecksum {
            var completed = frame
            let start = Int(offload.checksumStart)
            let field = start + Int(offload.checksumOffset)
            guard field + 2 <= frame.count else { return [[]] }
            let sum = ~Flow.sum(Array(frame[start...]))
            (completed[field], completed[field + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
            readings.append(completed)
        }
        guard offload.kind != .none else { return readings }
        let header = Int(offload.headerByteCount)
        guard header <= frame.count, offload.segmentByteCount > 0 else { return [[]] }
        for start in stride(from: header, to: frame.count, by: Int(offload.segmentByteCount)) {
            let payload = frame[start..<min(frame.count, start + Int(offload.segmentByteCount))]
            var segment = Array(frame[..<header] + payload)
            let isIPv6 = offload.kind == .tcpv6 || offload.kind == .udp && segment[12] == 0x86
            let byteCount = segment.count - (isIPv6 ? 54 : 14)
            let place = isIPv6 ? 18 : 16
            (segment[place], segment[place + 1]) = (UInt8(byteCount >> 8 & 0xff), UInt8(byteCount & 0xff))
            readings.append(segment)
        }
        return readings
    }

    /// The small MTU makes fragments of frames and other superpackets of superpackets.
    @Test(arguments: [(false, 1442), (true, 1442), (true, 100)])
    func `Whatever a virtio header asks for, what anybody gets passes the sender's port security`(
        isBatched: Bool,
        innerMTU: Int
    ) {
        let net = Self.hosts(innerMTU: innerMTU)
        net.underlay.state.receivesTrains = isBatched
        var guest = RandomGuest(seed: UInt64(innerMTU) + (isBatched ? 1 : 0))
        var (local, remote, completed, cut) = (0, 0, 0, 0)
        for _ in 0..<20_000 {
            let (frame, header) = guest.next()
            net.ports.state.vnetHeader = header
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            for port in 1...2 {
                let offloads = net.ports.state.offloads.removeValue(forKey: Int32(port)) ?? []
                for (got, offload) in zip(net.got(port), offloads) {
                    if port == 1 { local += 1 } else { remote += 1 }
                    if offload.needsChecksum, offload.kind == .none { completed += 1 }
                    if offload.kind != .none { cut += 1 }
                    for reading in Self.readings(got, offload) {
                        guard let reason = Self.refusal(of: reading, net) else { continue }
                        Issue.record("port \(port), \(reason): \(header) \(frame)\ngot \(reading)")
                        return
                    }
                }
            }
        }
        #expect(net.isAccountedFor(on: 0) && net.isAccountedFor(on: 1))
        // That nothing comes through would be easy.
        #expect(local > 1000 && remote > 1000 && completed > 100 && cut > 100)
    }
}

/// A guest that sends what it may send and asks for whatever comes to its mind.
private struct RandomGuest {
    private var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    /// A frame and its virtio-net header.
    mutating func next() -> (frame: [UInt8], header: [UInt8]) {
        if chance(25) { return superpacket() }
        let (type, packet) = packet()
        let tag: [UInt8] = chance(4) ? [0x81, 0, 0xe0, 0] : []
        var frame = destination() + MemoryHosts.mac(0).octets + tag + type + packet
        if chance(20) { frame += noise(number(1...24)) }
        return (frame, header(for: frame, likely: 14 + tag.count))
    }

    private mutating func superpacket() -> (frame: [UInt8], header: [UInt8]) {
        let isUDP = chance(40)
        let flow = Flow(isIPv6: chance(50), isUDP: isUDP, options: isUDP || chance(50) ? [] : [1, 1, 1, 1])
        var (frame, header) = flow.superpacket(noise(number(1...400)), segmentByteCount: number(1...200))
        frame.replaceSubrange(0..<6, with: destination())
        if chance(10) { frame += noise(number(1...24)) }
        if chance(40) { header[number(0...9)] = UInt8(number(0...255)) }
        if chance(10) { header[1] = 0 }
        return (frame, header)
    }

    private mutating func destination() -> [UInt8] {
        let all = [
            MACAddress.broadcast, MemoryHosts.mac(1), MemoryHosts.mac(2), MACAddress(truncating: 0x3333_0000_0001),
        ]
        return all[number(0...3)].octets
    }

    /// Begins, most of the time, if somebody's header might be.
    private mutating func header(for frame: [UInt8], likely network: Int) -> [UInt8] {
        let starts = [network, network + 6, network + 20, network + 28, network + 40, network + 48, network + 56]
        let start = chance(70) ? starts[number(0...6)] : number(0...frame.count)
        let offset = chance(60) ? [6, 16, 2, 8, 10, 0][number(0...5)] : number(0...60)
        let kind = chance(70) ? 0 : [1, 3, 4, 5, 0x20, 0x80, 0x81, 0x85][number(0...7)]
        let words = [chance(50) ? 0 : number(0...200), chance(50) ? 0 : number(0...200), start, offset]
        return [UInt8(chance(85) ? 1 : number(0...255)), UInt8(kind)]
            + words.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8 & 0xff)] }
    }

    private mutating func packet() -> (type: [UInt8], packet: [UInt8]) {
        switch number(0...9) {
        case 0, 1:
            let sender = MemoryHosts.mac(0).octets + MemoryHosts.octets(MemoryHosts.ip(0))
            return (
                [8, 6], [0, 1, 8, 0, 6, 4, 0, UInt8(number(1...2))] + sender + noise(6) + [10, 0, 0, 9] + noise(18)
            )
        case 2...5: return ([8, 0], ipv4())
        case 6...8: return ([0x86, 0xdd], ipv6())
        default: return ([0x88, 0xb5], noise(60))
        }
    }

    private mutating func ipv4() -> [UInt8] {
        let isAsking = chance(10)
        let options = chance(80) ? [] : [UInt8](repeating: 1, count: 4 * number(1...3))
        let content = isAsking ? [0, 68, 0, 67, 0, 30, 0, 0] + noise(22) : noise(8) + inner()
        let number = isAsking ? 17 : UInt8([17, 17, 6, 1, 4, 47, 132, 50][number(0...7)])
        let byteCount = 20 + options.count + content.count
        let fragment: [UInt8] = chance(85) ? [0x40, 0] : [UInt8(self.number(0...0x3f)), UInt8(self.number(0...3))]
        let source = isAsking ? [0, 0, 0, 0] : MemoryHosts.octets(MemoryHosts.ip(0))
        return [UInt8(0x45 + options.count / 4), 0, UInt8(byteCount >> 8), UInt8(byteCount & 0xff), 0, 1] + fragment
            + [64, number, 0, 0] + source + (isAsking ? [255, 255, 255, 255] : [10, 0, 0, 9]) + options + content
    }

    private mutating func ipv6() -> [UInt8] {
        var next = UInt8([17, 17, 6, 58, 58, 58, 41, 50][number(0...7)])
        var content = noise(8) + inner()
        if next == 58 {
            // A solicitation or an advertisement, for which the sender's own address stands.
            let isAsking = chance(50)
            content = [isAsking ? 135 : 136, 0, 0, 0, 0, 0, 0, 0] + source + [isAsking ? 1 : 2, 1]
            content += MemoryHosts.mac(0).octets
        }
        for _ in 0..<(chance(60) ? 0 : number(1...3)) {
            let kind = UInt8([0, 43, 44, 60][number(0...3)])
            content = [next, 0, 0, kind == 44 && chance(30) ? 8 : 0, 0, 0, 0, 0] + content
            next = kind
        }
        return [0x60, 0, 0, 0, UInt8(content.count >> 8), UInt8(content.count & 0xff), next, 255] + source
            + [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 9] + content
    }

    /// Of Flow's frames over IPv6, too.
    private var source: [UInt8] { [0xfd] + (1..<16).map { UInt8($0) } }

    /// Returns the content of a guest's own tunnel, or nothing of the kind.
    private mutating func inner() -> [UInt8] {
        chance(50) ? noise(number(0...80)) : noise(8) + Flow(isIPv6: chance(50), isUDP: chance(50)).frame(noise(20))
    }

    private mutating func noise(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    private mutating func chance(_ percent: Int) -> Bool { number(0...99) < percent }
}
