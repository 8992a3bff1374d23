import CLinux

/// Writes stars over a secret among the words that this process was started with, which every user of the machine sees
/// in the list of processes.
public func hideArgument(_ secret: String) { clinux_hide_argument(secret) }
