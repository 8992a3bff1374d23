import CLinux
import Glibc
import Testing

@testable import Reactor

@Suite struct ServiceManagerTests {
    /// Returns the messages that a manager at a path gets.
    private func messages(at path: String, tell: () -> Void) throws -> [String] {
        let listener = Descriptor(owning: socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0))
        let address = SocketAddress.unix(path: path.hasPrefix("@") ? "\0" + path.dropFirst() : path)
        let isBound = try address.withStorage { storage, length in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener.raw, $0, length) == 0 }
        }
        try #require(isBound)
        tell()
        var texts: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(listener.raw, &buffer, buffer.count, CLINUX_MSG_DONTWAIT)
            guard count > 0 else { return texts }
            texts.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }

    @Test func `The manager hears of every state, at a path and at an abstract name`() throws {
        let folder = try TemporaryFolder()
        for path in [folder.path + "/notify", "@hd-notify-\(getpid())"] {
            let heard = try messages(at: path) {
                let manager = ServiceManager(path: path)
                manager.tell(.ready(status: "all\nis well"))
                manager.tell(.reloading)
                manager.tell(.stopping)
            }
            try #require(heard.count == 3)
            #expect(heard[0] == "READY=1\nSTATUS=all is well")
            #expect(heard[1].hasPrefix("RELOADING=1\nMONOTONIC_USEC="))
            #expect(Int(heard[1].dropFirst("RELOADING=1\nMONOTONIC_USEC=".count)) ?? 0 > 0)
            #expect(heard[2] == "STOPPING=1")
        }
    }

    @Test(arguments: [nil, "", "relative", "/nonexistent/notify", "/" + String(repeating: "x", count: 200)])
    func `Without a manager nothing happens`(path: String?) {
        ServiceManager(path: path).tell(.stopping)
    }
}
