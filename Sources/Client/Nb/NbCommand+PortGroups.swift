extension NbCommand {
    /// The verbs about port groups.
    static let portGroupVerbs: [ControlVerb<NbCommand>] = [
        ControlVerb(
            "pg-add",
            parameters: "GROUP [PORT]...",
            count: 1...Int.max,
            abstract: "Add a port group with these ports.",
            examples: ["heddle nb pg-add web", "heddle nb pg-add web ls1-vm1 ls1-vm2"]
        ) { words throws(ClientError) in
            .pgAdd(try words.reference(0, of: "port group"), ports: try ports(of: words))
        },
        ControlVerb(
            "pg-del",
            parameters: "GROUP",
            count: 1...1,
            abstract: "Delete a port group; its ports stay.",
            examples: ["heddle nb pg-del web"]
        ) { words throws(ClientError) in .pgDel(try words.reference(0, of: "port group")) },
        ControlVerb(
            "pg-set-ports",
            parameters: "GROUP [PORT]...",
            count: 1...Int.max,
            abstract: "Set the ports of a port group.",
            details: """
                Ports that are not named leave the group.
                """,
            examples: ["heddle nb pg-set-ports web ls1-vm1 ls1-vm2", "heddle nb pg-set-ports web"]
        ) { words throws(ClientError) in
            .pgSetPorts(try words.reference(0, of: "port group"), ports: try ports(of: words))
        },
        ControlVerb(
            "pg-get-ports",
            parameters: "GROUP",
            count: 1...1,
            abstract: "List the ports of a port group.",
            examples: ["heddle nb pg-get-ports web"]
        ) { words throws(ClientError) in .pgGetPorts(try words.reference(0, of: "port group")) },
    ]

    private static func ports(of words: ControlVerb<NbCommand>.Words) throws(ClientError) -> [String] {
        var ports: [String] = []
        for index in words.arguments.indices.dropFirst() { ports.append(try words.reference(index, of: "port")) }
        return ports
    }
}
