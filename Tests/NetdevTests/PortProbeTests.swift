import Netdev
import Reactor
import Testing
import Wire

@Suite struct PortProbeTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func `A closed port is refused, and an open one is not`(text: String) throws {
        let address = try #require(IPAddress(text))
        let socket = try UDPSocket(boundTo: .ip(address, port: 0))
        guard case .ip(_, let open)? = try? socket.descriptor.localAddress() else {
            Issue.record("the socket has no address")
            return
        }
        #expect(PortProbe.run([address], from: address, port: open, patience: .milliseconds(50)) == [nil])
        // The discard service's port, if nothing listens.
        let refused = PortProbe.run([address, address], from: address, port: 9, patience: .seconds(20))
        #expect(refused == ["Connection refused", "Connection refused"])
    }
}
