extension Precondition {
    /// Checks the demand against the revisions that an object's entity tag may have, or against its absence.
    ///
    /// A tag R holds when `config_revision` <= R <= `revision`: what the server itself has changed since the user
    /// looked, such as a port that came up, does not fail a user's write.
    public func check(revisions: ClosedRange<UInt64>?, _ noun: String) throws(Refusal) {
        if mustBeAbsent, revisions != nil {
            throw Refusal(.preconditionFailed, "The \(noun) exists already, but the request requires that it does not.")
        }
        guard let ifMatch else { return }
        guard let revisions else {
            throw Refusal(.preconditionFailed, "The \(noun) does not exist, but the request requires that it does.")
        }
        guard case .revisions(let tags) = ifMatch, !tags.contains(where: revisions.contains) else { return }
        throw Refusal(
            .preconditionFailed,
            "The \(noun) has changed since: it is at revision \(revisions.upperBound); read it and try again."
        )
    }
}
