import Testing

@testable import Client

@Suite struct TextTableTests {
    private static let table: TextTable = {
        var table = TextTable(["NAME", "ADDRESSES", "LABELS", "UP"])
        table.append(["a-long-name-of-a-port", "02:00:00:00:00:01 10.0.0.1", "app=web,tier=front,zone=b", "true"])
        table.append(["p2", "", "app=db", "false"])
        return table
    }()

    private static func lines(_ width: Int?) -> [String] {
        table.text(fitting: width).split(separator: "\n").map(String.init)
    }

    @Test func `The widest columns give way, to the last character that is needed`() {
        let whole = Self.table.text
        let width = Self.lines(nil).map(\.count).max() ?? 0
        for fitting in [nil, width, width + 9] { #expect(Self.table.text(fitting: fitting) == whole) }
        #expect(
            Self.lines(60) == [
                "NAME                   ADDRESSES       LABELS          UP",
                "a-long-name-of-a-port  02:00:00:00:0…  app=web,tier=…  true",
                "p2                     -               app=db          false",
            ]
        )
        for fitting in 49...width { #expect(Self.lines(fitting).allSatisfy { $0.count <= fitting }, "\(fitting)") }
    }

    @Test func `Names, titles and short cells stay whole, however narrow the terminal is`() {
        for width in [-1, 0, 1, 10, 40] {
            #expect(
                Self.lines(width) == [
                    "NAME                   ADDRESSES  LABELS    UP",
                    "a-long-name-of-a-port  02:00:00…  app=web…  true",
                    "p2                     -          app=db    false",
                ]
            )
        }
    }
}
