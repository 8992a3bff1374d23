import Southbound
import Wire

/// The chassis that records tell of or refer to, by stable numbers.
struct ChassisList {
    /// A chassis that is referred to.
    struct Entry {
        var name: String
        /// Its encaps, or those that it had when its record went.
        var encaps: [IPAddress] = []
        var isPresent = false
        var locationCount = 0
        /// The places that ports have left which name it.
        var pastCount = 0
        /// The address of tunnels to it.
        var place: IPAddress?

        var isReferredTo: Bool { isPresent || locationCount > 0 || pastCount > 0 }
    }

    /// By number; `nil` if a number is free.
    private(set) var entries: [Entry?] = []
    private var numbers: [String: UInt32] = [:]
    private var free: [UInt32] = []
    /// The chassis that have an encap; the first is taken for it.
    private var owners: [IPAddress: [UInt32]] = [:]

    func number(of name: String) -> UInt32? { numbers[name] }

    subscript(number: UInt32) -> Entry {
        get { entries[Int(number)] ?? Entry(name: "") }
        set { entries[Int(number)] = newValue }
    }

    /// The number of a chassis, a new one if it has none.
    mutating func claim(_ name: String) -> UInt32 {
        if let number = numbers[name] { return number }
        let number = free.popLast() ?? UInt32(entries.count)
        if Int(number) == entries.count { entries.append(nil) }
        entries[Int(number)] = Entry(name: name)
        numbers[name] = number
        return number
    }

    /// Gives the number back if nothing refers to the chassis any more.
    mutating func releaseUnused(_ number: UInt32) {
        guard let entry = entries[Int(number)], !entry.isReferredTo else { return }
        numbers[entry.name] = nil
        entries[Int(number)] = nil
        free.append(number)
    }

    mutating func add(_ number: UInt32, to encap: IPAddress) {
        var all = owners[encap] ?? []
        all.append(number)
        // Records count before what is left of former ones, then names.
        all.sort { left, right in
            let (left, right) = (self[left], self[right])
            return left.isPresent != right.isPresent ? left.isPresent : left.name < right.name
        }
        owners[encap] = all
    }

    mutating func remove(_ number: UInt32, from encap: IPAddress) {
        owners[encap]?.removeAll { $0 == number }
        if owners[encap]?.isEmpty ?? false { owners[encap] = nil }
    }

    func owner(of encap: IPAddress) -> UInt32? { owners[encap]?.first }
}

/// A place that a port has left for another one.
struct PastPlace {
    var chassis: UInt32
    /// The time until which frames of the port are taken from there.
    var deadline: Duration
}

extension ForwardingTables {
    func put(_ record: Chassis) {
        guard record.name != localChassis else { return }
        let number = chassis.claim(record.name)
        let encaps = record.encaps.map(\.ip)
        guard !chassis[number].isPresent || chassis[number].encaps != encaps else { return }
        change(number) { entry in
            entry.isPresent = true
            entry.encaps = encaps
        }
    }

    func removeChassis(_ name: String) {
        guard name != localChassis, let number = chassis.number(of: name) else { return }
        change(number) { entry in
            entry.isPresent = false
            if entry.pastCount == 0 { entry.encaps = [] }
        }
    }

    /// A port refers to the chassis, or no longer.
    func countLocation(of name: String, _ difference: Int) -> UInt32 {
        let number = chassis.claim(name)
        chassis[number].locationCount += difference
        return number
    }

    /// A port has left the chassis, or that was long enough ago.
    func countPast(_ number: UInt32, _ difference: Int) {
        chassis[number].pastCount += difference
        guard chassis[number].pastCount == 0, !chassis[number].isPresent else { return }
        change(number) { $0.encaps = [] }
    }

    /// Changes what is known of a chassis, and what follows from it.
    private func change(_ number: UInt32, _ body: (inout ChassisList.Entry) -> Void) {
        let before = chassis[number]
        for encap in before.encaps { chassis.remove(number, from: encap) }
        body(&chassis[number])
        let encaps = chassis[number].encaps
        for encap in encaps { chassis.add(number, to: encap) }
        for encap in before.encaps + encaps { writeOwner(of: encap) }
        let isOfMyFamily = { (encap: IPAddress) in encap.bitCount == self.localEncap.bitCount }
        let place = chassis[number].isPresent ? encaps.first(where: isOfMyFamily) : nil
        chassis[number].place = place
        if place != before.place { writePlace(place, number) }
        let isPast = before.pastCount > 0
        for case let datapath? in datapathsByIndex where isPast || datapath.members[number] != nil {
            raise(datapath)
            guard datapath.members[number] != nil else { continue }
            datapath.areGroupsOutdated = true
            let isGone = !chassis[number].isPresent
            if isGone == before.isPresent || (place == nil) != (before.place == nil) {
                let name = chassis[number].name
                layPorts(of: datapath) { self.elsewhere($0).contains(name) }
            }
        }
        chassis.releaseUnused(number)
    }

    private func writeOwner(of encap: IPAddress) {
        if let owner = chassis.owner(of: encap) {
            file.insert(KeyRow(encap: encap, value: owner), into: &root.keys, seed: hashSeed)
        } else {
            file.remove(KeyRow(encap: encap, value: 0), from: &root.keys, seed: hashSeed)
        }
    }

    private func writePlace(_ place: IPAddress?, _ number: UInt32) {
        let reference = place.map { file.append(ChassisRow($0)) } ?? 0
        file.set(reference, at: Int(number), of: &root.chassis)
        root.chassisCount = max(root.chassisCount, number + 1)
        root.placesGeneration &+= 1
    }
}

extension ChassisRow {
    fileprivate init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self.init(family: 4, high: 0, low: UInt64(address.rawValue))
        case .v6(let address): self.init(family: 6, high: address.high, low: address.low)
        }
    }
}
