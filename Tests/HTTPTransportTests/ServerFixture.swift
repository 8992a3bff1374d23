import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Security
import Testing

/// A server on a free port of the loopback.
final class ServerFixture {
    let fixture: LoopFixture
    let server: HTTPServer
    let address: SocketAddress

    init(
        _ fixture: LoopFixture,
        limits: HTTPLimits = HTTPLimits(),
        tls: TLSContext? = nil,
        judge: ((HTTPRequest, SocketAddress, PeerCredentials, Bool) -> HeadVerdict)? = nil,
        _ handler: @escaping (HTTPExchange) -> Void
    ) throws {
        self.fixture = fixture
        let any = try #require(SocketAddress(parsing: "127.0.0.1:0"))
        let listener = try Descriptor.listen(on: any)
        address = try listener.localAddress()
        server = try HTTPServer(loop: fixture.loop, listener: listener, limits: limits, tls: tls, judge: judge) {
            exchange in
            handler(exchange)
            fixture.changed()
        }
    }
}
