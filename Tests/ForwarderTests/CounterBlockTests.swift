import Datapath
import ForwarderProtocol
import Testing

@testable import Forwarder

@Suite struct CounterBlockTests {
    @Test func `Every counter of every source is its own`() {
        let block = CounterBlock()
        defer { block.deallocate() }
        let sources = [0, 1, CounterBlock.underlay - 1, CounterBlock.underlay]
        for source in sources {
            for (index, word) in CounterBlock.Word.allCases.enumerated() {
                block.add(UInt64(source * 100 + index + 1), to: word, of: source)
            }
            for reason in DropReason.allCases {
                for _ in 0...reason.rawValue { block.addDrop(reason, of: source) }
            }
            for kind in AnswerKind.allCases {
                for _ in 0...kind.rawValue { block.addAnswer(kind, of: source) }
            }
        }
        for source in sources {
            for (index, word) in CounterBlock.Word.allCases.enumerated() {
                #expect(block.value(word, of: source) == UInt64(source * 100 + index + 1))
            }
            for reason in DropReason.allCases {
                #expect(block.drops(reason, of: source) == UInt64(reason.rawValue) + 1)
            }
            for kind in AnswerKind.allCases { #expect(block.answers(kind, of: source) == UInt64(kind.rawValue) + 1) }
        }
        block.clear(1)
        #expect(CounterBlock.Word.allCases.allSatisfy { block.value($0, of: 1) == 0 })
        #expect(DropReason.allCases.allSatisfy { block.drops($0, of: 1) == 0 })
        #expect(block.value(.receivedFrames, of: 0) == 1)
    }

    @Test func `Statistics sum over pollers and name the reasons that dropped anything`() {
        let blocks = [CounterBlock(), CounterBlock()]
        defer { for block in blocks { block.deallocate() } }
        blocks[0].add(3, to: .receivedFrames, of: 4)
        blocks[1].add(5, to: .sentFrames, of: 4)
        blocks[0].add(6, to: .singlySentFrames, of: 4)
        blocks[1].add(7, to: .singlySentFrames, of: 4)
        blocks[0].addDrop(.ingressPortSecurity, of: 4)
        blocks[1].addDrop(.ingressPortSecurity, of: 4)
        blocks[0].addAnswer(.dhcpOffer, of: 4)
        var expected = SourceStatistics(name: "vm1")
        expected.receivedFrames = 3
        expected.sentFrames = 5
        expected.singlySentFrames = 13
        expected.drops = [NamedCount(name: "ingress_port_security", frames: 2)]
        expected.answers = [NamedCount(name: "dhcp_offer", frames: 1)]
        #expect(SourceStatistics(name: "vm1", of: 4, in: blocks) == expected)
    }
}
