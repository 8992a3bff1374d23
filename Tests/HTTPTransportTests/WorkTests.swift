import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

private let ok = HTTPResponse(status: .ok)
private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/// Work is bounded before it is done, and shared.
@Suite struct WorkTests {
    let fixture: LoopFixture

    init() throws {
        fixture = try LoopFixture()
    }

    private func post(_ count: Int, _ fields: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n\(fields)Content-Length: \(count)\r\n\r\n"
    }

    @Test(
        "An answer that finds nothing for long leaves the others their turns, and comes in the end",
        arguments: [1, 2]
    )
    func emptySlices(version: Int) throws {
        var made = 0
        var madeBefore: Int?
        let server = try ServerFixture(fixture) { exchange in
            guard exchange.request.path == "/search" else {
                madeBefore = made
                return exchange.respond(ok, body: .none)
            }
            exchange.respond(
                ok,
                body: .slices {
                    made += 1
                    return made < 3000 ? [] : made == 3000 ? Array("found".utf8) : nil
                }
            )
        }
        let search = try RawClient(fixture, to: server.address)
        if version == 1 {
            search.send("GET /search HTTP/1.1\r\nHost: a\r\n\r\n")
        } else {
            search.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0])
            search.send([0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x41, 1, 0x61, 0x44, 7] + Array("/search".utf8))
        }
        fixture.look(until: { made > 0 })
        let other = try RawClient(fixture, to: server.address)
        other.send(get)
        fixture.run(until: { other.statusCodes == ["200"] })
        #expect((madeBefore ?? .max) < 3000)
        fixture.run(until: { search.text.contains("found") })
    }

    @Test("What the head decides is answered in place of 100, and the content is not read")
    func expectation() throws {
        var asked: [Bool] = []
        let server = try ServerFixture(
            fixture,
            judge: { request, _, _, mayAnswer in
                asked.append(mayAnswer)
                guard mayAnswer, request.headerFields[.authorization] == nil else {
                    return .content(byteCountMaximum: 1 << 20)
                }
                return .answer(AnswerHead(.unauthorized), Array("who?".utf8))
            },
            { $0.respond(ok, body: .none) }
        )
        let stranger = try RawClient(fixture, to: server.address)
        stranger.send(post(10, "Expect: 100-continue\r\n"))
        fixture.run(until: { stranger.hasEnded })
        #expect(stranger.statusCodes == ["401"])
        let large = try RawClient(fixture, to: server.address)
        large.send(post(1 << 20))
        fixture.run(until: { large.hasEnded })
        #expect(large.statusCodes == ["401"])
        // A short content has come already: the connection goes on.
        let short = try RawClient(fixture, to: server.address)
        short.send(post(2) + "{}" + get)
        fixture.run(until: { short.statusCodes == ["200", "200"] })
        let known = try RawClient(fixture, to: server.address)
        known.send(post(2, "Expect: 100-continue\r\nAuthorization: me\r\n"))
        fixture.run(until: { known.statusCodes == ["100"] })
        known.send("{}")
        fixture.run(until: { known.statusCodes == ["100", "200"] })
        #expect(asked == [true, true, false, true])
    }

    @Test("A stranger's content is not taken out of its coding")
    func strangersContent() throws {
        let server = try ServerFixture(
            fixture,
            judge: { _, _, _, mayAnswer in
                mayAnswer ? .answer(AnswerHead(.unauthorized), []) : .content(byteCountMaximum: 1 << 20)
            },
            { _ in Issue.record("a handler was asked") }
        )
        let client = try RawClient(fixture, to: server.address)
        // It is no gzip: whoever looked would say 400.
        client.send(post(4, "Content-Encoding: gzip\r\n") + "nope")
        fixture.run(until: { client.statusCodes == ["401"] })
        #expect(!client.hasEnded)
    }

    @Test("A content that is long in the end is made in pieces, between which others are served")
    func inflation() throws {
        // A hundredth of the content is the least that may come for it, at any point.
        let noise = (0..<2000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let content = [[UInt8]](repeating: [UInt8](repeating: 0x20, count: 1 << 16) + noise, count: 100).flatMap { $0 }
        let coded = try #require(GzipEncoder().encode(content))
        var order: [String] = []
        var limits = HTTPLimits()
        limits.bodyByteCountMaximum = 16 << 20
        let server = try ServerFixture(fixture, limits: limits) { exchange in
            order.append(exchange.request.method.rawValue)
            if exchange.request.method == .post { #expect(exchange.body == content) }
            exchange.respond(ok, body: .none)
        }
        let long = try RawClient(fixture, to: server.address)
        long.send(post(coded.count, "Content-Encoding: gzip\r\n"))
        long.send(coded)
        var others: [RawClient] = []
        while long.statusCodes.isEmpty, others.count < 1000 {
            let other = try RawClient(fixture, to: server.address)
            other.send(get)
            fixture.run(until: { other.statusCodes == ["200"] })
            others.append(other)
        }
        fixture.run(until: { long.statusCodes == ["200"] })
        #expect(order.last == "POST" || order.firstIndex(of: "POST") ?? 0 > 0, "\(order.count)")
    }

    @Test("Answers that come together end no client that takes its own, and no further contents are taken meanwhile")
    func manyAnswers() throws {
        var limits = HTTPLimits()
        limits.heldByteCountMaximum = 1 << 20
        let answer = [UInt8](repeating: 0x61, count: 2 << 20)
        var waiting: [HTTPExchange] = []
        let server = try ServerFixture(fixture, limits: limits) { waiting.append($0) }
        let clients = try (0..<20).map { _ in try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14) }
        for client in clients { client.send(post(2) + "{}") }
        fixture.run(until: { waiting.count == clients.count })
        for exchange in waiting { exchange.respond(ok, body: .bytes(answer)) }
        #expect(server.server.heldByteCount > limits.heldByteCountMaximum)
        let late = try RawClient(fixture, to: server.address)
        late.send(post(100_000))
        fixture.run(until: { late.statusCodes == ["503"] })
        fixture.run(until: { clients.allSatisfy { $0.received.count > answer.count || $0.hasEnded } })
        #expect(clients.allSatisfy { !$0.hasEnded && $0.received.count > answer.count })
    }

    @Test("A content counts as held until its request is answered, and who waits for that is not ended")
    func waiting() throws {
        var limits = HTTPLimits()
        limits.heldByteCountMaximum = 100_000
        limits.heldProgressTime = .milliseconds(1)
        var waiting: [HTTPExchange] = []
        let server = try ServerFixture(fixture, limits: limits) { waiting.append($0) }
        let clients = try (0..<3).map { _ in try RawClient(fixture, to: server.address) }
        let body = String(repeating: "a", count: 60_000)
        for (index, client) in clients.prefix(2).enumerated() {
            client.send(post(body.utf8.count) + body)
            fixture.run(until: { waiting.count == index + 1 })
        }
        fixture.run(for: .milliseconds(50))
        #expect(server.server.heldByteCount >= 120_000 && !clients.contains(where: \.hasEnded))
        clients[2].send(post(body.utf8.count) + body)
        fixture.run(until: { clients[2].statusCodes == ["503"] })
        // A small request is heard in any case.
        clients[2].send(post(2) + "{}")
        fixture.run(until: { waiting.count == 3 })
        for exchange in waiting { exchange.respond(ok, body: .none) }
        fixture.run(until: { clients[0].statusCodes == ["200"] && clients[1].statusCodes == ["200"] })
        #expect(server.server.heldByteCount < 1000)
    }

    @Test("A client that takes nothing of what many hold together is ended for the others")
    func stalledHolder() throws {
        var limits = HTTPLimits()
        limits.heldByteCountMaximum = 1 << 20
        limits.heldProgressTime = .milliseconds(50)
        let answer = [UInt8](repeating: 0x61, count: 8 << 20)
        let server = try ServerFixture(fixture, limits: limits) { $0.respond(ok, body: .bytes(answer)) }
        let client = try RawClient(fixture, to: server.address, receiveBuffer: 1 << 14)
        client.reads = false
        client.send(get)
        fixture.look(until: { server.server.connectionCount == 1 })
        fixture.look(until: { server.server.connectionCount == 0 })
    }
}
