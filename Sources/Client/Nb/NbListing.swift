import JSON

/// The texts that `heddle nb` prints, made of the objects that central answers with.
public enum NbListing {
    /// The output of `ovn-nbctl show`: switches with their ports, both sorted by name.
    public static func show(switches: [JSONValue], ports: [JSONValue]) -> String {
        let portsOfSwitch = Dictionary(grouping: ports) { $0.text("switch") }
        var text = ""
        for logicalSwitch in switches.sorted(by: { $0.text("name").utf8Precedes($1.text("name")) }) {
            let name = logicalSwitch.text("name")
            text += "switch \(logicalSwitch.text("id")) (\(name))\n"
            let members = portsOfSwitch[name] ?? []
            for port in members.sorted(by: { $0.text("name").utf8Precedes($1.text("name")) }) { text += show(port) }
        }
        return text
    }

    private static func show(_ port: JSONValue) -> String {
        var text = "    port \(port.text("name"))\n"
        let type = port.text("type")
        if !type.isEmpty { text += "        type: \(type)\n" }
        let addresses = port.texts("addresses").sorted(by: { $0.utf8Precedes($1) })
        if !addresses.isEmpty, addresses != ["router"] {
            text += "        addresses: [\(addresses.map { "\"\($0)\"" }.joined(separator: ", "))]\n"
        }
        let parent = port.text("parent_name")
        if !parent.isEmpty {
            text += "        parent: \(parent)\n        tag: \(port["status"]?["tag"]?.integerValue ?? 0)\n"
        }
        let given = port["status"]?.text("dynamic_addresses") ?? ""
        if !given.isEmpty { text += "        dynamic_addresses: \"\(given)\"\n" }
        return text
    }

    /// The output of `ovn-nbctl ls-list` and `lsp-list`: `UUID (NAME)`, sorted by name.
    public static func list(_ objects: [JSONValue]) -> String {
        objects.sorted(by: { $0.text("name").utf8Precedes($1.text("name")) })
            .map { "\($0.text("id")) (\($0.text("name")))\n" }.joined()
    }

    /// The output of `ovn-nbctl mirror-list`: the mirrors, sorted by name, with what they say.
    public static func mirrors(_ objects: [JSONValue]) -> String {
        objects.sorted(by: { $0.text("name").utf8Precedes($1.text("name")) }).map { mirror in
            let index = mirror["index"]?.integerValue ?? 0
            return
                "\(mirror.text("name")):\n  Type     :  \(mirror.text("type"))\n  Sink     :  \(mirror.text("sink"))\n"
                + "  Filter   :  \(mirror.text("filter"))\n  Index/Key:  \(index)\n"
                + (mirror["mirror_rules"]?.arrayValue ?? []).map { rule in
                    let priority = rule["priority"]?.integerValue ?? 0
                    return "  Rule     :  \(priority) \(rule.text("match")) \(rule.text("action"))\n"
                }.joined()
        }.joined(separator: "\n")
    }

    /// The output of the `lsp-get-` verb for this column.
    public static func column(_ column: NbCommand.PortColumn, of port: JSONValue) -> String {
        switch column {
        case .addresses: lines(port.texts("addresses"))
        case .portSecurity: lines(port.texts("port_security"))
        case .parent: lines([port.text("parent_name")].filter { !$0.isEmpty })
        case .tag: lines((port["status"]?["tag"]?.integerValue).map { ["\($0)"] } ?? [])
        case .type: port.text("type") + "\n"
        case .up: port["status"]?["up"]?.boolValue == true ? "up\n" : "down\n"
        case .enabled: port["enabled"]?.boolValue == false ? "disabled\n" : "enabled\n"
        case .options: lines(options(of: port))
        case .dhcpv4Options: lines([port.text("dhcpv4_options")].filter { !$0.isEmpty })
        case .dhcpv6Options: lines([port.text("dhcpv6_options")].filter { !$0.isEmpty })
        }
    }

    private static func options(of port: JSONValue) -> [String] {
        let members = port["options"]?.objectValue?.members ?? []
        let fields = [
            (requestedChassisKey, port.texts("requested_chassis").joined(separator: ",")),
            (activationStrategyKey, port.texts("activation_strategy").joined(separator: ",")),
            (virtualIPKey, port.text("virtual_ip")),
            (virtualParentsKey, port.texts("virtual_parents").joined(separator: ",")),
        ]
        return members.map(JSONValue.pair) + fields.filter { !$0.1.isEmpty }.map { "\($0.0)=\($0.1)" }
    }

    /// The output of `ovn-nbctl dhcp-options-get-options`: `KEY=VALUE`, sorted.
    public static func options(ofSet object: JSONValue) -> String {
        lines((object["options"]?.objectValue?.members ?? []).map(JSONValue.pair))
    }

    private static func lines(_ texts: [String]) -> String {
        texts.sorted(by: { $0.utf8Precedes($1) }).map { $0 + "\n" }.joined()
    }
}
