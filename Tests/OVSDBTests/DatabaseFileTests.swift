import JSON
import Testing

@testable import OVSDB

@Suite struct DatabaseFileTests {
    /// A digest that tests can make: the octets' sum, in 20 of them.
    @Sendable private static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let sum = bytes.reduce(UInt64(0)) { $0 &* 31 &+ UInt64($1) }
        return (0..<20).map { UInt8(truncatingIfNeeded: sum >> UInt64($0 % 8 * 8)) }
    }

    private static func record(_ text: String, _ kind: String = "JSON") -> [UInt8] {
        let content = Array((text + "\n").utf8)
        let digits = digest(content).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        return Array("OVSDB \(kind) \(content.count) \(digits)\n".utf8) + content
    }

    private static func read(_ bytes: [UInt8]) throws(DatabaseError) -> DatabaseFile {
        try DatabaseFile(bytes, digest: digest)
    }

    private static let schema = """
        {"name":"OVN_Northbound","version":"7.0.0","tables":{"Logical_Switch":{"columns":{"name":{"type":"string"},\
        "external_ids":{"type":{"key":"string","value":"string","min":0,"max":"unlimited"}},\
        "ports":{"type":{"key":{"type":"uuid","refTable":"Logical_Switch_Port"},"min":0,"max":"unlimited"}},\
        "weight":{"type":"real"}}}}}
        """
    private static let id = "95f67b8d-7bdd-440e-b783-ec6680b61a44"

    @Test func `a standalone log is its schema and its transactions`() throws {
        let bytes =
            Self.record(Self.schema)
            + Self.record(
                #"{"_date":1,"Logical_Switch":{"\#(Self.id)":{"name":"a","#
                    + #""external_ids":["map",[["a","1"],["b","2"]]]}}}"#
            )
            + Self.record(
                #"{"_is_diff":true,"Logical_Switch":{"\#(Self.id)":{"external_ids":["map",[["a","1"],["b","3"]]]}}}"#
            )
            + Self.record(#"{"Logical_Switch":{"8c831df7-51d3-4985-86ee-c53bf8026123":{"name":"gone"}}}"#)
            + Self.record(#"{"Logical_Switch":{"8c831df7-51d3-4985-86ee-c53bf8026123":null}}"#)
        let file = try Self.read(bytes)
        #expect(file.contents.name == "OVN_Northbound" && file.remarks.isEmpty && file.contents.rowCount == 1)
        #expect(
            file.contents.rows["Logical_Switch"] == [
                Self.id: ["name": .string("a"), "external_ids": Datum(map: ["b": "3"])]
            ]
        )
        // A crash, or a server that writes at this moment, leaves a part of a record.
        for count in (bytes.count - 150)..<bytes.count {
            let file = try Self.read(Array(bytes[..<count]))
            #expect(file.contents.rows["Logical_Switch"]?.isEmpty == false)
        }
    }

    private static func header(_ more: String = "") -> [UInt8] {
        record(
            #"{"server_id":"x","name":"OVN_Northbound","prev_term":1,"prev_index":1,"prev_data":[\#(schema),{}]}"#,
            "CLUSTER"
        )
    }

    private static func entry(_ index: Int, _ name: String) -> [UInt8] {
        record(
            #"{"term":1,"index":\#(index),"data":[null,{"Logical_Switch":{"\#(id)":{"name":"\#(name)"}}}]}"#,
            "CLUSTER"
        )
    }

    @Test func `the last of two entries with one index counts, and what is not committed is told`() throws {
        let bytes =
            Self.header() + Self.record(#"{"vote":"x","term":1}"#, "CLUSTER") + Self.entry(2, "a")
            + Self.entry(3, "b") + Self.entry(3, "c") + Self.record(#"{"commit_index":3}"#, "CLUSTER")
        let file = try Self.read(bytes)
        #expect(file.contents.rows["Logical_Switch"]?[Self.id]?["name"] == .string("c") && file.remarks.isEmpty)
        let open = try Self.read(bytes + Self.entry(4, "d"))
        #expect(open.contents.rows["Logical_Switch"]?[Self.id]?["name"] == .string("d"))
        #expect(open.remarks.count == 1 && open.remarks[0].contains("the last 1 entries"))
    }

    @Test(arguments: [
        ("", "no database of ovsdb-server"), ("OVSDB JSON 5 x\n", "no beginning of a record"),
        ("OVSDB JSON 99999999999999999999 \(String(repeating: "a", count: 40))\n", "no beginning"),
        ("OVSDB JSON 999999999 \(String(repeating: "a", count: 40))\n", "longer than"),
        ("OVSDB JSON 2 \(String(repeating: "a", count: 40))\n{}", "damaged"),
        ("OVSDB JSON -1 \(String(repeating: "a", count: 40))\n", "no beginning"),
        ("OVSDB JSON \(String(repeating: "1", count: 300))", "no beginning"),
    ])
    func `a broken file is refused`(text: String, piece: String) {
        #expect { try Self.read(Array(text.utf8)) } throws: { ($0 as? DatabaseError)?.reason.contains(piece) == true }
    }

    @Test(arguments: [
        ("{}", "no schema"), ("[1]", "no schema"), (String(repeating: "[", count: 100), "nested deeper"),
        ("{\"a\":1,\"a\":2}", "appears twice"),
    ])
    func `a broken schema is refused`(text: String, piece: String) {
        #expect { try Self.read(Self.record(text)) } throws: { ($0 as? DatabaseError)?.reason.contains(piece) == true }
    }

    @Test(arguments: [
        (#"{"Nowhere":{"\#(id)":{}}}"#, "no table"), (#"{"Logical_Switch":{"x":{}}}"#, "no UUID"), ("[]", "no object"),
        (#"{"Logical_Switch":{"\#(id)":{"name":7}}}"#, "no string"), (#"{"Logical_Switch":7}"#, "no object"),
        (#"{"Logical_Switch":{"\#(id)":{"ports":["set",["a"]]}}}"#, "no set of uuids"),
    ])
    func `a broken transaction is refused`(text: String, piece: String) {
        #expect {
            try Self.read(Self.record(Self.schema) + Self.record(text))
        } throws: {
            ($0 as? DatabaseError)?.reason.contains(piece) == true
        }
    }

    @Test func `entries of a cluster follow each other`() {
        for index in [0, 1, 4, Int.max, Int.min] {
            #expect(throws: DatabaseError.self) { try Self.read(Self.header() + Self.entry(index, "a")) }
        }
        #expect(throws: DatabaseError.self) { try Self.read(Self.record(#"{"name":"x"}"#, "CLUSTER")) }
    }

    @Test func `a stream is divided into its texts`() throws {
        var stream = JSONStream(byteCountMaximum: 64)
        for byte in #"{"a":"}\"{"} [1,[2]]"#.utf8.dropLast() { stream.append([byte]) }
        #expect(try stream.next() == ["a": "}\"{"])
        #expect(try stream.next() == nil)
        stream.append(Array("]{".utf8))
        #expect(try stream.next() == [1, [2]])
        stream.append([UInt8](repeating: 0x20, count: 64))
        #expect(throws: DatabaseError.self) { try stream.next() }
        var deep = JSONStream(byteCountMaximum: 1000)
        deep.append(Array(String(repeating: "[", count: 40).utf8))
        #expect(throws: DatabaseError.self) { try deep.next() }
        var broken = JSONStream(byteCountMaximum: 1000)
        broken.append(Array("}".utf8))
        #expect(throws: DatabaseError.self) { try broken.next() }
    }
}
