import Glibc
import Synchronization
import Testing

@testable import Reactor

@Suite struct MailboxTests {
    @Test func `Messages of many threads all arrive, those of each in order`() throws {
        let loop = try EventLoop()
        var received: [[Int]] = Array(repeating: [], count: 4)
        var count = 0
        let mailbox = try Mailbox<(Int, Int)>(on: loop) { sender, number in
            received[sender].append(number)
            count += 1
            if count == 4000 { loop.stop() }
        }
        let threads = (0..<4).map { sender in
            startThread(named: "sender") { for number in 0..<1000 { mailbox.send((sender, number)) } }
        }
        loop.run()
        for thread in threads { thread.join() }
        #expect(received == Array(repeating: Array(0..<1000), count: 4))
    }

    @Test func `A burst wakes the loop once`() throws {
        let loop = try EventLoop()
        var received = 0
        let mailbox = try Mailbox<Int>(on: loop) { received += $0 }
        for _ in 0..<100 { mailbox.send(1) }
        loop.turn(mayWait: false)
        #expect(received == 100)
        mailbox.send(1)
        loop.turn(mayWait: false)
        #expect(received == 101)
    }

    @Test func `A full mailbox takes nothing more until it is emptied`() throws {
        let loop = try EventLoop()
        var received: [Int] = []
        let mailbox = try Mailbox<Int>(on: loop, capacity: 3) { received.append($0) }
        #expect((0..<5).map { mailbox.send($0) } == [true, true, true, false, false])
        loop.turn(mayWait: false)
        #expect(received == [0, 1, 2])
        #expect(mailbox.send(5))
    }

    @Test func `A mailbox holds its named number of messages by default`() throws {
        let loop = try EventLoop()
        let mailbox = try Mailbox<Int>(on: loop) { _ in }
        for number in 0..<mailboxMessageCountMaximum { #expect(mailbox.send(number)) }
        #expect(!mailbox.send(0))
    }

    @Test func `A message sent while messages are received comes in the next turn`() throws {
        let loop = try EventLoop()
        var received: [Int] = []
        var own: Mailbox<Int>?
        let mailbox = try Mailbox<Int>(on: loop) { number in
            received.append(number)
            if number < 3 { own?.send(number + 1) } else { loop.stop() }
        }
        own = mailbox
        mailbox.send(0)
        loop.turn(mayWait: false)
        #expect(received == [0])
        loop.run()
        #expect(received == [0, 1, 2, 3])
    }
}
