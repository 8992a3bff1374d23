import API
import Glibc
import HTTP
import HTTPTransport
import Reactor

/// The sockets at one address, one for each loop that serves it.
struct Listeners: Sendable {
    /// The address that they listen at; the port is the real one.
    let address: SocketAddress
    let plane: Route.Plane
    let exposure: Exposure
    let sockets: [Descriptor]
    /// The limits of HTTP on all of them, with the count of their connections.
    let limits: HTTPLimits
    let ledger: ConnectionLedger

    var url: String { "\(exposure == .secure ? "https" : "http")://\(address)" }

    /// Begins to listen.
    /// - Parameter option: The option that chooses another address, for the message.
    init(
        _ wanted: SocketAddress,
        _ plane: Route.Plane,
        _ exposure: Exposure,
        option: String,
        count: Int,
        limits: HTTPLimits
    ) throws(CentralError) {
        self.plane = plane
        self.exposure = exposure
        self.limits = limits
        ledger = ConnectionLedger(limits)
        do throws(SystemError) {
            // Sockets that share a port would also share it with a second central, and each would get some of the
            // requests. A socket that does not share shows first that nobody else is there.
            let first = try Descriptor.listen(on: wanted)
            address = try first.localAddress()
            guard count > 1 else {
                sockets = [first]
                return
            }
        } catch {
            throw Self.failure(wanted, option, error)
        }
        do throws(SystemError) {
            var sockets: [Descriptor] = []
            for _ in 0..<count { sockets.append(try .listen(on: address, sharesPort: true)) }
            self.sockets = sockets
        } catch {
            throw Self.failure(wanted, option, error)
        }
    }

    /// One Unix socket, which one loop serves.
    init(_ socket: Descriptor, at path: String, limits: HTTPLimits) {
        address = .unix(path: path)
        plane = .northbound
        exposure = .local
        sockets = [socket]
        self.limits = limits
        ledger = ConnectionLedger(limits)
    }

    private static func failure(_ address: SocketAddress, _ option: String, _ error: SystemError) -> CentralError {
        let remedy =
            error.errno == EADDRNOTAVAIL
            ? "that address is not on this machine, choose another with \(option)"
            : "stop the program that listens there or choose another with \(option)"
        return CentralError("cannot listen on \(address): \(String(cString: strerror(error.errno))); \(remedy)")
    }
}
