import ForwarderProtocol
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

@Suite struct ShareFileTests {
    private let share = Share(
        epoch: 0xfedc_ba98_7654_3210,
        revision: 42,
        hash: 0x0123_4567_89ab_cdef,
        isHeld: true,
        formerEpochs: [3, 4],
        records: [Sample.hv1, Sample.hv2, Sample.ls1, Sample.port(1, on: "hv1", fence: 7), Sample.port(2)]
    )

    private static func mark(_ revision: UInt64, epoch: UInt64 = 1) -> ShareMark {
        ShareMark(
            epoch: epoch,
            revision: revision,
            hash: nil,
            isHeld: false,
            formerEpochs: [3],
            features: Feature.all
        )
    }

    /// A file with some saves, and the share and the number of its bytes after each.
    private func history() -> (bytes: [UInt8], states: [(share: Share, byteCount: Int)]) {
        var file = ShareFile(chassis: "hv1")
        var bytes = file.bytes(of: .whole(share))
        var states = [(share, bytes.count)]
        let edits: [[RecordChange]] = [
            [.put(Sample.port(3)), .put(Sample.port(2, on: "hv2", fence: 9))], [], [.delete(Sample.port(1).key)],
        ]
        for (index, changes) in edits.enumerated() {
            var next = states[states.count - 1].0
            let revision = 50 + UInt64(index)
            let mark = Self.mark(revision, epoch: share.epoch)
            next.apply(changes, mark)
            bytes += file.bytes(of: .changes(changes, mark))
            states.append((next, bytes.count))
        }
        return (bytes, states)
    }

    @Test func aShareAndItsChangesComeBackAsTheyWereKept() throws {
        let (bytes, states) = history()
        for (share, byteCount) in states {
            let stored = try StoredShare(fileBytes: Array(bytes[..<byteCount]), chassis: "hv1")
            #expect(stored.share == share && stored.innerMTU == 1442 && !stored.isCut)
        }
        #expect(goldenMismatch(String(decoding: bytes, as: UTF8.self), named: "share-file") == nil)
    }

    @Test func membersOfSetsComeBackAsTheyWereKept() throws {
        guard case .datapathBinding(var datapath) = Sample.ls1 else { return }
        datapath.filter = PacketFilter(acls: [], portGroups: ["g": [1]], addressSets: ["a": []])
        var next = datapath
        next.filter?.addressSets["a"] = [IPPrefix("10.0.0.1"), IPPrefix("fd00::/8")].compactMap { $0 }
        next.filter?.portGroups["g"] = [2]
        let patch = try #require(FilterPatch(from: datapath, to: next))
        let first = Share(epoch: 1, revision: 42, records: [.datapathBinding(datapath)])
        var file = ShareFile(chassis: "hv1")
        var bytes = file.bytes(of: .whole(first))
        bytes += file.bytes(of: .changes([.patch(patch)], Self.mark(43)))
        let stored = try StoredShare(fileBytes: bytes, chassis: "hv1")
        #expect(stored.share.records == [.datapathBinding(datapath.id): .datapathBinding(next)])
        bytes += file.bytes(of: .changes([.delete(.datapathBinding(datapath.id))], Self.mark(44)))
        bytes += file.bytes(of: .changes([.patch(patch)], Self.mark(45)))
        #expect(throws: StateFile.Failure.self) { try StoredShare(fileBytes: bytes, chassis: "hv1") }
    }

    @Test func aFileThatIsCutAnywhereIsTheShareOfTheLastWholeSave() throws {
        let (bytes, states) = history()
        for count in bytes.indices {
            let cut = Array(bytes[..<count])
            guard let last = states.last(where: { $0.byteCount <= count }) else {
                #expect(throws: StateFile.Failure.self) { try StoredShare(fileBytes: cut, chassis: "hv1") }
                continue
            }
            let stored = try StoredShare(fileBytes: cut, chassis: "hv1")
            #expect(stored.share == last.share && stored.isCut == (last.byteCount < count))
        }
    }

    @Test func afterAChangedByteNothingIsUsed() throws {
        let (bytes, states) = history()
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x20
            let stored = try? StoredShare(fileBytes: changed, chassis: "hv1")
            let before = states.last { $0.byteCount <= index }
            #expect(stored?.share == before?.share && stored?.isCut ?? true)
        }
    }

    @Test func aLineThatIsMissingEndsTheShareBeforeIt() throws {
        let (bytes, states) = history()
        let without = bytes[..<states[0].byteCount] + bytes[states[1].byteCount...]
        #expect(try StoredShare(fileBytes: Array(without), chassis: "hv1").share == states[0].share)
    }

    @Test func aLargeShareHasManyLinesAndOneMark() throws {
        let ports = (1...UInt16(ShareFile.changesPerLineMaximum * 2)).map { Sample.port($0) }
        let large = Share(epoch: 1, revision: 2, records: [Sample.hv1, Sample.ls1] + ports)
        let bytes = large.fileBytes()
        #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 4)
        #expect(try StoredShare(fileBytes: bytes, chassis: "hv1").share == large)
        // Lines without a mark are no share.
        let last = try #require(bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")))
        #expect(throws: StateFile.Failure.checksum) {
            try StoredShare(fileBytes: Array(bytes[...last]), chassis: "hv1")
        }
    }

    @Test func aFileIsFullWhenItsLaterLinesExceedTheShare() {
        var file = ShareFile(chassis: "hv1")
        var byteCount = file.bytes(of: .whole(share)).count
        let bound = 2 * byteCount + ShareFile.appendedByteCountMaximum
        while !file.isFull {
            let mark = Self.mark(50)
            byteCount += file.bytes(of: .changes((1...200).map { .put(Sample.port($0)) }, mark)).count
            #expect(file.isFull == (byteCount > bound))
        }
        _ = file.bytes(of: .whole(share))
        #expect(!file.isFull)
    }

    // The first format

    @Test func theFirstFormatIsRead() throws {
        let content = try #require(try corpus("StateFile").first { $0.starts(with: "{\"chassis\"".utf8) })
        let stored = try StoredShare(fileBytes: StateFile.seal(kind: "share", format: 1, content), chassis: "hv1")
        #expect(stored.share.revision > 0 && !stored.share.records.isEmpty && !stored.isCut)
    }

    /// An agent that was upgraded uses the share of the one before, and asks for what that one left out.
    @Test func aShareOfAnotherVersionIsInUseAndAskedForAnew() throws {
        for features in [[], Feature.basic, Feature.all + ["later"]] {
            let old = Share(epoch: 1, revision: 2, features: features, records: [Sample.hv1])
            #expect(try StoredShare(fileBytes: old.fileBytes(), chassis: "hv1").share == old)
            var scenario = Scenario(share: old)
            scenario.start()
            scenario.step("it has the share in force", .forwarderSaid(.acknowledged(epoch: 1, revision: 2)))
            #expect(scenario.transcript.contains("since 001/0,"))
        }
    }
}
