import JSON
import Wire

/// The report of a host about a share that it holds back because it would take away too much.
public struct HeldShare: Hashable, Sendable {
    /// The epoch of the snapshot that is not believed.
    public var epoch: UInt64
    /// The revision of that snapshot as it came first; it stays so while further changes come.
    public var revision: UInt64
    /// The number of ports plugged and bound on the host that would no longer be bound.
    public var pluggedPortCount: Int
    /// The number of logical ports that would be gone from the share, including those.
    public var portCount: Int
    /// The epoch of the share that the host goes by.
    public var epochInForce: UInt64
    /// The revision of the share that the host goes by.
    public var revisionInForce: UInt64

    public init(
        epoch: UInt64,
        revision: UInt64,
        pluggedPortCount: Int,
        portCount: Int,
        epochInForce: UInt64,
        revisionInForce: UInt64
    ) {
        self.epoch = epoch
        self.revision = revision
        self.pluggedPortCount = pluggedPortCount
        self.portCount = portCount
        self.epochInForce = epochInForce
        self.revisionInForce = revisionInForce
    }

    /// `{"epoch","revision","plugged_ports","ports","in_force":{"epoch","revision"}}`.
    public var json: JSONValue {
        [
            "epoch": .string(hexadecimal(epoch)),
            "revision": .integer(Int64(clamping: revision)),
            "plugged_ports": .integer(Int64(pluggedPortCount)),
            "ports": .integer(Int64(portCount)),
            "in_force": [
                "epoch": .string(hexadecimal(epochInForce)),
                "revision": .integer(Int64(clamping: revisionInForce)),
            ],
        ]
    }

    /// The share that a JSON object stands for, or `nil`. Unknown members are ignored.
    public init?(json: JSONValue) {
        func count(_ name: String) -> Int? {
            json[name]?.integerValue.flatMap { Int(exactly: $0) }.flatMap { $0 < 0 ? nil : $0 }
        }
        func revision(_ json: JSONValue?) -> UInt64? {
            json?["revision"]?.integerValue.flatMap(UInt64.init(exactly:))
        }
        guard let epoch = json["epoch"]?.stringValue.flatMap(epochValue), let own = revision(json),
            let plugged = count("plugged_ports"), let ports = count("ports"),
            let epochInForce = json["in_force"]?["epoch"]?.stringValue.flatMap(epochValue),
            let revisionInForce = revision(json["in_force"])
        else { return nil }
        self.init(
            epoch: epoch,
            revision: own,
            pluggedPortCount: plugged,
            portCount: ports,
            epochInForce: epochInForce,
            revisionInForce: revisionInForce
        )
    }
}
