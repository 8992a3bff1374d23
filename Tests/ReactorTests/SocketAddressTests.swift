import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1:6641", "0.0.0.0:0", "10.127.0.2:65535", "[::1]:6641", "[fd00:1::5]:80"])
    func `An address with a port is what it prints, and survives the kernel's form`(text: String) throws {
        let address = try #require(SocketAddress(parsing: text))
        #expect(address.description == text)
        let back = try address.withStorage { (pointer, length) throws(SystemError) in
            var storage = pointer.pointee
            return SocketAddress(&storage, length: length)
        }
        #expect(back == address)
        let short = try address.withStorage { (pointer, length) throws(SystemError) in
            var storage = pointer.pointee
            return SocketAddress(&storage, length: 4)
        }
        #expect(short == nil)
    }

    @Test(arguments: [
        "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "::1:80", "[::1]",
        "[127.0.0.1]:80", "[::1:80", "localhost:80", " 127.0.0.1:80", "127.0.0.1:8 0", "127.0.0.1:99999999999999999999",
    ])
    func `Anything else is no address`(text: String) {
        #expect(SocketAddress(parsing: text) == nil)
    }

    @Test func `Loopback addresses and Unix sockets stay on this machine`() {
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1"] {
            #expect(SocketAddress(parsing: text)?.isLoopback == true)
        }
        for text in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1"] { #expect(SocketAddress(parsing: text)?.isLoopback == false) }
        #expect(SocketAddress.unix(path: "/x").isLoopback)
    }

    @Test func `A path of 107 bytes fits a socket, a longer one is refused`() throws {
        for (count, fits) in [(1, true), (107, true), (108, false), (1000, false)] {
            let address = SocketAddress.unix(path: String(repeating: "p", count: count))
            let back = try? address.withStorage { (pointer, length) throws(SystemError) in
                var storage = pointer.pointee
                return SocketAddress(&storage, length: length)
            }
            #expect(back == (fits ? address : nil))
        }
        let error = #expect(throws: SystemError.self) {
            try Descriptor.listen(on: .unix(path: String(repeating: "p", count: 108)))
        }
        #expect(error?.errno == ENAMETOOLONG)
    }

    @Test func `Hosts are resolved, and those that are addresses need no resolver`() throws {
        let v6 = try #require(IPv6Address("fd00::1"))
        #expect(try resolve(host: "fd00::1", port: 5) == [.ip(.v6(v6), port: 5)])
        #expect(try resolve(host: "localhost", port: 80).contains { $0.isLoopback && $0.port == 80 })
        #expect(throws: ResolutionError.self) { try resolve(host: "no host", port: 1) }
    }
}
