import HTTPTypes

/// An answer with all of its content.
public struct HTTPClientResponse: Sendable, Equatable {
    /// Status and fields; those that concern the connection alone are not among them.
    public let response: HTTPResponse
    /// The content, without any transfer coding.
    public var body: [UInt8]
}
