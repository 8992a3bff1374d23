import API
import Glibc
import Reactor
import Security
import Wire

/// Central's own authority, kept in the data directory: it vouches for central's ports and for the chassis.
struct CentralAuthority: Sendable {
    /// The life of a certificate of central's own, in seconds: 90 days. A running central renews it.
    static let serverLifetime: Int64 = 90 * 86_400
    /// The largest file with keys or certificates that is read, in bytes: a long chain.
    static let fileByteCountMaximum = 1 << 20

    /// The most certificates of authorities in ca.crt: the one that signs, and those before and after it.
    static let certificateMaximum = 4

    private let authority: CertificateAuthority
    /// The authorities whose certificates chassis may show and trust: the first is the one that signs. There are
    /// others while one authority takes over from another.
    let certificates: [Certificate]
    private let pem: String

    /// Takes up the authority of a data directory, made there at the first start.
    /// - Parameter isKnown: True if hosts have joined: then none is made in place of one that is missing.
    init(directory: String, isKnown: Bool = false) throws(CentralError) {
        let keyPath = directory + "/ca.key"
        let certificatePath = directory + "/ca.crt"
        do {
            switch (try Self.read(keyPath), try Self.read(certificatePath)) {
            case (let key?, let certificate?):
                certificates = try Certificate.list(pem: certificate)
                guard let first = certificates.first, certificates.count <= Self.certificateMaximum else {
                    throw SecurityError("ca.crt must hold one to \(Self.certificateMaximum) certificates")
                }
                authority = try CertificateAuthority(certificate: first, key: try PrivateKey(pem: key))
            case (nil, nil) where isKnown: throw CentralError(Self.lost(directory))
            case (nil, nil):
                let key = try PrivateKey.make()
                authority = try .make(named: "heddle authority", key: key, now: Clock.wallSeconds())
                certificates = [authority.certificate]
                // The key is written first: a key without a certificate is the trace of a crash, and nobody trusts it
                // yet.
                try writeFile(try key.pem(), replacing: keyPath, mode: 0o600)
                try writeFile(try authority.certificate.pem(), replacing: certificatePath, mode: 0o644)
            case (let key?, nil):
                let kept = try PrivateKey(pem: key)
                authority = try .make(named: "heddle authority", key: kept, now: Clock.wallSeconds())
                certificates = [authority.certificate]
                try writeFile(try authority.certificate.pem(), replacing: certificatePath, mode: 0o644)
            case (nil, _?): throw SecurityError("its key, \(keyPath), is missing")
            }
            var text: [UInt8] = []
            for certificate in certificates { text += try certificate.pem() }
            pem = String(decoding: text, as: UTF8.self)
        } catch let error as CentralError {
            throw error
        } catch let error as SystemError where error.errno == EACCES {
            throw CentralError("the authority cannot be used: \(error); give the file to the user that central runs as")
        } catch {
            throw CentralError(
                "the authority \(certificatePath) cannot be used: \(error); put ca.key and ca.crt back as they were, "
                    + "or remove both and start once with --new-authority, after which every chassis has to join again"
            )
        }
    }

    private static func lost(_ directory: String) -> String {
        "ca.key and ca.crt are missing in \(directory), but hosts have joined and trust no other: put both back, or "
            + "start once with --new-authority, after which every chassis has to join again"
    }

    /// A certificate for central's ports, under these names and addresses.
    func serverIdentity(names: [String], addresses: [IPAddress]) throws(SecurityError) -> TLSIdentity {
        let key = try PrivateKey.make()
        let certificate = try authority.issue(
            try CertificateRequest.make(for: key),
            named: "heddle central",
            .server(names: names, addresses: addresses.map(\.octets)),
            now: Clock.wallSeconds(),
            lifetime: Self.serverLifetime
        )
        // The authority is part of the chain, so that a client that has only its pin finds it.
        return try TLSIdentity(chain: [certificate, authority.certificate], key: key)
    }

    /// Returns the API's access to the authority.
    /// - Parameter lifetime: that of a chassis' certificate, in seconds.
    func vault(lifetime: Int64) -> Vault {
        Vault(
            digits: { count in
                var generator = SystemRandomNumberGenerator()
                let digits = Array("0123456789abcdef")
                return String((0..<count).map { _ in digits[Int(generator.next() & 15)] })
            },
            hash: { hexadecimal(SHA256.hash([Array($0.utf8)])) },
            pin: hexadecimal(authority.pin),
            sign: { [authority, pem] (request, name, uris) throws(Vault.SigningError) in
                do {
                    let now = Clock.wallSeconds()
                    let certificate = try authority.issue(
                        try CertificateRequest(pem: Array(request.utf8)),
                        named: name,
                        .client(uris: uris),
                        now: now,
                        lifetime: lifetime
                    )
                    return Vault.Signed(
                        certificate: String(decoding: try certificate.pem(), as: UTF8.self),
                        authority: pem,
                        notAfter: now + lifetime
                    )
                } catch {
                    throw Vault.SigningError(reason: "\(error)")
                }
            }
        )
    }

    private static func read(_ path: String) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) {
            return try readFile(path, maximum: fileByteCountMaximum)
        } catch  where error.errno == ENOENT {
            return nil
        }
    }
}

extension IPAddress {
    /// The address as in certificates (RFC 5280 section 4.2.1.6), the most significant octet first.
    fileprivate var octets: [UInt8] {
        switch self {
        case .v4(let address): (0..<4).map { UInt8(truncatingIfNeeded: address.rawValue >> (24 - 8 * $0)) }
        case .v6(let address):
            [address.high, address.low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
            }
        }
    }
}
