import Southbound
import Wire

extension MessageWriter {
    mutating func put(_ chassis: Chassis) {
        put(chassis.name)
        put(chassis.chassisID)
        put(chassis.hostname)
        put(chassis.encaps) { writer, encap in
            switch encap.kind {
            case .geneve: writer.put(UInt8(0))
            }
            writer.put(encap.ip)
        }
    }

    mutating func put(_ datapath: DatapathBinding) {
        put(datapath.id)
        put(datapath.name)
        put(datapath.tunnelKey)
        put(datapath.vlanPassthru)
    }

    mutating func put(_ port: PortBinding) {
        put(port.id)
        put(port.logicalPort)
        put(port.datapath)
        put(port.tunnelKey)
        put(port.addresses) { writer, address in
            writer.put(address.mac)
            writer.put(address.ips) { $0.put($1) }
        }
        put(port.hasUnknown)
        put(port.portSecurity) { writer, entry in
            writer.put(entry.mac)
            writer.put(entry.prefixes) { $0.put($1) }
        }
        put(port.isEnabled)
        put(port.answersNeighbors)
        put(port.requestedChassis) { $0.put($1) }
        put(port.locations) { writer, location in
            writer.put(location.chassis)
            writer.put(location.bindSeq)
            switch location.state {
            case .active: writer.put(UInt8(0))
            case .standby: writer.put(UInt8(1))
            }
        }
    }

    mutating func put(_ key: RecordKey) {
        switch key {
        case .chassis(let name):
            put(UInt8(0))
            put(name)
        case .datapathBinding(let id):
            put(UInt8(1))
            put(id)
        case .portBinding(let id):
            put(UInt8(2))
            put(id)
        }
    }
}

extension MessageReader {
    mutating func chassis() throws(ForwarderMessageError) -> Chassis {
        Chassis(
            name: try name(),
            chassisID: try name(),
            hostname: try name(),
            encaps: try list(elementByteCountMinimum: 6) { reader throws(ForwarderMessageError) in
                guard try reader.integer(UInt8.self) == 0 else { throw .invalidValue }
                return Encap(kind: .geneve, ip: try reader.address())
            }
        )
    }

    mutating func datapathBinding() throws(ForwarderMessageError) -> DatapathBinding {
        DatapathBinding(
            id: try objectID(),
            name: try name(),
            tunnelKey: try integer(),
            vlanPassthru: try boolean()
        )
    }

    mutating func portBinding() throws(ForwarderMessageError) -> PortBinding {
        PortBinding(
            id: try objectID(),
            logicalPort: try name(),
            datapath: try objectID(),
            tunnelKey: try integer(),
            addresses: try list(elementByteCountMinimum: 12) { reader throws(ForwarderMessageError) in
                PortAddress(mac: try reader.mac(), ips: try reader.addresses())
            },
            hasUnknown: try boolean(),
            portSecurity: try list(elementByteCountMinimum: 12) { reader throws(ForwarderMessageError) in
                PortSecurityEntry(mac: try reader.mac(), prefixes: try reader.prefixes())
            },
            isEnabled: try boolean(),
            answersNeighbors: try boolean(),
            requestedChassis: try list(elementByteCountMinimum: 4) { reader throws(ForwarderMessageError) in
                try reader.name()
            },
            locations: try list(elementByteCountMinimum: 13) { reader throws(ForwarderMessageError) in
                try reader.location()
            }
        )
    }

    mutating func recordKey() throws(ForwarderMessageError) -> RecordKey {
        switch try integer(UInt8.self) {
        case 0: return .chassis(try name())
        case 1: return .datapathBinding(try objectID())
        case 2: return .portBinding(try objectID())
        default: throw .invalidValue
        }
    }

    private mutating func addresses() throws(ForwarderMessageError) -> [IPAddress] {
        try list(elementByteCountMinimum: 5) { reader throws(ForwarderMessageError) in try reader.address() }
    }

    private mutating func prefixes() throws(ForwarderMessageError) -> [IPPrefix] {
        try list(elementByteCountMinimum: 6) { reader throws(ForwarderMessageError) in try reader.prefix() }
    }

    private mutating func location() throws(ForwarderMessageError) -> PortBinding.Location {
        let chassis = try name()
        let bindSeq = try integer(UInt64.self)
        switch try integer(UInt8.self) {
        case 0: return PortBinding.Location(chassis: chassis, bindSeq: bindSeq, state: .active)
        case 1: return PortBinding.Location(chassis: chassis, bindSeq: bindSeq, state: .standby)
        default: throw .invalidValue
        }
    }
}
