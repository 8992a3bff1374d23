import ForwarderProtocol
import Reactor

/// The connection of an agent: messages with their descriptors, both ways.
final class AgentConnection {
    /// Packets that wait to be sent: every held descriptor, acknowledgements and statistics. More means that the
    /// agent does not read.
    static let waitingPacketCountMaximum = 4 * ForwarderProtocol.portCountMaximum
    /// Packets taken in one turn of the loop.
    private static let packetsPerTurnMaximum = 1024

    /// Called with a message and the descriptors that came with it.
    var receive: (ForwarderMessage, [Descriptor]) -> Void = { _, _ in }
    /// Called once when the connection has ended; the reason is `nil` if the agent has closed it.
    var ended: (String?) -> Void = { _ in }

    private let socket: Descriptor
    private var registration: Registration?
    private var assembler = MessageAssembler()
    private var descriptors: [Descriptor] = []
    private var waiting: [(packet: [UInt8], descriptors: [Descriptor])] = []
    private var sentCount = 0
    private var buffer = [UInt8](repeating: 0, count: ForwarderProtocol.packetByteCountMaximum)

    init(socket: Descriptor, loop: EventLoop) throws(SystemError) {
        self.socket = socket
        registration = try loop.register(socket.raw, reads: true, writes: false) { [weak self] readiness in
            self?.serve(readiness)
        }
    }

    /// Sends a message; descriptors ride on its first packet.
    func send(_ message: ForwarderMessage, _ descriptors: [Descriptor] = []) {
        guard registration != nil else { return }
        for (index, packet) in message.packets().enumerated() {
            waiting.append((packet, index == 0 ? descriptors : []))
        }
        guard waiting.count - sentCount <= Self.waitingPacketCountMaximum else {
            return close("the agent does not read what it is told")
        }
        flush()
    }

    /// Ends the connection without a word; `ended` is not called.
    func cancel() {
        registration?.cancel()
        registration = nil
        waiting = []
        descriptors = []
    }

    /// Ends the connection and tells why.
    func close(_ reason: String?) {
        guard registration != nil else { return }
        cancel()
        ended(reason)
    }

    private func serve(_ readiness: Readiness) {
        if readiness.contains(.writable) { flush() }
        guard readiness.contains(.readable) else { return }
        for _ in 0..<Self.packetsPerTurnMaximum where registration != nil {
            guard receiveOne() else { return }
        }
    }

    /// Takes one packet; whether there may be another.
    private func receiveOne() -> Bool {
        do {
            let received = try buffer.withUnsafeMutableBytes { bytes throws(SystemError) in
                try SeqPacket.receive(into: bytes, from: socket)
            }
            switch received {
            case .wouldBlock: return false
            case .endOfStream:
                close(nil)
                return false
            case .done(let packet):
                descriptors += packet.descriptors
                guard descriptors.count <= ForwarderProtocol.descriptorCountMaximum else {
                    close("a message came with more than \(ForwarderProtocol.descriptorCountMaximum) descriptors")
                    return false
                }
                guard let message = try assembler.receive(Array(buffer[..<packet.count])) else { return true }
                let along = descriptors
                descriptors = []
                receive(message, along)
                return true
            }
        } catch {
            close("\(error)")
            return false
        }
    }

    private func flush() {
        do throws(SystemError) {
            while sentCount < waiting.count {
                let next = waiting[sentCount]
                guard try SeqPacket.send(next.packet, descriptors: next.descriptors, over: socket) else { break }
                sentCount += 1
            }
            if sentCount == waiting.count || sentCount > Self.waitingPacketCountMaximum {
                waiting.removeFirst(sentCount)
                sentCount = 0
            }
            try registration?.update(reads: true, writes: !waiting.isEmpty)
        } catch {
            close(error.description)
        }
    }
}
