import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Whatever lies in a table file, decisions end, and lead nowhere that a forwarder has no room for.
@Suite struct HostileTablesTests {
    @Test("bits of a file that have turned over", arguments: 0..<4)
    func bitFlips(part: Int) {
        for seed in 0..<15 {
            var network = RandomNetwork(seed: UInt64(1000 * part + seed))
            guard let input = network.history().last else { continue }
            let tables = input.compile()
            let memory = Self.copy(tables)
            defer { memory.deallocate() }
            for _ in 0..<8 {
                for _ in 0..<Int.random(in: 1...8, using: &network.generator) {
                    let place = Int.random(in: 0..<memory.count, using: &network.generator)
                    memory[place] ^= 1 << UInt8.random(in: 0...7, using: &network.generator)
                }
                Self.decide(in: memory, root: tables.rootOffset, &network)
            }
        }
    }

    @Test("random octets, and a root among them", arguments: 0..<4)
    func noise(part: Int) {
        for seed in 0..<50 {
            var network = RandomNetwork(seed: UInt64(1000 * part + seed))
            let count = 16 * Int.random(in: 8...400, using: &network.generator)
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
            defer { memory.deallocate() }
            let isSparse = network.chance(50)
            for place in 0..<count {
                // References of a small file are mostly zeros.
                let isZero = isSparse && place % 4 >= 2
                memory[place] = isZero ? 0 : .random(in: 0 ... .max, using: &network.generator)
            }
            Self.decide(in: memory, root: 16, &network)
        }
    }

    private static func copy(_ tables: ForwardingTables) -> UnsafeMutableRawBufferPointer {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: tables.byteCount, alignment: 16)
        memory.copyMemory(from: UnsafeRawBufferPointer(start: tables.view.base, count: tables.byteCount))
        return memory
    }

    private static func decide(
        in memory: UnsafeMutableRawBufferPointer,
        root: Int,
        _ network: inout RandomNetwork
    ) {
        guard let base = memory.baseAddress,
            let view = Tables(base: base, byteCount: memory.count, root: root)
        else { return }
        let cache = FlowCache(entryCount: 8)
        for number in 1...6 {
            let frame = network.frame(from: number)
            for slot in [0, 2, 4, 6, 63, .max] as [UInt16] {
                let outcomes = view.outcomes(of: frame, from: slot)
                check(outcomes)
                _ = view.keptOutcomes(of: frame, from: slot, cache)
            }
            for vni in [1, 2, DatapathBinding.tunnelKeyMaximum] {
                for egress in [1, 5, 32768, 32769] as [UInt16] {
                    let datagram = FrameBuilder.geneve(vni: vni, ingress: 2, egress: egress, frame: frame)
                    let source = IPAddress.v4(IPv4Address(0x0a7f_0002))
                    check(view.outcomes(ofDatagram: datagram, from: source, now: .zero))
                    _ = view.keptOutcomes(ofDatagram: datagram, from: source, now: .zero, cache)
                }
            }
        }
        _ = (0..<view.placeCount).map { view.place($0) }
    }

    private static func check(_ outcomes: [Outcome]) {
        for case .local(let slot) in outcomes { #expect(slot < Tables.slotCountMaximum) }
    }
}
