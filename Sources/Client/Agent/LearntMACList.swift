import HTTP
import JSON

/// Carries `heddle mac list` and `heddle mac flush`: the MACs that this host has learnt.
public struct LearntMACList {
    private let caller: any Caller
    private let query: String

    /// - Parameters:
    ///   - switchName: the switch that they are of.
    ///   - logicalPort: the port that they were seen at.
    ///   - mac: the one that is meant.
    public init(caller: any Caller, switchName: String?, logicalPort: String?, mac: String?) {
        self.caller = caller
        query = Client.query(of: [("switch", switchName), ("port", logicalPort), ("mac", mac)])
    }

    /// The MACs, one a line, or the agent's answer.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func text(as format: CountersFormat) throws(ClientError) -> String {
        let answer = try caller.require(Call(.get, "/v1/macs" + query)).body ?? .null
        guard format == .table else { return answer.indentedText }
        var table = TextTable(["SWITCH", "MAC", "LOGICAL PORT", "CHASSIS", "IDLE SECONDS"])
        for mac in answer["macs"]?.arrayValue ?? [] {
            table.append(
                ["switch", "mac", "logical_port", "chassis"].map { mac.text($0) }
                    + [mac["idle_seconds"]?.integerValue.map { String($0) } ?? ""]
            )
        }
        return table.text
    }

    /// Has the MACs forgotten, and returns the message for the user.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func flush() throws(ClientError) -> String {
        let answer = try caller.require(Call(.delete, "/v1/macs" + query)).body
        let count = answer?["forgotten"]?.integerValue ?? 0
        return "\(count) \(count == 1 ? "MAC" : "MACs") forgotten\n"
    }
}
