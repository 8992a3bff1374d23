/// The date format of HTTP, IMF-fixdate (RFC 9110 section 5.6.7).
public enum HTTPDate {
    private static let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    static let monthNames = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// The seconds for which the format has a year of four digits: 1970 to 9999.
    private static let range: ClosedRange<Int64> = 0...253_402_300_799

    /// Appends the date, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    /// - Parameter wallClock: Seconds since 1970; times outside 1970 to 9999 are brought to the nearest one inside.
    public static func append(_ wallClock: Int64, to bytes: inout [UInt8]) {
        let seconds = min(max(wallClock, range.lowerBound), range.upperBound)
        let (days, time) = Int(seconds).quotientAndRemainder(dividingBy: 86_400)
        let (year, month, day) = civil(days)
        bytes += dayNames[days % 7].utf8
        bytes += ", ".utf8
        appendTwoDigits(day, to: &bytes)
        bytes.append(.space)
        bytes += monthNames[month - 1].utf8
        bytes.append(.space)
        appendTwoDigits(year / 100, to: &bytes)
        appendTwoDigits(year % 100, to: &bytes)
        bytes.append(.space)
        appendTwoDigits(time / 3600, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendTwoDigits(time / 60 % 60, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        appendTwoDigits(time % 60, to: &bytes)
        bytes += " GMT".utf8
    }

    private static func appendTwoDigits(_ value: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(0x30 + value / 10 % 10))
        bytes.append(UInt8(0x30 + value % 10))
    }

    /// Year, month and day of a day since 1970 in the Gregorian calendar, counted from a 1 March so that the leap day
    /// ends the year.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }
}
