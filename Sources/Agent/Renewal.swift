import AgentCore
import HTTPTransport
import Reactor
import Security

/// Keeps the chassis' certificate from running out.
final class Renewal {
    private let loop: EventLoop
    private let client: HTTPClient
    private let chassis: String
    private let directory: StateDirectory
    private var membership: Membership
    private let use: (TLSContext) -> Void
    private var failureCount = 0
    /// When the certificate came, if that was by a renewal.
    private var renewedAt: Duration?

    /// - Parameter use: gets what secures connections from now on.
    init(
        loop: EventLoop,
        endpoint: HTTPEndpoint,
        chassis: String,
        directory: StateDirectory,
        membership: Membership,
        use: @escaping (TLSContext) -> Void
    ) throws(SecurityError) {
        self.loop = loop
        self.chassis = chassis
        self.directory = directory
        self.membership = membership
        self.use = use
        client = HTTPClient(loop: loop, endpoint: endpoint, tls: try membership.context())
        schedule()
    }

    private var plan: RenewalPlan {
        RenewalPlan(notBefore: membership.certificate.notBefore, notAfter: membership.certificate.notAfter)
    }

    private func schedule() {
        let age = renewedAt.map { loop.now - $0 }
        let delay = plan.delay(at: Clock.wallSeconds(), jitter: .random(in: 0..<1), age: age)
        loop.schedule(after: delay) { [weak self] in self?.renew() }
    }

    private func renew() {
        do throws(SecurityError) {
            try CertificateCall(renewing: membership, of: chassis).send(by: client) { [weak self] result in
                self?.take(result)
            }
        } catch {
            fail("\(error)")
        }
    }

    private func take(_ result: Result<Membership, CertificateCall.Failure>) {
        switch result {
        case .failure(.refused(let reason)), .failure(.unavailable(let reason)): fail(reason)
        case .success(let next):
            do {
                let context = try next.context()
                try directory.save(next)
                membership = next
                client.tls = context
                use(context)
                if failureCount > 0 { Log.write(.info, "the certificate is renewed") }
                failureCount = 0
                renewedAt = loop.now
                schedule()
            } catch {
                fail("\(error)")
            }
        }
    }

    private func fail(_ reason: String) {
        if failureCount == 0 { Log.write(.warning, "cannot renew the certificate: \(reason); trying again") }
        failureCount += 1
        loop.schedule(after: plan.retryDelay(after: failureCount, jitter: .random(in: 0..<1))) { [weak self] in
            self?.renew()
        }
    }
}
