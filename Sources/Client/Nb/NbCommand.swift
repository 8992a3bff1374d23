/// One command of `heddle nb`, as the user wrote it: switches and ports are named by name or UUID.
public enum NbCommand: Equatable, Sendable {
    case lsAdd(String, mayExist: Bool)
    /// Delete a switch and its ports.
    case lsDel(String, ifExists: Bool)
    case lsList
    case lspAdd(switch: String, port: String, mayExist: Bool)
    case lspDel(String, ifExists: Bool)
    case lspList(switch: String)
    /// Change something of a port.
    case lspSet(String, PortSetting)
    /// Print something of a port.
    case lspGet(String, PortColumn)
    /// Print the switches with their ports, or one of them.
    case show(switch: String?)
    /// Change nothing, but wait as `--wait` says.
    case sync

    /// A column of a port that a command sets.
    public enum PortSetting: Equatable, Sendable {
        /// `lsp-set-addresses`: each `MAC [IP ...]`, `unknown` or dynamic.
        case addresses([String])
        /// `lsp-set-port-security`: each `MAC [IP[/LENGTH] ...]` or `dynamic`.
        case portSecurity([String])
        /// `lsp-set-enabled`.
        case enabled(Bool)
        /// `lsp-set-options`: all keys that the port has from then on, `requested-chassis` among them.
        case options([String: String])
    }

    /// A column of a port that a command prints.
    public enum PortColumn: Equatable, Sendable {
        /// `lsp-get-addresses`.
        case addresses
        /// `lsp-get-port-security`.
        case portSecurity
        /// `lsp-get-up`.
        case up
        /// `lsp-get-enabled`.
        case enabled
        /// `lsp-get-options`.
        case options
    }

    /// True if the command only prints.
    var onlyReads: Bool {
        switch self {
        case .lsList, .lspList, .lspGet, .show: true
        case .lsAdd, .lsDel, .lspAdd, .lspDel, .lspSet, .sync: false
        }
    }
}
