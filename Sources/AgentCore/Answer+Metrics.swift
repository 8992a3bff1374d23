import ForwarderProtocol
import Wire

extension Answer {
    /// A list with counters in the text format of Prometheus (version 0.0.4): the MTU to each host, and what became of
    /// each port's frames; `nil` for other answers.
    public var metrics: String? {
        guard case .ports(let ports, let paths, let forwarder, _) = self else { return nil }
        let known = paths.map { path in
            (label("chassis", path.chassis) + "," + label("address", path.address.description), path)
        }
        var text = family(
            "heddle_path_mtu_bytes",
            "gauge",
            "The longest packet of a guest that goes to a chassis in one piece.",
            known.map { ($0 + "," + label("known", $1.state.rawValue), UInt64(max(0, $1.mtu))) }
        )
        guard let forwarder else { return text }
        text += family(
            "heddle_path_too_long_frames_total",
            "counter",
            "Frames that did not go to a chassis since they are longer than its path carries.",
            known.compactMap { labels, path in path.statistics.map { (labels, $0.tooLongFrames) } }
        )
        text += family(
            "heddle_path_unsent_frames_total",
            "counter",
            "Frames that did not go to a chassis for another reason.",
            known.compactMap { labels, path in path.statistics.map { (labels, $0.unsentFrames) } }
        )
        let sources = ports.compactMap { port in
            port.statistics.map { (label("logical_port", port.specification.logicalPort), $0) }
        }
        let all = sources + [(label("logical_port", ""), forwarder.underlay)]
        func counts(
            _ sources: [(String, SourceStatistics)],
            _ counts: KeyPath<SourceStatistics, [NamedCount]>,
            by title: String
        ) -> [(String, UInt64)] {
            sources.flatMap { labels, source in
                source[keyPath: counts].sorted { $0.name < $1.name }
                    .map { (labels + "," + label(title, $0.name), $0.frames) }
            }
        }
        let totals: [(name: String, help: String, count: KeyPath<SourceStatistics, UInt64>)] = [
            ("received_frames", "Frames that a port (empty: other hosts) has sent.", \.receivedFrames),
            ("received_bytes", "Bytes of the frames that a port has sent.", \.receivedBytes),
            ("sent_frames", "Frames that went to a port; each copy of a flooded one counts.", \.sentFrames),
            ("sent_bytes", "Bytes of the frames that went to a port.", \.sentBytes),
            ("unsent_frames", "Copies that a port's device did not take.", \.unsentFrames),
        ]
        for total in totals {
            let samples = all.map { ($0, $1[keyPath: total.count]) }
            text += family("heddle_\(total.name)_total", "counter", total.help, samples)
        }
        text += family(
            "heddle_dropped_frames_total",
            "counter",
            "Frames that went nowhere, by port (empty: from other hosts) and reason.",
            counts(all, \.drops, by: "reason")
        )
        text += family(
            "heddle_partly_dropped_frames_total",
            "counter",
            "Frames that went out, but not to all who should have had them.",
            counts(all, \.partlyDropped, by: "reason")
        )
        text += family(
            "heddle_answers_total",
            "counter",
            "Answers that the host gave to a port in the place of others, by kind.",
            counts(sources, \.answers, by: "kind")
        )
        return text
    }

    private func family(_ name: String, _ type: String, _ help: String, _ samples: [(String, UInt64)]) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n" + samples.map { "\(name){\($0)} \($1)\n" }.joined()
    }

    private func label(_ name: String, _ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return "\(name)=\"\(text)\""
    }
}
