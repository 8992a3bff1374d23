import Wire

/// The rule for names: 1 to 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID of version 8, and neither `.` nor
/// `..`, which clients take out of paths (RFC 3986 section 5.2.4).
public enum ObjectName {
    /// The reason why a text cannot be a name, as one clause, or `nil` if it can.
    public static func problem(_ text: String) -> String? {
        guard (1...Limits.nameByteCountMaximum).contains(text.utf8.count) else {
            return "a name has 1 to \(Limits.nameByteCountMaximum) bytes"
        }
        guard text.utf8.allSatisfy(isAllowed) else {
            return "a name consists of letters, digits and any of ._:@-"
        }
        guard text != ".", text != ".." else { return "a name may not be \".\" or \"..\"" }
        guard ObjectID(text)?.isGiven != true else {
            return "a name may not look like a UUID of version 8, which is taken for an object's id; take one of "
                + "another version, or put a word before it: \"port-\(text)\""
        }
        return nil
    }

    /// The reason why a text cannot be the name of a chassis, whose `chassis_id` may be any UUID.
    public static func problem(ofChassis text: String) -> String? {
        guard ObjectID(text) == nil else {
            return "the name of a chassis may not look like a UUID, which is taken for a chassis_id; put a word before "
                + "it: \"host-\(text)\""
        }
        return problem(text)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"),
            UInt8(ascii: "@"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
