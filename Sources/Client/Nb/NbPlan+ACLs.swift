import JSON

extension NbPlan {
    mutating func addACL(_ acl: NbACL) throws(ClientError) {
        let home = try homeOfACLs(acl.entity)
        let name = acl.name(on: home.name)
        if acls.contains(where: { $0.text("name") == name }) {
            guard acl.mayExist else { throw .refused("Same ACL already existed on \(home.noun) \(home.name).") }
            return
        }
        var body: JSONValue = [
            "name": .string(name), "direction": .string(acl.direction), "priority": .integer(acl.priority),
            "match": .string(acl.match), "action": .string(acl.action),
        ]
        if acl.tier != 0 { body = body.merged(with: ["tier": .integer(acl.tier)]) }
        if let severity = acl.severity {
            body = body.merged(with: ["log": true, "severity": .string(severity)])
        }
        operate(
            "create",
            "/v1/acls",
            body.merged(with: .object(JSONObject(distinct: [(home.member, .string(home.name))])))
        )
        acls.append(body.merged(with: .object(JSONObject(distinct: [(home.member, .string(home.name))]))))
    }

    /// The switch or the port group that a reference of `acl-add` means, which OVN does not tell apart either.
    func homeOfACLs(_ reference: String) throws(ClientError) -> (member: String, noun: String, name: String) {
        let isSwitch = found(reference, in: switches) != nil
        let isGroup = found(reference, in: portGroups) != nil
        guard !isSwitch || !isGroup else {
            throw .refused("\(reference): there are a switch and a port group of this name; give the UUID of one")
        }
        if isSwitch { return ("switch", "switch", resolved(reference)) }
        guard isGroup else { throw notFound(reference, "switch or port group") }
        return ("port_group", "port group", resolved(reference))
    }
}
