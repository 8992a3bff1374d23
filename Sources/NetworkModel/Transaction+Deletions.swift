/// Large deletions, which a wrong file or a wrong loop asks for more often than a user.
extension Transaction {
    /// Refuses to delete more than a fifth of a kind, unless the request says how many objects it deletes.
    /// - Parameters:
    ///   - confirmed: The number that the request says; it has to be right however small it is.
    ///   - isDryRun: True if nothing is deleted yet: whoever tries wants to see the number.
    public func checkDeletions(confirmed: Int?, isDryRun: Bool) throws(Refusal) {
        let deletions = ObjectKind.allCases.map { (kind: $0, count: deletedCount($0)) }
        let total = deletions.reduce(0) { $0 + $1.count }
        if let confirmed {
            guard confirmed != total else { return }
            throw .deletionsUnconfirmed(
                total,
                "The request would delete \(total) objects, and confirm_deletes says \(confirmed); nothing was deleted."
            )
        }
        guard !isDryRun else { return }
        for (kind, count) in deletions where count > Limits.unconfirmedDeletionCountMaximum {
            let present = base.northbound.count(of: kind)
            guard count > present / Limits.unconfirmedDeletionDivisor else { continue }
            throw .deletionsUnconfirmed(
                total,
                "The request would delete \(count) of \(present) \(kind.names.nouns); if that is meant, repeat it with "
                    + "confirm_deletes=\(total), the number of all objects that it deletes."
            )
        }
    }

    private func deletedCount(_ kind: ObjectKind) -> Int {
        let (before, after) = (base.northbound, network.northbound)
        // An object that was made and deleted again was never there.
        return touchedSet(kind).count { id in
            before.name(.object(kind), .id(id)) != nil && after.name(.object(kind), .id(id)) == nil
        }
    }
}

extension Refusal {
    /// A refusal to delete so many objects unless the request tells the number.
    public static func deletionsUnconfirmed(_ count: Int, _ detail: String) -> Refusal {
        var refusal = Refusal(.deletionsUnconfirmed, detail)
        refusal.deletionCount = count
        return refusal
    }
}
