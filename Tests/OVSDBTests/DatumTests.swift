import JSON
import Testing

@testable import OVSDB

@Suite struct DatumTests {
    @Test(arguments: [
        ("a.b", "a.b"), ("a_b-9", "a_b-9"), ("_a", "_a"), ("9a", "\"9a\""), ("a:b", "\"a:b\""), ("a/b", "\"a/b\""),
        ("é", "\"é\""), ("aé", "\"aé\""), ("true", "\"true\""), ("True", "True"), ("", "\"\""), ("a b", "\"a b\""),
        ("with\"q", "\"with\\\"q\""), ("tab\t", "\"tab\\t\""),
        ("8c831df7-51d3-4985-86ee-c53bf8026123", "\"8c831df7-51d3-4985-86ee-c53bf8026123\""),
    ])
    func `a string that could be something else is in quotes`(value: String, text: String) {
        #expect(Atom.string(value).text == text)
    }

    @Test(
        arguments: [
            ("a,b", ColumnType.set(.string), "[a, b]"), ("[b, a]", .set(.string), "[a, b]"),
            ("[]", .set(.string), "[]"),
            ("\"10.0.0.1\" x", .set(.string), "[\"10.0.0.1\", x]"), ("{a=b,c=\"d e\"}", .map, "{a=b, c=\"d e\"}"),
            ("k=v", .map, "{k=v}"), ("{}", .map, "{}"), ("7", .integer, "7"), ("-7", .integer, "-7"),
            ("true", .optional(.boolean), "true"), ("[]", .optional(.integer), "[]"), ("[5]", .optional(.integer), "5"),
            ("\"\"", .string, "\"\""), ("a", .string, "a"),
        ] as [(String, ColumnType, String)]
    )
    func `values are read as OVN's programs read them`(text: String, type: ColumnType, printed: String) throws {
        var reader = DatumReader(text)
        #expect(try reader.datum(type).text(type) == printed)
    }

    @Test(
        arguments: [
            ("02:00:00:00:00:01 10.0.0.1", ColumnType.set(.string), "unexpected \":\""),
            ("a,a", .set(.string), "twice"),
            ("a=1 a=2", .map, "twice"), ("a", .map, "KEY=VALUE"), ("x", .integer, "valid integer"),
            ("99999999999999999999", .integer, "valid integer"), ("foo", .boolean, "use \"true\" or \"false\""),
            ("4 5", .optional(.integer), "one value"), ("", .integer, "may not be empty"), ("\"a", .string, "no end"),
            ("[a", .set(.string), "no ']'"), ("[a]b", .set(.string), "unexpected"), ("{a=b} c", .map, "unexpected"),
            ("\"\\q\"", .string, "JSON"), ("\"\\", .string, "no end"), ("a b", .string, "one value"),
        ] as [(String, ColumnType, String)]
    )
    func `what is no value is refused`(text: String, type: ColumnType, piece: String) {
        var reader = DatumReader(text)
        #expect { try reader.datum(type) } throws: { ($0 as? DatumError)?.reason.contains(piece) == true }
    }

    @Test func `A quote stays one before a mark that joins it`() throws {
        let texts = ["\u{5a4}", "a\u{301}, b", "\u{301}=\u{301}"]
        let datum = Datum.strings(texts)
        var reader = DatumReader(datum.text(.set(.string)))
        #expect(try reader.datum(.set(.string)) == datum)
    }

    @Test func `a value survives JSON`() throws {
        let map = Datum(map: ["b": "2", "a": "1"])
        #expect(map.json(.map).text == #"["map",[["a","1"],["b","2"]]]"#)
        #expect(Datum(json: map.json(.map), .map) == map)
        let id = "8c831df7-51d3-4985-86ee-c53bf8026123"
        #expect(Datum.uuids([id]).json(.set(.uuid)) == ["uuid", .string(id)])
        #expect(Datum.uuids([id]).json(.uuid).text == "[\"uuid\",\"\(id)\"]")
        #expect(Datum().json(.set(.uuid)).text == #"["set",[]]"#)
        for wrong: JSONValue in [["set", 1], ["map", []], 1, [["uuid", "x"]], ["uuid", "x"]] {
            #expect(Datum(json: wrong, .set(.uuid)) == nil)
        }
    }

