/// The bounds of the northbound database, as `/version` shows them.
public enum Limits {
    /// The longest name, in bytes, as OVN's tools and a file name take it.
    public static let nameByteCountMaximum = 128
    public static let labelCountMaximum = 64
    /// The most labels that one patch of an object names: enough to remove all and to add as many. It is checked before
    /// anything is merged.
    public static let patchedLabelCountMaximum = 2 * labelCountMaximum
    /// The longest key of a label or an option, in bytes.
    public static let labelKeyByteCountMaximum = 128
    /// The longest value of a label or an option, in bytes.
    public static let labelValueByteCountMaximum = 1024
    /// The most strings in `addresses` or `port_security` of one port.
    public static let addressCountMaximum = 64
    /// The most IP addresses or prefixes in all strings of `addresses` or of `port_security` of one port: a record
    /// stays far below one page of the feed.
    public static let ipCountMaximum = 256
    /// The most addresses and ranges in `exclude_ips` of one switch: the lowest free address is found in as many steps.
    public static let excludedRangeCountMaximum = 256
    /// The longest token of a pointer in a refusal, in bytes: longer ones are names that nothing has, cut so that no
    /// answer is as large as its request.
    static let pointerTokenByteCountMaximum = 256
    public static let requestedChassisCountMaximum = 16
    /// The most chassis that wait for one port and are shown: a migration has one, a mistake a few.
    public static let waitingChassisCountMaximum = 8
    /// The most ports of one switch: each needs a key of 15 bits.
    public static let portsPerSwitchMaximum = 32_767
    public static let topologyObjectCountMaximum = 10_000
    /// Objects of a topology that a refusal names; if more are wrong, one thing is wrong with all of them.
    public static let topologyRefusalCountMaximum = 100
    public static let operationCountMaximum = 10_000
    /// Objects of a kind that a write deletes without a confirmation of their number, however few there are.
    public static let unconfirmedDeletionCountMaximum = 100
    /// The part of a kind that a write deletes without it: one in so many.
    public static let unconfirmedDeletionDivisor = 5
}
