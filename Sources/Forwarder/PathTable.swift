import Datapath
import ForwarderProtocol
import Wire

/// The paths to other hosts, by address, and what the agent has said of them; on the control thread.
final class PathTable {
    /// Hosts of which something is remembered at most: more than share a datapath with one host.
    static let pathCountMaximum = 65_536

    private struct Entry {
        var path: Path
        /// The size that the kernel's devices and routes allow; `nil` if unknown.
        var bound: Int?
        /// The size that probes have found; `nil` before.
        var found: Int?
        /// The octets that a tag takes of each datagram.
        var tagByteCount = 0
        /// True if the agent knows that the kernel has refused a datagram.
        var isToldRefused = false
    }

    private var entries: [IPAddress: Entry] = [:]
    /// The path to a place that has no address: nothing is short enough for it.
    let nowhere = Path(mtu: 0)
    /// The size of unknown paths: that of the host's own device.
    private(set) var usualMTU: Int

    init(usualMTU: Int = 65_535) {
        self.usualMTU = usualMTU
    }

    deinit {
        for entry in entries.values { entry.path.deallocate() }
        nowhere.deallocate()
    }

    /// The path to a host, for a generation to use; it lives as long as this table.
    func path(to address: IPAddress) -> Path {
        if let entry = entries[address] { return entry.path }
        let path = Path(mtu: usualMTU)
        entries[address] = Entry(path: path)
        return path
    }

    /// The host's own device carries something else now.
    func setUsualMTU(_ mtu: Int) {
        usualMTU = mtu
        for address in entries.keys { update(address) }
    }

    /// Datagrams to these hosts have tags from now on, and those to others have none.
    func setTagged(_ addresses: Set<IPAddress>) {
        for address in addresses { _ = path(to: address) }
        for address in entries.keys {
            let byteCount = addresses.contains(address) ? TunnelTag.optionByteCount : 0
            guard entries[address]?.tagByteCount != byteCount else { continue }
            entries[address]?.tagByteCount = byteCount
            update(address)
        }
    }

    /// The agent has said something.
    func set(_ news: PathMTU) {
        guard entries[news.address] != nil || entries.count < Self.pathCountMaximum else { return }
        _ = path(to: news.address)
        if news.isFound {
            entries[news.address]?.found = Int(news.mtu)
        } else {
            entries[news.address]?.bound = Int(news.mtu)
        }
        update(news.address)
        entries[news.address]?.isToldRefused = false
        entries[news.address]?.path.heed()
    }

    /// The hosts on whose paths the kernel has refused a datagram, each once until the agent has said something.
    func takeRefused() -> [IPAddress] {
        let refused = entries.filter { $1.path.isRefused && !$1.isToldRefused }.keys.sorted()
        for address in refused { entries[address]?.isToldRefused = true }
        return refused
    }

    /// The frames that did not go to each host, in order of address.
    var statistics: [PathStatistics] {
        entries.sorted { $0.key < $1.key }.map { address, entry in
            PathStatistics(
                address: address,
                mtu: UInt32(clamping: entry.path.mtu),
                tooLongFrames: entry.path.tooLongFrames,
                unsentFrames: entry.path.unsentFrames
            )
        }
    }

    private func update(_ address: IPAddress) {
        guard let entry = entries[address] else { return }
        entry.path.set(mtu: min(entry.bound ?? usualMTU, entry.found ?? .max) - entry.tagByteCount)
    }
}
