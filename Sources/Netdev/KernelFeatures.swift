import CLinux
import Glibc
import Reactor
import Wire

/// The fast paths for packets that this kernel has.
public struct KernelFeatures: Hashable, Sendable {
    /// TAPs leave TCP of up to 64 KiB to their reader.
    public var takesTCPSuperpackets: Bool
    /// The same for UDP, since Linux 6.2.
    public var takesUDPSuperpackets: Bool
    /// One send for many datagrams (UDP_SEGMENT), since Linux 4.18.
    public var sendsTrains: Bool
    /// One receive for many datagrams (UDP_GRO), since Linux 5.0.
    public var receivesTrains: Bool

    /// Tries them out on a TAP and a socket that are gone when this returns. Needs CAP_NET_ADMIN.
    public static func probe() throws(SystemError) -> KernelFeatures {
        let device = try Descriptor.open("/dev/net/tun", flags: O_RDWR | O_NONBLOCK)
        let flags = CLINUX_IFF_TAP | CLINUX_IFF_NO_PI | CLINUX_IFF_VNET_HDR
        try systemCall("ioctl TUNSETIFF hdd%d") { clinux_tun_attach(device.raw, "hdd%d", flags) }
        let tcp = UInt32(CLINUX_TUN_CSUM | CLINUX_TUN_TSO4 | CLINUX_TUN_TSO6 | CLINUX_TUN_TSO_ECN)
        let udp = tcp | UInt32(CLINUX_TUN_USO4 | CLINUX_TUN_USO6)
        let loopback = SocketAddress.ip(.v4(IPv4Address(0x7f00_0001)), port: 0)
        let socket = try UDPSocket(boundTo: loopback).descriptor
        return KernelFeatures(
            takesTCPSuperpackets: clinux_tun_set_offloads(device.raw, tcp) >= 0,
            takesUDPSuperpackets: clinux_tun_set_offloads(device.raw, udp) >= 0,
            sendsTrains: (try? socket.option(CLINUX_SOL_UDP, CLINUX_UDP_SEGMENT)) != nil,
            receivesTrains: (try? socket.setOption(CLINUX_SOL_UDP, CLINUX_UDP_GRO, 1)) != nil
        )
    }
}
