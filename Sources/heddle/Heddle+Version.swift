import API

extension Heddle {
    /// The version that `--version` prints, which is central's too.
    static let version = API.version
}
