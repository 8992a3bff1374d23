import Wire

/// The addresses of an IP packet's two ends.
struct PacketEnds {
    var isIPv6: Bool
    var source: UInt128
    var destination: UInt128
}

extension Tables {
    /// True if a set or a group that ACLs of a datapath name has gained or lost one of these addresses or ports since
    /// the tables of a generation, which is no older than that of the datapath.
    func areChanged(
        _ ends: PacketEnds,
        _ ports: (UInt16, UInt16)? = nil,
        since generation: UInt32,
        in datapath: UnsafePointer<DatapathRow>
    ) -> Bool {
        let rows = rows(ChangedMembersRow.self, datapath.pointee.changedMembers)
        // A file that does not have what it claims lets nothing hold.
        guard rows.count == datapath.pointee.changedMembers.count else { return true }
        var number = rows.count
        while number > 0 {
            number &-= 1
            let row = rows[number]
            guard Int32(bitPattern: row.generation &- generation) > 0 else { return false }
            let (first, last) = (row.first.value, row.last.value)
            if row.family == 0 {
                guard let ports else { continue }
                if UInt128(ports.0) == first || UInt128(ports.1) == first { return true }
            } else if (row.family == 6) == ends.isIPv6 {
                if ends.source >= first && ends.source <= last { return true }
                if ends.destination >= first && ends.destination <= last { return true }
            }
        }
        return false
    }
}

extension Frame {
    /// IP only.
    var ends: PacketEnds {
        if network == .ipv4 {
            return PacketEnds(isIPv6: false, source: UInt128(ipv4Source), destination: UInt128(ipv4Destination))
        }
        return PacketEnds(isIPv6: true, source: UInt128(ipv6Source), destination: UInt128(ipv6Destination))
    }
}

extension ConnectionTuple {
    var ends: PacketEnds {
        PacketEnds(
            isIPv6: isIPv6,
            source: UInt128(sourceHigh) &<< 64 | UInt128(sourceLow),
            destination: UInt128(destinationHigh) &<< 64 | UInt128(destinationLow)
        )
    }
}

extension UInt128 {
    init(_ address: IPv6Address) { self = UInt128(address.high) &<< 64 | UInt128(address.low) }
}
