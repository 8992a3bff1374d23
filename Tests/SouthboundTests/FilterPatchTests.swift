import JSON
import TestSupport
import Testing
import Wire

@testable import Southbound

/// Changes of members of the sets and groups that ACLs name.
@Suite struct FilterPatchTests {
    private func datapath(_ sets: [String: [IPPrefix]], _ groups: [String: [UInt16]] = [:]) -> DatapathBinding {
        var datapath = DatapathBinding(id: ObjectID(high: 1, low: 2), name: "ls1", tunnelKey: 5, vlanPassthru: false)
        let rule = PacketFilter.Rule(name: "a", direction: .toPort, tier: 0, match: "ip4.src == $s", action: .drop)
        datapath.filter = PacketFilter(acls: [rule], portGroups: groups, addressSets: sets)
        return datapath
    }

    @Test func `Random changes lead from one list to the other, alone and two in one, on the wire and back`() throws {
        var generator = SeededGenerator(seed: 1)
        func members() -> [IPPrefix] {
            let numbers = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
                UInt32.random(in: 0...30, using: &generator)
            }
            let all = numbers.flatMap { number in
                [
                    IPPrefix(host: .v4(IPv4Address(number))),
                    IPPrefix(host: .v6(IPv6Address(high: 1, low: UInt64(number)))),
                    IPPrefix(address: .v4(IPv4Address(number << 8)), length: 24),
                ].compactMap { $0 }
            }
            return Set(all).sorted()
        }
        func keys() -> [UInt16] { Set(members().map { UInt16($0.length) }).sorted() }
        for _ in 0..<500 {
            let states = (0..<3).map { _ in datapath(["s": members(), "t": members()], ["g": keys()]) }
            let first = try #require(FilterPatch(from: states[0], to: states[1]))
            let second = try #require(FilterPatch(from: states[1], to: states[2]))
            let both = try #require(first.followed(by: second))
            var state = states[0]
            #expect(state.apply(first) && state == states[1])
            #expect(state.apply(second) && state == states[2])
            state = states[0]
            #expect(state.apply(both) && state == states[2])
            let text = FeedChange.text([FeedChange(revision: 3, change: .patch(first))])
            let read = try #require(try FeedChange(json: try JSONParser.parse(text)))
            #expect(read.change == .patch(first) && read.key == .datapathBinding(state.id))
        }
    }

    @Test func `What differs by more, or by much, is told as a whole`() {
        let addresses = (0..<300).map { IPPrefix(host: .v4(IPv4Address($0))) }
        let old = datapath(["s": Array(addresses[..<200])], ["g": [1]])
        func told(_ change: (inout DatapathBinding) -> Void) -> FilterPatch? {
            var new = old
            change(&new)
            return FilterPatch.toTell(from: old, to: new)
        }
        #expect(told { _ in } == nil)
        #expect(told { $0.filter?.addressSets["s"]?.append(addresses[250]) }?.memberCount == 1)
        #expect(told { $0.filter?.addressSets["s"] = addresses }?.memberCount == 100)
        #expect(told { $0.filter?.addressSets["s"] = Array(addresses[200...]) } == nil)
        #expect(told { $0.filter?.portGroups["g"] = [2, 1] } == nil)
        #expect(told { $0.filter?.portGroups["g"] = [1, 2] }?.portGroups["g"]?.added == [2])
        #expect(told { $0.filter?.addressSets["t"] = [] } == nil)
        #expect(told { $0.filter?.portGroups = [:] } == nil)
        #expect(told { $0.filter?.ports["p"] = 1 } == nil)
        #expect(told { $0.filter?.acls[0].match = "ip" } == nil)
        #expect(told { $0.filter = nil } == nil)
        #expect(
            told {
                $0.name = "ls2"; $0.filter?.portGroups["g"] = []
            } == nil
        )
    }

    @Test func `A datapath without the set takes nothing`() throws {
        let (old, new) = (datapath(["s": []], ["g": []]), datapath(["s": []], ["g": [1]]))
        let patch = try #require(FilterPatch(from: old, to: new))
        var other = datapath(["s": []])
        #expect(!other.takes(patch) && !other.apply(patch) && other == datapath(["s": []]))
        other.filter = nil
        #expect(!other.takes(patch) && !other.apply(patch))
    }

    @Test func `Only a host that takes them is told members alone, and long answers have whole records`() {
        var before = SouthboundDatabase()
        let port = PortBinding(
            id: ObjectID(high: 3, low: 1),
            logicalPort: "p",
            datapath: datapath([:]).id,
            tunnelKey: 1,
            locations: [PortBinding.Location(chassis: "h1", bindSeq: 1)]
        )
        before.put(.init(record: .portBinding(port), revision: 1))
        before.put(.init(record: .datapathBinding(datapath(["s": []])), revision: 1))
        var after = before
        let next = datapath(["s": [IPPrefix(host: .v4(IPv4Address(7)))]])
        after.put(.init(record: .datapathBinding(next), revision: 2))
        let bounds = PageBounds(changeCount: 100, byteCount: 1 << 20)
        var builder = SharedDelta.Builder(
            from: 1,
            to: 2,
            before: before,
            after: after,
            touched: [(.datapathBinding(next.id), 2)],
            pages: bounds
        )
        var delta = builder.advance(by: 10)
        if delta == nil { delta = builder.advance(by: 10) }
        guard let delta else {
            Issue.record("no delta")
            return
        }
        let changes = ShareChanges(from: Span(of: "h1", in: before), to: Span(of: "h1", in: after), by: delta)
        func text(_ takesPatches: Bool) -> String {
            String(
                decoding: FeedChange.text(changes.page(at: 0, bounds, takesPatches: takesPatches).changes),
                as: UTF8.self
            )
        }
        let id = next.id
        #expect(
            text(true)
                == #"{"revision":2,"op":"patch","kind":"datapath_binding","id":"\#(id)","#
                + #""object":{"address_sets":{"s":{"added":["0.0.0.7"]}}}}"#
        )
        #expect(
            text(false).hasPrefix(#"{"revision":2,"op":"put","kind":"datapath_binding","id":"\#(id)","object":{"id":"#)
        )
    }
}
