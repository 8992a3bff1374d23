import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Reactor
import Security

/// A request to central for a certificate: the first, with a token, or the next one.
struct CertificateCall {
    /// The time that central may take for an answer.
    static let patience = Duration.seconds(10)

    /// The reason why there is no certificate.
    enum Failure: Error {
        /// Central was not reached or cannot now: worth another try.
        case unavailable(String)
        /// Central does not want to, or is not central.
        case refused(String)
    }

    private let key: PrivateKey
    private let chassis: String
    private let token: String
    private let secret: String?

    /// The next certificate of a chassis, for a new key.
    init(renewing membership: Membership, of chassis: String) throws(SecurityError) {
        key = try PrivateKey.make()
        self.chassis = chassis
        token = membership.token
        secret = nil
    }

    /// The first certificate of a chassis, for the text of a token with this id.
    init(joining chassis: String, token: String, text: String) throws(SecurityError) {
        key = try PrivateKey.make()
        self.chassis = chassis
        self.token = token
        secret = text
    }

    func send(by client: HTTPClient, _ completion: @escaping (Result<Membership, Failure>) -> Void) {
        var body = JSONObject()
        body["token"] = secret.map { .string($0) }
        do throws(SecurityError) {
            body["request"] = .string(String(decoding: try CertificateRequest.make(for: key).pem(), as: UTF8.self))
        } catch {
            return completion(.failure(.refused("cannot ask for a certificate: \(error)")))
        }
        let path = "/v1/chassis/\(percentEncoded(chassis))/\(secret == nil ? "certificate" : "enrolment")"
        var request = HTTPRequest(method: .post, scheme: nil, authority: nil, path: path)
        request.headerFields[.contentType] = "application/json"
        client.send(request, body: JSONValue.object(body).bytes, timeout: Self.patience) { result in
            completion(outcome(result))
        }
    }

    private func outcome(_ result: Result<HTTPClientResponse, HTTPClientError>) -> Result<Membership, Failure> {
        switch result {
        case .failure(.insecure(let endpoint, let error)):
            return .failure(.refused("no secure connection to central at \(endpoint): \(error)"))
        case .failure(let error): return .failure(.unavailable("central: \(error)"))
        case .success(let answer):
            let json = try? JSONParser.parse(answer.body)
            guard (200...201).contains(answer.response.status.code) else {
                var sentence =
                    json?["detail"]?.stringValue ?? "central answers with status \(answer.response.status.code)"
                if sentence.hasSuffix(".") { sentence.removeLast() }
                let isPassing = answer.response.status.code == 429 || answer.response.status.code >= 500
                return .failure(isPassing ? .unavailable(sentence) : .refused(sentence))
            }
            do throws(SecurityError) {
                return .success(
                    try Membership(
                        token: token,
                        key: key,
                        certificate: Array((json?["certificate"]?.stringValue ?? "").utf8),
                        authority: Array((json?["authority"]?.stringValue ?? "").utf8)
                    )
                )
            } catch {
                return .failure(.refused("central's certificate cannot be used: \(error)"))
            }
        }
    }
}
