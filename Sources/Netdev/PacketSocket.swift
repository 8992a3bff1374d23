import CLinux
import Glibc
import Reactor

/// The host's side of a device whose other side is a guest's: a TAP that a VMM has open, or one end of a veth pair.
/// A packet socket (packet(7)) takes and gives its frames as a TAP's queue does, with a virtio-net header before each.
public enum PacketSocket {
    /// Opens a device of the calling thread's namespace, switched on, and takes it from the host's own stack.
    /// - Parameter queuedByteCount: octets of the kernel's memory that frames which wait for us may take.
    public static func open(_ link: Link, queuedByteCount: Int) throws(SystemError) -> Descriptor {
        try link.shutHostOut()
        // Before it is opened: a socket of a device that is down begins with an error.
        try link.apply(LinkChange(isUp: true))
        let descriptor = try systemCall("open packet socket of \(link.name)") {
            clinux_packet_open(link.index, Int32(clamping: queuedByteCount))
        }
        return Descriptor(owning: Int32(descriptor))
    }

    /// Opens a device of the calling thread's namespace that the host itself uses, too, and leaves it as it is.
    /// - Parameter tag: the VLAN whose frames are taken, without their tags; `nil` for all frames as they are.
    public static func openShared(_ link: Link, tag: UInt16?, queuedByteCount: Int) throws(SystemError) -> Descriptor {
        let descriptor = try systemCall("open packet socket of \(link.name)") {
            clinux_packet_open_shared(link.index, Int32(clamping: queuedByteCount), tag ?? 0)
        }
        return Descriptor(owning: Int32(descriptor))
    }

    /// Sends a frame over a shared device, if it takes it now.
    public static func send(_ frame: [UInt8], tag: UInt16?, over socket: Descriptor) {
        // A virtio-net header that asks for nothing.
        var bytes = [UInt8](repeating: 0, count: 10) + frame
        bytes.withUnsafeMutableBytes { bytes in
            var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            _ = clinux_packet_write(socket.raw, &part, 1, tag ?? 0)
        }
    }

    /// The index of the device of a packet socket; 0 when the device is gone, `nil` for another descriptor.
    public static func deviceIndex(of descriptor: Descriptor) -> Int32? {
        let index = clinux_packet_index(descriptor.raw)
        return index < 0 ? nil : Int32(index)
    }

    /// True if the device takes TCP's superpackets whole, so that the kernel does not cut them before. A TAP does if
    /// the program that has it open has asked for them.
    /// - Parameter socket: any socket of the device's namespace.
    public static func takesSuperpackets(_ link: Link, _ socket: Descriptor) -> Bool {
        let name = Array(link.name.utf8CString)
        return clinux_takes_superpackets(socket.raw, name) != 0
    }
}
