import Southbound

/// A port, or all of a group, of which a rule demands to be that of a frame.
struct RuleOwner: Hashable {
    var isGroup: Bool
    var name: String
}

/// The rules that each port has to be asked: those that demand it, and those that demand none. Ports of the same groups
/// share a list.
struct RuleChoices {
    /// The lists of ports that rules demand, by their keys, ascending.
    private var ports: [(key: UInt16, list: Int)] = []
    /// Lists of rules; the first is that of all ports that are not named.
    private var lists: [RuleIndex] = [RuleIndex(of: [], [])]
    private var shared: [UInt32] = []
    private var rulesOfOwner: [RuleOwner: [UInt32]] = [:]
    private var ownersOfPort: [UInt16: Set<RuleOwner>] = [:]
    private var listOfOwners: [Set<RuleOwner>: Int] = [:]
    private var placeCount = 0
    /// The rows of the first lists, those that lie in the file.
    private var places: [RuleListRow] = []
    private var portPlaces: Extent?

    /// The most places in all lists of rules for ports, 1 MiB of them; with more, each port is asked all rules.
    private static let placeCountMaximum = 1 << 18

    init() {}

    /// - Parameters:
    ///   - owners: the ports and groups of which each rule demands one.
    ///   - demands: the values that each rule demands.
    init(_ owners: [Set<RuleOwner>?], _ demands: [RuleIndex.Demands], _ names: PacketFilter) {
        for (index, owners) in owners.enumerated() {
            guard let owners else {
                shared.append(UInt32(index))
                continue
            }
            for owner in owners { rulesOfOwner[owner, default: []].append(UInt32(index)) }
        }
        for owner in rulesOfOwner.keys {
            let group = names.portGroups[owner.name] ?? []
            for key in owner.isGroup ? group : names.ports[owner.name].map({ [$0] }) ?? [] {
                ownersOfPort[key, default: []].insert(owner)
            }
        }
        lists = [RuleIndex(of: shared, demands)]
        listOfOwners = [[]: 0]
        placeCount = lists[0].placeCount
        for (key, owners) in ownersOfPort.sorted(by: { $0.key < $1.key }) {
            ports.append((key, list(of: owners, demands)))
            guard placeCount <= Self.placeCountMaximum else {
                // Owners are known no more, so that no change is taken.
                (ports, listOfOwners) = ([], [:])
                lists = [RuleIndex(of: Array(0..<UInt32(demands.count)), demands)]
                return
            }
        }
    }

    /// The number of the list of ports with these owners.
    private mutating func list(of owners: Set<RuleOwner>, _ demands: [RuleIndex.Demands]) -> Int {
        if let present = listOfOwners[owners] { return present }
        let rules = Set(owners.flatMap { rulesOfOwner[$0] ?? [] } + shared).sorted()
        lists.append(RuleIndex(of: rules, demands))
        listOfOwners[owners] = lists.count - 1
        placeCount += lists[lists.count - 1].placeCount
        return lists.count - 1
    }

    /// Takes over other members of groups.
    /// - Returns: `false` if there are lists for too many ports, so that all are to be made anew.
    mutating func take(_ changes: [String: MemberChange<UInt16>], _ demands: [RuleIndex.Demands]) -> Bool {
        var keys: Set<UInt16> = []
        for (name, change) in changes {
            let owner = RuleOwner(isGroup: true, name: name)
            guard rulesOfOwner[owner] != nil else { continue }
            for key in change.removed { ownersOfPort[key]?.remove(owner) }
            for key in change.added { ownersOfPort[key, default: []].insert(owner) }
            keys.formUnion(change.removed + change.added)
        }
        guard !keys.isEmpty else { return true }
        guard !listOfOwners.isEmpty else { return false }
        for key in keys.sorted() {
            let owners = ownersOfPort[key] ?? []
            let place = ports.firstIndex { $0.key >= key } ?? ports.count
            let isThere = place < ports.count && ports[place].key == key
            ports.replaceSubrange(
                place..<(isThere ? place + 1 : place),
                with: owners.isEmpty ? [] : [(key, list(of: owners, demands))]
            )
            if owners.isEmpty { ownersOfPort[key] = nil }
        }
        portPlaces = nil
        return placeCount <= Self.placeCountMaximum
    }

    /// Forgets where it lies, as there is another file.
    mutating func forgetPlaces() { (places, portPlaces) = ([], nil) }

    /// Lays what does not lie in a file yet.
    /// - Returns: the `PortRulesRow`s, and the rules of all other ports.
    mutating func lay(into file: TableFile) -> (ports: Extent, others: RuleListRow) {
        for list in lists[places.count...] { places.append(list.append(to: file)) }
        let extent =
            portPlaces ?? file.append(ports.map { PortRulesRow(key: UInt64($0.key), rules: places[$0.list]) })
        portPlaces = extent
        return (extent, places[0])
    }
}
