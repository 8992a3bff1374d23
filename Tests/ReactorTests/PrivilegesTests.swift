import CLinux
import Glibc
import Testing

@testable import Reactor

@Suite struct PrivilegesTests {
    @Test func `Capabilities that were given up do not come back`() async {
        await #expect(processExitsWith: .success) {
            try Privileges.dropAllCapabilities()
            precondition(clinux_effective_capabilities() == 0)
            precondition(clinux_unshare_network() == -Int(EPERM))
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
