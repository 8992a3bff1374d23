import JSON

/// The texts that `heddle sb` prints, made of the objects that central answers with.
public enum SbListing {
    /// The output of `ovn-sbctl show`: chassis with their encaps and the ports they hold, all sorted by name.
    ///
    /// A chassis whose lease has run out has a line `live: false`, which OVN, without leases, does not know.
    public static func show(chassis: [JSONValue], portBindings: [JSONValue]) -> String {
        var portsOfChassis: [String: [String]] = [:]
        for binding in portBindings {
            for location in binding["locations"]?.arrayValue ?? [] {
                let name = binding.text("logical_port") + (location.text("state") == "standby" ? " (standby)" : "")
                portsOfChassis[location.text("chassis"), default: []].append(name)
            }
        }
        var text = ""
        for host in chassis.sorted(by: { $0.text("name").utf8Precedes($1.text("name")) }) {
            let name = host.text("name")
            text += "Chassis \(name)\n"
            let hostname = host.text("hostname")
            if !hostname.isEmpty { text += "    hostname: \(hostname)\n" }
            if host["status"]?["live"]?.boolValue == false { text += "    live: false\n" }
            for encap in host["encaps"]?.arrayValue ?? [] {
                text += "    Encap \(encap.text("type"))\n        ip: \"\(encap.text("ip"))\"\n"
            }
            for port in (portsOfChassis[name] ?? []).sorted(by: { $0.utf8Precedes($1) }) {
                text += "    Port_Binding \(port)\n"
            }
        }
        return text
    }
}
