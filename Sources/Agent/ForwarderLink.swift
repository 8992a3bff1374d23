import AgentCore
import ForwarderProtocol
import Glibc
import Reactor

/// The connection to this host's forwarder, and its process.
final class ForwarderLink {
    /// The time that a started process may take to listen.
    static let startPatience = Duration.seconds(5)
    /// The interval of attempts to connect to a started process: a start takes some ten milliseconds.
    static let connectInterval = Duration.milliseconds(1)
    /// The longest pause between attempts to reach a forwarder that others start: a fraction of its restart time.
    static let awaitIntervalMaximum = Duration.milliseconds(8)
    /// The time that a forwarder may take to send its greeting and everything it holds.
    static let greetingPatience = Duration.seconds(2)
    /// The time that a forwarder may take to end when asked to.
    static let endPatience = Duration.seconds(2)
    /// The most packets taken in one turn of the loop.
    static let packetsPerTurnMaximum = 1024

    private enum Phase {
        case idle
        /// This process has been started; `deadline` is when to give up.
        case starting(pid_t, deadline: Duration)
        /// Others start it; it is tried until it listens.
        case awaited
        /// Connected; the greeting and what is held are coming in.
        case greeting
        case connected
        /// It is as good as lost; our user is about to hear so.
        case failed
    }

    private let loop: EventLoop
    /// The sockets that it may listen at: its own, then that of older versions.
    private let socketPaths: [String]
    private let executable: String
    private let startsForwarder: Bool
    private let arguments: [String]
    private let hear: (Event) -> Void
    private let keep: (HeldDescriptor, [Descriptor]) -> Void

    private var phase = Phase.idle
    private var wasSpawned = false
    private var timer: TimerHandle?
    private var socket: Descriptor?
    private var registration: Registration?
    private var buffer = [UInt8](repeating: 0, count: ForwarderProtocol.packetByteCountMaximum)
    private var assembler = MessageAssembler()
    private var arrived: [Descriptor] = []
    /// The process that listens, as the kernel knows it.
    private var process: pid_t?
    private var greeting: Greeting?
    /// Descriptors that the greeting has brought so far. They are kept when the greeting is complete: those of an
    /// incomplete greeting are closed, so that the next one has room.
    private var held: [(what: HeldDescriptor, descriptors: [Descriptor])] = []
    private var waiting: [(packet: [UInt8], descriptors: [Descriptor])] = []
    private var sentCount = 0

    /// - Parameters:
    ///   - executable: The program that has the subcommand `forwarder`.
    ///   - startsForwarder: True to start one if none answers; else others do.
    ///   - queueCount: The queues that it is started for.
    ///   - keep: Gets the duplicates of the descriptors that a forwarder holds, before it counts as connected.
    ///   - hear: Gets `forwarderConnected`, `forwarderLost` and `forwarderSaid`, never within a call of ours.
    init(
        loop: EventLoop,
        directory: StateDirectory,
        executable: String,
        startsForwarder: Bool = true,
        queueCount: Int,
        keep: @escaping (HeldDescriptor, [Descriptor]) -> Void,
        hear: @escaping (Event) -> Void
    ) {
        self.loop = loop
        socketPaths = [directory.forwarderSocket, directory.formerForwarderSocket]
        self.executable = executable
        self.startsForwarder = startsForwarder
        arguments = ["forwarder", "--state-dir", directory.path, "--queues", "\(queueCount)"]
        self.keep = keep
        self.hear = hear
    }

    /// Tells if a forwarder of this directory runs, by connecting to it: the file of a socket stays when its process
    /// ends.
    static func isListening(in directory: StateDirectory) -> Bool {
        [directory.forwarderSocket, directory.formerForwarderSocket].contains { path in
            (try? SeqPacket.connect(path: path)) != nil
        }
    }

