import Southbound
import Testing

@testable import CentralCore

/// A value that expectations may change.
private final class Box<Value> {
    var value: Value

    init(_ value: Value) { self.value = value }

    func change<Result>(_ body: (inout Value) -> Result) -> Result { body(&value) }
}

@Suite struct ReportBudgetTests {
    private func error(_ detail: String, port: String = "p") -> SyncRequest.HostError {
        SyncRequest.HostError(logicalPort: port, detail: detail)
    }

    @Test func `an error is said once while syncs repeat it, and again when it has gone and come back`() {
        let budget = Box(ReportBudget())
        #expect(
            budget.change { $0.take([error("a"), error("a"), error("b")], now: .zero) }.said == [
                error("a"), error("b"),
            ]
        )
        #expect(budget.change { $0.take([error("a"), error("b")], now: .seconds(20)) }.said == [])
        #expect(
            budget.change { $0.take([error("a"), error("c"), error("a", port: "q")], now: .seconds(40)) }.said.count
                == 2
        )
        #expect(budget.change { $0.take([error("b")], now: .seconds(60)) }.said == [error("b")])
    }

    @Test func `an error that lasts is said again after some minutes`() {
        let budget = Box(ReportBudget())
        var times: [Duration] = []
        for second in stride(from: 0, to: 1800, by: 20) {
            let said = budget.change { $0.take([error("a")], now: .seconds(second)) }.said
            if !said.isEmpty { times.append(.seconds(second)) }
        }
        #expect(times == [.zero, ReportBudget.repetition, ReportBudget.repetition * 2])
    }

    @Test func `a host that says something new each time has so many lines a minute, and the rest is counted`() {
        let budget = Box(ReportBudget())
        var (said, omitted) = (0, 0)
        for second in 0..<180 {
            let errors = (0..<100).map { error("\(second)/\($0)") }
            let taken = budget.change { $0.take(errors, now: .seconds(second)) }
            said += taken.said.count
            omitted += taken.omittedCount
        }
        #expect(said == 3 * ReportBudget.lineCountMaximum)
        // The last minute's are told with the next.
        #expect(omitted == 2 * (60 * 100 - ReportBudget.lineCountMaximum))
        #expect(
            budget.change { $0.take([], now: .seconds(180)) }.omittedCount == 60 * 100 - ReportBudget.lineCountMaximum
        )
    }

    @Test func `other lines of a host count as well`() {
        let budget = Box(ReportBudget())
        let said = (0..<100).count { _ in budget.change { $0.takeLine(now: .zero) } }
        #expect(said == ReportBudget.lineCountMaximum)
        #expect(budget.change { $0.take([error("a")], now: .seconds(1)) }.said == [])
        #expect(budget.change { $0.takeLine(now: .seconds(60)) })
        #expect(budget.change { $0.take([], now: .seconds(120)) }.omittedCount == 101 - ReportBudget.lineCountMaximum)
    }
}

@Suite struct RepeatBudgetTests {
    @Test func `the first is said at once, then one a minute with how many there were`() {
        let budget = Box(RepeatBudget<String>())
        #expect(budget.change { $0.note("full", "The disk is full.", now: .zero) } == "The disk is full.")
        for second in 1..<60 {
            #expect(budget.change { $0.note("full", "The disk is full.", now: .seconds(second)) } == nil)
        }
        #expect(budget.change { $0.note("other", "Other.", now: .seconds(30)) } == "Other.")
        let later = budget.change { $0.note("full", "The disk is full.", now: .seconds(60)) }
        #expect(later == "The disk is full. (and 59 more like it)")
        #expect(budget.change { $0.note("full", "The disk is full.", now: .seconds(61)) } == nil)
    }

    @Test func `what came is told in time though nothing more comes, and then forgotten`() {
        let budget = Box(RepeatBudget<Int>())
        _ = budget.change { $0.note(1, "a", now: .zero) }
        _ = budget.change { $0.note(1, "a", now: .seconds(1)) }
        #expect(budget.change { $0.due(now: .seconds(59)) } == [])
        #expect(budget.change { $0.due(now: .seconds(60)) } == ["a (and 1 more like it)"])
        #expect(!budget.value.isEmpty)
        #expect(budget.change { $0.due(now: .seconds(120)) } == [])
        #expect(budget.value.isEmpty)
    }

    @Test func `the table has a bound, beyond which things are only counted`() {
        let budget = Box(RepeatBudget<Int>())
        let maximum = RepeatBudget<Int>.keyCountMaximum
        let said = (0..<maximum + 7).count { index in budget.change { $0.note(index, "\(index)", now: .zero) } != nil }
        #expect(said == maximum)
        #expect(budget.change { $0.due(now: .seconds(60)) } == ["7 more lines about others were left out"])
        #expect(budget.value.isEmpty)
        // Old entries make room by themselves.
        for key in 0..<maximum { _ = budget.change { $0.note(key, "", now: .zero) } }
        #expect(budget.change { $0.note(-1, "new", now: .seconds(60)) } == "new")
    }
}
