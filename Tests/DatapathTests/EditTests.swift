import TestSupport
import Testing
import Wire

@testable import Datapath

@Suite struct EditTests {
    @Test func `Random edits of random frames make what changing the bytes and summing anew makes`() {
        var generator = SeededGenerator(seed: 12)
        var kinds: Set<String> = []
        for _ in 0..<20_000 {
            let frame = OracleEdit.frame(using: &generator)
            let changes = OracleEdit.changes(using: &generator)
            let isPartial = frame.isPartial
            let got = OracleEdit.apply(changes, to: frame.bytes, isPartial: isPartial)
            let expected = OracleEdit.expected(changes, of: frame.bytes, isPartial: isPartial)
            guard got == expected else {
                Issue.record("\(changes) of \(frame)\nexpected \(expected)\ngot      \(got)")
                return
            }
            if got != frame.bytes { kinds.formUnion(changes.map { String("\($0)".prefix(8)) }) }
        }
        #expect(kinds.count >= 7)
    }

    @Test func `Two edits one after the other are one`() {
        var generator = SeededGenerator(seed: 13)
        for _ in 0..<5000 {
            let frame = OracleEdit.frame(using: &generator)
            // Of one family: an edit changes packets of one.
            let first = OracleEdit.changes(using: &generator, addressByteCount: 4)
            let second = OracleEdit.changes(using: &generator, addressByteCount: 4)
            let once = OracleEdit.apply(first, to: frame.bytes, isPartial: frame.isPartial)
            let twice = OracleEdit.apply(second, to: once, isPartial: frame.isPartial)
            var both = OracleEdit.edit(first)
            both.append(OracleEdit.edit(second))
            // Two tags in one edit are one, and behind three tags nothing is read.
            guard !first.contains(where: \.addsTag) else { continue }
            // Of a frame without a tag the first edit removes nothing.
            guard !first.contains(where: \.removesTag) || !second.contains(where: \.removesTag) else { continue }
            #expect(OracleEdit.apply(both, to: frame.bytes, isPartial: frame.isPartial) == twice)
        }
    }

    @Test func `No cut or random frame makes an edit reach beyond it`() {
        var generator = SeededGenerator(seed: 14)
        for _ in 0..<5000 {
            var bytes = OracleEdit.frame(using: &generator).bytes
            bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator))
            for _ in 0..<3 where !bytes.isEmpty {
                let index = Int.random(in: 0..<min(60, bytes.count), using: &generator)
                bytes[index] = UInt8(truncatingIfNeeded: generator.next())
            }
            let changes = OracleEdit.changes(using: &generator)
            #expect(OracleEdit.keepsToItself(changes, bytes))
        }
    }

    @Test func `An edit says what it changes`() {
        var edit = Edit()
        #expect(edit.isEmpty && edit.description.isEmpty)
        edit.setDestination(MACAddress(truncating: 0x0200_0000_0001).rawValue)
        edit.takeHop()
        edit.setSource(.v4(IPv4Address(0x0a00_0001)))
        #expect(edit.description == "destination MAC 02:00:00:00:00:01, source 10.0.0.1, 1 hop less")
        #expect(MemoryLayout<Edit>.size <= 64)
    }
}
