import AgentCore
import CLinux
import Datapath
import ForwarderProtocol
import HTTP
import HTTPTransport
import HTTPTypes
import Reactor
import Wire

/// The captures under way: a ring that the forwarder fills, and a user who gets what is in it, as one answer that stays
/// open.
final class Captures {
    /// The interval at which rings are looked at.
    static let interval = Duration.milliseconds(20)
    /// The most octets of records taken out of a ring at one look: some 50 MiB/s. Beyond that rings fill, and frames
    /// are missed.
    static let byteCountPerLookMaximum = 1 << 20

    /// The names of what frames were sent to.
    struct Names {
        var port: (UInt16) -> String
        var chassis: (IPAddress) -> String
        var acl: (_ identity: UInt64) -> String?
    }

    private final class Capture {
        let exchange: HTTPExchange
        let ring: CaptureRing
        let logicalPort: String
        let duration: Duration?
        var file: CaptureFile
        /// The answer, from its begin on.
        var stream: BodyStream?
        /// True if the user has taken all that was written.
        var mayWrite = true
        var deadline: Duration?

        init(_ exchange: HTTPExchange, _ ring: CaptureRing, _ request: CaptureRequest, logicalPort: String) {
            self.exchange = exchange
            self.ring = ring
            self.logicalPort = logicalPort
            duration = request.duration
            file = CaptureFile(request)
        }
    }

    private let loop: EventLoop
    private let program: String
    private let names: Names
    private let send: ([(message: ForwarderMessage, descriptors: [Descriptor])]) -> Void
    /// Hears of captures that have reached their limits.
    private let ended: (Ticket) -> Void
    private var captures: [Ticket: Capture] = [:]
    private var timer: TimerHandle?

    /// - Parameters:
    ///   - program: the name and version of this program, for the files.
    ///   - send: sends messages to the forwarder.
    ///   - ended: hears of captures that have reached their limits, never within a call of the user's.
    init(
        loop: EventLoop,
        program: String,
        names: Names,
        send: @escaping ([(message: ForwarderMessage, descriptors: [Descriptor])]) -> Void,
        ended: @escaping (Ticket) -> Void
    ) {
        self.loop = loop
        self.program = program
        self.names = names
        self.send = send
        self.ended = ended
    }

    /// Makes a ring and asks the forwarder to fill it.
    /// - Returns: `false` if there is no memory or descriptor for that.
    func open(_ ticket: Ticket, _ request: CaptureRequest, logicalPort: String, for exchange: HTTPExchange) -> Bool {
        guard let ring = CaptureRing(), let file = ring.duplicate() else { return false }
        captures[ticket] = Capture(exchange, ring, request, logicalPort: logicalPort)
        let order = CaptureOrder(
            number: ticket,
            port: request.port,
            snapByteCount: UInt32(clamping: request.takenByteCount)
        )
        send([(.beginCapture(order), [file])])
        return true
    }

    /// Begins the answer: the forwarder captures from now on.
    func begin(_ ticket: Ticket) {
        guard let capture = captures[ticket], capture.stream == nil else { return }
        let stream = BodyStream()
        capture.stream = stream
        capture.deadline = capture.duration.map { loop.now + $0 }
        capture.mayWrite = false
        stream.write(.bytes(capture.file.head(program: program, logicalPort: capture.logicalPort)))
        stream.onTaken = { [weak capture] in capture?.mayWrite = true }
        let fields: HTTPFields = [.contentType: CaptureFile.mediaType]
        capture.exchange.respond(HTTPResponse(status: .ok, headerFields: fields), body: .stream(stream))
        lookSoon()
    }

    /// Ends a capture, and its answer if that has begun.
    /// - Returns: True if its answer has not begun.
    func end(_ ticket: Ticket) -> Bool {
        guard let capture = captures.removeValue(forKey: ticket) else { return true }
        send([(.endCapture(number: ticket), [])])
        // Also of a forwarder that is gone: the ring stays.
        look(at: capture, ticket)
        capture.stream?.end()
        return capture.stream == nil
    }

    /// Ends all captures, as the agent does.
    func endAll() {
        for ticket in captures.keys.sorted() { _ = end(ticket) }
        timer?.cancel()
    }

    private func lookSoon() {
        guard timer == nil, captures.values.contains(where: { $0.stream != nil }) else { return }
        timer = loop.schedule(after: Self.interval) { [weak self] in
            guard let self else { return }
            timer = nil
            for (ticket, capture) in captures.sorted(by: { $0.key < $1.key }) { look(at: capture, ticket) }
            lookSoon()
        }
    }

    /// Hands on what is in a ring. A user who does not take it lets the ring fill.
    private func look(at capture: Capture, _ ticket: Ticket) {
        guard let stream = capture.stream, !stream.isEnded, capture.mayWrite else { return }
        capture.file.miss(capture.ring.takeMissed())
        var bytes: [UInt8] = []
        for captured in capture.ring.take(byteCountMaximum: Self.byteCountPerLookMaximum) {
            if let frame = frame(captured) { bytes += capture.file.block(of: frame) }
        }
        let isOver = capture.file.isFull || capture.deadline.map { $0 <= loop.now } ?? false
        if isOver { bytes += capture.file.tail(time: UInt64(Clock.wallSeconds()) * 1_000_000_000) }
        if !bytes.isEmpty {
            capture.mayWrite = false
            stream.write(.bytes(bytes))
        }
        guard isOver else { return }
        stream.end()
        loop.defer { [ended] in ended(ticket) }
    }

    /// The reason of a drop, with the name of the ACL if one has decided.
    private func reason(of record: CaptureRecord) -> String {
        let label = record.dropReason.label
        guard record.dropReason.isOfACL, record.acl != 0, let name = names.acl(record.acl) else { return label }
        return "\(label) by \(name)"
    }

    private func frame(_ captured: CaptureRing.Captured) -> CapturedFrame? {
        let record = captured.record
        let fate: CapturedFrame.Fate
        switch record.fate {
        case nil: return nil
        case .dropped?: fate = .dropped(reason: reason(of: record))
        case .local?: fate = .local(port: names.port(record.slot))
        case .remote?: fate = .remote(host: record.address.map(names.chassis) ?? "that is gone")
        case .answered?: fate = .answered(kind: record.answerKind.label)
        case .copied?: fate = .copied(count: Int(record.copyCount))
        case .delivered?: fate = .delivered
        case .refused?: fate = .refused(reason: reason(of: record))
        case .untaken?: fate = .untaken(reason: record.dropReason.label)
        }
        return CapturedFrame(
            fate: fate,
            partlyDropped: record.partlyDropped?.label,
            time: record.time,
            bytes: captured.bytes,
            byteCount: Int(record.frameByteCount),
            segmentCount: Int(record.segmentCount)
        )
    }
}

extension CaptureRing {
    /// A descriptor of the ring for another process; `nil` if there is none left.
    fileprivate func duplicate() -> Descriptor? {
        let result = clinux_duplicate(descriptor)
        return result < 0 ? nil : Descriptor(owning: Int32(result))
    }
}