    @Test func `a difference of the log is applied`() {
        let old = Datum.strings(["a", "b"])
        #expect(old.applying(.strings(["b", "c"]), .set(.string)) == .strings(["a", "c"]))
        #expect(old.applying(.strings(["x"]), .string) == .strings(["x"]))
        let map = Datum(map: ["a": "1", "b": "2", "c": "3"])
        #expect(
            map.applying(Datum(map: ["a": "1", "b": "9", "d": "4"]), .map)
                == Datum(map: ["b": "9", "c": "3", "d": "4"])
        )
    }

    @Test func `rows are compared as find compares them`() {
        func holds(_ comparison: Condition.Comparison, _ value: [String], _ own: [String], key: String? = nil) -> Bool {
            let datum = key == nil ? Datum.strings(own) : Datum(map: ["k": own.first ?? ""])
            return Condition(
                column: "c",
                key: key.map { .string($0) },
                comparison: comparison,
                value: .strings(value)
            ).holds(datum)
        }
        #expect(holds(.equal, ["a", "b"], ["b", "a"]))
        #expect(holds(.superset, ["a"], ["a", "b"]) && !holds(.superset, ["c"], ["a", "b"]))
        #expect(holds(.within, ["a", "b"], ["a"]) && holds(.outside, ["c"], ["a"]) && !holds(.outside, ["a"], ["a"]))
        #expect(holds(.properSubset, ["a", "b"], ["a"]) && !holds(.properSubset, ["a"], ["a"]))
        #expect(holds(.less, ["b"], ["a"]) && holds(.less, ["a", "b"], ["z"]) && holds(.atLeast, ["a"], ["a"]))
        #expect(holds(.different, ["x"], ["v"], key: "k") && !holds(.different, ["x"], ["v"], key: "other"))
        #expect(holds(.differentSet, ["x"], ["v"], key: "other"))
    }

    @Test func `tables look as those of OVN's programs`() {
        let table = RowTable(
            columns: [("name", .string), ("external_ids", .map), ("ports", .set(.string))],
            rows: [
                [.string("abc"), Datum(), Datum()],
                [.string("ls1"), Datum(map: ["a": "b \"c", "n": "x,y"]), .strings(["p", "q r"])],
            ]
        )
        var style = RowStyle()
        #expect(
            table.text(style) == """
                name                : abc
                external_ids        : {}
                ports               : []

                name                : ls1
                external_ids        : {a="b \\"c", n="x,y"}
                ports               : [p, "q r"]

                """
        )
        style.format = .table
        #expect(
            table.text(style) == """
                name external_ids         ports
                ---- -------------------- ----------
                abc  {}                   []
                ls1  {a="b \\"c", n="x,y"} [p, "q r"]

                """
        )
        style.format = .csv
        style.cells = .bare
        #expect(table.text(style) == "name,external_ids,ports\nabc,,\nls1,\"a=b \"\"c n=x,y\",p q r\n")
        style.format = .json
        #expect(
            table.text(style) == #"{"data":[["abc",["map",[]],["set",[]]],["ls1",["map",[["a","b \"c"],["n","x,y"]]],"#
                + #"["set",["p","q r"]]]],"headings":["name","external_ids","ports"]}"# + "\n"
        )
        style.isPretty = true
        let small = RowTable(columns: [("name", .string)], rows: [[.string("abc")]])
        #expect(
            small.text(style) == """
                {
                  "data": [
                    [
                      "abc"]],
                  "headings": [
                    "name"]}

                """
        )
        style.makeBare()
        #expect(small.text(style) == "abc\n")
    }
}
