import CLinux
import Datapath
import Glibc
import Wire

/// The chassis that this host has keys with, as pollers see them: raw memory of a generation.
struct TunnelPeers {
    /// The keys of one address of a chassis.
    struct Peer {
        /// The address as IPv6 has it, IPv4 mapped (RFC 4291 section 2.5.5.2).
        var high: UInt64
        var low: UInt64
        /// The keys that its tags may be under, the first being that of ours.
        var keys: UnsafePointer<SipHashKey>
        var keyCount: Int
        /// From when on it sends nothing without a tag, by CLOCK_MONOTONIC.
        var enforcedAt: Duration
    }

    /// By address.
    let peers: UnsafeMutablePointer<Peer>
    let count: Int
    /// The key for what goes to each of the tables' places, or `nil`.
    let placeKeys: UnsafeMutablePointer<UnsafePointer<SipHashKey>?>

    func find(_ address: IPAddress) -> UnsafePointer<Peer>? {
        let (high, low) = Self.words(address)
        var (first, end) = (0, count)
        while first < end {
            let middle = (first &+ end) / 2
            let peer = peers + middle
            if peer.pointee.high == high, peer.pointee.low == low { return UnsafePointer(peer) }
            if (peer.pointee.high, peer.pointee.low) < (high, low) { first = middle &+ 1 } else { end = middle }
        }
        return nil
    }

    /// An address as two words.
    static func words(_ address: IPAddress) -> (UInt64, UInt64) {
        switch address {
        case .v4(let address): (0, 0xffff_0000_0000 | UInt64(address.rawValue))
        case .v6(let address): (address.high, address.low)
        }
    }
}

/// The owner of the peers' memory; on the control thread.
final class OwnedTunnelPeers {
    /// A chassis' address, the keys with it, and from when on they are demanded.
    struct Entry {
        var address: IPAddress
        var keys: [SipHashKey]
        var enforcedAt: Duration
    }

    let view: TunnelPeers
    private let keys: UnsafeMutablePointer<SipHashKey>

    /// - Parameters:
    ///   - entries: no two of one address; each has a key at least.
    ///   - places: the addresses of the tables' places.
    init(_ entries: [Entry], places: [IPAddress?]) {
        let entries = entries.sorted { TunnelPeers.words($0.address) < TunnelPeers.words($1.address) }
        keys = .allocate(capacity: max(1, entries.reduce(0) { $0 + $1.keys.count }))
        let peers = UnsafeMutablePointer<TunnelPeers.Peer>.allocate(capacity: max(1, entries.count))
        var next = keys
        var first: [IPAddress: UnsafePointer<SipHashKey>] = [:]
        for (index, entry) in entries.enumerated() {
            next.initialize(from: entry.keys, count: entry.keys.count)
            let (high, low) = TunnelPeers.words(entry.address)
            (peers + index).initialize(
                to: TunnelPeers.Peer(
                    high: high,
                    low: low,
                    keys: next,
                    keyCount: entry.keys.count,
                    enforcedAt: entry.enforcedAt
                )
            )
            first[entry.address] = UnsafePointer(next)
            next += entry.keys.count
        }
        let placeKeys = UnsafeMutablePointer<UnsafePointer<SipHashKey>?>.allocate(capacity: max(1, places.count))
        for (number, place) in places.enumerated() { (placeKeys + number).initialize(to: place.flatMap { first[$0] }) }
        view = TunnelPeers(peers: peers, count: entries.count, placeKeys: placeKeys)
    }

    deinit {
        view.peers.deallocate()
        view.placeKeys.deallocate()
        keys.deallocate()
    }
}

/// The memory in which a poller builds the headers with tags of one message.
struct TagScratch: ~Copyable {
    /// Parts of a datagram: its header, and the frame in at most as many as a train has it in.
    static let partCountMaximum = 1 + TrainBatch.sliceCountMaximum

    let headers: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>
    let control: UnsafeMutableRawPointer
    let message: UnsafeMutableRawPointer

    init() {
        headers = .allocate(byteCount: TrainBatch.datagramCountMaximum * TunnelTag.headerByteCount, alignment: 64)
        parts = .allocate(capacity: TrainBatch.datagramCountMaximum * Self.partCountMaximum)
        control = .allocate(byteCount: Int(CLINUX_CONTROL_SIZE), alignment: 64)
        message = .allocate(byteCount: TunnelTag.messageByteCountMaximum, alignment: 64)
    }

    deinit {
        headers.deallocate()
        parts.deallocate()
        control.deallocate()
        message.deallocate()
    }
}
