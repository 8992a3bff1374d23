import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Persistent
import Southbound

/// Tokens, and the certificates that chassis get for them.
extension API {
    /// Makes a token; the answer is the only place where its secret stands.
    func createToken(_ call: Call) throws(Problem) -> Action {
        guard let vault else { throw Problem(.unavailable) }
        let (grant, lifetime) = try order(call.content)
        let isJoin = if case .join = grant { true } else { false }
        let isDryRun = try call.flag(.dryRun)
        let text = TokenText(
            id: vault.digits(Token.idDigitCount),
            secret: vault.digits(Token.secretDigitCount),
            pin: isJoin ? vault.pin : nil
        )
        let change = AccessRequest.Change.create(
            grant,
            id: text.id,
            hash: vault.hash(text.secret),
            lifetime: lifetime
        )
        return try ask(call, change) { revision, object throws(Problem) in
            guard let object, case .object(var shown)? = try? JSONParser.parse(object) else { throw unexpected }
            // A dry run's token lets nobody in.
            shown["token"] = isDryRun ? .null : .string(text.description)
            var reply = Reply.json(.created, JSONValue.object(shown).bytes).tagged(revision)
            reply.head[.location] = "/v1/tokens/" + text.id
            reply.head[.cacheControl] = "no-store"
            return reply
        }
    }

    /// `{"role"|"chassis","expires_in"}`.
    private func order(_ content: JSONValue) throws(Problem) -> (Token.Grant, lifetime: Int64) {
        let body = try object(content, "A token", known: ["role", "chassis", "expires_in"])
        let grant: Token.Grant
        switch (body["role"], body["chassis"]) {
        case (.string(let text)?, nil), (.string(let text)?, .null?):
            guard let role = Role(rawValue: text) else {
                let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
                throw invalid("\"role\" is one of \(roles).", "/role")
            }
            grant = .role(role)
        case (nil, .string(let name)?), (.null?, .string(let name)?):
            if let problem = ObjectName.problem(ofChassis: name) {
                throw invalid("\"chassis\" cannot be the name of a chassis: \(problem).", "/chassis")
            }
            grant = .join(chassis: name)
        default: throw invalid("A token has either a \"role\" or a \"chassis\", a string.", "")
        }
        let fallback = if case .join = grant { Token.joinLifetimeDefault } else { Token.lifetimeDefault }
        guard let said = body["expires_in"], said != .null else { return (grant, fallback) }
        let range = Token.lifetimeRange
        guard let seconds = said.integerValue, range.contains(seconds) else {
            throw invalid(
                "\"expires_in\" is a number of seconds from \(range.lowerBound) to \(range.upperBound).",
                "/expires_in"
            )
        }
        return (grant, seconds)
    }

    /// One token, without its secret.
    func readToken(_ call: Call, network: Network) throws(Problem) -> Reply {
        let id = call.variables["id"] ?? ""
        guard let entry = network.access.tokens[id] else {
            throw Problem(Refusal(.notFound, "There is no token \"\(id)\"."))
        }
        switch call.conditions.outcome(ofReading: entry.revision) {
        case .whole:
            let bytes = try call.projection()?.apply(entry.bytes) ?? entry.bytes
            return .json(.ok, bytes).tagged(entry.revision).stamped(network)
        case .notModified: return Reply(.notModified).tagged(entry.revision).stamped(network)
        case .failed: throw Problem(Refusal(.preconditionFailed, "The token is at revision \(entry.revision)."))
        }
    }

    /// Makes a token worth nothing.
    func revokeToken(_ call: Call) throws(Problem) -> Action {
        let change = AccessRequest.Change.revoke(
            id: call.variables["id"] ?? "",
            try call.conditions.precondition()
        )
        return try ask(call, change) { (_, _) in Reply(.noContent) }
    }

