import HTTP
import Testing

private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

@Suite struct ConnectionPrefaceTests {
    @Test("The preface is known wherever it is cut, and nothing is lost of what follows")
    func cut() {
        for cut in 0...preface.count {
            var detection = ConnectionPreface()
            let first = detection.take(preface[..<cut])
            #expect(first == (cut == preface.count ? .http2 : .undecided))
            let second = detection.take(preface[cut...] + [1, 2])
            #expect(second == .http2)
            #expect(detection.bytes == preface + [1, 2])
        }
    }

    @Test("One byte that differs makes it HTTP/1.1")
    func differs() {
        for index in preface.indices {
            var bytes = preface
            bytes[index] ^= 0x20
            var detection = ConnectionPreface()
            let verdict = detection.take(bytes[...index])
            #expect(verdict == .http1)
            #expect(detection.bytes == Array(bytes[...index]))
        }
        var detection = ConnectionPreface()
        let verdict = detection.take(Array("PUT".utf8)[...])
        #expect(verdict == .http1)
    }
}
