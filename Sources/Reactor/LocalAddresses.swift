import CLinux
import Glibc
import Wire

/// The addresses of this machine's interfaces in the present network namespace, those of loopback included.
public func localAddresses() throws(SystemError) -> [IPAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { throw SystemError(call: "getifaddrs", errno: errno) }
    defer { freeifaddrs(list) }
    var addresses: [IPAddress] = []
    var next = list
    while let entry = next?.pointee {
        next = entry.ifa_next
        guard let address = entry.ifa_addr else { continue }
        let size =
            switch Int32(address.pointee.sa_family) {
            case AF_INET: MemoryLayout<sockaddr_in>.size
            case AF_INET6: MemoryLayout<sockaddr_in6>.size
            default: 0
            }
        guard size > 0 else { continue }
        var storage = sockaddr_storage()
        memcpy(&storage, address, size)
        if case .ip(let found, _)? = SocketAddress(&storage, length: socklen_t(size)) { addresses.append(found) }
    }
    return addresses
}
