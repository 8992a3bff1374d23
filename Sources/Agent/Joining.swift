import AgentCore
import Glibc
import HTTPTransport
import NetworkModel
import Reactor
import Security

/// The way of this host to its membership: it has one, or it joins with a token before the agent begins.
final class Joining {
    /// Between two tries to reach central.
    static let retryInterval = Duration.seconds(2)

    private let loop: EventLoop
    private let client: HTTPClient
    private let call: CertificateCall
    private let directory: StateDirectory
    private var outcome: Result<Membership, AgentFailure>?
    private var hasWarned = false

    /// The membership to go on with; `nil` if the wait for central was interrupted by `onInterrupt`'s closure.
    static func membership(
        of chassis: String,
        with text: String?,
        at endpoint: HTTPEndpoint,
        in directory: StateDirectory,
        on loop: EventLoop,
        onInterrupt: (@escaping () -> Void) -> Void
    ) throws(AgentFailure) -> Membership? {
        let kept = try directory.membership()
        guard let text else {
            if let kept { return kept }
            throw AgentFailure(
                "this host has not joined central: make a token on central's host with 'heddle token create --chassis "
                    + "\(chassis)' and give it with --join or in HEDDLE_JOIN"
            )
        }
        guard let token = TokenText(text), let pin = token.pin.flatMap(octets) else {
            throw AgentFailure("--join takes the output of 'heddle token create --chassis \(chassis)'")
        }
        // The same token stays on the command line of a host that has joined with it.
        if let kept, kept.token == token.id { return kept }
        let joining = try explaining("cannot join", token.id, text, pin, chassis, endpoint, directory, loop)
        onInterrupt { loop.stop() }
        loop.defer { joining.attempt() }
        loop.run()
        guard let membership = try joining.outcome?.get() else { return nil }
        try directory.save(membership)
        directory.note(nil)
        Log.write(.info, "joined central at \(endpoint) as chassis \(chassis)")
        return membership
    }

    private static func explaining(
        _ what: String,
        _ token: String,
        _ text: String,
        _ pin: [UInt8],
        _ chassis: String,
        _ endpoint: HTTPEndpoint,
        _ directory: StateDirectory,
        _ loop: EventLoop
    ) throws(AgentFailure) -> Joining {
        do throws(SecurityError) {
            let client = HTTPClient(loop: loop, endpoint: endpoint, tls: try .client(trusting: .pin(pin)))
            let call = try CertificateCall(joining: chassis, token: token, text: text)
            return Joining(loop, client, call, directory)
        } catch {
            throw AgentFailure("\(what): \(error)")
        }
    }

    private init(_ loop: EventLoop, _ client: HTTPClient, _ call: CertificateCall, _ directory: StateDirectory) {
        self.loop = loop
        self.client = client
        self.call = call
        self.directory = directory
    }

    private func attempt() {
        call.send(by: client) { [self] result in
            switch result {
            case .success(let membership): end(.success(membership))
            case .failure(.refused(let reason)):
                end(.failure(AgentFailure("this host cannot join: \(reason)")))
            case .failure(.unavailable(let reason)):
                let story = "cannot join yet: \(reason)"
                if !hasWarned { Log.write(.warning, "\(story); trying again") }
                hasWarned = true
                directory.note(story)
                loop.schedule(after: Self.retryInterval) { self.attempt() }
            }
        }
    }

    private func end(_ outcome: Result<Membership, AgentFailure>) {
        self.outcome = outcome
        client.closeIdleConnections()
        loop.stop()
    }

    private static func octets(_ text: String) -> [UInt8]? {
        let digits = text.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
