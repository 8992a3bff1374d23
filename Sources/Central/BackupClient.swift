import Glibc
import Reactor

/// Takes a copy of the log from a running central: the other side of ``BackupServer``.
final class BackupClient {
    /// The time that central may send nothing, in seconds: a slice takes milliseconds, a stuck disk longer.
    private static let silenceMaximum = 60

    private let central: Descriptor
    private let progress: (Double) -> Void
    private var buffer = [UInt8](repeating: 0, count: BackupServer.messageByteCountMaximum)

    init(_ central: Descriptor, progress: @escaping (Double) -> Void) {
        self.central = central
        self.progress = progress
    }

    /// Waits for the copy and writes it into a new file.
    func receive(into file: String) throws {
        while true {
            let (line, descriptor) = try message()
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            switch words.first {
            case "progress":
                let numbers = words.last?.split(separator: " ").compactMap { Double($0) } ?? []
                // Making the copy is half of the way, fetching it the other.
                if numbers.count == 2, numbers[1] > 0 { progress(numbers[0] / numbers[1] / 2) }
            case "done":
                guard let descriptor else { throw CentralError("central sent no copy of its log") }
                return try copy(descriptor, into: file)
            default: throw CentralError("central made no backup: \(words.last ?? line)")
            }
        }
    }

    private func message() throws -> (String, Descriptor?) {
        while true {
            var poll = pollfd(fd: central.raw, events: Int16(POLLIN), revents: 0)
            let count = try systemCall("poll") {
                let count = Glibc.poll(&poll, 1, Int32(Self.silenceMaximum * 1000))
                return count < 0 ? -Int(errno) : Int(count)
            }
            guard count > 0 else { throw CentralError("central sent nothing for \(Self.silenceMaximum) s") }
            let central = central
            let result = try buffer.withUnsafeMutableBytes { bytes throws(SystemError) in
                try SeqPacket.receive(into: bytes, from: central)
            }
            switch result {
            case .wouldBlock: continue
            case .endOfStream: throw CentralError("central has ended meanwhile; try again")
            case .done(let received):
                return (String(decoding: buffer[..<received.count], as: UTF8.self), received.descriptors.first)
            }
        }
    }

    private func copy(_ source: Descriptor, into file: String) throws(SystemError) {
        var status = stat()
        try systemCall("fstat") { fstat(source.raw, &status) < 0 ? -Int(errno) : 0 }
        let total = Int(status.st_size)
        let output = try Descriptor.open(file, flags: O_WRONLY | O_CREAT | O_EXCL)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while offset < total {
            let count = try systemCall("read") {
                let count = pread(source.raw, &chunk, chunk.count, off_t(offset))
                return count < 0 ? -Int(errno) : count
            }
            guard count > 0 else { return }
            var written = 0
            while written < count {
                written += try systemCall("write \(file)") {
                    let done = chunk.withUnsafeBytes {
                        write(output.raw, $0.baseAddress?.advanced(by: written), count - written)
                    }
                    return done < 0 ? -Int(errno) : done
                }
            }
            offset += count
            progress(0.5 + Double(offset) / Double(max(1, total)) / 2)
        }
    }
}
