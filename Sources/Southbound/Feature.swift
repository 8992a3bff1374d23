/// The names in `features` of a sync: each kind of record that an agent applies, and those of its members
/// (`KIND.MEMBER`) that were added later and that a host has to obey.
///
/// Agents leave out members that they do not know. A member that keeps something out (an ACL, a tag) would so let it in
/// on an older host: whoever adds one names it here, in the same commit, and central binds no port that needs it to a
/// host whose agent does not say it (`unsupported_by_chassis`).
public enum Feature {
    /// That a host tags datagrams, if it is told to, and demands tags of hosts that have keys.
    public static let tunnelKeys = "chassis.tunnel_keys"

    /// All that agents of this version apply.
    public static let all: [String] = RecordKey.kinds + [tunnelKeys]

    /// Returns the features that the port's host needs. Tags need none: a host without a key gets no tags.
    public static func needed(by port: PortBinding) -> [String] { RecordKey.kinds }
}
