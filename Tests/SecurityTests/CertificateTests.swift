import Testing

@testable import Security

@Suite struct CertificateTests {
    @Test func `Keys, certificates and requests survive PEM`() throws {
        let sample = try Authority()
        let identity = try sample.identity(.client(uris: ["urn:x:1"]), lifetime: 600)
        let certificate = try #require(identity.chain.first)
        let read = try #require(try Certificate.list(pem: try certificate.pem()).first)
        #expect(read.uris == ["urn:x:1"] && read.publicKeyHash == certificate.publicKeyHash)
        #expect(read.notBefore == now - 600 && read.notAfter == now + 600)
        let key = try PrivateKey(pem: try identity.key.pem())
        _ = try TLSIdentity(chain: [read], key: key)
        let request = try CertificateRequest(pem: try CertificateRequest.make(for: key).pem())
        let again = try sample.authority.issue(request, named: "x", .client(uris: []), now: now, lifetime: 1)
        #expect(again.publicKeyHash == read.publicKeyHash && again.uris.isEmpty)
    }

    @Test func `Half a file is refused at every byte, and so is what was tampered with`() throws {
        let sample = try Authority()
        let request = try CertificateRequest.make(for: try PrivateKey.make()).pem()
        let certificate = try sample.authority.certificate.pem()
        let key = try PrivateKey.make().pem()
        // The last line need not end in a newline.
        for count in 0..<(request.count - 2) {
            #expect(throws: SecurityError.self) { try CertificateRequest(pem: Array(request[..<count])) }
        }
        for count in 0..<(certificate.count - 2) {
            #expect(throws: SecurityError.self) { try Certificate.list(pem: Array(certificate[..<count])) }
        }
        for count in 0..<(key.count - 2) {
            #expect(throws: SecurityError.self) { try PrivateKey(pem: Array(key[..<count])) }
        }
        var forged = request
        let place = request.count / 2
        forged[place] = forged[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        #expect(throws: SecurityError.self) { try CertificateRequest(pem: forged) }
    }

    @Test func `A request beyond its bound is refused unread`() throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: CertificateRequest.byteCountMaximum + 1)
        let error = #expect(throws: SecurityError.self) { try CertificateRequest(pem: long) }
        #expect(error?.description == "a request has at most 16384 bytes")
    }

    @Test func `A key that is not the certificate's is found at once`() throws {
        let sample = try Authority()
        let stranger = try PrivateKey.make()
        #expect(throws: SecurityError.self) { try TLSIdentity(chain: [sample.authority.certificate], key: stranger) }
        #expect(throws: SecurityError.self) {
            try CertificateAuthority(certificate: sample.authority.certificate, key: stranger)
        }
    }
}
