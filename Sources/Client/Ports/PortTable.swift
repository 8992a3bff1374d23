import JSON
import Wire

/// The tables that `heddle port list` prints, made of the agent's answer.
public enum PortTable {
    /// The ports of this host, one a line; then the hosts to which less goes in one piece than a port's interface
    /// sends.
    public static func list(_ answer: JSONValue) -> String {
        var table = TextTable(["NAME", "LOGICAL PORT", "DEVICE", "INTERFACE", "NETNS", "MTU", "STATE", "DETAIL"])
        for port in ports(of: answer) {
            table.append([
                port.text("name"), port.text("logical_port"), port.text("device"),
                port.text(port["socket"] == nil ? "interface" : "socket"), port.text("netns"),
                port["mtu"]?.integerValue.map { String($0) } ?? "", port.text("state"), port.text("detail"),
            ])
        }
        let largest = ports(of: answer).compactMap { $0["mtu"]?.integerValue }.max() ?? 0
        return table.text + paths(of: answer) { $0["mtu"]?.integerValue ?? 0 < largest } + held(in: answer)
    }

    /// Returns a note about a network that is held back; empty if there is none.
    private static func held(in answer: JSONValue) -> String {
        answer["held"]?.heldText.map { "\n\($0.capitalizedFirst). If central is right: heddle agent accept\n" } ?? ""
    }

    /// Returns the MTU to each other host, one a line, with the frames that did not go there if they were counted.
    private static func paths(of answer: JSONValue, where isWanted: (JSONValue) -> Bool) -> String {
        let paths = (answer["paths"]?.arrayValue ?? []).filter(isWanted)
        guard !paths.isEmpty else { return "" }
        let isCounted = paths.contains { $0["too_long_frames"] != nil }
        var table = TextTable(
            ["TO CHASSIS", "ADDRESS", "MTU", "UNDERLAY MTU", "KNOWN"] + (isCounted ? ["TOO LONG", "UNSENT"] : [])
        )
        for path in paths {
            let numbers = ["mtu", "underlay_mtu"].map { path[$0]?.integerValue.map { String($0) } ?? "" }
            let counts = ["too_long_frames", "unsent_frames"].map { name in
                path[name]?.integerValue.map { String($0) } ?? TextTable.noValue
            }
            table.append(
                [path.text("chassis"), path.text("address")] + numbers + [path.text("state")]
                    + (isCounted ? counts : [])
            )
        }
        return "\n" + table.text
    }

    /// The counters of this host's ports, one a line, then what was dropped before any port was known, the paths to
    /// other hosts, what the kernel did not take as superpackets, and who moves the packets.
    public static func statistics(_ answer: JSONValue) -> String {
        var table = TextTable([
            "NAME", "LOGICAL PORT", "STATE", "RX FRAMES", "RX BYTES", "TX FRAMES", "TX BYTES", "DROPS", "NOT TO ALL",
        ])
        for port in ports(of: answer) {
            let statistics = port["statistics"]
            let counts = ["rx_frames", "rx_bytes", "tx_frames", "tx_bytes"].map { name in
                statistics?[name]?.integerValue.map { String($0) } ?? TextTable.noValue
            }
            table.append(
                [port.text("name"), port.text("logical_port"), port.text("state")] + counts
                    + [drops(statistics?["drops"]), drops(statistics?["partly_dropped"])]
            )
        }
        let rest = drops(answer["drops"])
        return table.text + (rest == TextTable.noValue ? "" : "\nDropped on this host: \(rest)\n")
            + paths(of: answer) { _ in true }
            + fallbacks(of: answer)
            + pollers(of: answer)
            + held(in: answer)
    }

    /// Returns the packets that had to go one by one, by port or host; empty if the kernel has all features.
    private static func fallbacks(of answer: JSONValue) -> String {
        var counts = ports(of: answer).map { ($0.text("name"), $0["statistics"]) }
        counts.append(("other hosts", answer["underlay"]))
        let texts = counts.compactMap { name, statistics in
            statistics?["singly_sent_frames"]?.integerValue.flatMap { $0 > 0 ? "\(name)=\($0)" : nil }
        }
        return texts.isEmpty
            ? "" : "\nSent one by one, since the kernel refused them as one: \(texts.joined(separator: ", "))\n"
    }

    private static func pollers(of answer: JSONValue) -> String {
        let pollers = answer["pollers"]?.arrayValue ?? []
        guard !pollers.isEmpty else { return "" }
        var table = TextTable(["POLLER", "SOURCES", "RX FRAMES"])
        for poller in pollers {
            let counts = ["sources", "rx_frames"].map { poller[$0]?.integerValue.map { String($0) } ?? "" }
            table.append([poller.text("name")] + counts)
        }
        return "\n" + table.text
    }

    /// The ports in order of their names.
    static func ports(of answer: JSONValue) -> [JSONValue] {
        (answer["ports"]?.arrayValue ?? []).sorted { $0.text("name").utf8Precedes($1.text("name")) }
    }

    /// `reason=count`, sorted by reason; reasons that never occurred are left out.
    private static func drops(_ reasons: JSONValue?) -> String {
        let counts = (reasons?.objectValue?.members ?? []).compactMap { member in
            member.value.integerValue.flatMap { $0 == 0 ? nil : "\(member.name.printable)=\($0)" }
        }
        return counts.isEmpty ? TextTable.noValue : counts.sorted { $0.utf8Precedes($1) }.joined(separator: " ")
    }
}
