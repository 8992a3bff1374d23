import HTTP
import Reactor
import Testing

@testable import HTTPTransport

@Suite struct ConnectionLedgerTests {
    private func admission(_ ledger: ConnectionLedger, _ peer: String) -> Result<Admission, RequestError> {
        Result { () throws(RequestError) in try ledger.admit(SocketAddress(parsing: peer) ?? .unix(path: "")) }
    }

    private func refusal(_ ledger: ConnectionLedger, _ peer: String) -> RequestError? {
        if case .failure(let error) = admission(ledger, peer) { error } else { nil }
    }

    @Test("An address may have so many connections; loopback and Unix sockets only share the total")
    func perAddress() throws {
        let ledger = ConnectionLedger(connectionMaximum: 6, connectionsPerAddressMaximum: 2, shutOutTime: .seconds(60))
        let first = try admission(ledger, "192.0.2.1:1").get()
        let second = try admission(ledger, "192.0.2.1:2").get()
        #expect(refusal(ledger, "192.0.2.1:3") == .tooManyConnectionsOfAddress)
        let other = try admission(ledger, "[2001:db8::1]:1").get()
        let local = try (1...3).map { try admission(ledger, "127.0.0.1:\($0)").get() }
        #expect(refusal(ledger, "127.0.0.1:9") == .tooManyConnections)
        #expect(ledger.count == 6)
        second.end()
        second.end()
        #expect(ledger.count == 5)
        let third = try admission(ledger, "192.0.2.1:4").get()
        #expect(refusal(ledger, "192.0.2.9:4") == .tooManyConnections)
        withExtendedLifetime((first, third, other, local)) {}
    }

    @Test("An address whose connections were ended for abuse is shut out, and loopback never is")
    func abuse() throws {
        let time: Duration = .seconds(60)
        let ledger = ConnectionLedger(
            connectionMaximum: 100,
            connectionsPerAddressMaximum: 100,
            shutOutTime: time
        )
        let abuser = SocketAddress(parsing: "192.0.2.1:1") ?? .unix(path: "")
        let local = SocketAddress(parsing: "127.0.0.1:1") ?? .unix(path: "")
        for _ in 0..<AbuseTable.endedConnectionMaximum {
            #expect(!ledger.shutsOut(abuser, now: .zero))
            try ledger.admit(abuser).noteAbuse(now: .zero)
            try ledger.admit(local).noteAbuse(now: .zero)
        }
        #expect(ledger.shutsOut(abuser, now: .zero))
        #expect(!ledger.shutsOut(local, now: .zero))
        #expect(!ledger.shutsOut(.unix(path: "/x"), now: .zero))
        #expect(!ledger.shutsOut(abuser, now: time + .seconds(1)))
    }

    @Test("A place is given back when its holder is gone")
    func forgotten() {
        let ledger = ConnectionLedger(connectionMaximum: 1, connectionsPerAddressMaximum: 1, shutOutTime: .zero)
        for _ in 0..<3 { #expect(refusal(ledger, "192.0.2.1:1") == nil) }
        #expect(ledger.count == 0)
    }
}
