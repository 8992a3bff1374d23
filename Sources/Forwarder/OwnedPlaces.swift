import CLinux
import Datapath
import Glibc
import Wire

/// The owner of what generations know of the tables' places: it is the same for all that have the same places and keys.
final class OwnedPlaces {
    /// The address of each place; one without an address is all zero, and nothing is sent there.
    let addresses: UnsafeMutablePointer<sockaddr_storage>
    let addressByteCount: socklen_t
    let paths: UnsafeMutablePointer<Path>
    /// The chassis that this one has keys with; `nil` if there are none.
    let peers: OwnedTunnelPeers?
    private let pathTable: PathTable

    init(_ tables: Tables, _ pathTable: PathTable, _ tunnelKeys: [OwnedTunnelPeers.Entry] = []) {
        self.pathTable = pathTable
        let places = (0..<tables.placeCount).map { tables.place($0) }
        addresses = .allocate(capacity: places.count)
        addresses.initialize(repeating: sockaddr_storage(), count: places.count)
        paths = .allocate(capacity: places.count)
        var byteCount = socklen_t(0)
        for (number, place) in places.enumerated() {
            (paths + number).initialize(to: place.map { pathTable.path(to: $0) } ?? pathTable.nowhere)
            switch place {
            case .v4(let address)?:
                byteCount = clinux_make_ipv4(addresses + number, address.rawValue, GeneveHeader.udpPort)
            case .v6(let address)?:
                byteCount = clinux_make_ipv6(addresses + number, address.high, address.low, GeneveHeader.udpPort)
            case nil: break
            }
        }
        addressByteCount = byteCount
        peers = tunnelKeys.isEmpty ? nil : OwnedTunnelPeers(tunnelKeys, places: places)
    }

    deinit {
        addresses.deallocate()
        paths.deallocate()
    }
}
