import NetworkModel

/// The access rule of a route: every route has one, as data, and all checks are made by it.
public enum Access: Equatable, Sendable {
    /// Whoever reaches the port.
    case anyone
    /// A user with this role, or one that includes it.
    case role(Role)
    /// The chassis that the path names, known by its certificate.
    case chassis
    /// The same, also a while after its certificate's time: it comes for the next one.
    case renewal
    /// Whoever shows a join token in the content.
    case joining

    /// True if the connection or the head must identify the client, if any identity is needed.
    var asksWho: Bool {
        switch self {
        case .anyone, .joining: false
        case .role, .chassis, .renewal: true
        }
    }
}

/// The client as its connection tells, before any HTTP.
public enum Peer: Equatable, Sendable {
    /// It was said that anyone may do anything (`--insecure`).
    case anyone
    /// A process of this machine over a plain connection: it may do anything, unless it is a browser with a request of
    /// a stranger's page, or a proxy with a stranger's request, which their fields tell.
    case local
    /// The user of this machine that central runs as, or root, over the Unix socket.
    case user(UInt32)
    /// Somebody over TLS, known by nothing yet.
    case stranger
    /// A chassis over TLS: the URIs of its certificate, and the certificate's end in seconds since 1970.
    case certificate(uris: [String], notAfter: Int64)
}

/// The user or host that a request comes from.
struct Principal: Equatable {
    enum Rights: Equatable {
        case all
        case role(Role)
        case chassis(String, expiredAt: Int64?)
        /// Nothing was shown.
        case none
        /// The connection would say who asks, but it is that of a proxy, as this field tells.
        case proxied(field: String)
    }

    /// As the commit log says it.
    var author: String
    var rights: Rights
    /// The id of the token that was shown.
    var token: String?

    static let anonymous = "anonymous"

    /// The role that includes all that it may do, of one that a route for users has let in.
    var role: Role {
        switch rights {
        case .role(let role): role
        // Such a route lets in nobody else who may do less than all.
        case .all, .chassis, .none, .proxied: .admin
        }
    }
}

/// The functions that the API cannot perform by itself: draw secrets, hash and sign.
public struct Vault: Sendable {
    /// So many lower-case hexadecimal digits that nobody can guess.
    public var digits: @Sendable (_ count: Int) -> String
    /// SHA-256 of a text, as lower-case hexadecimal digits.
    public var hash: @Sendable (_ text: String) -> String
    /// SHA-256 of the public key of central's authority, as lower-case hexadecimal digits.
    public var pin: String
    /// Makes a certificate with URIs for a signing request.
    public var sign: @Sendable (_ request: String, _ name: String, _ uris: [String]) throws(SigningError) -> Signed

    /// A certificate that was made.
    public struct Signed: Sendable {
        /// In PEM.
        public var certificate: String
        /// The authority's, in PEM.
        public var authority: String
        /// When it ceases to hold, in seconds since 1970.
        public var notAfter: Int64

        public init(certificate: String, authority: String, notAfter: Int64) {
            self.certificate = certificate
            self.authority = authority
            self.notAfter = notAfter
        }
    }

    /// The reason why there is no certificate: one clause about the request.
    public struct SigningError: Error {
        public let reason: String

        public init(reason: String) { self.reason = reason }
    }

    public init(
        digits: @escaping @Sendable (_ count: Int) -> String,
        hash: @escaping @Sendable (_ text: String) -> String,
        pin: String,
        sign: @escaping @Sendable (_ request: String, _ name: String, _ uris: [String]) throws(SigningError) -> Signed
    ) {
        self.digits = digits
        self.hash = hash
        self.pin = pin
        self.sign = sign
    }
}

/// The names of a chassis in its certificate.
public enum ChassisURI {
    /// Begins the one that names the chassis.
    public static let chassisPrefix = "urn:heddle:chassis:"
    /// Begins the one that names the joining which the certificate came of.
    public static let enrolmentPrefix = "urn:heddle:enrolment:"

    /// Returns the rest of the only URI with a prefix.
    static func value(_ prefix: String, in uris: [String]) -> String? {
        let found = uris.filter { $0.hasPrefix(prefix) }
        return found.count == 1 ? found.first.map { String($0.dropFirst(prefix.count)) } : nil
    }
}
