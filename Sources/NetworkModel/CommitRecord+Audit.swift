import JSON
import Southbound

extension CommitRecord {
    /// The most objects that the audit names of one commit; the count is always that of all.
    public static let auditChangeCountMaximum = 100

    /// The record of a commit as the audit keeps it: without the objects, of which a put has no bytes here.
    public init(auditing commit: Commit) {
        var changes: [Change] = []
        var count = 0
        var chassis: Set<String> = []
        for row in commit.changes {
            switch row.kind {
            case .object, .token, .enrolment: break
            // A chassis as users see it is made of both rows.
            case .record(.chassis), .chassisState: guard chassis.insert(row.id).inserted else { continue }
            case .record, .bindingState, .lastKey, .topology, .keptAnswer: continue
            }
            count += 1
            guard count <= Self.auditChangeCountMaximum else { continue }
            let kind = row.kind == .chassisState ? .record(.chassis) : row.kind
            let object: [UInt8]? = row.object == nil ? nil : []
            changes.append(Change(kind: kind, id: row.id, name: row.auditName, object: object))
        }
        self.init(
            revision: commit.revision,
            time: commit.time,
            author: commit.author,
            source: commit.source,
            requestID: commit.requestID,
            changes: changes,
            changeCount: count
        )
    }
}

extension CommitChange {
    /// The name of the object that the row is; its identity if it has no other.
    fileprivate var auditName: String {
        switch kind {
        case .object: objectName ?? ""
        case .record, .chassisState, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment: id
        }
    }

    /// The name that the object has, or that the row tells of the deleted one; the log of an older version does not.
    var objectName: String? { object.flatMap(Self.name(in:)) ?? name }

    private static func name(in object: [UInt8]) -> String? {
        var walker = JSONWalker(object)
        do {
            try walker.enterObject()
            while let member = try walker.nextMember() {
                if member == "name" { return try walker.string() }
                _ = try walker.text()
            }
        } catch {
            return nil
        }
        return nil
    }
}
