import Reactor

/// The reason why a TAP device could not be made, opened or deleted.
public enum TAPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kernel takes no device of this name.
    case invalidName(String)
    /// The namespace has another device of this name.
    case nameTaken(String, namespace: String)
    /// The namespace has no device of this name.
    case absent(String, namespace: String)
    /// The device is no TAP, or not a persistent one.
    case notPersistentTAP(String, namespace: String)
    /// Another process has the device open.
    case busy(String, namespace: String)
    /// A call failed.
    case system(SystemError)

    public var description: String {
        switch self {
        case .invalidName(let name):
            "'\(name)' cannot be a device's name: give 1 to 15 bytes without '/', ':', '%' and blanks"
        case .nameTaken(let name, let namespace):
            "namespace \(namespace) already has a device named \(name)"
        case .absent(let name, let namespace):
            "namespace \(namespace) has no device named \(name)"
        case .notPersistentTAP(let name, let namespace):
            "\(name) in namespace \(namespace) is not a persistent TAP device"
        case .busy(let name, let namespace):
            "\(name) in namespace \(namespace) is in use by another process"
        case .system(let error):
            error.description
        }
    }
}

/// Runs a system call or several, for callers that throw `TAPError`.
func system<Value>(_ body: () throws(SystemError) -> Value) throws(TAPError) -> Value {
    do throws(SystemError) {
        return try body()
    } catch {
        throw .system(error)
    }
}
