import Glibc
import HTTP
import Netdev
import Reactor
import Testing

@testable import Agent
@testable import AgentCore

/// The messages about a device that cannot be made.
@Suite struct PortDeviceTests {
    private func detail(_ call: String, _ errno: Int32) -> String {
        let port = PortSpecification(name: "vm1", logicalPort: "ls1-vm1", interface: "vm1")
        return PortDevice.refusal(of: .system(SystemError(call: call, errno: errno)), port).detail
    }

    @Test func `The device file of TAPs has its remedies, and other errors are as they are`() {
        #expect(detail("open /dev/net/tun", EACCES).contains("'chmod 666 /dev/net/tun'"))
        #expect(detail("open /dev/net/tun", ENOENT).contains("'modprobe tun'"))
        #expect(detail("ioctl TUNSETIFF vm1", EACCES).hasSuffix("ioctl TUNSETIFF vm1: Permission denied."))
    }
}
