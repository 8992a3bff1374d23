import JSON
import NetworkModel

extension ObjectSession {
    /// Returns the description of one object, with the next steps for its user.
    func description(of object: JSONValue, _ kind: ShownKind, askedAs name: String) throws(ClientError) -> String {
        switch kind {
        case .resource(.object(.logicalSwitch)): try describeSwitch(object)
        case .resource(.object(.logicalSwitchPort)): try describePort(object)
        case .resource(.object(let kind)): Self.description(of: object, kind)
        case .resource(.chassis): try describeChassis(object)
        case .datapathBinding, .portBinding, .dhcpResponder, .dnsResponder, .mirrorSession, .multicastGroup:
            try object.yaml()
        }
    }

    /// The fields of an object, and where it comes from.
    private static func description(of object: JSONValue, _ kind: ObjectKind) -> String {
        var text = DescriptionText()
        for field in kind.row.fields {
            let title = field.name.replacing("_", with: " ").capitalizedFirst
            if let list = object[field.name]?.arrayValue {
                text.add(title, list.map(\.plainText))
            } else {
                text.add(title, object.fieldText(field.name))
            }
        }
        text.addOrigin(of: object)
        return text.text()
    }

    private func describeSwitch(_ object: JSONValue) throws(ClientError) -> String {
        let name = object.text("name")
        let ports = try list(.port, of: name)
        let down = ports.filter { $0["status"]?["up"]?.boolValue != true }
        var text = DescriptionText()
        text.add("Name", name)
        text.add("Tunnel key", object["status"]?["tunnel_key"]?.plainText)
        text.add("VLAN passthru", object["vlan_passthru"]?.boolValue == true ? "yes" : "no")
        text.add("Addresses", object.givenAddressText)
        text.addIfSaid("DNS records", object.texts("dns_records"))
        text.addIfSaid("DNS domain", [object.text("dns_domain")])
        text.addIfSaid("Other config", (object["other_config"]?.objectValue?.members ?? []).map(JSONValue.pair))
        text.addIfSaid("IPv6 RA configs", (object["ipv6_ra_configs"]?.objectValue?.members ?? []).map(JSONValue.pair))
        text.addIfSaid("Guards", ["ra_guard", "dhcp_guard"].filter { object[$0]?.boolValue == true })
        text.add("Labels", object.labelText)
        text.addOrigin(of: object)
        text.add("Ports", ports.isEmpty ? "none" : "\(ports.count), \(down.count) of them down")
        guard !ports.isEmpty else {
            return text.text(next: "The switch has no ports.", ["heddle nb lsp-add \(name) \(name)-vm1"])
        }
        let table = "\n" + Self.table(of: ports, .port, isWide: false).text
        guard let first = down.first else { return text.text() + table }
        return text.text() + table
            + DescriptionText.advice("To see why a port is down:", ["heddle describe port \(first.text("name"))"])
    }

    private func describePort(_ object: JSONValue) throws(ClientError) -> String {
        let status = object["status"] ?? .null
        let chassis = status.text("chassis")
        let host = chassis.isEmpty ? nil : try caller.object(ShownKind.chassis.path(of: chassis))?.body
        var text = DescriptionText()
        text.add("Name", object.text("name"))
        text.add("Switch", object.text("switch"))
        let reason = status.text("reason")
        text.add("State", status["up"]?.boolValue == true ? "up" : "down" + (reason.isEmpty ? "" : ", \(reason)"))
        text.add("Chassis", host.map { "\(chassis), \($0.chassisState), \($0.encapText)" } ?? chassis)
        text.add("Enabled", object["enabled"]?.boolValue == false ? "no" : "yes")
        text.add("Addresses", object.addressTexts)
        text.add("Port security", object.texts("port_security"))
        text.add("Requested chassis", object.texts("requested_chassis").joined(separator: ", "))
        text.addIfSaid("Activation strategy", [object.texts("activation_strategy").joined(separator: ", ")])
        let standby = status["standby"]
        text.addIfSaid(
            "Moves to",
            [standby.map { $0.text("chassis") + ($0["up"]?.boolValue == true ? ", ready" : ", not ready") } ?? ""]
        )
        let waiting = status["waiting"]?.arrayValue ?? []
        text.add(
            "Waiting",
            waiting.map { host in
                let lacks = host.texts("lacks")
                return "\(host.text("chassis")), \(host.text("reason"))"
                    + (lacks.isEmpty ? "" : ": \(lacks.joined(separator: ", "))")
            }
        )
        let options = object["options"]?.objectValue?.members ?? []
        text.add("Options", options.map(JSONValue.pair))
        text.addIfSaid("DHCPv4 options", [object.text("dhcpv4_options")])
        text.addIfSaid("DHCPv6 options", [object.text("dhcpv6_options")])
        let guards = ["ra_guard", "dhcp_guard"].compactMap { name in object[name]?.boolValue.map { "\(name) \($0)" } }
        text.addIfSaid("Guards", guards + (status["guarded"]?.boolValue == true ? ["by port security"] : []))
        let mirrors = try object.texts("mirror_rules").map { name throws(ClientError) in
            try caller.object(ShownKind.mirror.path(of: name))?.body ?? ["name": .string(name)]
        }
        text.addIfSaid("Mirrors", mirrors.map(\.mirrorText))
        text.addIfSaid("Virtual address", [object.text("virtual_ip")])
        text.addIfSaid("Virtual parents", object.texts("virtual_parents"))
        text.addIfSaid("Virtual parent", [status.text("virtual_parent")])
        text.add("Labels", object.labelText)
        text.add("Tunnel key", status["tunnel_key"]?.plainText)
        if !chassis.isEmpty { addCounters(of: object.text("name"), to: &text) }
        text.addOrigin(of: object)
        var advice = [Self.advice(forPort: object, reason: reason, chassis: chassis), Self.advice(forWaiting: object)]
        for field in ["dhcpv4_options", "dhcpv6_options"] where !object.text(field).isEmpty {
            let path = ShownKind.dhcpOptions.path(of: object.text(field))
            guard let set = try caller.object(path)?.body else { continue }
            advice.append(Self.advice(forPort: object, unansweredBy: set))
        }
        return text.text()
            + advice.filter { !$0.sentence.isEmpty }.map { DescriptionText.advice($0.sentence, $0.commands) }.joined()
    }

