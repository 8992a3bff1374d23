import Glibc
import Reactor

/// How a central is to be run: what its command line says.
public struct CentralConfiguration: Sendable {
    /// The directory of the commit log; made if missing, for its owner only.
    public var dataDirectory: String
    /// Where users and their tools connect. Port 0 takes any free one, which the ready line tells.
    public var northbound: SocketAddress
    /// Where agents connect.
    public var southbound: SocketAddress
    /// Whether plain HTTP is spoken beyond this machine: no TLS and no authentication, for labs.
    public var isInsecure: Bool
    /// The threads that serve HTTP, each with a loop of its own.
    public var loopCount: Int

    /// A configuration; without `loopCount`, half of the processors serve HTTP and the rest is left to the writer,
    /// the disk and what else the machine does.
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
        self.loopCount = min(max(1, loopCount ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2), Self.loopCountMaximum)
    }

    /// The most threads that serve HTTP: the index of a loop must fit in a ticket.
    public static let loopCountMaximum = 64
}

/// Why a central did not start, or did not end well.
public struct CentralError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One sentence with the remedy.
    public let description: String

    init(_ description: String) { self.description = description }
}
