import Datapath
import ForwarderProtocol
import Reactor
import Testing
import Wire

@testable import Forwarder

@Suite(.timeLimit(.minutes(1))) struct ConnectionHandoverTests {
    @Test func `The file of connections comes from one agent and goes to the next`() throws {
        let forwarder = try TestForwarder()
        let (descriptor, made) = ConnectionFile.make(key: SipHashKey(low: 1, high: 2))
        let file = try #require(made)
        let first = try TestAgent(path: forwarder.path)
        _ = try first.takeGreeting()
        try first.send(.connections, Descriptor(owning: descriptor))
        // The answer comes after it was taken.
        _ = try first.statistics()
        let (greeting, held, descriptors) = try TestAgent(path: forwarder.path).takeGreeting()
        #expect(greeting?.heldCount == 1 && held == [.connections])
        let other = try #require(descriptors.first.flatMap { ConnectionFile($0.raw) })
        // It is the same memory.
        #expect(other.connections.remove { _ in true } == 0)
        withExtendedLifetime(file) {}
    }

    @Test func `A file that is none of connections ends the agent's connection`() throws {
        let forwarder = try TestForwarder()
        let (descriptor, made) = LearntMACFile.make(seed: 5)
        let agent = try TestAgent(path: forwarder.path)
        _ = try agent.takeGreeting()
        try agent.send(.connections, Descriptor(owning: descriptor))
        #expect(try agent.next() == nil)
        withExtendedLifetime(made) {}
    }
}