    /// The counters of the port's host, if it replies: a description without is better than none.
    private func addCounters(of port: String, to text: inout DescriptionText) {
        let path = ShownKind.port.path(of: port) + "/statistics"
        guard let body = (try? caller.object(path))?.body, let counters = body["statistics"] else { return }
        let (sent, received) = (counters["rx_frames"]?.plainText, counters["tx_frames"]?.plainText)
        if let sent, let received { text.add("Frames", "\(sent) from the guest, \(received) to it") }
        text.addIfSaid("Dropped", (counters["drops"]?.objectValue?.members ?? []).map(JSONValue.pair))
    }

    private func describeChassis(_ object: JSONValue) throws(ClientError) -> String {
        let name = object.text("name")
        let bindings = try list(.portBinding).filter { binding in
            (binding["locations"]?.arrayValue ?? []).contains { $0.text("chassis") == name }
        }
        var text = DescriptionText()
        text.add("Name", name)
        text.add("State", object.chassisCondition)
        text.add("Hostname", object.text("hostname"))
        text.add("Encaps", object.encapText)
        text.add("Chassis ID", object.text("chassis_id"))
        text.add("Revision", object["revision"]?.plainText)
        text.add("Ports", bindings.map { $0.text("logical_port") })
        guard object.chassisState == "dead" else {
            guard let held = object["status"]?["held"]?.heldText else { return text.text() }
            return text.text(
                next: "On this host \(held). If this network is right, there:",
                ["heddle doctor", "heddle agent accept"]
            )
        }
        return text.text(
            next: "Central does not hear from its agent. On \(name), or if it will never come back, here:",
            ["heddle doctor", "heddle sb chassis-del \(name)"]
        )
    }
}

extension JSONValue {
    /// The addresses that a switch gives to ports with dynamic ones.
    fileprivate var givenAddressText: [String] {
        let excluded = texts("exclude_ips").joined(separator: ", ")
        let subnet = text("subnet") + (excluded.isEmpty ? "" : " but \(excluded)")
        return [subnet, text("ipv6_prefix"), self["mac_only"]?.boolValue == true ? "MAC addresses only" : ""]
            .filter { !$0.isEmpty }
    }
}

/// Titles with their values, one a line, the values below each other.
struct DescriptionText {
    private var lines: [(title: String, value: String)] = []

    /// Adds a line; without a value it shows that there is none.
    mutating func add(_ title: String, _ value: String?) {
        lines.append((title + ":", value.flatMap { $0.isEmpty ? nil : $0 } ?? TextTable.noValue))
    }

    /// Adds a line for each of some values.
    /// Adds a member that most objects leave out.
    mutating func addIfSaid(_ title: String, _ values: [String]) {
        let values = values.filter { !$0.isEmpty }
        if !values.isEmpty { add(title, values) }
    }

    mutating func add(_ title: String, _ values: [String]) {
        add(title, values.first)
        for value in values.dropFirst() { lines.append(("", value)) }
    }

    /// Adds where and when an object of users comes from.
    mutating func addOrigin(of object: JSONValue) {
        add("ID", object.text("id"))
        let configured = object["config_revision"]?.plainText ?? ""
        add(
            "Revision",
            (object["revision"]?.plainText ?? "") + (configured.isEmpty ? "" : ", configured \(configured)")
        )
        add("Created", object.text("created_at"))
        add("Changed", object.text("updated_at"))
    }

    func text() -> String {
        let width = (lines.map(\.title.count).max() ?? 0) + 1
        return lines.map { "\($0.title.padded(to: width))\($0.value)\n" }.joined()
    }

    /// The lines and some advice.
    func text(next sentence: String, _ commands: [String]) -> String { text() + Self.advice(sentence, commands) }

    /// A sentence and commands that can be copied.
    static func advice(_ sentence: String, _ commands: [String]) -> String {
        "\n\(sentence)\n" + commands.map { "    \($0)\n" }.joined()
    }
}
