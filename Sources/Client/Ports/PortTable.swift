import JSON

/// The tables that `heddle port list` prints, made of the agent's answer.
public enum PortTable {
    /// The ports of this host, one a line.
    public static func list(_ answer: JSONValue) -> String {
        var rows = [["NAME", "LOGICAL PORT", "INTERFACE", "NETNS", "MTU", "STATE", "DETAIL"]]
        for port in ports(of: answer) {
            rows.append([
                port.text("name"), port.text("logical_port"), port.text("interface"), port.text("netns"),
                port["mtu"]?.integerValue.map { String($0) } ?? "", port.text("state"), port.text("detail"),
            ])
        }
        return table(rows)
    }

    /// The counters of this host's ports, one a line, then what was dropped before any port was known.
    public static func statistics(_ answer: JSONValue) -> String {
        var rows = [["NAME", "LOGICAL PORT", "STATE", "RX FRAMES", "RX BYTES", "TX FRAMES", "TX BYTES", "DROPS"]]
        for port in ports(of: answer) {
            let statistics = port["statistics"]
            let counts = ["rx_frames", "rx_bytes", "tx_frames", "tx_bytes"].map { name in
                statistics?[name]?.integerValue.map { String($0) } ?? noValue
            }
            rows.append(
                [port.text("name"), port.text("logical_port"), port.text("state")] + counts
                    + [drops(statistics?["drops"])]
            )
        }
        let rest = drops(answer["drops"])
        return table(rows) + (rest == noValue ? "" : "\nDropped on this host: \(rest)\n")
    }

    private static let noValue = "-"

    private static func ports(of answer: JSONValue) -> [JSONValue] {
        (answer["ports"]?.arrayValue ?? []).sorted { $0.text("name").utf8Precedes($1.text("name")) }
    }

    /// `reason=count`, sorted by reason; reasons that never occurred are left out.
    private static func drops(_ reasons: JSONValue?) -> String {
        let counts = (reasons?.objectValue?.members ?? []).compactMap { member in
            member.value.integerValue.flatMap { $0 == 0 ? nil : "\(member.name)=\($0)" }
        }
        return counts.isEmpty ? noValue : counts.sorted { $0.utf8Precedes($1) }.joined(separator: " ")
    }

    /// Columns as wide as their widest cell, two blanks between; an empty cell is a dash.
    private static func table(_ rows: [[String]]) -> String {
        var widths: [Int] = []
        let rows = rows.map { $0.map { $0.isEmpty ? noValue : $0 } }
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell.padded(to: widths[column])
            }
            return cells.joined(separator: "  ") + "\n"
        }.joined()
    }
}
