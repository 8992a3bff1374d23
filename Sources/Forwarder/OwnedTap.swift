import Datapath
import Reactor

/// The owner of a capture's mapped ring; on the control thread.
final class OwnedTap {
    let pointer: UnsafeMutablePointer<CaptureTap>

    /// - Returns: `nil` if the descriptor is no ring or cannot be mapped.
    init?(_ ring: Descriptor, snapByteCount: Int) {
        guard let tap = CaptureTap(ring.raw, snapByteCount: snapByteCount) else { return nil }
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: tap)
    }

    deinit {
        pointer.pointee.deallocate()
        pointer.deallocate()
    }
}
