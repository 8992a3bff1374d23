import CLinux
import Datapath
import ForwarderProtocol
import Glibc

/// The counters of one poller: a line of words for each source, which only that poller writes and anybody reads.
struct CounterBlock: @unchecked Sendable {
    /// A source: a port's slot, or the underlay.
    typealias Source = Int
    /// The underlay among the sources; before it come the slots of ports.
    static let underlay: Source = ForwarderProtocol.portCountMaximum

    /// The words of a source; after them come two for each drop reason: for frames that went nowhere, and for those
    /// that did not go to all who should have had them; then one for each kind of answer.
    enum Word: Int, CaseIterable {
        case receivedFrames
        case receivedBytes
        case forwardedFrames
        case sentFrames
        case sentBytes
        case unsentFrames
        /// Those of the sent ones that had to go one by one since the kernel refused them together.
        case singlySentFrames
    }

    private let words: UnsafeMutablePointer<UInt64>
    /// Words from source to source, in whole cache lines.
    private let stride: Int
    /// The offset of a source's drop reasons. Both are stored: globals would be looked up on each use.
    private let dropOffset: Int
    private let partlyOffset: Int
    /// The offset of a source's answers.
    private let answerOffset: Int

    /// All zero. The memory is the caller's to free.
    init() {
        dropOffset = Word.allCases.count
        partlyOffset = dropOffset + DropReason.allCases.count
        answerOffset = partlyOffset + DropReason.allCases.count
        stride = (answerOffset + AnswerKind.allCases.count + 7) / 8 * 8
        let count = stride * (Self.underlay + 1)
        // calloc, since only what is used of it ever takes memory.
        guard let memory = calloc(count, MemoryLayout<UInt64>.size) else {
            preconditionFailure("no memory for counters")
        }
        words = memory.bindMemory(to: UInt64.self, capacity: count)
    }

    func deallocate() {
        free(words)
    }

    /// Adds; for the poller that owns the block.
    func add(_ amount: UInt64, to word: Word, of source: Source) {
        add(amount, at: source * stride + word.rawValue)
    }

    /// Counts dropped frames; for the poller that owns the block.
    func addDrop(_ reason: DropReason, of source: Source, _ frameCount: UInt64 = 1) {
        add(frameCount, at: source * stride + dropOffset + Int(reason.rawValue))
    }

    /// Counts forwarded frames of which a copy went nowhere; for the poller that owns the block.
    func addPartly(_ reason: DropReason, of source: Source, _ frameCount: UInt64) {
        add(frameCount, at: source * stride + partlyOffset + Int(reason.rawValue))
    }

    /// Counts an answer; for the poller that owns the block.
    func addAnswer(_ kind: AnswerKind, of source: Source) {
        add(1, at: source * stride + answerOffset + Int(kind.rawValue))
    }

    /// The value of a counter, from any thread.
    func value(_ word: Word, of source: Source) -> UInt64 {
        clinux_load_relaxed(words + (source * stride + word.rawValue))
    }

    /// The number of a source's frames that were dropped for a reason, from any thread.
    func drops(_ reason: DropReason, of source: Source) -> UInt64 {
        clinux_load_relaxed(words + (source * stride + dropOffset + Int(reason.rawValue)))
    }

    /// The number of copies of a source's forwarded frames that were dropped for a reason, from any thread.
    func partlyDropped(_ reason: DropReason, of source: Source) -> UInt64 {
        clinux_load_relaxed(words + (source * stride + partlyOffset + Int(reason.rawValue)))
    }

    /// The number of answers of a kind to a source, from any thread.
    func answers(_ kind: AnswerKind, of source: Source) -> UInt64 {
        clinux_load_relaxed(words + (source * stride + answerOffset + Int(kind.rawValue)))
    }

    /// Sets a source's counters to zero, while no poller uses its slot.
    func clear(_ source: Source) {
        for index in 0..<stride { clinux_store_relaxed(words + (source * stride + index), 0) }
    }

    private func add(_ amount: UInt64, at index: Int) {
        clinux_store_relaxed(words + index, words[index] &+ amount)
    }
}

extension SourceStatistics {
    /// The sums over the pollers' counters of one source.
    init(name: String, of source: CounterBlock.Source, in blocks: [CounterBlock]) {
        func sum(_ word: CounterBlock.Word) -> UInt64 { blocks.reduce(0) { $0 &+ $1.value(word, of: source) } }
        func counts<Kind: CaseIterable>(
            _ label: KeyPath<Kind, String>,
            _ count: (CounterBlock, Kind) -> UInt64
        ) -> [NamedCount] {
            Kind.allCases.compactMap { kind in
                let frames = blocks.reduce(0) { $0 &+ count($1, kind) }
                return frames > 0 ? NamedCount(name: kind[keyPath: label], frames: frames) : nil
            }
        }
        self.init(name: name)
        receivedFrames = sum(.receivedFrames)
        receivedBytes = sum(.receivedBytes)
        forwardedFrames = sum(.forwardedFrames)
        sentFrames = sum(.sentFrames)
        sentBytes = sum(.sentBytes)
        unsentFrames = sum(.unsentFrames)
        singlySentFrames = sum(.singlySentFrames)
        drops = counts(\DropReason.label) { $0.drops($1, of: source) }
        partlyDropped = counts(\DropReason.label) { $0.partlyDropped($1, of: source) }
        answers = counts(\AnswerKind.label) { $0.answers($1, of: source) }
    }
}