    /// Connects to a running forwarder, else starts one, or waits until others have, and connects to that.
    func start() {
        wasSpawned = false
        // Its descriptors need as many here, and an operator may have raised the limit meanwhile.
        _ = try? Privileges.raiseDescriptorLimit()
        if connect() { return }
        guard startsForwarder else {
            phase = .awaited
            return connectSoon()
        }
        do throws(SystemError) {
            let process = try ChildProcess.start(executable, arguments: arguments, ownSession: true)
            wasSpawned = true
            phase = .starting(process, deadline: loop.now + Self.startPatience)
            _ = try loop.onExit(ofProcess: process) { [weak self] code in
                guard case .starting(process, _)? = self?.phase else { return }
                self?.lose("it ended at once, with exit code \(code ?? -1)")
            }
            connectSoon()
        } catch {
            loseSoon("it cannot be started: \(error)")
        }
    }

    /// Sends messages in order, each with the descriptors that ride along.
    func send(_ orders: [(message: ForwarderMessage, descriptors: [Descriptor])]) {
        guard socket != nil else { return }
        for (message, descriptors) in orders {
            for (index, packet) in message.packets().enumerated() {
                waiting.append((packet, index == 0 ? descriptors : []))
            }
        }
        flush()
    }

    /// Ends a forwarder; the end of its connection follows.
    func end(process: pid_t) {
        do throws(SystemError) {
            try ChildProcess.signal(process, SIGTERM)
        } catch  where error.errno == EPERM {
            let story = "the forwarder, process \(process), is another user's"
            return Log.write(.error, "\(story); as root, 'systemctl restart heddle-forwarder' or 'kill \(process)'")
        } catch {
            // It is gone already, and has closed the connection, too.
        }
        loop.schedule(after: Self.endPatience) { [weak self] in
            guard self?.greeting?.processID == process else { return }
            try? ChildProcess.signal(process, SIGKILL)
        }
    }

    /// Ends the forwarder, if there is one, and calls `completion` when its process is gone; no more events come from
    /// it.
    func endForGood(_ completion: @escaping () -> Void) {
        guard let process = greeting?.processID else {
            disconnect()
            return loop.defer(completion)
        }
        disconnect()
        let exit: Registration
        do throws(SystemError) {
            exit = try loop.onExit(ofProcess: process) { _ in completion() }
        } catch {
            // It has gone already.
            return loop.defer(completion)
        }
        do throws(SystemError) {
            try ChildProcess.signal(process, SIGTERM)
        } catch  where error.errno == EPERM {
            // Another user's, as those that others start: they end it.
            exit.cancel()
            return loop.defer(completion)
        } catch {
            // It is about to be heard of.
        }
        loop.schedule(after: Self.endPatience) { try? ChildProcess.signal(process, SIGKILL) }
    }

    /// Lets the forwarder go on alone.
    func disconnect() {
        timer?.cancel()
        timer = nil
        registration?.cancel()
        registration = nil
        socket = nil
        phase = .idle
        process = nil
        greeting = nil
        held = []
        arrived = []
        waiting = []
        sentCount = 0
        assembler = MessageAssembler()
    }

    private func connectSoon(after interval: Duration = connectInterval) {
        timer = loop.schedule(after: interval) { [weak self] in
            guard let self else { return }
            switch phase {
            case .starting(_, let deadline):
                guard !connect() else { return }
                if loop.now < deadline { connectSoon() } else { lose("it was started but does not listen") }
            case .awaited:
                if !connect() { connectSoon(after: min(interval * 2, Self.awaitIntervalMaximum)) }
            case .idle, .greeting, .connected, .failed: break
            }
        }
    }

    /// Connects if somebody listens; whether that is over, for good or ill.
    private func connect() -> Bool {
        socketPaths.contains { connect(to: $0) }
    }

    private func connect(to path: String) -> Bool {
        do throws(SystemError) {
            let socket = try SeqPacket.connect(path: path)
            // Its own words are believed later only if the kernel says the same.
            process = try socket.peerProcess()
            registration = try loop.register(socket.raw, reads: true, writes: false) { [weak self] readiness in
                self?.serve(readiness)
            }
            self.socket = socket
            phase = .greeting
            timer?.cancel()
            timer = loop.schedule(after: Self.greetingPatience) { [weak self] in
                self?.lose("it does not identify itself")
            }
            return true
        } catch {
            if error.errno == ENOENT || error.errno == ECONNREFUSED || error.errno == EAGAIN { return false }
            loseSoon("it cannot be reached: \(story(of: error))")
            return true
        }
    }

