import CLinux
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct PrivilegesTests {
    @Test func `Capabilities that were given up do not come back`() async {
        await #expect(processExitsWith: .success) {
            try Privileges.dropAllCapabilities()
            precondition(clinux_effective_capabilities() == 0)
            precondition(clinux_unshare_network() == -Int(EPERM))
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `Who becomes another user leaves all of root's behind`() async {
        await #expect(processExitsWith: .success) {
            try Privileges.becomeUser(65_530, group: 65_530)
            precondition(getuid() == 65_530 && geteuid() == 65_530 && getegid() == 65_530)
            precondition(getgroups(0, nil) == 0)
            precondition(clinux_effective_capabilities() == 0)
            precondition(setuid(0) != 0)
        }
    }

    @Test func `Files that were forbidden cannot be opened any more, and those that are open stay`() async {
        await #expect(processExitsWith: .success) {
            let file = try Descriptor.open("/proc/self/status", flags: O_RDONLY)
            try Privileges.dropAllCapabilities()
            guard try Privileges.forbidFiles() else { return }
            var byte: UInt8 = 0
            precondition(clinux_read(file.raw, &byte, 1) == 1)
            for path in ["/etc/passwd", "/proc/self/status", "/tmp"] {
                precondition(clinux_open(path, O_RDONLY, 0) == -Int(EACCES))
            }
            precondition(clinux_mkdir("/tmp/hd-forbidden", 0o700) == -Int(EACCES))
            // Nor can a socket be given a name there, which no filter of system calls would see.
            let address = SocketAddress.unix(path: "/tmp/hd-forbidden.sock")
            let socket = Int32(clinux_socket(AF_UNIX, CLINUX_SOCK_DGRAM, 0))
            let answer = try address.withStorage { clinux_bind(socket, $0, $1) }
            precondition(answer == -Int(EACCES))
        }
    }

    @Test func `System calls that were not left fail, and packets still move`() async {
        await #expect(processExitsWith: .success) {
            let socket = try UDPSocket(boundTo: .ip(.v4(IPv4Address(0x7f00_0001)), port: 0)).descriptor
            try Privileges.dropAllCapabilities()
            try Privileges.filterSystemCalls()
            precondition(clinux_open("/etc/passwd", O_RDONLY, 0) == -Int(EPERM))
            precondition(clinux_socket(AF_UNIX, CLINUX_SOCK_STREAM, 0) == -Int(EPERM))
            precondition(clinux_socket(AF_INET, CLINUX_SOCK_STREAM, 0) == -Int(EPERM))
            var memory: UnsafeMutableRawPointer?
            precondition(clinux_map_private(1 << 20, &memory) == 0)
            precondition(mprotect(memory, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EPERM)
            let another = Int32(clinux_socket(AF_INET, CLINUX_SOCK_DGRAM, 0))
            let isSent = try socket.localAddress().withStorage { clinux_send_to(another, [1], 1, $0, $1) } == 1
            precondition(isSent)
            let done = OneShot<Int>()
            startThread(named: "later") { done.put(1) }
            precondition(done.take() == 1)
        }
    }

    @Test func `System calls that nobody makes by mistake end the process`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try Privileges.dropAllCapabilities()
            try Privileges.filterSystemCalls()
            _ = clinux_unshare_network()
        }
    }

    @Test func `The descriptor limit is raised to the most there may be`() async {
        await #expect(processExitsWith: .success) {
            let limit = try Privileges.raiseDescriptorLimit()
            var now = rlimit()
            getrlimit(__rlimit_resource_t(7), &now)
            precondition(Int(now.rlim_cur) == limit && now.rlim_cur == now.rlim_max)
        }
    }
}
