import Reactor
import Security
import Southbound
import Wire

/// This host's keys for the tags of datagrams. Their public halves go to the other hosts through central; of those and
/// of its own private ones the host makes a key with each, which no other host and not even central knows.
///
/// A new key takes the place of an old one over two starts that are a day apart: at the first the others hear of it
/// beside the old one, which stays in use; at the next it is in use, and the old one is still taken. So no datagram is
/// refused because hosts hear at different moments.
struct TunnelKeyring {
    /// The shortest time that a key is the newest.
    static let life: Int64 = 24 * 60 * 60
    /// The keys that are kept: one that is only taken, one in use, the next.
    private static let countMaximum = 3

    /// A key and when it was made, in seconds since 1970.
    private struct Entry {
        var made: Int64
        var agreement: KeyAgreement
    }

    private let entries: [Entry]

    /// Reads the keys of a state directory, makes the first or the next one if it is time to, and keeps them.
    init(in directory: StateDirectory, now: Int64) throws(AgentFailure) {
        let path = Self.path(in: directory)
        let isDue: Bool
        let text = String(decoding: try directory.read(path) ?? [], as: UTF8.self)
        do throws(SecurityError) {
            var entries: [Entry] = []
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                guard words.count == 2, let made = Int64(words[0]), let octets = Self.octets(words[1]) else {
                    throw SecurityError("a line is not a key")
                }
                entries.append(Entry(made: made, agreement: try KeyAgreement(privateKey: octets)))
            }
            // A clock that was ahead keeps nobody from a new key for ever.
            isDue = entries.last.map { now - $0.made >= Self.life || $0.made > now } ?? true
            if isDue {
                entries = (entries + [Entry(made: now, agreement: try KeyAgreement())]).suffix(Self.countMaximum)
            }
            self.entries = entries
        } catch {
            throw AgentFailure("\(path) cannot be used: \(error); remove it, and hosts get new keys")
        }
        guard isDue else { return }
        let lines = entries.map { "\($0.made) \(hexadecimal($0.agreement.privateKey))\n" }.joined()
        if let failure = directory.save(Array(lines.utf8), to: path) {
            throw AgentFailure("cannot save the tunnel keys: \(failure)")
        }
    }

    /// Forgets the keys of a host that is to have none; whether there were any.
    static func remove(from directory: StateDirectory) throws(AgentFailure) -> Bool {
        guard try directory.read(path(in: directory)) != nil else { return false }
        try explaining("cannot remove the tunnel keys") { () throws(SystemError) in
            try removeFile(path(in: directory))
        }
        return true
    }

    private static func path(in directory: StateDirectory) -> String { "\(directory.path)/tunnel_keys" }

    /// The public keys that others are told, that in use first.
    var published: [String] {
        entries.suffix(Chassis.tunnelKeyCountMaximum).map { hexadecimal($0.agreement.publicKey) }
    }

    /// The keys with a chassis: first that for what we send, of the older ones on both sides, which both sides know.
    func keys(with chassis: Chassis) -> [SipHashKey] {
        let published = entries.suffix(Chassis.tunnelKeyCountMaximum)
        let own = Array(published) + entries.dropLast(published.count)
        return own.flatMap { entry in
            chassis.tunnelKeys.compactMap { text in
                guard let key = Self.octets(text[...]),
                    let secret = try? entry.agreement.secret(with: key, for: "heddle tunnel tag 1")
                else { return nil }
                return SipHashKey(low: Self.word(secret[0..<8]), high: Self.word(secret[8..<16]))
            }
        }
    }

    private static func word(_ octets: ArraySlice<UInt8>) -> UInt64 {
        octets.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The octets of 64 hexadecimal digits.
    private static func octets(_ text: Substring) -> [UInt8]? {
        guard Chassis.isTunnelKey(String(text)) else { return nil }
        let digits = Array(text.utf8).map { $0 < 0x3a ? $0 - 0x30 : $0 - 0x57 }
        return (0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] }
    }
}
