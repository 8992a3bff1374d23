import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor
import Testing
import Wire

@testable import Forwarder

@Suite(.timeLimit(.minutes(1))) struct LearntMACHandoverTests {
    @Test func `The file of learnt MACs comes from one agent and goes to the next`() throws {
        let forwarder = try TestForwarder()
        let (descriptor, made) = LearntMACFile.make(seed: 5)
        let file = try #require(made)
        let first = try TestAgent(path: forwarder.path)
        _ = try first.takeGreeting()
        try first.send(.learntMACs, Descriptor(owning: descriptor))
        // The answer comes after it was taken.
        _ = try first.statistics()
        let (greeting, held, descriptors) = try TestAgent(path: forwarder.path).takeGreeting()
        #expect(greeting?.heldCount == 1 && held == [.learntMACs])
        let other = try #require(descriptors.first.flatMap { LearntMACFile($0.raw) })
        // It is the same memory.
        #expect(other.macs.remove { _ in true } == 0)
        withExtendedLifetime(file) {}
    }

    @Test func `A file that is none of learnt MACs ends the connection, and the forwarder goes on`() throws {
        let forwarder = try TestForwarder()
        var memory: UnsafeMutableRawPointer?
        let small = Descriptor(owning: Int32(clinux_shared_file("test", 4096, &memory)))
        defer { _ = clinux_unmap(memory, 4096) }
        for descriptor in [small, nil] {
            let agent = try TestAgent(path: forwarder.path)
            _ = try agent.takeGreeting()
            try agent.send(.learntMACs, descriptor)
            #expect(try agent.next() == nil)
        }
        #expect(try TestAgent(path: forwarder.path).takeGreeting().held.isEmpty)
    }
}
