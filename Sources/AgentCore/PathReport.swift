import ForwarderProtocol
import JSON
import Wire

/// The kernel's answer about the paths to other hosts.
public struct PathMeasurement: Hashable, Sendable {
    /// The MTU of the device that has this host's encap; `nil` if none has, or it could not be asked.
    public var deviceMTU: Int?
    /// The size that routes and devices allow to each host, in octets of IP packets; a host is missing if
    /// there is no route.
    public var pathMTUs: [IPAddress: Int]

    public init(deviceMTU: Int?, pathMTUs: [IPAddress: Int]) {
        self.deviceMTU = deviceMTU
        self.pathMTUs = pathMTUs
    }
}

/// A datagram that asks the other end of a path whether it arrives.
public struct UnderlayProbe: Hashable, Sendable {
    /// The encap of the other end.
    public var address: IPAddress
    /// Octets of the whole IP packet.
    public var byteCount: Int
    /// The number that the answer has to repeat.
    public var nonce: UInt64
}

/// A path to another host as `heddle port list` shows it.
public struct PathReport: Hashable, Sendable {
    /// The certainty about the path.
    public enum State: String, Hashable, Sendable {
        /// The other end has answered packets of this size.
        case found
        /// The other end has done so, but answers nothing now: its host, or the network, is away.
        case unanswered
        /// The other end answers no probes; this is what this host's routes allow.
        case assumed
        /// The other end has been asked for the first time.
        case searching
    }

    /// The chassis at the other end.
    public var chassis: String
    /// Its encap.
    public var address: IPAddress
    /// The longest packet of a guest that goes there in one piece, in bytes.
    public var mtu: Int
    /// The longest packet of the underlay that gets there, in bytes.
    public var underlayMTU: Int
    /// The certainty about that.
    public var state: State
    /// The frames that did not go there, if counters were asked for.
    public var statistics: PathStatistics?

    /// `{"chassis", "address", "mtu", "underlay_mtu", "state", "too_long_frames"?, "unsent_frames"?}`.
    public var json: JSONValue {
        var object = JSONObject()
        object["chassis"] = .string(chassis)
        object["address"] = .string(address.description)
        object["mtu"] = .integer(Int64(mtu))
        object["underlay_mtu"] = .integer(Int64(underlayMTU))
        object["state"] = .string(state.rawValue)
        object["too_long_frames"] = statistics.map { number($0.tooLongFrames) }
        object["unsent_frames"] = statistics.map { number($0.unsentFrames) }
        return .object(object)
    }
}
