import Southbound
import Wire

extension TableCompiler {
    /// Where each port is, and where the previous tables had it until the deadline.
    static func presences(of input: TableInput, ports: [ObjectID: [PortBinding]]) -> [ObjectID: PortPresence] {
        let encaps = Dictionary(
            input.chassis.map { ($0.name, $0.encaps.map(\.ip)) },
            uniquingKeysWith: { first, _ in first }
        )
        var presences: [ObjectID: PortPresence] = [:]
        for port in ports.values.joined() {
            let active = port.locations.filter { $0.state == .active }
            let present = active.map { PortPresence.Place(chassis: $0.chassis, encaps: encaps[$0.chassis] ?? []) }
            let bindSeq = port.locations.map(\.bindSeq).max() ?? 0
            presences[port.id] = PortPresence(
                bindSeq: bindSeq,
                present: present,
                past: past(of: port.id, bindSeq: bindSeq, present: present, in: input)
            )
        }
        return presences
    }

    /// The places that the port has left for another less than `previousPlaceTime` ago.
    ///
    /// A port that is merely released leaves nothing behind: its host has stopped sending for it.
    private static func past(
        of port: ObjectID,
        bindSeq: UInt64,
        present: [PortPresence.Place],
        in input: TableInput
    ) -> [PortPresence.Past] {
        guard let previous = input.previous?.presences[port] else { return [] }
        let current = Set(present.map(\.chassis) + [input.localChassis])
        var past = previous.past.filter { $0.deadline > input.now && !current.contains($0.place.chassis) }
        guard bindSeq > previous.bindSeq else { return past }
        let known = Set(past.map(\.place.chassis))
        let deadline = input.now + TableInput.previousPlaceTime
        for place in previous.present where !current.contains(place.chassis) && !known.contains(place.chassis) {
            past.append(PortPresence.Past(place: place, deadline: deadline))
        }
        return past
    }
}

/// Numbers for the remote chassis, in order of name: those of the input, then those that only past places need.
struct ChassisNumbers {
    /// The names by number.
    let names: [String]
    /// The encaps by number; frames are taken from any of them.
    let encaps: [[IPAddress]]
    /// The addresses that tunnels lead to.
    let places: [IPAddress]
    private let numbers: [String: Int]
    private let presentCount: Int
    private let placeNumbers: [Int: Int]

    init(_ input: TableInput, presences: [ObjectID: PortPresence]) {
        var known: [String: [IPAddress]] = [:]
        for chassis in input.chassis where chassis.name != input.localChassis {
            if known[chassis.name] == nil { known[chassis.name] = chassis.encaps.map(\.ip) }
        }
        let present = known.keys.sorted()
        var gone: [String: Set<IPAddress>] = [:]
        for past in presences.values.lazy.flatMap(\.past) where known[past.place.chassis] == nil {
            gone[past.place.chassis, default: []].formUnion(past.place.encaps)
        }
        presentCount = present.count
        names = present + gone.keys.sorted()
        encaps = names.map { known[$0] ?? gone[$0]?.sorted() ?? [] }
        numbers = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var places: [IPAddress] = []
        var placeNumbers: [Int: Int] = [:]
        for number in present.indices {
            guard let encap = encaps[number].first(where: { $0.bitCount == input.localEncap.bitCount }) else {
                continue
            }
            placeNumbers[number] = places.count
            places.append(encap)
        }
        self.places = places
        self.placeNumbers = placeNumbers
    }

    /// The number of a remote chassis of the input.
    func number(of name: String) -> Int? {
        guard let number = numbers[name], number < presentCount else { return nil }
        return number
    }

    /// The number of the chassis of a past place, which may be known from then only.
    func number(ofPast place: PortPresence.Place) -> Int? {
        number(of: place.chassis) ?? (place.encaps.isEmpty ? nil : numbers[place.chassis])
    }

    /// The place numbers of those chassis that a tunnel can reach, in order.
    func places(numbered chassis: [Int]) -> [UInt32] {
        chassis.compactMap { placeNumbers[$0].map { UInt32($0) } }
    }

    /// The place numbers of those chassis that a tunnel can reach, in order of name.
    func places(of names: [String]) -> [UInt32] {
        places(numbered: names.compactMap { number(of: $0) }.sorted())
    }
}
