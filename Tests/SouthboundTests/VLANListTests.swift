import Testing
import Wire

@testable import Southbound

@Suite struct VLANListTests {
    @Test func `A list is written in ascending ranges that do not touch`() {
        let texts = [
            "10": "10", "10,20-29": "10,20-29", "29,20-28,10": "10,20-29", "1-10,5-20,21": "1-21", "0,4094": "0,4094",
            "0-4094": "0-4094", "7-7": "7", "3,1,2": "1-3", "007": "7",
        ]
        for (text, canonical) in texts {
            #expect(VLANList(text)?.description == canonical, "\(text)")
            #expect(VLANList(canonical).map { VLANList($0.description) } == VLANList(text), "\(text)")
        }
        #expect(VLANList("")?.description == "")
        #expect(VLANList("10,20-29")?.contains(25) == true && VLANList("10,20-29")?.contains(19) == false)
    }

    @Test func `Anything else is none`() {
        let texts = [
            ",", "1,", ",1", "-", "1-", "-1", "1--2", "1-2-3", "2-1", "4095", "70000", "a", "1 ", "1, 2", "+1", "0x1",
        ]
        for text in texts {
            #expect(VLANList(text) == nil, "\(text)")
        }
        let most = VLANList.rangeCountMaximum
        #expect(VLANList((0..<most).map { "\(2 * $0)" }.joined(separator: ","))?.ranges.count == most)
        #expect(VLANList((0...most).map { "\(2 * $0)" }.joined(separator: ",")) == nil)
    }
}
