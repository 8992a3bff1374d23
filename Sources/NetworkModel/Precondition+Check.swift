extension Precondition {
    /// Checks the demand against the revisions that an object's entity tag may have, or against its absence.
    ///
    /// A tag R matches if `config_revision` <= R <= `revision`: a change by the server itself, such as a port that came
    /// up, does not fail a user's write.
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
