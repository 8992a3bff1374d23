import Glibc
import Reactor

/// The sockets at one address, one for each loop that serves it.
struct Listeners: Sendable {
    /// Where they listen; the port is the real one.
    let address: SocketAddress
    let sockets: [Descriptor]

    /// Begins to listen.
    /// - Parameter option: What the user says to choose another address, for the message.
    init(_ wanted: SocketAddress, option: String, count: Int) throws(CentralError) {
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

    private static func failure(_ address: SocketAddress, _ option: String, _ error: SystemError) -> CentralError {
        let remedy =
            error.errno == EADDRNOTAVAIL
            ? "that address is not on this machine, choose another with \(option)"
            : "stop what listens there or choose another with \(option)"
        return CentralError("cannot listen on \(address): \(String(cString: strerror(error.errno))); \(remedy)")
    }
}
