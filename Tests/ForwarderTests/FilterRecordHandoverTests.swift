import Datapath
import ForwarderProtocol
import Reactor
import Testing

@testable import Forwarder

@Suite(.timeLimit(.minutes(1))) struct FilterRecordHandoverTests {
    @Test func `The file of ACLs' decisions comes from one agent and goes to the next`() throws {
        let forwarder = try TestForwarder()
        let (descriptor, made) = FilterRecordFile.make()
        let file = try #require(made)
        let first = try TestAgent(path: forwarder.path)
        _ = try first.takeGreeting()
        try first.send(.filterRecord, Descriptor(owning: descriptor))
        // The answer comes after it was taken.
        _ = try first.statistics()
        let (greeting, held, descriptors) = try TestAgent(path: forwarder.path).takeGreeting()
        #expect(greeting?.heldCount == 1 && held == [.filterRecord])
        let other = try #require(descriptors.first.flatMap { FilterRecordFile($0.raw) })
        #expect(other.record.count(of: 1, vni: 1) == 0)
        withExtendedLifetime(file) {}
    }

    @Test func `A file of something else ends the agent's connection`() throws {
        let forwarder = try TestForwarder()
        let (descriptor, made) = LearntMACFile.make(seed: 5)
        let agent = try TestAgent(path: forwarder.path)
        _ = try agent.takeGreeting()
        try agent.send(.filterRecord, Descriptor(owning: descriptor))
        #expect(try agent.next() == nil)
        withExtendedLifetime(made) {}
    }
}
