public struct Connection: Caller {
    public let server: Server
    public static func toCentral() throws(ClientError) -> Connection { Connection(server: .central(url: "x")) }
    public static func toAgent() throws(ClientError) -> Connection { Connection(server: .agent(socket: "x")) }
    public func send(_ call: Call) throws(ClientError) -> Reply { throw .unreachable(server, reason: "stub", mayHaveActed: false) }
}
