// What a frame for many costs.

extension Tables {
    /// The copies of a frame for many that this host makes beyond the first one, which any frame costs: for its own ports
    /// and for other hosts. 0 for a frame to one port.
    public func extraCopyCount(of verdict: Verdict) -> Int {
        guard verdict.egressKey >= GroupKey.flood else { return 0 }
        let ingress = row(PortRow.self, at: verdict.ingress)
        // A member gets no copy of what it has sent.
        let isMember = verdict.egressKey != GroupKey.unknown || ingress.pointee.flags.contains(.hasUnknown)
        let isLocal = ingress.pointee.locals.count > 0
        return max(0, verdict.locals.count &+ verdict.remotes.count &- (isMember && isLocal ? 2 : 1))
    }
}
