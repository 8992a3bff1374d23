import HTTP
import JSON

extension NbPlan {
    /// Adds a port, nested in a parent or not. One that is there already has to be as wanted, as OVN has it.
    mutating func addPort(
        _ name: String,
        to owner: String,
        _ nesting: NbCommand.Nesting?,
        mayExist: Bool
    ) throws(ClientError) {
        let switchName = try logicalSwitch(owner)
        var wanted = nesting
        // The parent need not be there yet.
        if let nesting { wanted?.parent = resolved(nesting.parent) }
        if let known = found(name, in: ports) {
            guard mayExist else { throw .refused("\(name): a port with this name already exists") }
            guard known.switchName == switchName else {
                throw .refused("\(name): port already exists but in switch \(known.switchName)")
            }
            if let reason = difference(of: wanted, from: known.nesting) {
                throw .refused("\(name): port already exists but \(reason)")
            }
            return require("/v1/ports/", name, known)
        }
        var body: JSONValue = ["name": .string(name)]
        if let wanted {
            body = body.merged(with: [
                "parent_name": .string(wanted.parent), "tag_request": .integer(wanted.tagRequest),
            ])
        }
        operate("create", "/v1/switches/\(percentEncoded(switchName))/ports", body)
        ports[name] = Known(switchName: switchName, nesting: wanted)
    }

    private func difference(of wanted: NbCommand.Nesting?, from there: NbCommand.Nesting?) -> String? {
        guard wanted != there else { return nil }
        guard let wanted else { return "has parent \(there?.parent ?? "")" }
        guard let there else { return "has no parent" }
        if there.parent != wanted.parent { return "with different parent \(there.parent)" }
        return "with different tag_request \(there.tagRequest)"
    }
}