    /// Counts the forwarder as lost, but not within a call of our user's.
    private func loseSoon(_ reason: String) {
        disconnect()
        phase = .failed
        loop.defer { [weak self] in
            if case .failed? = self?.phase { self?.lose(reason) }
        }
    }

    private func lose(_ reason: String) {
        if case .idle = phase { return }
        disconnect()
        hear(.forwarderLost(reason: reason))
    }

    private func serve(_ readiness: Readiness) {
        if readiness.contains(.writable) { flush() }
        guard readiness.contains(.readable) else { return }
        for _ in 0..<Self.packetsPerTurnMaximum {
            guard let socket, receiveOne(from: socket) else { return }
        }
    }

    /// Takes one packet; whether there may be another.
    private func receiveOne(from socket: Descriptor) -> Bool {
        do {
            let received = try buffer.withUnsafeMutableBytes { bytes throws(SystemError) in
                try SeqPacket.receive(into: bytes, from: socket)
            }
            switch received {
            case .wouldBlock: return false
            case .endOfStream:
                lose("it has ended")
                return false
            case .done(let packet):
                arrived += packet.descriptors
                guard let message = try assembler.receive(Array(buffer[..<packet.count])) else { return true }
                let descriptors = arrived
                arrived = []
                take(message, descriptors)
                return true
            }
        } catch {
            lose((error as? SystemError).map(story) ?? "\(error)")
            return false
        }
    }

    /// The reason why its greeting could not be received, with the remedy if descriptors have run out: each queue of a
    /// port takes one here.
    private func story(of error: SystemError) -> String {
        guard error.errno == EMFILE else { return "\(error)" }
        let count = greeting.map { "its \($0.heldCount) ports and sockets have" } ?? "there are"
        return "\(count) more descriptors than this process may have, \(Privileges.descriptorLimit); raise its limit "
            + "with 'prlimit --nofile=65536 --pid \(getpid())', and for later starts with 'ulimit -n' or LimitNOFILE="
    }

    private func take(_ message: ForwarderMessage, _ descriptors: [Descriptor]) {
        switch (phase, message) {
        case (.greeting, .greeting(let greeting)):
            // It is this number that we send signals to.
            guard greeting.processID == process else {
                return lose("it reports process \(greeting.processID), but is process \(process ?? 0)")
            }
            self.greeting = greeting
        case (.greeting, .held(let what)):
            guard !descriptors.isEmpty else { return lose("it holds \(what) without a descriptor") }
            held.append((what, descriptors))
        case (.greeting, .heldEnd):
            guard let greeting else { return lose("it does not identify itself") }
            // One of another version, which is replaced, says nothing more that is of use.
            if greeting.version != ForwarderProtocol.version { finishGreeting(greeting, slots: []) }
        case (.greeting, .slots(let ports)):
            guard let greeting else { return lose("it does not identify itself") }
            finishGreeting(greeting, slots: ports)
        case (.connected, _): hear(.forwarderSaid(message))
        case (.idle, _), (.starting, _), (.awaited, _), (.greeting, _), (.failed, _):
            lose("it sent a message out of turn")
        }
    }

    private func finishGreeting(_ greeting: Greeting, slots: [LocalPort]) {
        phase = .connected
        timer?.cancel()
        timer = nil
        let held = held
        self.held = []
        for (what, descriptors) in held { keep(what, descriptors) }
        hear(.forwarderConnected(greeting, held: held.map(\.what), slots: slots, wasSpawned: wasSpawned))
    }

    private func flush() {
        guard let socket else { return }
        do throws(SystemError) {
            while sentCount < waiting.count {
                let next = waiting[sentCount]
                guard try SeqPacket.send(next.packet, descriptors: next.descriptors, over: socket) else { break }
                sentCount += 1
            }
            if sentCount == waiting.count {
                waiting = []
                sentCount = 0
            }
            try registration?.update(reads: true, writes: !waiting.isEmpty)
        } catch {
            // Its end is read from the socket, after whatever it still had to say.
            waiting = []
            sentCount = 0
            loseSoon("\(error)")
        }
    }
}
