import HTTP
import JSON

/// Carries `heddle acl counters`: how often the ACLs that this host asks have decided.
public struct FilterCounterList {
    private let caller: any Caller
    private let query: String

    /// - Parameter switchName: the switch that they are asked on; `nil` for all.
    public init(caller: any Caller, switchName: String?) {
        self.caller = caller
        query = Client.query(of: [("switch", switchName)])
    }

    /// The ACLs, one a line, or the agent's answer.
    /// - Throws: ``ClientError`` if the agent does not answer.
    public func text(as format: CountersFormat) throws(ClientError) -> String {
        let answer = try caller.require(Call(.get, "/v1/acls" + query)).body ?? .null
        guard format == .table else { return answer.indentedText }
        var table = TextTable(["SWITCH", "DIRECTION", "TIER", "ACL", "ACTION", "DECISIONS"])
        for acl in answer["acls"]?.arrayValue ?? [] {
            func count(_ name: String) -> String { acl[name]?.integerValue.map { String($0) } ?? "" }
            table.append([
                acl.text("switch"), acl.text("direction"), count("tier"), acl.text("name"), acl.text("action"),
                count("decisions"),
            ])
        }
        return table.text
    }
}
