import JSON

/// Makes a host's agent accept the network that it holds back.
public struct AgentAcceptance {
    private let caller: any Caller

    public init(caller: any Caller) {
        self.caller = caller
    }

    /// Makes the host use central's network, and returns the message for the user.
    /// - Throws: ``ClientError`` if nothing is held.
    public func run() throws(ClientError) -> String {
        let reply = try caller.require(Call(.post, "/v1/accept"))
        guard let answer = reply.body, let revision = answer["revision"]?.integerValue else {
            throw .badAnswer(caller.server, "its answer does not say what is gone by now")
        }
        return "this host goes by revision \(revision) of epoch \(answer.text("epoch")) now\n"
    }
}
