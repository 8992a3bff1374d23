import CLinux
import Datapath
import Glibc

/// The runs that are being collected from a batch of the underlay: a few flows at a time, each in the place that its
/// hash names. Another flow in the same place sends the older run out first.
struct RunTable: ~Copyable {
    /// Flows collected at a time, the bits of a word: more than share a batch in practice, since two in one place send
    /// each other out.
    static let placeCount = 64
    static let partCountMaximum = SegmentRun.countMaximum

    private let places: UnsafeMutablePointer<Place>
    private let parts: UnsafeMutablePointer<iovec>

    /// The places that may have a run, bit by bit.
    private(set) var occupied: UInt64 = 0

    /// The octets of a Geneve header with OVN's option.
    typealias Header = (UInt64, UInt64)

    /// A run and what its segments have in common.
    struct Place {
        let index: Int
        var run: SegmentRun?
        var header: Header = (0, 0)
        /// The port it goes to.
        var slot = 0
        /// The connection of that port which the segments are of, if any is tracked.
        var connection = ConnectionReference.none
        /// One part for each segment's payload; the first one's is set when it is written.
        let parts: UnsafeMutablePointer<iovec>
    }

    init() {
        parts = .allocate(capacity: Self.placeCount * Self.partCountMaximum)
        parts.initialize(repeating: iovec(), count: Self.placeCount * Self.partCountMaximum)
        places = .allocate(capacity: Self.placeCount)
        for index in 0..<Self.placeCount {
            (places + index).initialize(to: Place(index: index, parts: parts + index * Self.partCountMaximum))
        }
    }

    deinit {
        places.deallocate()
        parts.deallocate()
    }

    func place(_ hash: UInt32) -> UnsafeMutablePointer<Place> { self[Int(hash) & (Self.placeCount - 1)] }

    subscript(index: Int) -> UnsafeMutablePointer<Place> { places + index }

    /// Takes one of the places that may have a run; `nil` when there is none left.
    mutating func takeOccupied() -> UnsafeMutablePointer<Place>? {
        guard occupied != 0 else { return nil }
        let index = occupied.trailingZeroBitCount
        occupied &= occupied &- 1
        return self[index]
    }

    /// Begins a run in an empty place with the segment that follows this Geneve header.
    mutating func begin(
        _ segment: Segment,
        in place: UnsafeMutablePointer<Place>,
        header: Header,
        slot: Int,
        connection: ConnectionReference
    ) {
        occupied |= 1 << UInt64(place.pointee.index)
        place.pointee.run = SegmentRun(segment)
        place.pointee.header = header
        place.pointee.slot = slot
        place.pointee.connection = connection
    }

    /// Appends a datagram, its usual Geneve header in front, if it is what follows in the run.
    @inline(__always)
    func append(
        _ datagram: UnsafeMutableRawPointer,
        byteCount: Int,
        to place: UnsafeMutablePointer<Place>
    ) -> Bool {
        guard byteCount > Verdict.geneveHeaderByteCount else { return false }
        return append(
            datagram + Verdict.geneveHeaderByteCount,
            byteCount: byteCount - Verdict.geneveHeaderByteCount,
            behind: Self.header(datagram),
            to: place
        )
    }

    /// Appends a frame that came behind such a Geneve header, if it is what follows in the run.
    @inline(__always)
    func append(
        _ frame: UnsafeMutableRawPointer,
        byteCount frameByteCount: Int,
        behind header: Header,
        to place: UnsafeMutablePointer<Place>
    ) -> Bool {
        guard place.pointee.run != nil, header.0 == place.pointee.header.0, header.1 == place.pointee.header.1 else {
            return false
        }
        guard place.pointee.run?.append(frame, byteCount: frameByteCount) == true, let run = place.pointee.run else {
            return false
        }
        let headerByteCount = run.first.headerByteCount
        place.pointee.parts[run.count - 1] = iovec(
            iov_base: frame + headerByteCount,
            iov_len: frameByteCount - headerByteCount
        )
        return true
    }

    /// The Geneve header that a datagram begins with.
    @inline(__always)
    static func header(_ header: UnsafeRawPointer) -> Header {
        (header.loadUnaligned(as: UInt64.self), header.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    /// The header of frames that were changed after they came: with a version that no datagram has (RFC 8926 section
    /// 3.5), so that frames as they came are not appended to those.
    static func editedHeader(_ header: UnsafeRawPointer) -> Header {
        let words = Self.header(header)
        return (words.0 ^ 0xc0, words.1)
    }
}
