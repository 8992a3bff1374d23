import HTTP
import HTTPTypes
import TestSupport
import Testing

/// Only interim answers change with the cut of a stream.
private func events(_ bytes: [UInt8], cutEverywhere: Bool) -> [String] {
    let events = serverEvents(cutEverywhere ? bytes.map { [$0] } : [bytes], bodyLimit: 1000)
    return events.dropLast() + [(events.last ?? "").replacing("HTTP/1.1 100 Continue\n\n", with: "")]
}

@Suite struct FuzzCorpusTests {
    @Test("Requests of the corpus, and random changes to them, are the same whole and cut at every byte")
    func requests() throws {
        let files = try fuzzCorpus("HTTPRequest")
        #expect(!files.isEmpty)
        var generator = SeededGenerator(seed: 9112)
        for file in files {
            #expect(events(file, cutEverywhere: true) == events(file, cutEverywhere: false))
            for _ in 0..<200 {
                let changed = mutated(file, &generator)
                let text = String(decoding: changed, as: UTF8.self)
                #expect(events(changed, cutEverywhere: true) == events(changed, cutEverywhere: false), "\(text)")
            }
        }
    }

    @Test("So are chunked bodies")
    func chunkedBodies() throws {
        let files = try fuzzCorpus("HTTPChunkedBody")
        #expect(!files.isEmpty)
        let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        var generator = SeededGenerator(seed: 7)
        for file in files {
            for round in 0..<200 {
                let bytes = head + (round == 0 ? file : mutated(file, &generator))
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(events(bytes, cutEverywhere: true) == events(bytes, cutEverywhere: false), "\(text)")
            }
        }
    }

    @Test("And answers")
    func responses() throws {
        let files = try fuzzCorpus("HTTPResponse")
        #expect(!files.isEmpty)
        var generator = SeededGenerator(seed: 8)
        for file in files {
            for round in 0..<200 {
                let bytes = round == 0 ? file : mutated(file, &generator)
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(firstAnswer(bytes.map { [$0] }) == firstAnswer([bytes]), "\(text)")
            }
        }
    }

    private func firstAnswer(_ pieces: [[UInt8]]) -> String {
        var connection = HTTP1ClientConnection(limits: HTTPLimits())
        connection.begin(.get)
        do throws(MessageError) {
            for piece in pieces {
                if let answer = try connection.receive(piece[...]) { return "\(answer)" }
            }
        } catch {
            return error.description
        }
        return connection.receiveEnd().map { "\($0)" } ?? "cut short"
    }

    private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: bytes.indices, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[index] = .random(in: 0 ... .max, using: &generator)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(Array("\r\n :;,\0\t".utf8).randomElement(using: &generator) ?? 0, at: index)
            default: bytes.insert(contentsOf: bytes[index...].prefix(8), at: index)
            }
        }
        return bytes
    }
}
