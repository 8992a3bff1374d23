// What a frame for many costs.

extension Tables {
    /// The copies of a frame for many that this host makes beyond the first one, which any frame costs: for its own ports
    /// and for other hosts. 0 for a frame to one port.
    public func extraCopyCount(of verdict: Verdict) -> Int {
        guard verdict.egressKey >= GroupKey.flood else { return 0 }
        guard let datapath = datapath(vni: verdict.vni), let ingress = port(key: verdict.ingressKey, in: datapath)
        else {
            return 0
        }
        // A member gets no copy of what it has sent.
        let isMember = verdict.egressKey != GroupKey.unknown || ingress.pointee.flags.contains(.hasUnknown)
        let isLocal = ingress.pointee.locals.count > 0
        let count = rows(UInt16.self, verdict.locals).count &+ rows(UInt32.self, verdict.remotes).count
        return max(0, count &- (isMember && isLocal ? 2 : 1))
    }
}
