import JSON
import TestSupport
import Testing

@testable import Client

/// Values as YAML.
@Suite struct YAMLTextTests {
    @Test(arguments: [
        "on", "Yes", "1e3", "02:00:00:00:00:01", "", "a: b", "#x", "-", "a\nb", "null", "true", "ü", " x",
    ])
    func `A string that YAML could take for something else stands in quotes`(text: String) throws {
        let object: JSONValue = ["a": .string(text)]
        let line = try object.yaml()
        #expect(line.hasPrefix("a: \"") && line.hasSuffix("\"\n"), Comment(rawValue: line))
    }
}
