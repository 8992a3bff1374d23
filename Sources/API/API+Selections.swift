import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel

/// Deletions of all objects that a filter chooses.
extension API {
    /// The objects of a deletion, as far as they are found.
    private struct Selection {
        let kind: ObjectKind
        let walk: ObjectWalk
        let network: Network
        var objects: [ObjectWalk.Object] = []
        /// The number of objects that go, those that belong to others among them.
        var count = 0

        mutating func add(_ found: [ObjectWalk.Object]) {
            objects += found
            count += found.reduce(0) { $0 + 1 + network.northbound.dependentCount(of: kind, .id($1.id)) }
        }
    }

    /// Deletes the objects that a filter chooses, in one commit, if the request tells how many they are.
    func deleteSelected(_ kind: ObjectKind, _ call: Call, network: Network) throws(Problem) -> Action {
        let filter = try Filter(call.filters)
        guard !filter.isEmpty else {
            let names = kind.names
            throw Problem(
                .invalidParameter,
                "Only \(names.nouns) that a filter chooses are deleted together, as with label=KEY=VALUE; "
                    + "DELETE \(names.path)/NAME deletes one."
            )
        }
        let selection = Selection(
            kind: kind,
            walk: network.selection(of: kind, filter.objects),
            network: network
        )
        return try find(selection, call)
    }

    /// Goes on to look for the objects, step by step: others are served meanwhile.
    private func find(_ selection: Selection, _ call: Call) throws(Problem) -> Action {
        var selection = selection
        let (found, isLast) = selection.walk.next(work: Page.workMaximum)
        selection.add(found)
        guard selection.objects.count <= Limits.operationCountMaximum else {
            throw Problem(
                .limitExceeded,
                "The filter chooses more than \(Limits.operationCountMaximum) \(selection.kind.names.nouns), and one "
                    + "request deletes so many; narrow the filter, and make several requests."
            )
        }
        guard !isLast else { return try delete(selection, call) }
        return call.context.ask(.reached(revision: 0, wait: 0)) { [selection] _ throws(Problem) in
            try find(selection, call)
        }
    }

    private func delete(_ selection: Selection, _ call: Call) throws(Problem) -> Action {
        var request = try writeRequest(call)
        let refusesPorts = try refusesPorts(call)
        let wait = try Wait(call)
        let confirmed = request.confirmedDeletionCount
        guard confirmed == selection.count || confirmed == nil && (request.isDryRun || selection.count == 0) else {
            throw Problem(Self.unconfirmed(selection, confirmed))
        }
        request.confirmedDeletionCount = selection.count
        request.operations = selection.objects.map { object in
            let precondition = Precondition(ifMatch: .revisions([object.revision]))
            let action = Operation.Action.delete(.id(object.id), refusingPorts: refusesPorts)
            return Operation(.object(selection.kind), action, precondition: precondition)
        }
        return .ask(.write(request)) { [request] answer in
            call.context.action { () throws(Problem) in
                if case .refused(let refusal, _) = answer { throw Self.problem(refusal) }
                guard case .written(let revision, let hash, _) = answer else { throw unexpected }
                let body = Self.body(of: selection, revision)
                return finish(call, request, .json(.ok, body), CommitPlace(revision, hash), wait)
            }
        }
    }

    private static func unconfirmed(_ selection: Selection, _ confirmed: Int?) -> Refusal {
        let (count, chosen, nouns) = (selection.count, selection.objects.count, selection.kind.names.nouns)
        let others = count > chosen ? ", and what belongs to them" : ""
        let said = confirmed.map { ", and confirm_deletes says \($0)" } ?? ""
        return .deletionsUnconfirmed(
            count,
            "The filter chooses \(chosen) \(nouns), so that \(count) objects would be deleted\(others)\(said); if that "
                + "is meant, repeat the request with confirm_deletes=\(count)."
        )
    }

    /// The problem of a deletion whose objects were chosen a moment ago.
    private static func problem(_ refusal: Refusal) -> Problem {
        guard refusal.code == .notFound || refusal.code == .preconditionFailed else { return Problem(refusal) }
        return Problem(
            .preconditionFailed,
            "An object has changed while the filter was asked, and nothing was deleted; repeat the request."
        )
    }

    /// `{"revision","deleted","names"}`.
    private static func body(of selection: Selection, _ revision: UInt64) -> [UInt8] {
        var text = Array("{\"revision\":\(revision),\"deleted\":\(selection.count),\"names\":[".utf8)
        for (index, object) in selection.objects.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            JSONValue.write(object.name, to: &text)
        }
        text += "]}".utf8
        return text
    }
}
