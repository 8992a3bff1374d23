/// A point in time as objects show it: RFC 3339, UTC, whole seconds.
public struct Timestamp: Hashable, Sendable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z: 0 up to the end of the year 9999.
    public let seconds: Int64

    private static let secondsMaximum: Int64 = 253_402_300_799

    /// The time that many seconds after 1970, moved into the years 1970 ... 9999.
    public init(seconds: Int64) {
        self.seconds = min(max(0, seconds), Self.secondsMaximum)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ` and nothing else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let shape = Array("0000-00-00T00:00:00Z".utf8)
        guard bytes.count == shape.count else { return nil }
        var numbers: [Int64] = [0]
        for (byte, wanted) in zip(bytes, shape) {
            if wanted == UInt8(ascii: "0") {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), let last = numbers.popLast() else {
                    return nil
                }
                numbers.append(last * 10 + Int64(byte - UInt8(ascii: "0")))
            } else {
                guard byte == wanted else { return nil }
                numbers.append(0)
            }
        }
        let days = Self.days(year: numbers[0], month: numbers[1], day: numbers[2])
        let value = days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5]
        self.init(seconds: value)
        guard description == text else { return nil }
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(20)
        spell(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the description.
    func spell(to text: inout [UInt8]) {
        func append(_ number: Int64, _ end: Unicode.Scalar?) {
            text.append(UInt8(truncatingIfNeeded: 0x30 + number / 10))
            text.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
            if let end { text.append(UInt8(ascii: end)) }
        }
        let (year, month, day) = Self.date(days: seconds / 86_400)
        let time = seconds % 86_400
        append(year / 100, nil)
        append(year % 100, "-")
        append(month, "-")
        append(day, "T")
        append(time / 3600, ":")
        append(time / 60 % 60, ":")
        append(time % 60, "Z")
    }

    /// The days from 1970-01-01 to a date of the Gregorian calendar; years start in March, so that the leap day is
    /// a year's last (Hinnant, "chrono-compatible low-level date algorithms").
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
