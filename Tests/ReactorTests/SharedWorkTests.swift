import Testing

@testable import Reactor

@Suite struct SharedWorkTests {
    private struct Broken: Error {}

    @Test func `results come in order, whoever did the pieces`() {
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
        work.forEach { results.append($0) }
        helper.take()
        #expect(results == Array(0..<10))
    }

    @Test func `every piece is done once, and offers follow each other`() {
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
            work.forEach { results.append($0) }
            #expect(results == (0..<20).map { offer * 100 + $0 })
        }
        isOver.put(())
        helper.take()
    }

    @Test func `an error of the owner ends the work, and leaves nothing behind`() {
        final class Held: Sendable {}
        weak var held: Held?
        let work = SharedWork<Int>()
        do {
            let own = Held()
            held = own
            work.offer([{ 1 }, { withExtendedLifetime(own) { 2 } }])
        }
        #expect(throws: Broken.self) { try work.forEach { _ in throw Broken() } }
        #expect(held != nil)
        work.help()
        #expect(held == nil)
    }
}
