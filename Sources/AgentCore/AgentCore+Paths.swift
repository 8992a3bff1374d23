import ForwarderProtocol
import JSON
import Southbound
import Wire

/// The state of the paths to the other hosts.
struct PathsState: Sendable {
    struct Path: Sendable {
        /// The chassis at its other end.
        var chassis: String
        var search: PathSearch
        /// True if the kernel has said what it allows.
        var isMeasured = false
        /// The sizes that the forwarder has been told since it is connected.
        var told: [Bool: Int] = [:]
    }

    /// By the encap at the other end.
    var paths: [IPAddress: Path] = [:]
    /// True if a chassis of the share may have come, changed or gone since paths were made for them.
    var lacksChassis = true
    /// The longest packet, in octets, of the device that has this host's encap.
    var deviceMTU: Int
    /// True if that device carries less than is needed, which has been said.
    var isTooSmall = false
    /// The time when the kernel is to be asked what it allows; `nil` for not at all.
    var measureAt: Duration? = .zero
    /// True if it is being asked, and when it answered last.
    var isMeasuring = false
    /// True if that is because something has changed.
    var hasChanged = false
    var measuredAt: Duration?
    /// The paths of which the forwarder may have to be told.
    var untold: Set<IPAddress> = []
    /// The earliest time for another host's first probe.
    var startAt = Duration.zero
    /// The probes that may go out yet, and since when that is so.
    var probeBudget = AgentCore.probesPerSecond
    var budgetAt = Duration.zero

    /// The pause after too many probes.
    static let budgetPause = Duration.milliseconds(20)
    /// The delay between news of routes and devices and the question to the kernel: news come in flocks.
    static let measureDelay = Duration.milliseconds(20)
    /// The shortest time between two questions to the kernel: routing daemons change routes without end.
    static let measureInterval = Duration.milliseconds(250)
    /// The interval at which the kernel is asked without news: news may have been lost.
    static let measurePeriod = Duration.seconds(30)
    /// The time between the first probes to one host and the next: so that not all searches begin at once.
    static let startInterval = Duration.milliseconds(2)
}

extension AgentCore {
    /// The most probes that are sent in a second, to all hosts together; more of them wait. Ten thousand hosts can be
    /// looked at as often as one (`PathSearch.verifyInterval`).
    public static let probesPerSecond = 2000

    /// The longest packet of a guest that the device of this host's encap leaves to tunnels, in octets.
    public var innerMTU: Int {
        Configuration.innerMTU(underlayMTU: paths.deviceMTU, encapIP: configuration.encapIP) ?? configuration.innerMTU
    }

    /// The MTU of interfaces that we make: no less than every link of IPv6 has, for the forwarder sees to such packets.
    var portMTU: Int { max(innerMTU, PathSearch.floor) }

    /// Devices, addresses or routes of this host have changed.
    mutating func underlayChanged(now: Duration) {
        paths.hasChanged = true
        mustCheckSockets = true
        let rested = paths.measuredAt.map { $0 + PathsState.measureInterval } ?? now
        measurePaths(at: max(now + PathsState.measureDelay, rested))
    }

    private mutating func measurePaths(at time: Duration) {
        paths.measureAt = paths.measureAt.map { min($0, time) } ?? time
    }

    /// The kernel has said what it allows.
    mutating func pathsMeasured(_ measured: PathMeasurement, now: Duration) {
        paths.isMeasuring = false
        paths.measuredAt = now
        measurePaths(at: now + PathsState.measurePeriod)
        if let device = measured.deviceMTU, device != paths.deviceMTU {
            let former = innerMTU
            paths.deviceMTU = max(device, PathSearch.floor)
            if device < PathSearch.floor, !paths.isTooSmall {
                let what = "the device of \(configuration.encapIP) has an MTU of \(device)"
                emit(.log(.error, what + ", too small for tunnels"))
            }
            if innerMTU != former {
                emit(.log(.info, "the underlay's MTU is \(device) now, which leaves \(innerMTU) bytes to guests"))
                forwarder.mustTellChassis = true
            }
        }
        if let device = measured.deviceMTU { paths.isTooSmall = device < PathSearch.floor }
        for (address, mtu) in measured.pathMTUs.sorted(by: { $0.key < $1.key }) {
            guard paths.paths[address] != nil else { continue }
            paths.paths[address]?.isMeasured = true
            if paths.hasChanged { paths.paths[address]?.search.hurry(now: now) }
            paths.untold.insert(address)
            paths.paths[address]?.search.setBound(min(max(mtu, PathSearch.floor), 65_535), now: now)
        }
        // Changes from now on are in the next answer.
        if paths.measureAt.map({ $0 > now + PathsState.measureInterval }) ?? true { paths.hasChanged = false }
    }

    /// The kernel has refused a datagram of the forwarder: what is known of the path is wrong.
    mutating func pathRefused(_ address: IPAddress, now: Duration) {
        // Whatever is found, the forwarder is to hear of it.
        paths.paths[address]?.told = [:]
        paths.untold.insert(address)
        paths.paths[address]?.search.hurry(now: now)
        underlayChanged(now: now)
    }

