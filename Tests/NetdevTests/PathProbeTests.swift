import Netdev
import Reactor
import Testing
import Wire

@Suite struct PathProbeTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func `Loopback carries what fits its MTU, and nothing larger`(text: String) throws {
        let address = try #require(IPAddress(text))
        let fitting = try PathProbe.run(
            [address, address],
            from: address,
            byteCounts: [1500, 1500],
            patience: .seconds(5)
        )
        #expect(fitting == [.carriesAll, .carriesAll])
        // Its MTU is 65,536, and no IP packet of version 4 can be larger; the loopback takes none that is.
        let mtu = try #require(try Link.mtu(ofAddress: address))
        let tooBig = try PathProbe.run([address], from: address, byteCounts: [mtu + 1000], patience: .milliseconds(500))
        #expect(tooBig == [.carriesSmallOnly])
    }

    @Test func `A host that cannot be reached is told from one that is silent`() throws {
        let source = try #require(IPAddress("127.0.0.1"))
        // From loopback there is no way to a network that is for documentation (RFC 5737), whatever this host's routes.
        let stranger = try #require(IPAddress("192.0.2.1"))
        let outcomes = try PathProbe.run([stranger], from: source, byteCounts: [1500], patience: .milliseconds(100))
        switch outcomes[0] {
        case .failed, .silent: break
        case .carriesAll, .carriesSmallOnly: Issue.record("192.0.2.1 answered")
        }
    }

    @Test func `This kernel's features can be tried out`() throws {
        let features = try KernelFeatures.probe()
        #expect(features.sendsTrains)
        #expect(features.receivesTrains)
        #expect(features.takesTCPSuperpackets)
        #expect(try Link.all().allSatisfy { !$0.name.hasPrefix("hdd") })
    }
}
