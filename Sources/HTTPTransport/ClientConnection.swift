import Glibc
import HTTP
import HTTPTypes
import Reactor
import Security

/// One connection of a client: connects, carries one call after the other, waits between them.
final class ClientConnection {
    private let client: HTTPClient
    private var call: HTTPCall?
    private var addresses: ArraySlice<SocketAddress> = []
    private var stream: (any ByteStream)?
    private var socket: Descriptor?
    private var registration: Registration?
    private var isConnected = false
    /// TLS, while its handshake is under way.
    private var handshake: TLSStream?
    private let generation: Int
    private var http: HTTP1ClientConnection
    private var sentByteCount = 0
    private var callCount = 0
    private var idleTimer: TimerHandle?
    private var isClosed = false

    init(client: HTTPClient, call: HTTPCall) {
        self.client = client
        self.call = call
        generation = client.generation
        http = HTTP1ClientConnection(limits: client.messageLimits)
        call.connection = self
    }

    /// Tries the addresses one after the other.
    func connect(to addresses: [SocketAddress]) {
        guard !isClosed else { return }
        self.addresses = addresses[...]
        connectNext(lastErrno: EADDRNOTAVAIL)
    }

    /// Ends the connection and the call with it.
    func fail(_ error: HTTPClientError) {
        let call = call
        self.call = nil
        close()
        call?.complete(.failure(error))
    }

    /// Carries another call.
    func begin(_ call: HTTPCall) {
        idleTimer?.cancel()
        idleTimer = nil
        self.call = call
        call.connection = self
        sendCall()
    }

    /// The call was given up, and its answer is dropped.
    func abandonCall() {
        call = nil
        close()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        idleTimer?.cancel()
        disconnect()
        client.didClose(self)
    }

    private func disconnect() {
        registration?.cancel()
        registration = nil
        handshake = nil
        stream = nil
        socket = nil
    }

    private func connectNext(lastErrno: Int32) {
        disconnect()
        guard let address = addresses.popFirst() else {
            fail(.cannotConnect(client.endpoint, errno: lastErrno))
            return
        }
        do throws(SystemError) {
            let socket = try Descriptor.connect(to: address)
            self.socket = socket
            stream = SocketStream(socket)
            registration = try client.loop.register(socket.raw, reads: false, writes: true) { readiness in
                self.becameReady(readiness)
            }
        } catch {
            connectNext(lastErrno: error.errno)
        }
    }

    private func becameReady(_ readiness: Readiness) {
        guard isConnected else {
            finishConnecting()
            return
        }
        guard handshake == nil else {
            do throws(SecurityError) {
                try proceed()
            } catch {
                fail(.insecure(client.endpoint, error))
            }
            return
        }
        if readiness.contains(.writable) { write() }
        let mayRead = readiness.contains(.readable) || stream?.readAwaitsWritable == true
        if !isClosed, mayRead { read() }
    }

    private func finishConnecting() {
        do throws(SystemError) {
            if let error = try socket?.connectionError() { throw error }
        } catch {
            connectNext(lastErrno: error.errno)
            return
        }
        isConnected = true
        if case .tls(let host, _) = client.endpoint { secure(host) } else { beginHTTP() }
    }

    private func beginHTTP() {
        if call == nil { becomeIdle() } else { sendCall() }
    }

    private func secure(_ host: String) {
        guard let socket, let context = client.tls else {
            return fail(.insecure(client.endpoint, SecurityError("no authority to trust is given")))
        }
        do throws(SecurityError) {
            handshake = try TLSStream(context, socket: socket, host: host)
            try proceed()
        } catch {
            fail(.insecure(client.endpoint, error))
        }
    }

    private func proceed() throws(SecurityError) {
        guard let handshake else { return }
        do {
            if let awaited = try handshake.handshake() {
                try registration?.update(reads: awaited == .readable, writes: awaited == .writable)
                return
            }
        } catch let error as SecurityError {
            throw error
        } catch {
            throw SecurityError("\(error)")
        }
        stream = handshake
        self.handshake = nil
        beginHTTP()
    }

    private func sendCall() {
        guard let call else { return }
        callCount += 1
        sentByteCount = 0
        http.begin(call.method)
        write()
    }

    private func write() {
        guard let call, let stream else { return }
        do throws(SystemError) {
            while sentByteCount < call.bytes.count {
                let result = try call.bytes[sentByteCount...].withUnsafeBufferPointer { bytes throws(SystemError) in
                    try stream.write(UnsafeRawBufferPointer(bytes))
                }
                guard case .done(let count) = result else { break }
                sentByteCount += count
            }
            try registration?.update(
                reads: true,
                writes: sentByteCount < call.bytes.count || stream.readAwaitsWritable
            )
        } catch {
            // A server that refuses a body may answer and close while it is being sent: its answer counts.
            read()
            if !isClosed { lose() }
        }
    }

    private func read() {
        guard let stream else { return }
        do throws(SystemError) {
            switch try client.read(from: stream) {
            case .wouldBlock: return
            case .endOfStream:
                if let response = http.receiveEnd() { finish(response) } else { lose() }
            case .done(let count):
                take(client.readBuffer[..<count])
            }
        } catch {
            lose()
        }
    }

    private func take(_ bytes: ArraySlice<UInt8>) {
        do throws(MessageError) {
            if let response = try http.receive(bytes) {
                finish(response)
            } else if let onContent = call?.onContent, let status = http.answerStatus, (200...299).contains(status) {
                let content = http.takeContent()
                if !content.isEmpty { onContent(content) }
            } else if call == nil {
                // A server that speaks without being asked.
                close()
            }
        } catch {
            fail(.badResponse(client.endpoint, error))
        }
    }

    private func finish(_ response: HTTPClientResponse) {
        var response = response
        let call = call
        if let onContent = call?.onContent, (200...299).contains(response.response.status.code), !response.body.isEmpty
        {
            onContent(response.body)
            response.body = []
        }
        self.call = nil
        let isWhollySent = sentByteCount == call?.bytes.count
        if http.isReusable, isWhollySent, generation == client.generation { becomeIdle() } else { close() }
        call?.complete(.success(response))
    }

    private func becomeIdle() {
        idleTimer = client.loop.schedule(after: client.limits.idleTime) { self.close() }
        client.didBecomeIdle(self)
    }

    /// The connection has ended without a whole answer.
    private func lose() {
        guard let call else {
            close()
            return
        }
        // With TLS 1.3 a server refuses the client's certificate only after the client's side of the handshake.
        if let reason = (stream as? TLSStream)?.failure, callCount == 1, !http.hasAnswerBegun {
            return fail(.insecure(client.endpoint, reason))
        }
        let mayTryAgain = callCount > 1 && !http.hasAnswerBegun && call.isIdempotent
        guard mayTryAgain else {
            fail(.connectionLost(client.endpoint))
            return
        }
        self.call = nil
        close()
        call.needsFreshConnection = true
        client.start(call)
    }
}
