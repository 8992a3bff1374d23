import Reactor
import Testing

@testable import Storage

@Suite struct SharedWorkTests {
    private struct Broken: Error {}

    @Test func `results come in order, whoever did the pieces`() throws {
        let work = SharedWork<Int>()
        // The first piece ends when the helper has done another one, the helper's when the first has begun.
        let (hasBegun, hasHelped) = (OneShot<Void>(), OneShot<Void>())
        let first: SharedWork<Int>.Piece = {
            hasBegun.put(())
            hasHelped.take()
            return 0
        }
        let last: SharedWork<Int>.Piece = {
            hasBegun.take()
            hasHelped.put(())
            return 9
        }
        work.offer([first] + (1..<9).map { number -> SharedWork<Int>.Piece in { number } } + [last])
        let helper = OneShot<Void>()
        startThread(named: "helper") {
            work.help()
            helper.put(())
        }
        var results: [Int] = []
        try work.forEach { results.append($0) }
        helper.take()
        #expect(results == Array(0..<10))
    }

    @Test func `every piece is done once, and offers follow each other`() throws {
        let work = SharedWork<Int>()
        let helper = OneShot<Void>()
        let isOver = OneShot<Void>()
        startThread(named: "helper") {
            while isOver.take(withinSeconds: 0) == nil { work.help() }
            helper.put(())
        }
        for offer in 0..<200 {
            work.offer((0..<20).map { number -> SharedWork<Int>.Piece in { offer * 100 + number } })
            var results: [Int] = []
            try work.forEach { results.append($0) }
            #expect(results == (0..<20).map { offer * 100 + $0 })
        }
        isOver.put(())
        helper.take()
    }

    @Test func `an error of a piece reaches the owner, whoever did it`() {
        let alone = SharedWork<Int>()
        alone.offer([{ 1 }, { throw Broken() }])
        #expect(throws: Broken.self) { try alone.forEach { _ in } }
        let helped = SharedWork<Int>()
        helped.offer([{ 1 }, { throw Broken() }])
        helped.help()
        #expect(throws: Broken.self) { try helped.forEach { _ in } }
    }
}
