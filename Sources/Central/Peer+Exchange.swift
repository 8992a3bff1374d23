import API
import Glibc
import HTTPTransport
import Security

extension Peer {
    /// Creates the client's identity from its connection.
    init(_ exposure: Exposure, _ credentials: PeerCredentials) {
        self =
            switch (exposure, credentials) {
            case (.open, _): .anyone
            case (_, .user(let user)): user == 0 || user == geteuid() ? .user(user) : .stranger
            case (.local, _): .local
            case (.secure, .certificate(let certificate)):
                .certificate(uris: certificate.uris, notAfter: certificate.notAfter)
            case (.secure, .none): .stranger
            }
    }
}
