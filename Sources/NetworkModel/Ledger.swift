import JSON
import Persistent
import Southbound
import Wire

/// The rows that central keeps beyond a restart and shows to neither users nor hosts: the fences of the ports, the
/// claims that were seen, the last keys given, and which chassis count as live.
public struct Ledger: Sendable {
    /// The state of a port's bindings.
    public struct BindingState: Hashable, Sendable {
        /// The fence of the last binding; also while the port is unbound.
        public var bindSeq: UInt64
        /// The revision that made the last binding.
        public var boundAt: UInt64
        /// The revision that made the standby place; 0 if there is none.
        public var standbyAt: UInt64
        /// The last seen claim of each host that has, or had, the port plugged in: first the refused ones, then the
        /// accepted ones, the latest last. A claim counts once: a seen one takes the port from nobody.
        public var claims: [SeenClaim]

        /// The most claims that are remembered of hosts which do not have the port plugged any more. Such a host
        /// could take the port back once with a claim it has made before so many others.
        public static let formerClaimCountMaximum = 16

        public init(bindSeq: UInt64 = 0, boundAt: UInt64 = 0, standbyAt: UInt64 = 0, claims: [SeenClaim] = []) {
            self.bindSeq = bindSeq
            self.boundAt = boundAt
            self.standbyAt = standbyAt
            self.claims = claims
        }

        /// The last claim seen of the host with this identity; 0 for none.
        public func claim(of chassisID: String) -> UInt64 {
            claims.last { $0.chassisID == chassisID }?.claim ?? 0
        }

        /// Remembers a claim that binds the port, and forgets the oldest beyond the bound.
        /// - Parameter plugged: the hosts that have the port plugged; theirs are never forgotten, or hosts that all
        ///   claim one port would take it from each other for ever.
        public mutating func take(_ claim: SeenClaim, at revision: UInt64, plugged: Set<String>) {
            bindSeq += 1
            boundAt = revision
            claims.removeAll { $0.chassisID == claim.chassisID }
            claims.append(claim)
            forgetFormer(plugged)
        }

        /// Remembers a claim that makes its host the standby place.
        public mutating func stand(_ claim: SeenClaim, at revision: UInt64, plugged: Set<String>) {
            bindSeq += 1
            standbyAt = revision
            note(claim, plugged: plugged)
        }

        /// Remembers a claim that does not bind the port.
        /// - Parameter plugged: the hosts that have the port plugged.
        public mutating func note(_ claim: SeenClaim, plugged: Set<String>) {
            if let index = claims.lastIndex(where: { $0.chassisID == claim.chassisID }) {
                claims[index] = claim
            } else {
                claims.insert(claim, at: 0)
                forgetFormer(plugged)
            }
        }

        private mutating func forgetFormer(_ plugged: Set<String>) {
            let former = claims.count { !plugged.contains($0.chassisID) }
            var surplus = former - Self.formerClaimCountMaximum
            claims.removeAll { claim in
                guard surplus > 0, !plugged.contains(claim.chassisID) else { return false }
                surplus -= 1
                return true
            }
        }
    }

    /// A claim of a host that was looked at.
    public struct SeenClaim: Hashable, Sendable {
        /// The host's `chassis_id`.
        public var chassisID: String
        /// The number that the host gave to the plug.
        public var claim: UInt64

        public init(chassisID: String, claim: UInt64) {
            self.chassisID = chassisID
            self.claim = claim
        }
    }

    /// Which counter of keys: that of the datapaths, or that of the ports of one; and one number beside them.
    public enum KeySpace: Hashable, Comparable, Sendable {
        /// The tunnel keys of datapaths: 1 ... 16711680.
        case datapaths
        /// The tunnel keys of the ports of a datapath: 1 ... 32767.
        case ports(of: ObjectID)
        /// The prefix of the MAC addresses that central gives out, as a number of 24 bits.
        case macPrefix
    }

    /// The last key given in each key space: the next one is looked for above it, so that a freed key is reused last.
    public internal(set) var lastKeys: OrderedMap<KeySpace, UInt32> = OrderedMap()
    /// The state of each port that was ever bound.
    public internal(set) var bindings: OrderedMap<ObjectID, BindingState> = OrderedMap()
    /// True if each registered chassis counts as live and what it holds, with the revision that said so.
    public internal(set) var chassis: OrderedMap<String, ChassisState> = OrderedMap()

    /// The answers to requests with an idempotency key.
    public internal(set) var answers = KeptAnswers()

    /// True if a chassis counts as live, and what it has said of its share.
    public struct ChassisState: Hashable, Sendable {
        /// Live or Dead, as committed.
        public var isLive: Bool
        /// The share that the host holds back; `nil` if there is none.
        public var held: HeldShare?
        /// The revision of the commit that said so.
        public var revision: UInt64
    }

    public init() {}

    /// Sets the last key given in a space; 0 forgets the space.
    public mutating func setLastKey(_ key: UInt32, in space: KeySpace) {
        lastKeys[space] = key == 0 ? nil : key
    }

    /// Sets what is remembered of a port; `nil` forgets it.
    public mutating func setBinding(_ state: BindingState?, of port: ObjectID) { bindings[port] = state }

    /// Sets the state of a chassis; `nil` forgets it.
    public mutating func setChassis(_ state: ChassisState?, named name: String) { chassis[name] = state }
}

extension Ledger.KeySpace {
    /// The `id` of the space's row in the log.
    var text: String {
        switch self {
        case .datapaths: "datapaths"
        case .ports(let datapath): datapath.description
        case .macPrefix: "mac_prefix"
        }
    }

    init?(_ text: String) {
        if text == "datapaths" {
            self = .datapaths
        } else if text == "mac_prefix" {
            self = .macPrefix
        } else if let id = ObjectID(text) {
            self = .ports(of: id)
        } else {
            return nil
        }
    }
}

extension Ledger.BindingState {
    /// `{"bind_seq","bound_at","claims":[{"chassis_id","claim"}],"standby_at"?}`.
    var json: JSONValue {
        let json: JSONValue = [
            "bind_seq": .integer(Int64(clamping: bindSeq)),
            "bound_at": .integer(Int64(clamping: boundAt)),
            "claims": .array(
                claims.map { ["chassis_id": .string($0.chassisID), "claim": .integer(Int64(clamping: $0.claim))] }
            ),
        ]
        guard standbyAt > 0 else { return json }
        return json.merged(with: ["standby_at": .integer(Int64(clamping: standbyAt))])
    }

    init?(json: JSONValue) {
        guard let bindSeq = json["bind_seq"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let boundAt = json["bound_at"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let list = json["claims"]?.arrayValue
        else { return nil }
        var claims: [Ledger.SeenClaim] = []
        for element in list {
            guard let chassisID = element["chassis_id"]?.stringValue,
                let claim = element["claim"]?.integerValue.flatMap(UInt64.init(exactly:))
            else { return nil }
            claims.append(Ledger.SeenClaim(chassisID: chassisID, claim: claim))
        }
        let standbyAt = json["standby_at"]?.integerValue.flatMap(UInt64.init(exactly:)) ?? 0
        self.init(bindSeq: bindSeq, boundAt: boundAt, standbyAt: standbyAt, claims: claims)
    }
}

extension Ledger.ChassisState {
    /// `{"live","held"?}`: what the log keeps and users are shown.
    var json: JSONValue {
        var object = JSONObject()
        object["live"] = .bool(isLive)
        object["held"] = held?.json
        return .object(object)
    }
}
