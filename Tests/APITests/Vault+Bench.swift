import NetworkModel
import Security
import Synchronization
import Wire

@testable import API

extension Vault {
    /// Secrets that are counted, real hashes, and certificates of an authority of the tests.
    static let bench: Vault? = {
        guard let key = try? PrivateKey.make(),
            let authority = try? CertificateAuthority.make(named: "test", key: key, now: APIBench.time)
        else { return nil }
        let count = Mutex(0)
        return Vault(
            digits: { length in
                let number = count.withLock { value in
                    value += 1
                    return value
                }
                let text = String(number, radix: 16)
                return String(repeating: "0", count: length - text.utf8.count) + text
            },
            hash: { hexadecimal(SHA256.hash([Array($0.utf8)])) },
            pin: hexadecimal(authority.pin),
            sign: { (request, name, uris) throws(Vault.SigningError) in
                do {
                    let certificate = try authority.issue(
                        try CertificateRequest(pem: Array(request.utf8)),
                        named: name,
                        .client(uris: uris),
                        now: APIBench.time,
                        lifetime: 86_400
                    )
                    return Signed(
                        certificate: String(decoding: try certificate.pem(), as: UTF8.self),
                        authority: String(decoding: try authority.certificate.pem(), as: UTF8.self),
                        notAfter: certificate.notAfter
                    )
                } catch {
                    throw SigningError(reason: "\(error)")
                }
            }
        )
    }()
}
