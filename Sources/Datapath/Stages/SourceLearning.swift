/// Tables `ls_in_lookup_fdb` and `ls_in_put_fdb`: notes the MAC that a port with `unknown` sends from, unless port
/// security says which it may have. From a tunnel the same, so that every host learns of what reaches it. A localnet
/// port teaches only if it is to, and nothing that a port of another type has taught.
enum SourceLearning: Stage {
    static var name: StaticString { "ls_in_put_fdb" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.ingress.pointee.learns, !context.isShort else { return .next }
        context.learnSource(tables)
        return .next
    }
}

extension PortRow {
    /// True if the MACs that the port sends from are learnt.
    var learns: Bool { flags.contains(.learns) }
}
