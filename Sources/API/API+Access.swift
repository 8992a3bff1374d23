import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Persistent
import Wire

/// Authentication and authorization of requests.
extension API {
    /// The time after its certificate's end in which a chassis may still have it renewed, in seconds: a week, so that
    /// no host has to join again after a long weekend without central.
    public static let renewalGraceSeconds: Int64 = 7 * 86_400

    /// Refuses requests of a browser for a page that was not served here: the page's name resolves to this machine (DNS
    /// rebinding), but `Host` still is the page's.
    func checkHost(_ request: HTTPRequest, from peer: Peer) throws(Problem) {
        guard peer == .local, let authority = request.authority, !Self.isLocal(authority) else { return }
        throw Problem(
            .misdirectedRequest,
            "Over loopback, Host is localhost or an address such as 127.0.0.1, not \"\(authority.prefix(256))\"."
        )
    }

    private static func isLocal(_ authority: String) -> Bool {
        var host = authority[...]
        if host.first == "[" {
            guard let end = host.firstIndex(of: "]") else { return false }
            host = host[host.index(after: host.startIndex)..<end]
        } else if let colon = host.firstIndex(of: ":") {
            host = host[..<colon]
        }
        // The usual ones first: this is looked at for every request.
        if host == "127.0.0.1" || host == "localhost" { return true }
        if host.last == "." { host = host.dropLast() }
        return host.lowercased() == "localhost" || IPAddress(host)?.isLoopback == true
    }

    /// The principal of a request.
    /// - Parameter now: seconds since 1970.
    func principal(_ request: HTTPRequest, from peer: Peer, network: Network, now: Int64) throws(Problem) -> Principal {
        switch peer {
        case .anyone: return Principal(author: Principal.anonymous, rights: .all)
        case .user(let id): return Principal(author: "user/\(id)", rights: Self.unprovenRights(request))
        case .local:
            return try bearer(request, network: network, now: now)
                ?? Principal(author: Principal.anonymous, rights: Self.unprovenRights(request))
        case .stranger:
            return try bearer(request, network: network, now: now)
                ?? Principal(author: Principal.anonymous, rights: .none)
        case .certificate(let uris, let notAfter):
            return try chassis(uris, notAfter: notAfter, network: network, now: now)
        }
    }

    /// The rights of a client that is known only by its connection on this machine: all, unless the connection is a
    /// proxy's, whose clients may be anybody.
    private static func unprovenRights(_ request: HTTPRequest) -> Principal.Rights {
        proxyField(request.headerFields).map { .proxied(field: $0) } ?? .all
    }

    /// The bearer of the token in `Authorization` (RFC 6750); `nil` if there is none.
    private func bearer(_ request: HTTPRequest, network: Network, now: Int64) throws(Problem) -> Principal? {
        guard let field = request.headerFields.value(of: .authorization) else { return nil }
        let words = field.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer", let text = TokenText(String(words[1])), let vault
        else {
            throw Problem(
                .unauthenticated,
                "Authorization holds no token of this central; send \"Bearer\" and the output of 'heddle token create'."
            )
        }
        let token = network.access.tokens[text.id]?.token
        // Compared in any case, so that the time does not tell whether the id is known.
        let isRight = isSame(
            token?.hash ?? String(repeating: "0", count: Token.secretDigitCount),
            vault.hash(text.secret)
        )
        guard let token, isRight else {
            throw Problem(.unauthenticated, "The token \(text.id) is not one of this central, or was revoked.")
        }
        guard case .role(let role) = token.grant else {
            throw Problem(.unauthenticated, "The token \(text.id) is for a chassis to join with, not for requests.")
        }
        guard token.expiresAt > now else {
            let time = Timestamp(seconds: token.expiresAt)
            throw Problem(.unauthenticated, "The token \(text.id) expired at \(time); make a new one.")
        }
        return Principal(author: "token/\(text.id)", rights: .role(role), token: text.id)
    }

    private func chassis(
        _ uris: [String],
        notAfter: Int64,
        network: Network,
        now: Int64
    ) throws(Problem) -> Principal {
        guard let name = ChassisURI.value(ChassisURI.chassisPrefix, in: uris),
            let enrolment = ChassisURI.value(ChassisURI.enrolmentPrefix, in: uris)
        else { throw Problem(Refusal(.forbidden, "The certificate names no chassis.")) }
        guard network.access.enrolments[name]?.id == enrolment else {
            throw Problem(
                Refusal(
                    .forbidden,
                    "The certificate of the chassis \"\(name)\" was revoked; make a token with 'heddle token create "
                        + "--chassis \(name)' and start its agent with --join."
                )
            )
        }
        return Principal(
            author: "chassis/\(name)",
            rights: .chassis(name, expiredAt: notAfter > now ? nil : notAfter)
        )
    }

    /// The name by which the log knows whoever asks, and the role that includes all that they may do.
    func identity(_ call: Call) -> Reply {
        let document: JSONValue = [
            "author": .string(call.principal.author), "role": .string(call.principal.role.rawValue),
        ]
        return .json(.ok, document.bytes)
    }

    /// Refuses whoever may not use a route.
    func authorize(
        _ principal: Principal,
        for route: Route,
        _ variables: Route.Variables,
        now: Int64
    ) throws(Problem) {
        switch (route.access, principal.rights) {
        case (.anyone, _), (.joining, _), (_, .all): return
        case (_, .proxied(let field)):
            throw Problem(
                .proxied,
                "This came through a proxy (it has \(field)), and over this port all of its clients would be "
                    + "administrators; run central with --tls behind a proxy, or have its clients send tokens."
            )
        case (.role(let needed), .role(let role)):
            guard role.includes(needed) else {
                throw Problem(
                    Refusal(.forbidden, "This needs the role \(needed.rawValue), and the token has \(role.rawValue).")
                )
            }
        case (.role(let needed), .none):
            throw Problem(
                .unauthenticated,
                "This needs a token with the role \(needed.rawValue), as \"Authorization: Bearer TOKEN\"; make one on "
                    + "central's host with 'heddle token create --role \(needed.rawValue)'."
            )
        case (.role, .chassis): throw Problem(Refusal(.forbidden, "This is for users, not for chassis."))
        case (.chassis, .chassis(let name, let expiredAt)), (.renewal, .chassis(let name, let expiredAt)):
            let path = variables["name"] ?? ""
            guard path == name else {
                throw Problem(
                    Refusal(.forbidden, "The certificate is that of the chassis \"\(name)\", not of \"\(path)\".")
                )
            }
            guard let expiredAt else { return }
            let grace = route.access == .renewal ? Self.renewalGraceSeconds : 0
            guard now < expiredAt + grace else {
                throw Problem(
                    Refusal(
                        .forbidden,
                        "The certificate of the chassis \"\(name)\" expired at \(Timestamp(seconds: expiredAt)); "
                            + "make a token with 'heddle token create --chassis \(name)' and start its agent with "
                            + "--join."
                    )
                )
            }
        case (.chassis, _), (.renewal, _):
            throw Problem(
                Refusal(
                    .forbidden,
                    "This needs the certificate of the chassis; its agent gets one with --join TOKEN."
                )
            )
        }
    }
}
