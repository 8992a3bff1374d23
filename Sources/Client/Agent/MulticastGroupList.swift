import HTTP
import JSON

/// Carries `heddle multicast list`: the members of multicast groups that this host knows.
public struct MulticastGroupList {
    private let caller: any Caller
    private let query: String

    /// - Parameters:
    ///   - switchName: the switch that they are on.
    ///   - logicalPort: the port that is a member.
    public init(caller: any Caller, switchName: String?, logicalPort: String?) {
        self.caller = caller
        query = Client.query(of: [("switch", switchName), ("port", logicalPort)])
    }

    /// The groups and their members, one a line, or the agent's answer.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func text(as format: CountersFormat) throws(ClientError) -> String {
        let answer = try caller.require(Call(.get, "/v1/multicast-groups" + query)).body ?? .null
        guard format == .table else { return answer.indentedText }
        var table = TextTable(["SWITCH", "GROUP", "LOGICAL PORT", "CHASSIS", "IDLE SECONDS"])
        for group in answer["groups"]?.arrayValue ?? [] {
            table.append(
                ["switch", "group", "logical_port", "chassis"].map { group.text($0) }
                    + [group["idle_seconds"]?.integerValue.map { String($0) } ?? ""]
            )
        }
        return table.text
    }
}
