import JSON
import Wire

extension LogicalSwitchPort {
    /// The strings of `addresses` or of `port_security`, and what they stand for.
    struct ParsedStrings<Value: AddressText>: Hashable, Sendable {
        let strings: [String]
        let values: [Value]

        /// The meaning of strings that were checked before.
        init(_ strings: [String]) {
            self.strings = strings
            values = strings.compactMap { text in
                do { return try Value(parsing: text) } catch { return nil }
            }
        }

        /// Values in canonical spelling.
        init(_ values: [Value]) {
            strings = values.map(\.description)
            self.values = values
        }

        /// Strings, and what those of them stand for that stand for something.
        init(strings: [String], values: [Value]) {
            self.strings = strings
            self.values = values
        }

        static var codec: JSONCodec<ParsedStrings> {
            let texts = JSONCodec<[String]>.list(.text)
            return JSONCodec(
                json: { texts.json($0.strings) },
                write: { texts.write($0.strings, &$1) },
                read: { texts.read($0).map { ParsedStrings($0) } }
            )
        }

        // The strings say it all.
        static func == (left: ParsedStrings, right: ParsedStrings) -> Bool { left.strings == right.strings }
        func hash(into hasher: inout Hasher) { hasher.combine(strings) }
    }

    /// The address that central completes, and its place in the list.
    var dynamicAddress: (place: Int, wanted: DynamicAddress)? {
        for (place, address) in addressList.values.enumerated() {
            if case .dynamic(let wanted) = address { return (place, wanted) }
        }
        return nil
    }

    static func addresses(_ reader: BodyReader) throws(Refusal) -> ParsedStrings<LogicalAddress> {
        let strings = try reader.strings("addresses", atMost: Limits.addressCountMaximum)
        var addresses: [LogicalAddress] = []
        var ips: Set<IPAddress> = []
        var hasDynamic = false
        for (index, text) in strings.enumerated() {
            // Made for refusals only: it is put together of a dozen pieces.
            var pointer: String { reader.pointer("addresses", "\(index)") }
            let address = try refusing(at: pointer) { () throws(AddressError) in try LogicalAddress(parsing: text) }
            guard !addresses.contains(address) else {
                throw Refusal(.invalidValue, "\"\(address)\" appears twice in \"addresses\".", pointer: pointer)
            }
            let more: [IPAddress]
            switch address {
            case .known(_, let known): more = known
            case .dynamic(let wanted):
                guard !hasDynamic else {
                    throw Refusal(.invalidValue, "A port has at most one dynamic address.", pointer: pointer)
                }
                hasDynamic = true
                more = wanted.ips
            case .unknown: more = []
            }
            for ip in more {
                guard strings.count == 1 || ips.insert(ip).inserted else {
                    throw Refusal(.invalidValue, "\(ip) appears twice in \"addresses\".", pointer: pointer)
                }
                // The log may have such addresses of older versions: only new ones are checked.
                if let reason = ip.reasonAgainstGuest {
                    throw Refusal(.invalidValue, "\(ip) cannot be a port's: \(reason).", pointer: pointer)
                }
            }
            guard ips.count <= Limits.ipCountMaximum else { throw tooManyIPs("addresses", reader) }
            addresses.append(address)
        }
        return ParsedStrings(addresses)
    }

    /// The port security of a body in canonical spelling.
    static func portSecurity(_ reader: BodyReader) throws(Refusal) -> ParsedStrings<PortSecurityRule> {
        let strings = try reader.strings("port_security", atMost: Limits.addressCountMaximum)
        var rules: [PortSecurityRule] = []
        var prefixCount = 0
        var texts: [String] = []
        for (index, text) in strings.enumerated() {
            var pointer: String { reader.pointer("port_security", "\(index)") }
            if text == PortSecurityRule.dynamic {
                guard !texts.contains(text) else {
                    throw Refusal(.invalidValue, "\"\(text)\" appears twice in \"port_security\".", pointer: pointer)
                }
                texts.append(text)
                continue
            }
            let rule = try refusing(at: pointer) { () throws(AddressError) in try PortSecurityRule(parsing: text) }
            guard !rules.contains(rule) else {
                throw Refusal(.invalidValue, "\"\(rule)\" appears twice in \"port_security\".", pointer: pointer)
            }
            rules.append(rule)
            texts.append(rule.description)
            prefixCount += rule.prefixes.count
            guard prefixCount <= Limits.ipCountMaximum else { throw tooManyIPs("port_security", reader) }
        }
        return ParsedStrings(strings: texts, values: rules)
    }

    private static func tooManyIPs(_ name: String, _ reader: BodyReader) -> Refusal {
        Refusal(
            .limitExceeded,
            "The strings of \"\(name)\" have at most \(Limits.ipCountMaximum) IP addresses together.",
            pointer: reader.pointer(name)
        )
    }

    private static func refusing<Value>(
        at pointer: @autoclosure () -> String,
        _ parse: () throws(AddressError) -> Value
    ) throws(Refusal) -> Value {
        do {
            return try parse()
        } catch {
            switch error {
            case .invalid(let text): throw Refusal(.invalidValue, sentence(text), pointer: pointer())
            case .tooLong(let text): throw Refusal(.limitExceeded, sentence(text), pointer: pointer())
            case .unsupported(let text): throw Refusal(.unsupported, sentence(text), pointer: pointer())
            }
        }
    }

    private static func sentence(_ clause: String) -> String {
        clause.prefix(1).uppercased() + clause.dropFirst() + "."
    }
}
