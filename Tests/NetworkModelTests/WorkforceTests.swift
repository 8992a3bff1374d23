import JSON
import NetworkModel
import TestSupport
import Testing

/// The last piece first, as others may do them.
private final class BackwardWorkforce: Workforce {
    func results<Value: Sendable>(of pieces: [@Sendable () -> Value]) -> [Value] {
        pieces.reversed().map { $0() }.reversed()
    }
}

@Suite struct WorkforceTests {
    @Test(arguments: [0, 1, 9, 10, 11, 100])
    func `Slices cover a list, and their results come in its order`(count: Int) {
        let list = Array(0..<count)
        for workforce in [LoneWorker.any, BackwardWorkforce()] as [any Workforce] {
            let slices = workforce.slices(of: list, by: 10) { Array($0) }
            #expect(slices.flatMap { $0 } == list)
            #expect(slices.allSatisfy { $0.count <= 10 })
        }
    }

    @Test func `A commit is the same, whoever makes its parts`() throws {
        let commits = try ([LoneWorker.any, BackwardWorkforce()] as [any Workforce]).map { workforce in
            var generator = SeededGenerator(seed: 3)
            var network = Network(epoch: 1)
            var texts: [[UInt8]] = []
            // Made, changed or touched only, and deleted.
            for turn in 0..<3 {
                var draft = Transaction(on: network, time: 1_700_000_000 + Int64(turn), workforce: workforce)
                if turn == 0 {
                    let body = JSONValue.object(JSONObject(distinct: []))
                    _ = try draft.perform(
                        Operation(.logicalSwitch, .replace(.name("ls1"), body: body)),
                        using: &generator
                    )
                }
                for number in 0..<1000 {
                    let name = Reference.name("p\(number)")
                    let body: JSONValue = [
                        "switch": "ls1", "labels": ["turn": .string(number % 3 == 0 ? "0" : "\(turn)")],
                    ]
                    let action: Operation.Action =
                        turn == 2 && number % 2 == 0
                        ? .delete(name, refusingPorts: false) : .replace(name, body: body)
                    _ = try draft.perform(Operation(.logicalSwitchPort, action), using: &generator)
                }
                let commit = try draft.finish(author: "test", byteCountMaximum: Commit.byteCountMaximum)
                texts.append(try #require(commit).encoded)
                network = draft.network
            }
            return texts
        }
        #expect(commits[0] == commits[1])
        #expect(commits[0].allSatisfy { $0.count > 100_000 })
    }
}
