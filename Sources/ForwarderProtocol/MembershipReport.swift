import Wire

/// A fact about members of multicast groups that a frame of a port has told.
public struct MembershipReport: Hashable, Sendable {
    /// The datapath's key, and the port's key on it.
    public var vni: UInt32
    public var portKey: UInt16
    public var fact: Fact

    public enum Fact: Hashable, Sendable {
        case joined(IPAddress)
        case left(IPAddress)
        /// The port leads to a multicast router.
        case router
    }

    public init(vni: UInt32, portKey: UInt16, fact: Fact) {
        self.vni = vni
        self.portKey = portKey
        self.fact = fact
    }
}

extension MessageWriter {
    mutating func put(_ report: MembershipReport) {
        put(report.vni)
        put(report.portKey)
        switch report.fact {
        case .joined(let group):
            put(UInt8(0))
            put(group)
        case .left(let group):
            put(UInt8(1))
            put(group)
        case .router: put(UInt8(2))
        }
    }
}

extension MessageReader {
    mutating func membershipReports() throws(ForwarderMessageError) -> [MembershipReport] {
        let reports = try list(elementByteCountMinimum: 7) { reader throws(ForwarderMessageError) in
            let (vni, portKey): (UInt32, UInt16) = (try reader.integer(), try reader.integer())
            switch try reader.integer(UInt8.self) {
            case 0: return MembershipReport(vni: vni, portKey: portKey, fact: .joined(try reader.address()))
            case 1: return MembershipReport(vni: vni, portKey: portKey, fact: .left(try reader.address()))
            case 2: return MembershipReport(vni: vni, portKey: portKey, fact: .router)
            default: throw .invalidValue
            }
        }
        guard reports.count <= ForwarderProtocol.membershipReportCountMaximum else { throw .tooLong }
        return reports
    }
}
