import API
import Glibc
import HTTPTransport
import Reactor
import Security
import Wire

/// The security of a port of central.
enum Exposure: Sendable {
    /// Plain, and anyone may do anything.
    case open
    /// Plain, on loopback: whoever is on this machine may do anything.
    case local
    /// TLS: users bring a token, chassis a certificate.
    case secure

    /// - Parameter address: where the port is.
    init(_ address: SocketAddress, _ configuration: CentralConfiguration) {
        self =
            if configuration.isInsecure { .open } else if address.isLoopback, !configuration.securesLoopback {
                .local
            } else {
                .secure
            }
    }
}

/// The certificates of central's ports, and when there have to be others.
final class ServerSecurity {
    private let configuration: CentralConfiguration
    private let authority: CentralAuthority
    private var seen: [FileState?] = []
    private var renewal: RenewalClock?

    /// The properties of a file that change when it is replaced or written.
    private struct FileState: Equatable {
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int

        init?(_ path: String) {
            var state = stat()
            guard stat(path, &state) == 0 else { return nil }
            inode = UInt(state.st_ino)
            size = Int(state.st_size)
            seconds = state.st_mtim.tv_sec
            nanoseconds = state.st_mtim.tv_nsec
        }
    }

    init(_ configuration: CentralConfiguration, authority: CentralAuthority) {
        self.configuration = configuration
        self.authority = authority
    }

    /// True if files have changed, or a certificate of our own is two thirds through its life or from the future.
    var isDue: Bool {
        renewal?.isDue(wallClock: Clock.wallSeconds(), now: Clock.monotonic()) ?? true || seen != fileStates
    }

    /// Returns the TLS configurations of the ports from now on.
    func contexts() throws(CentralError) -> [Route.Plane: TLSContext] {
        // Taken before the files are read: files that change meanwhile are read again.
        seen = fileStates
        renewal = RenewalClock(
            wallClock: Clock.wallSeconds(),
            now: Clock.monotonic(),
            life: CentralAuthority.serverLifetime
        )
        do throws(SecurityError) {
            let own = try authority.serverIdentity(names: names, addresses: addresses)
            let southbound = try TLSContext.server(
                own,
                protocols: HTTPServer.protocols,
                clientAuthorities: authority.certificates
            )
            let shown = try usersIdentity() ?? own
            return [.northbound: try .server(shown, protocols: HTTPServer.protocols), .southbound: southbound]
        } catch {
            throw CentralError("TLS cannot be used: \(error)")
        }
    }

    private func usersIdentity() throws(SecurityError) -> TLSIdentity? {
        guard let certificate = configuration.certificateFile, let key = configuration.keyFile else { return nil }
        let maximum = CentralAuthority.fileByteCountMaximum
        do {
            return try TLSIdentity(
                chain: try Certificate.list(pem: try readFile(certificate, maximum: maximum)),
                key: try PrivateKey(pem: try readFile(key, maximum: maximum))
            )
        } catch {
            throw SecurityError("\(certificate) with \(key): \(error)")
        }
    }

    private var fileStates: [FileState?] {
        [configuration.certificateFile, configuration.keyFile].compactMap { $0 }.map { FileState($0) }
    }

    /// The names of this central: those that users gave, and those of the machine.
    private var names: [String] {
        let said = configuration.serverNames.filter { IPAddress($0) == nil }
        return unique(said + [(try? hostName()) ?? "", "localhost"]).filter(CentralConfiguration.isServerName)
    }

    private var addresses: [IPAddress] {
        var addresses = configuration.serverNames.compactMap { IPAddress($0) }
        for case .ip(let address, _) in [configuration.northbound, configuration.southbound] {
            addresses += address.isUnspecified ? (try? localAddresses()) ?? [] : [address]
        }
        return unique(addresses + [.v4(IPv4Address(0x7f00_0001)), .v6(IPv6Address(high: 0, low: 1))])
    }

    private func unique<Element: Hashable>(_ list: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return list.filter { seen.insert($0).inserted }
    }
}

extension IPAddress {
    /// True if it stands for all addresses of the machine.
    fileprivate var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.rawValue == 0
        case .v6(let address): address.high == 0 && address.low == 0
        }
    }
}
