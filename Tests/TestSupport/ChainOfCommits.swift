import NetworkModel

extension CommitHash {
    /// The hash after a commit, by a function that is no cryptography: is in for what a store tells.
    public func following(_ commit: Commit) -> CommitHash {
        var value = rawValue ^ 0xcbf2_9ce4_8422_2325
        for byte in commit.encoded { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        return CommitHash(rawValue: value)
    }

    /// The hash of each of some commits that follow this one.
    public func chain(_ commits: some Sequence<Commit>) -> [CommitHash] {
        var last = self
        return commits.map { commit in
            last = last.following(commit)
            return last
        }
    }
}
