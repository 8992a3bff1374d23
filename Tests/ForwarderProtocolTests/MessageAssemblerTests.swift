import ForwarderProtocol
import Testing

@Suite struct MessageAssemblerTests {
    /// A message of about `count` times 60 bytes.
    private func statistics(ports count: Int) -> ForwarderMessage {
        .statistics(
            ForwarderStatistics(
                ports: (0..<count).map { SourceStatistics(name: "vm\($0)") }
            )
        )
    }

    @Test func `A short message is one packet`() throws {
        var assembler = MessageAssembler()
        for message in Samples.messages {
            let packets = message.packets()
            #expect(packets.count == 1)
            #expect(try assembler.receive(packets[0]) == message)
        }
    }

    @Test func `A long message comes together from its packets`() throws {
        let message = statistics(ports: ForwarderProtocol.portCountMaximum)
        let packets = message.packets()
        #expect(packets.count > 2)
        #expect(packets.allSatisfy { $0.count <= ForwarderProtocol.packetByteCountMaximum })
        var assembler = MessageAssembler()
        for packet in packets.dropLast() {
            #expect(try assembler.receive(packet) == nil)
        }
        #expect(try assembler.receive(packets[packets.count - 1]) == message)
    }

    @Test func `A short packet inside a message, a packet that says too much and an empty one are errors`() {
        let packets = statistics(ports: 4000).packets()
        var assembler = MessageAssembler()
        #expect(throws: ForwarderMessageError.truncated) { try assembler.receive(Array(packets[0].dropLast())) }
        assembler = MessageAssembler()
        #expect(throws: ForwarderMessageError.trailingBytes) {
            try assembler.receive(ForwarderMessage.commit.encode() + [1])
        }
        assembler = MessageAssembler()
        #expect(throws: ForwarderMessageError.truncated) { try assembler.receive([]) }
    }
}