    /// A chassis joins: a token and a signing request for a certificate.
    func enrol(_ call: Call, network: Network, now: Int64) throws(Problem) -> Action {
        guard let vault else { throw Problem(.unavailable) }
        let chassis = try chassisName(call)
        let body = try object(call.content, "A joining", known: ["token", "request"])
        guard let text = body["token"]?.stringValue.flatMap(TokenText.init) else {
            throw invalid("\"token\" must be the output of 'heddle token create --chassis \(chassis)'.", "/token")
        }
        let hash = vault.hash(text.secret)
        // Checked before the work of signing, and again in the core: of two simultaneous uses one wins.
        do {
            _ = try network.access.joinToken(text.id, hash: hash, chassis: chassis, time: now)
        } catch {
            throw Problem(error)
        }
        let enrolment = vault.digits(Token.idDigitCount)
        let signed = try sign(body["request"], chassis, enrolment, vault)
        let change = AccessRequest.Change.enrol(chassis: chassis, token: text.id, hash: hash, enrolment: enrolment)
        return try ask(call, change) { (_, _) in Reply.json(.created, Self.json(signed, chassis).bytes) }
    }

    /// The next certificate of a chassis that has one.
    func renewCertificate(_ call: Call, network: Network) throws(Problem) -> Action {
        guard let vault else { throw Problem(.unavailable) }
        let chassis = try chassisName(call)
        let body = try object(call.content, "A renewal", known: ["request"])
        guard let enrolment = network.access.enrolments[chassis] else {
            throw Problem(Refusal(.notFound, "The chassis \"\(chassis)\" has not joined."))
        }
        let signed = try sign(body["request"], chassis, enrolment.id, vault)
        return .reply(.json(.ok, Self.json(signed, chassis).bytes))
    }

    private func chassisName(_ call: Call) throws(Problem) -> String {
        let name = call.variables["name"] ?? ""
        if let problem = ObjectName.problem(ofChassis: name) {
            throw Problem(Refusal(.invalidValue, "This cannot be the name of a chassis: \(problem)."))
        }
        return name
    }

    private func sign(
        _ request: JSONValue?,
        _ chassis: String,
        _ enrolment: String,
        _ vault: Vault
    ) throws(Problem) -> Vault.Signed {
        guard let text = request?.stringValue else {
            throw invalid("\"request\" is a certificate signing request in PEM.", "/request")
        }
        do throws(Vault.SigningError) {
            let uris = [ChassisURI.chassisPrefix + chassis, ChassisURI.enrolmentPrefix + enrolment]
            return try vault.sign(text, chassis, uris)
        } catch {
            throw invalid("\"request\" cannot be signed: \(error.reason).", "/request")
        }
    }

    private static func json(_ signed: Vault.Signed, _ chassis: String) -> JSONValue {
        [
            "chassis": .string(chassis),
            "certificate": .string(signed.certificate),
            "authority": .string(signed.authority),
            "expires_at": .string(Timestamp(seconds: signed.notAfter).description),
        ]
    }

    private func ask(
        _ call: Call,
        _ change: AccessRequest.Change,
        _ render: @escaping (UInt64, [UInt8]?) throws(Problem) -> Reply
    ) throws(Problem) -> Action {
        var request = AccessRequest(change, author: call.context.author, requestID: call.context.requestID)
        request.isDryRun = try call.flag(.dryRun)
        return call.context.ask(.access(request)) { [request] answer throws(Problem) in
            guard case .written(let revision, let hash, let results) = answer else { throw unexpected }
            var reply = try render(revision, results.first?.object)
            guard request.isDryRun else { return .reply(reply.stamped(CommitPlace(revision, hash))) }
            reply.head.add(.dryRun, "true")
            return .reply(reply)
        }
    }

    private func object(_ value: JSONValue, _ noun: String, known: [String]) throws(Problem) -> JSONObject {
        guard let object = value.objectValue else {
            throw invalid("\(noun) must be a JSON object, not \(value.kindName).", "")
        }
        if let unknown = object.members.first(where: { !known.contains($0.name) }) {
            throw Problem(
                Refusal(
                    .unknownField,
                    "\(noun) has no field \"\(unknown.name.prefix(64))\"; known: \(known.joined(separator: ", ")).",
                    pointer: "/" + escapedPointerToken(unknown.name)
                )
            )
        }
        return object
    }

    private func invalid(_ detail: String, _ pointer: String) -> Problem {
        Problem(Refusal(.invalidValue, detail, pointer: pointer))
    }
}

extension Problem {
    /// Tokens and certificates if there is no authority to make them.
    fileprivate enum Lack { case unavailable }

    fileprivate init(_ lack: Lack) {
        self.init(Refusal(.unavailable, "This central has no authority to make tokens and certificates with."))
    }
}
