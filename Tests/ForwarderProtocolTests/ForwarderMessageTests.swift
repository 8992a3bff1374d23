import ForwarderProtocol
import Foundation
import TestSupport
import Testing
import Wire

@Suite struct ForwarderMessageTests {
    @Test(arguments: Samples.messages)
    func `A message comes back as it was sent`(message: ForwarderMessage) throws {
        #expect(try ForwarderMessage(parsing: message.encode()) == message)
    }

    @Test(arguments: Samples.messages)
    func `A message cut at any byte is truncated, with one more it has trailing bytes`(
        message: ForwarderMessage
    ) {
        let bytes = message.encode()
        for count in 0..<bytes.count {
            #expect(throws: ForwarderMessageError.truncated) { try ForwarderMessage(parsing: Array(bytes[..<count])) }
        }
        #expect(throws: ForwarderMessageError.trailingBytes) { try ForwarderMessage(parsing: bytes + [0]) }
    }

    @Test(arguments: Samples.messages)
    func `A body cut at any byte under a header that agrees is refused`(message: ForwarderMessage) {
        let bytes = message.encode()
        for count in 8..<max(8, bytes.count) {
            var cut = Array(bytes[..<count])
            cut[4] = UInt8((count - 8) & 255)
            cut[5] = UInt8((count - 8) >> 8)
            #expect(throws: ForwarderMessageError.self) { try ForwarderMessage(parsing: cut) }
        }
    }

    @Test func `The layout is as documented`() {
        #expect(
            ForwarderMessage.acknowledged(epoch: 0x0102, revision: 3).encode() == [
                4, 0, 0, 0, 16, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
            ]
        )
        #expect(ForwarderMessage.deletePort(name: "ab").encode() == [72, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 97, 98])
    }

    @Test func `An unknown type, flags and a length beyond the maximum are refused`() {
        #expect(throws: ForwarderMessageError.unknownType(40)) {
            try ForwarderMessage(parsing: [40, 0, 0, 0, 0, 0, 0, 0])
        }
        #expect(throws: ForwarderMessageError.invalidValue) {
            try ForwarderMessage(parsing: [73, 0, 1, 0, 0, 0, 0, 0])
        }
        #expect(throws: ForwarderMessageError.tooLong) {
            try ForwarderMessage(parsing: [73, 0, 0, 0, 0, 0, 0, 4])
        }
    }

    @Test func `A name may have 1024 bytes and no more`() throws {
        let longest = ForwarderMessage.deletePort(name: String(repeating: "n", count: 1024))
        #expect(try ForwarderMessage(parsing: longest.encode()) == longest)
        let longer = ForwarderMessage.deletePort(name: String(repeating: "n", count: 1025))
        #expect(throws: ForwarderMessageError.tooLong) { try ForwarderMessage(parsing: longer.encode()) }
    }

    @Test func `A count that the message cannot hold is refused before anything is allocated`() {
        var bytes = ForwarderMessage.statistics(ForwarderStatistics()).encode()
        for index in 8..<12 { bytes[index] = 255 }
        #expect(throws: ForwarderMessageError.truncated) { try ForwarderMessage(parsing: bytes) }
    }

    @Test func `Values that a field cannot have are refused`() {
        let impossible: [(ForwarderMessage, Int, UInt8)] = [
            (.begin(epoch: 1, revision: 2, isSnapshot: true), 24, 2),
            (.held(.port("a")), 8, 9),
            (.underlay(Samples.v4), 8, 5),
            (.deletePort(name: "a"), 12, 0xff),
            (.putPort(LocalPort(name: "a", slot: 1)), 14, 16),
        ]
        for (message, offset, value) in impossible {
            var bytes = message.encode()
            bytes[offset] = value
            #expect(throws: ForwarderMessageError.invalidValue) { try ForwarderMessage(parsing: bytes) }
        }
    }

    @Test func `Random and damaged bytes parse to a message or an error`() {
        var generator = SeededGenerator(seed: 7)
        var refused = 0
        for round in 0..<20_000 {
            var bytes = Samples.messages[round % Samples.messages.count].encode()
            if round % 3 == 0 {
                bytes = (0..<Int.random(in: 0...64, using: &generator)).map { _ in
                    .random(in: 0...255, using: &generator)
                }
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            }
            do {
                let message = try ForwarderMessage(parsing: bytes)
                #expect(message.encode() == bytes)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 10_000)
    }

    @Test func `Each file of the fuzz corpus parses to itself or is refused`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/ForwarderMessage")
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            for (index, message) in Samples.messages.enumerated() {
                try Data(message.encode()).write(to: folder.appendingPathComponent("message-\(index)"))
            }
        }
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(files.count >= Samples.messages.count)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            guard let message = try? ForwarderMessage(parsing: bytes) else { continue }
            #expect(message.encode() == bytes)
        }
    }
}
