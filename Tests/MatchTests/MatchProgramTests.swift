import TestSupport
import Testing

@testable import Match

@Suite struct MatchProgramTests {
    @Test func `A program says the same as the expressions that it is made of, in their order`() throws {
        var generator = SeededGenerator(seed: 16)
        let frames = (0..<400).map { _ in MatchFrame(PlainFrame(using: &generator).bytes.span) }
        var outcomes = [false: 0, true: 0]
        for number in 0..<1500 {
            var rules: [(expression: MatchExpression, outcome: Bool)] = []
            for _ in 0..<(1 + number % 3) {
                let text = PlainExpression.random(depth: number % 4, using: &generator).text(using: &generator)
                guard let expression = try? MatchExpression(text) else { continue }
                rules.append((expression, .random(using: &generator)))
            }
            let otherwise = Bool.random(using: &generator)
            let program = MatchProgram(rules, otherwise: otherwise)
            #expect(program.steps.count <= rules.reduce(0) { $0 + $1.expression.weight })
            for _ in 0..<12 {
                let frame = frames.randomElement(using: &generator) ?? frames[0]
                let first = rules.first { $0.expression.matches(frame, in: PortNames()) }
                let outcome = program.outcome(of: frame)
                try #require(outcome == first?.outcome ?? otherwise, "\(rules) of \(frame)")
                outcomes[outcome, default: 0] += 1
            }
        }
        #expect(outcomes.values.allSatisfy { $0 > 4000 }, "\(outcomes)")
    }

    @Test func `Without rules all frames have the same outcome`() {
        let frame = MatchFrame([UInt8](repeating: 0, count: 60).span)
        #expect(MatchProgram.always.outcome(of: frame))
        #expect(!MatchProgram([], otherwise: false).outcome(of: frame))
        #expect(MatchProgram.always.steps.isEmpty)
    }

    @Test func `A program of somebody else is taken only if it ends`() throws {
        let expression = try MatchExpression("tcp.dst == {22, 80} && ip.ttl == 1")
        let program = MatchProgram([(expression, true)], otherwise: false)
        #expect(MatchProgram(steps: program.steps, first: program.first) == program)
        func step(lowestBit: UInt8 = 0, ifTrue: Int16 = -1, ifFalse: Int16 = -2) -> MatchProgram.Step {
            MatchProgram.Step(
                field: .ipTTL,
                comparison: .equal,
                lowestBit: lowestBit,
                mask: 1,
                value: 1,
                ifTrue: ifTrue,
                ifFalse: ifFalse
            )
        }
        #expect(MatchProgram(steps: [step()], first: 0) != nil)
        for first: Int16 in [1, -3, .max, .min] { #expect(MatchProgram(steps: [step()], first: first) == nil) }
        for target: Int16 in [0, 1, -3, .max, .min] {
            #expect(MatchProgram(steps: [step(ifTrue: target)], first: 0) == nil)
            #expect(MatchProgram(steps: [step(ifFalse: target)], first: 0) == nil)
        }
        #expect(MatchProgram(steps: [step(lowestBit: 128)], first: 0) == nil)
        let many = [MatchProgram.Step](repeating: step(), count: MatchProgram.stepCountMaximum)
        #expect(MatchProgram(steps: many, first: 0) != nil)
        #expect(MatchProgram(steps: many + [step()], first: 0) == nil)
    }
}
