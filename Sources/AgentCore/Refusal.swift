/// The reason why a request at the agent's socket changes nothing.
public struct Refusal: Error, Hashable, Sendable {
    /// The kind of refusal, which decides the HTTP status.
    public enum Kind: Hashable, Sendable {
        /// 400: not JSON, or an unknown field.
        case malformed
        /// 404: no such port.
        case notFound
        /// 409: a clash with another port or device.
        case conflict
        /// 422: a value that cannot be.
        case invalid
        /// 503: cannot be done now.
        case unavailable
        /// 507: the state directory cannot be written.
        case storage
    }

    public var kind: Kind
    /// A stable word for programs: `netns_missing`.
    public var code: String
    /// One sentence for people, with the remedy.
    public var detail: String
    /// The JSON pointer of the field at fault, if there is one.
    public var pointer: String?

    public init(_ kind: Kind, code: String, detail: String, pointer: String? = nil) {
        self.kind = kind
        self.code = code
        self.detail = detail
        self.pointer = pointer
    }
}
