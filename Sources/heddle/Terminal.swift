import Client
import Glibc
import Reactor
import Wire

/// Prints, with what a terminal would obey escaped; the program ends if nobody can read it, a full disk say.
///
/// Cells, rows and documents are escaped where they are made, as each needs; this is for what was forgotten there.
func put(_ text: String) { put(text, hasStates: false) }

/// Prints in the same way.
/// - Parameter hasStates: True if words that tell states may have colours.
func put(_ text: String, hasStates: Bool) {
    let lines = text.printableLines
    guard write(hasStates && showsColors ? lines.paintedStates : lines, to: STDOUT_FILENO) else {
        complain("cannot write the output: \(String(cString: strerror(errno)))")
        exit(ExitStatus.refused.rawValue)
    }
}

/// The variable that has the word of `--color`.
let colorVariable = "HEDDLE_COLOR"

/// True if the output is to have colours: `--color` says so, or it goes to a terminal that has them and nobody wants
/// none (no-color.org).
private var showsColors: Bool {
    switch environmentVariable(colorVariable) {
    case "always": true
    case "never": false
    default:
        isatty(STDOUT_FILENO) == 1 && environmentVariable("NO_COLOR") == nil && environmentVariable("TERM") != "dumb"
    }
}

/// The characters of a line of the terminal that the output goes to; `nil` if it goes elsewhere, or nobody knows.
var terminalWidth: Int? {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
}

/// Ends the program as a write would that nobody can read: by SIGPIPE, of which shells say nothing.
func endUnread() {
    _ = raise(SIGPIPE)
    exit(ExitStatus.refused.rawValue)
}

/// Says on the standard error what is wrong, on one line.
func complain(_ sentence: String) {
    LogQueue.standardError.flush()
    _ = write("heddle: \(sentence.printable)\n", to: STDERR_FILENO)
}

/// Writes on the standard error as it is.
func tell(_ text: String) {
    _ = write(text, to: STDERR_FILENO)
}

/// Writes all of a text, without a buffer that could lose its end; false if it cannot, with the cause in `errno`.
private func write(_ text: String, to descriptor: Int32) -> Bool { write(Array(text.utf8), to: descriptor) }

/// Writes all of these octets; false if it cannot, with the cause in `errno`.
func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
    }
    return true
}
