/// What agent and forwarder say to each other over their socket.
public enum ForwarderProtocol {
    /// The version of the messages; an agent replaces a forwarder of another one.
    public static let version: UInt16 = 1
}
