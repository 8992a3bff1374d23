import JSON
import Testing

@Suite struct JSONReaderTests {
    @Test func everyPlaceHasItsPointer() throws {
        let reader = JSONReader(["a": ["x", ["b/c~": 1]]])
        #expect(reader.pointer == "")
        let elements = try #require(reader["a"]?.elements)
        #expect(elements.map(\.pointer) == ["/a/0", "/a/1"])
        #expect(elements[0].value == "x")
        #expect(elements[1]["b/c~"]?.pointer == "/a/1/b~1c~0")
        #expect(elements[1]["b/c~"]?.value == 1)
    }

    @Test func aMissingMemberHasAPointerToo() {
        let reader = JSONReader(["a": 1], at: "/ops/3")
        #expect(reader["b"]?.value == nil)
        #expect(reader.pointer(to: "b") == "/ops/3/b")
    }

    @Test func onlyAnObjectHasMembersAndOnlyAnArrayElements() {
        #expect(JSONReader([1])["a"]?.value == nil)
        #expect(JSONReader("a")["a"]?.value == nil)
        #expect(JSONReader(["a": 1]).elements?.count == nil)
        #expect(JSONReader([]).elements?.isEmpty == true)
    }
}
