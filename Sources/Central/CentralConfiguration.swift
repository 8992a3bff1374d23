import API
import HTTP
import Reactor
import Wire

/// The configuration of a central, from its command line.
public struct CentralConfiguration: Sendable {
    /// The directory of the commit log; made if missing, for its owner only.
    public var dataDirectory: String
    /// The address for users and their tools. Port 0 takes any free one, which the ready line tells.
    public var northbound: SocketAddress
    /// The address for agents.
    public var southbound: SocketAddress
    /// True if plain HTTP is spoken at any address: no TLS and no authentication, for labs.
    public var isInsecure: Bool
    /// True if loopback is guarded as all other addresses are.
    public var securesLoopback = false
    /// The file of the certificate, with its chain, that the northbound port shows in place of one of central's own.
    public var certificateFile: String?
    public var keyFile: String?
    /// Names and addresses by which central is known beside those that it listens at.
    public var serverNames: [String] = []
    /// The life of a chassis' certificate, in seconds; it is renewed after two thirds of it.
    public var chassisCertificateLifetime: Int64 = 86_400
    /// The time that the audit keeps a commit, in seconds.
    public var auditSeconds: Int64 = 30 * 86_400
    /// The prefix of the MAC addresses that ports are given; `nil` for the network's own, which is random.
    public var macPrefix: MACPrefix?
    /// True if a new authority is made in place of one that is lost.
    public var makesNewAuthority = false
    /// The limits of HTTP; the connections of one address and the idle time are those of the northbound port.
    public var limits = HTTPLimits()
    /// The most long polls that one loop keeps.
    public var parkedPollMaximum = Self.parkedPollMaximum
    /// The threads that serve HTTP to users, and as many to hosts, each with a loop of its own.
    public var loopCount: Int

    /// A configuration; without `loopCount`, there are threads for half of the processors on each plane: mostly one of
    /// the two has little to do, and the rest is left to the writer, the disk and what else the machine does.
    public init(
        dataDirectory: String,
        northbound: SocketAddress,
        southbound: SocketAddress,
        isInsecure: Bool = false,
        loopCount: Int? = nil
    ) {
        self.dataDirectory = dataDirectory
        self.northbound = northbound
        self.southbound = southbound
        self.isInsecure = isInsecure
        limits.bodyByteCountMaximum = Routes.bulkContentByteCountMaximum
        self.loopCount = min(max(1, loopCount ?? Processors.count / 2), Self.loopCountMaximum)
    }

    /// Returns the limits of HTTP on a port. Agents keep their connections and may all take their shares at once, and
    /// as many as there are may be behind one address; users' clients get the defaults.
    func limits(of plane: Route.Plane) -> HTTPLimits {
        var limits = limits
        switch plane {
        case .northbound: break
        case .southbound:
            limits.connectionsPerAddressMaximum = limits.connectionMaximum
            limits.idleTime = .seconds(11 * 60)
            // A client without a certificate joins and leaves; an agent authenticates with its connection or first
            // request.
            limits.strangerIdleTime = .seconds(10)
            limits.heldByteCountMaximum = 256 << 20
        }
        return limits
    }

    /// The lives that a chassis' certificate may have, in seconds: up to a year.
    public static let chassisCertificateLifetimeRange: ClosedRange<Int64> = 3...(365 * 86_400)

    /// The days that the audit may tell of: up to ten years.
    public static let auditDayRange: ClosedRange<Int> = 1...3650

    /// True if a text can be a server's name in a certificate (RFC 1123 section 2.1).
    public static func isServerName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
                            true
                        default: false
                        }
                    }
            }
    }

    /// The most long polls that one loop keeps, unless said otherwise: 10,000, one for each chassis of the largest
    /// network; each is a table entry of some hundred bytes.
    public static let parkedPollMaximum = 10_000
    /// The most threads that serve HTTP on a plane: the index of a loop must fit in a ticket.
    public static let loopCountMaximum = 64
}

/// The reason why a central did not start, or did not end well.
public struct CentralError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One sentence with the remedy.
    public let description: String

    init(_ description: String) { self.description = description }
}
