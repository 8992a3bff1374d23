import CLinux
import Glibc

/// The memory that a guest shares, as pollers see it: looked up by the guest's own addresses, each of which may be
/// anything.
struct GuestMemory {
    /// A piece of it that is mapped here.
    struct Region {
        var guestAddress: UInt64
        var byteCount: UInt64
        var memory: UnsafeMutableRawPointer
    }

    /// Octets that follow each other both in the guest's addresses and here.
    struct Piece {
        var memory: UnsafeMutableRawPointer
        var byteCount: Int
    }

    /// Octets of a page of the log of written pages (vhost's VHOST_LOG_PAGE).
    static var pageByteCount: UInt64 { 4096 }

    let regions: UnsafePointer<Region>
    let count: Int
    /// The log of written pages, a bit for each; empty if writes are not logged.
    let log: UnsafeMutableRawBufferPointer
    /// True once the file beneath has been shortened: all there is are zeros.
    let broken: UnsafeMutablePointer<UInt32>

    /// The first of the octets that begin at an address, as many as follow each other, at most `byteCount`.
    /// - Returns: `nil` if the guest has no memory there.
    @inline(__always)
    func piece(at address: UInt64, _ byteCount: Int) -> Piece? {
        var index = 0
        while index < count {
            let region = regions + index
            let offset = address &- region.pointee.guestAddress
            if offset < region.pointee.byteCount {
                let rest = region.pointee.byteCount &- offset
                let here = UInt64(truncatingIfNeeded: byteCount) < rest ? byteCount : Int(truncatingIfNeeded: rest)
                return Piece(memory: region.pointee.memory + Int(truncatingIfNeeded: offset), byteCount: here)
            }
            index &+= 1
        }
        return nil
    }

    /// Octets that lie in one piece.
    func whole(at address: UInt64, _ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard let piece = piece(at: address, byteCount), piece.byteCount == byteCount else { return nil }
        return piece.memory
    }

    /// Notes that octets of the guest have been written.
    @inline(__always)
    func noteWritten(_ address: UInt64, _ byteCount: Int) {
        if log.count == 0 || byteCount <= 0 { return }
        noteLogged(address, byteCount)
    }

    @inline(never)
    private func noteLogged(_ address: UInt64, _ byteCount: Int) {
        let (last, overflow) = address.addingReportingOverflow(UInt64(truncatingIfNeeded: byteCount &- 1))
        guard !overflow, let base = log.baseAddress else { return }
        var page = address / Self.pageByteCount
        while page <= last / Self.pageByteCount {
            guard page / 8 < UInt64(log.count) else { return }
            clinux_ring_set_bits(base + Int(truncatingIfNeeded: page / 8), 1 << UInt8(page % 8))
            page &+= 1
        }
    }
}
