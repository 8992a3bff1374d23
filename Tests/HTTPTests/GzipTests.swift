import HTTP
import TestSupport
import Testing

/// The result of Python's `gzip.compress(b"hello\n" * 3, mtime=0)`.
private let hello: [UInt8] = [
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 72, 205, 201, 201, 231, 202, 64, 34, 1, 58, 55, 102, 61, 18, 0, 0, 0,
]

private func text(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Array("0123456789abcdef\",:".utf8).randomElement(using: &generator) ?? 0 }
}

private func decoded(_ bytes: [UInt8], maximum: Int = 1 << 24) -> Result<[UInt8], GzipDecoder.Failure> {
    Result { () throws(GzipDecoder.Failure) in try GzipDecoder.decode(bytes, maximum: maximum) }
}

@Suite struct GzipTests {
    @Test("What another program has made is decoded")
    func vector() {
        #expect(decoded(hello) == .success(Array("hello\nhello\nhello\n".utf8)))
        #expect(decoded(hello + hello) == .success(Array(String(repeating: "hello\n", count: 6).utf8)))
    }

    @Test("What is encoded whole comes back, whatever its length", arguments: [0, 1, 1000, 65_536, 1_000_000])
    func whole(_ count: Int) throws {
        let encoder = GzipEncoder()
        let content = text(count)
        let coded = try #require(encoder.encode(content))
        #expect(decoded(coded) == .success(content))
        if count > 1000 { #expect(coded.count < count * 3 / 4) }
    }

    @Test("Contents encoded slice by slice by one encoder, in turn, come back")
    func slices() throws {
        let encoder = GzipEncoder()
        func source(_ seed: UInt64) -> (() -> [UInt8]?) {
            var left = 5
            return {
                left -= 1
                return left < 0 ? nil : left == 2 ? [] : text(10_000, seed: seed)
            }
        }
        let first = try #require(encoder.encode(source(1)))
        let second = try #require(encoder.encode(source(2)))
        var (one, two): ([UInt8], [UInt8]) = ([], [])
        var isOver = (false, false)
        while !isOver.0 || !isOver.1 {
            if let slice = first() { one += slice } else { isOver.0 = true }
            if let slice = second() { two += slice } else { isOver.1 = true }
        }
        #expect(decoded(one) == .success([[UInt8]](repeating: text(10_000, seed: 1), count: 4).flatMap(\.self)))
        #expect(decoded(two) == .success([[UInt8]](repeating: text(10_000, seed: 2), count: 4).flatMap(\.self)))
        #expect(first() == nil)
    }

    @Test("A content without slices is an empty one")
    func noSlices() throws {
        let next = try #require(GzipEncoder().encode { nil })
        var coded: [UInt8] = []
        while let slice = next() { coded += slice }
        #expect(decoded(coded) == .success([]))
    }

    @Test("What is cut anywhere, has bytes behind it or a wrong checksum is corrupt")
    func corrupt() {
        for count in hello.indices { #expect(decoded(Array(hello[..<count])) == .failure(.corrupt), "\(count)") }
        #expect(decoded(hello + [0]) == .failure(.corrupt))
        var changed = hello
        changed[20] ^= 1
        #expect(decoded(changed) == .failure(.corrupt))
        #expect(decoded(Array("hello".utf8)) == .failure(.corrupt))
    }

    @Test("A content may be as long as the limit and no longer")
    func tooLong() throws {
        let coded = try #require(GzipEncoder().encode(text(100_000)))
        #expect(decoded(coded, maximum: 100_000) == .success(text(100_000)))
        #expect(decoded(coded, maximum: 99_999) == .failure(.tooLong(maximum: 99_999)))
    }

    @Test("A bomb is refused long before it has gone off; short contents may be as even as they like")
    func bomb() throws {
        let zeros = try #require(GzipEncoder().encode([UInt8](repeating: 0, count: 1 << 24)))
        #expect(decoded(zeros, maximum: 1 << 30) == .failure(.bomb))
        // One that denies it goes on a little longer; what claims to be one and is not is merely corrupt.
        #expect(decoded(zeros.dropLast(4) + [0, 0, 0, 0], maximum: 1 << 30) == .failure(.bomb))
        let honest = try #require(GzipEncoder().encode(text(100_000)))
        #expect(decoded(honest.dropLast(4) + [0xff, 0xff, 0xff, 0x7f]) == .failure(.corrupt))
        let few = [UInt8](repeating: 0, count: GzipDecoder.freeByteCount)
        #expect(decoded(try #require(GzipEncoder().encode(few))) == .success(few))
    }

    @Test("Any bytes are decoded or refused, and none stops the process")
    func corpus() throws {
        var generator = SeededGenerator(seed: 1952)
        for file in try fuzzCorpus("Gzip") {
            for _ in 0..<500 {
                var bytes = file
                for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0 ... .max, using: &generator)
                }
                if case .success(let content) = decoded(bytes, maximum: 10_000) { #expect(content.count <= 10_000) }
            }
        }
    }
}
