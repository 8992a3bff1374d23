import NetworkModel
import Security

/// Any bytes are a token, a signing request, certificates, a key, or refused.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzCredentials(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    if let token = TokenText(String(decoding: bytes, as: UTF8.self)) {
        precondition(TokenText(token.description) == token)
    }
    _ = try? CertificateRequest(pem: bytes).pem()
    for certificate in (try? Certificate.list(pem: bytes)) ?? [] {
        _ = (certificate.uris, certificate.notBefore, certificate.notAfter, certificate.publicKeyHash)
    }
    _ = try? PrivateKey(pem: bytes).pem()
    return 0
}
