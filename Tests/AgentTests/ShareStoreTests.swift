import Foundation
import Southbound
import Testing
import Wire

@testable import Agent
@testable import AgentCore

@Suite struct ShareStoreTests {
    private let path = "/tmp/hd-share-\(getpid())-\(UInt32.random(in: 0 ... .max))"

    private func stored() throws -> StoredShare? {
        try StoredShare(fileBytes: Array(Data(contentsOf: URL(fileURLWithPath: path))), chassis: "hv1")
    }

    private static func mark(_ revision: UInt64) -> ShareMark {
        ShareMark(epoch: 1, revision: revision, hash: nil, isHeld: false, formerEpochs: [], features: Feature.all)
    }

    @Test func changesAreAppendedToTheFileAndAWholeShareReplacesIt() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = ShareStore(path: path, chassis: "hv1")
        let (failure, isFull) = store.save(.whole(Share(epoch: 1, revision: 2, records: [])), innerMTU: 1442)
        #expect(failure == nil && !isFull)
        let first = try Data(contentsOf: URL(fileURLWithPath: path))
        for revision in 3...5 as ClosedRange<UInt64> {
            let datapath = DatapathBinding(
                id: ObjectID(high: 1, low: revision),
                name: "ls\(revision)",
                tunnelKey: UInt32(revision),
                vlanPassthru: false
            )
            let save = ShareSave.changes([.put(.datapathBinding(datapath))], Self.mark(revision))
            #expect(store.save(save, innerMTU: 1442).failure == nil)
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: first))
        let now = try #require(try stored()?.share)
        #expect(now.revision == 5 && now.records.count == 3)
        #expect(store.save(.whole(Share(epoch: 1, revision: 6, records: [])), innerMTU: 1400).failure == nil)
        let last = try stored()
        #expect(last?.share == Share(epoch: 1, revision: 6, records: []) && last?.innerMTU == 1400)
        #expect(!FileManager.default.fileExists(atPath: path + ".new"))
    }

    @Test func changesAreRefusedUntilTheFileIsBegun() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let store = ShareStore(path: path, chassis: "hv1")
        #expect(store.save(.changes([], Self.mark(3)), innerMTU: 1442).failure != nil)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aDiskThatTakesNothingIsSaidToAndTheNextChangesAreRefused() throws {
        let store = ShareStore(path: "/dev/full/share", chassis: "hv1")
        #expect(store.save(.whole(Share()), innerMTU: 1442).failure?.contains("/dev/full/share") == true)
        #expect(store.save(.changes([], Self.mark(3)), innerMTU: 1442).failure != nil)
    }
}
