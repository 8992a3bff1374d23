import Reactor
import Wire

/// Says how far long work is: on a terminal one line that changes and goes, elsewhere a line now and then.
public final class Progress {
    /// The interval at which a log is told that work still goes on.
    static let logInterval = Duration.seconds(10)
    /// The most characters of a line that is written over itself: a longer one would leave a piece behind.
    static let widthMaximum = 78

    private let isTerminal: Bool
    private let clock: () -> Duration
    private let write: (String) -> Void
    private var text = ""
    private var isShown = false
    private var start = Duration.zero
    private var lastLogged = Duration.zero

    /// Writes to the standard error, say; on a terminal with control characters.
    public init(
        isTerminal: Bool,
        clock: @escaping () -> Duration = Clock.monotonic,
        write: @escaping (String) -> Void
    ) {
        self.isTerminal = isTerminal
        self.clock = clock
        self.write = write
    }

    /// Work begins. What is not known to be long is only told of once it has taken a while.
    func begin(_ text: String, isLong: Bool) {
        end()
        let text = text.printable
        self.text = text
        start = clock()
        lastLogged = start
        guard isLong else { return }
        if isTerminal { show(text) } else { write("heddle: \(text)\n") }
    }

    /// The work has come so far.
    func update(_ text: String) {
        self.text = text.printable
        if isShown { show(self.text) }
    }

    /// Time has passed: to be told each second or so.
    public func tick() {
        guard !text.isEmpty else { return }
        let now = clock()
        if isTerminal {
            show("\(text) (\((now - start).components.seconds) s)")
        } else if now - lastLogged >= Self.logInterval {
            lastLogged = now
            write("heddle: \(text) (\((now - start).components.seconds) s)\n")
        }
    }

    /// Takes the line away, for what is printed next.
    public func end() {
        text = ""
        guard isShown else { return }
        isShown = false
        write("\r\u{1b}[K")
    }

    private func show(_ line: String) {
        isShown = true
        // The end of a line that is too long, its seconds, matters less than its beginning.
        write("\r\(line.prefix(Self.widthMaximum))\u{1b}[K")
    }
}
