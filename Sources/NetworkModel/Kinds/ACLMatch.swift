import JSON
import Match

/// A match as its user wrote it, and what central has to know of it.
public struct ACLMatch: Hashable, Sendable {
    public let text: String
    /// The ports, port groups and address sets in it.
    let names: Set<NamedObject>
    /// Its tests and constants.
    let weight: Int
    let readsOutport: Bool
    /// True if it reads fields of neighbor discovery, which no host can.
    let readsNeighbors: Bool

    /// - Throws: the place of the first fault.
    init(_ text: String) throws(MatchError) { self.init(text, of: try MatchExpression(text)) }

    /// One that was checked when it was written. If it was by a version that knows more, hosts of this one drop all
    /// that it is asked of.
    init(stored text: String) { self.init(text, of: try? MatchExpression(text)) }

    private init(_ text: String, of expression: MatchExpression?) {
        self.text = text
        var names: Set<NamedObject> = []
        for name in expression?.references.ports ?? [] {
            names.insert(NamedObject(kind: .logicalSwitchPort, name: name))
        }
        for name in expression?.references.portGroups ?? [] { names.insert(NamedObject(kind: .portGroup, name: name)) }
        for name in expression?.references.addressSets ?? [] {
            names.insert(NamedObject(kind: .addressSet, name: name))
        }
        self.names = names
        weight = expression?.weight ?? 1
        readsOutport =
            expression?.term.contains { term in
                if case .port(let test) = term { test.side == .outport } else { false }
            } ?? false
        readsNeighbors =
            expression?.term.contains { term in
                guard case .bits(let test) = term else { return false }
                switch test.field {
                case .ndTarget, .ndSourceMAC, .ndTargetMAC: return true
                case .ethernetSource, .ethernetDestination, .ethernetType, .vlanTag, .ipProtocol, .ipDSCP, .ipECN,
                    .ipTTL, .ipFragment, .ipv4Source, .ipv4Destination, .ipv6Source, .ipv6Destination, .ipv6Label,
                    .icmpv4Type, .icmpv4Code, .icmpv6Type, .icmpv6Code, .arpOperation, .arpSenderIP, .arpSenderMAC,
                    .arpTargetIP, .arpTargetMAC, .tcpSource, .tcpDestination, .tcpFlags, .udpSource, .udpDestination,
                    .sctpSource, .sctpDestination:
                    return false
                }
            } ?? false
    }

    static let codec = JSONCodec<ACLMatch>(
        json: { .string($0.text) },
        write: { JSONValue.write($0.text, to: &$1) },
        read: { $0.stringValue.map { ACLMatch(stored: $0) } }
    )
}

extension MatchTerm {
    /// True if the term, or one that it is made of, fits.
    fileprivate func contains(_ fits: (MatchTerm) -> Bool) -> Bool {
        switch self {
        case .constant, .bits, .port: fits(self)
        case .all(let terms), .any(let terms): terms.contains { $0.contains(fits) }
        }
    }
}
