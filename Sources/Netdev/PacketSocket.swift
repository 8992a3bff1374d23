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
