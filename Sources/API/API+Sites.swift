import HTTP
import HTTPTypes

/// Checks of the fields that browsers and proxies add: they tell that the request does not come from the client of the
/// connection.
extension API {
    /// Refuses changes that a browser sends for a page of another site (cross-site request forgery).
    ///
    /// If a connection alone makes an administrator, any page could act as one: a browser sends simple requests without
    /// a preflight request. Reading needs no such care: no GET or HEAD changes anything, and browsers keep answers from
    /// pages of other sites (same-origin policy), those of long polls and event streams, too, since no answer here
    /// allows otherwise (CORS). Programs that are no browsers send none of these fields.
    func checkSite(_ request: HTTPRequest) throws(Problem) {
        switch request.method {
        case .get, .head, .options: return
        default: break
        }
        let fields = request.headerFields
        if let site = fields.value(of: .secFetchSite), site != "same-origin", site != "none" {
            throw Self.crossSite("Sec-Fetch-Site: \(site.prefix(64))")
        }
        if let origin = fields.value(of: .origin), !Self.isOwn(origin, authority: request.authority) {
            throw Self.crossSite("Origin: \(origin.prefix(256))")
        }
    }

    private static func crossSite(_ field: String) -> Problem {
        Problem(
            .crossSite,
            "A browser sent this for a page of another site (\(field)), which may not change anything here; use a "
                + "program that is not a browser, or a page that is served under central's own address."
        )
    }

    /// Tells an origin (RFC 6454 section 7) of the host that the request was sent to from that of another site.
    static func isOwn(_ origin: String, authority: String?) -> Bool {
        guard let authority, let end = origin.firstRange(of: "://") else { return false }
        let port = origin[..<end.lowerBound].lowercased() == "https" ? ":443" : ":80"
        func name(_ text: some StringProtocol) -> String {
            let text = text.lowercased()
            return text.hasSuffix(port) ? String(text.dropLast(port.count)) : text
        }
        return name(origin[end.upperBound...]) == name(authority)
    }

    /// The field that tells that a request has come through a proxy (RFC 7239, RFC 9110 section 7.6.3).
    static func proxyField(_ fields: HTTPFields) -> String? {
        for field in fields {
            let name = field.name.canonicalName
            let isKnown = ["via", "forwarded", "x-real-ip"].contains(name)
            if isKnown || name.hasPrefix("x-forwarded-") { return field.name.rawName }
        }
        return nil
    }
}

extension HTTPField.Name {
    static let secFetchSite = known("Sec-Fetch-Site")
    static let origin = known("Origin")
}
