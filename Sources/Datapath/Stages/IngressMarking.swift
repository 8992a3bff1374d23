/// Table `ls_in_qos`: the QoS rules of the direction `from-lport`, where frames come in.
enum IngressMarking: Stage {
    static var name: StaticString { "ls_in_qos" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let rules = context.datapath.pointee.markingFromPort
        guard rules.rules.count > 0 else { return .next }
        return context.marking(rules, tables)
    }
}

extension Context {
    /// Marks an IP packet by the first rule that is true of it. What cannot be read is marked by nobody.
    mutating func marking(_ filter: FilterRow, _ tables: Tables) -> Step {
        guard network == .ipv4 || network == .ipv6 else { return .next }
        let rules = tables.rows(RuleRow.self, filter.rules)
        let tests = tables.rows(TestRow.self, filter.tests)
        guard var candidates = candidates(filter, tables) else { return .next }
        while let place = candidates.next() {
            guard Int(place) < rules.count else { return .next }
            let rule = rules[Int(place)]
            guard isTrue(rule.first, tests, tables) else { continue }
            var edit = Edit()
            edit.setDSCP(UInt8(truncatingIfNeeded: rule.action))
            return .rewrite(edit)
        }
        return .next
    }
}