    /// The other end of a path has answered a probe.
    mutating func probeAnswered(_ address: IPAddress, nonce: UInt64, now: Duration) {
        paths.paths[address]?.search.answered(nonce, now: now)
        paths.untold.insert(address)
    }

    /// Does what is due: asks the kernel, asks the other ends, tells the forwarder.
    mutating func settlePaths(now: Duration, using generator: inout some RandomNumberGenerator) {
        followShare(now: now)
        if let time = paths.measureAt, time <= now, !paths.isMeasuring {
            paths.measureAt = nil
            paths.isMeasuring = true
            emit(.measurePaths(paths.paths.keys.sorted()))
        }
        sendProbes(now: now, using: &generator)
        tellPaths()
    }

    /// The time when there is something to do next.
    var pathsDeadline: Duration? {
        var probes = paths.paths.values.lazy.filter(\.isMeasured).map(\.search.nextAt).min()
        if paths.probeBudget <= 0 { probes = probes.map { max($0, paths.budgetAt + PathsState.budgetPause) } }
        return [probes, paths.isMeasuring ? nil : paths.measureAt].compactMap { $0 }.min()
    }

    /// Has a path for each host of the share that tunnels lead to.
    private mutating func followShare(now: Duration) {
        guard paths.lacksChassis else { return }
        paths.lacksChassis = false
        var chassis: [IPAddress: String] = [:]
        for case .chassis(let other) in share.records.values where other.name != configuration.chassis {
            let encap = other.encaps.map(\.ip).first { $0.bitCount == configuration.encapIP.bitCount }
            if let encap { chassis[encap] = other.name }
        }
        for address in paths.paths.keys where chassis[address] == nil { paths.paths[address] = nil }
        for (address, name) in chassis.sorted(by: { $0.key < $1.key }) {
            guard paths.paths[address] == nil else {
                paths.paths[address]?.chassis = name
                continue
            }
            let start = max(now, paths.startAt)
            paths.startAt = start + PathsState.startInterval
            paths.paths[address] = PathsState.Path(
                chassis: name,
                search: PathSearch(bound: paths.deviceMTU, now: start)
            )
            measurePaths(at: now)
        }
    }

    private mutating func sendProbes(now: Duration, using generator: inout some RandomNumberGenerator) {
        let passed = (now - paths.budgetAt) / .milliseconds(1)
        let refill = Int(min(passed, 1000)) * AgentCore.probesPerSecond / 1000
        if refill > 0 {
            paths.probeBudget = min(AgentCore.probesPerSecond, paths.probeBudget + refill)
            paths.budgetAt = now
        }
        var probes: [UnderlayProbe] = []
        // In order of what has waited longest, so that none waits for ever.
        let due = paths.paths.filter { $1.isMeasured && $1.search.nextAt <= now }
            .sorted { ($0.value.search.nextAt, $0.key) < ($1.value.search.nextAt, $1.key) }
        for address in due.map(\.key) where paths.probeBudget > 0 {
            guard var path = paths.paths[address] else { continue }
            let asked = path.search.due(now: now) { generator.next() }
            paths.paths[address] = path
            paths.untold.insert(address)
            paths.probeBudget -= asked.count
            probes += asked.map { UnderlayProbe(address: address, byteCount: $0.byteCount, nonce: $0.nonce) }
        }
        if !probes.isEmpty { emit(.sendProbes(probes)) }
    }

    /// Tells the forwarder what it has not been told.
    private mutating func tellPaths() {
        guard forwarder.phase == .connected else { return }
        var orders: [ForwarderOrder] = []
        for address in paths.untold.sorted() {
            guard let path = paths.paths[address], path.isMeasured else { continue }
            orders += tell(address, path.search.bound, isFound: false)
            // A forwarder that runs since an earlier start knows what was found then.
            if path.search.isDecided { orders += tell(address, path.search.mtu, isFound: true) }
        }
        paths.untold = []
        if !orders.isEmpty { emit(.forward(orders)) }
    }

    private mutating func tell(_ address: IPAddress, _ byteCount: Int, isFound: Bool) -> [ForwarderOrder] {
        let mtu = Configuration.innerByteCount(underlayByteCount: byteCount, encapIP: configuration.encapIP)
        guard paths.paths[address]?.told[isFound] != mtu else { return [] }
        paths.paths[address]?.told[isFound] = mtu
        return [ForwarderOrder(.pathMTU(PathMTU(address: address, mtu: UInt32(clamping: mtu), isFound: isFound)))]
    }

    /// The forwarder is a new one, or an agent before us has told it things.
    mutating func forgetWhatForwarderWasTold() {
        for address in paths.paths.keys { paths.paths[address]?.told = [:] }
        paths.untold = Set(paths.paths.keys)
    }

    /// The paths, by chassis, as `status` and `port list` show them.
    var pathReports: [PathReport] {
        paths.paths.map { address, path in
            PathReport(
                chassis: path.chassis,
                address: address,
                mtu: Configuration.innerByteCount(underlayByteCount: path.search.mtu, encapIP: configuration.encapIP),
                underlayMTU: path.search.mtu,
                state: path.search.isDoubtful
                    ? .unanswered : path.search.isAnswered ? .found : path.search.isDecided ? .assumed : .searching
            )
        }.sorted { ($0.chassis, $0.address) < ($1.chassis, $1.address) }
    }
}
