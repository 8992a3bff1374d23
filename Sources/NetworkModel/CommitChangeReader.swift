import JSON

/// Reads the changes of an encoded commit one after the other, so that a large one need not be read at once.
public struct CommitChangeReader {
    private var walker: JSONWalker

    /// A reader that is before the first change.
    public init(_ encoded: [UInt8]) throws(CommitError) {
        walker = JSONWalker(encoded)
        do {
            try walker.enterObject()
            while let member = try walker.nextMember() {
                if member == "changes" {
                    try walker.enterArray()
                    return
                }
                _ = try walker.text()
            }
        } catch {
            throw CommitError("a commit that is not JSON: \(error)")
        }
        throw CommitError("a commit without one of its members")
    }

    /// The next change; `nil` after the last one.
    public mutating func next() throws(CommitError) -> CommitChange? {
        let members: CommitChange.Members
        do {
            guard try walker.nextElement() else { return nil }
            members = try CommitChange.Members(&walker)
        } catch {
            throw CommitError("a commit that is not JSON: \(error)")
        }
        return try CommitChange(members)
    }
}
