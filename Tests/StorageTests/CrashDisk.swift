import DiskRecorder
import Foundation
import TestSupport

/// The remains of a recorded run on an emulated disk at some moment, with and without a loss of power.
///
/// Of each file there are the bytes that the machine sees and those that the disk holds. A sync makes the second like
/// the first; a failed one marks the difference as clean, so that no later sync writes it. Names are durable with a
/// sync of the folder.
struct CrashDisk {
    static let pageByteCount = 4096
    private static let sectorByteCount = 512

    private struct File {
        var seen: [UInt8] = []
        var durable: [UInt8] = []
        var dirty: Set<Int> = []
        var isCut = false

        mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
            let end = offset + bytes.count
            if seen.count < end { seen.resize(to: end) }
            seen.replaceSubrange(offset..<end, with: bytes)
            if !bytes.isEmpty { dirty.formUnion(offset / pageByteCount...(end - 1) / pageByteCount) }
        }

        mutating func cut(to size: Int) {
            if size < seen.count {
                isCut = true
                dirty = dirty.filter { $0 * pageByteCount < size }
                if size % pageByteCount != 0 { dirty.insert(size / pageByteCount) }
            }
            seen.resize(to: size)
        }

        mutating func sync() {
            for page in dirty { durable.take(page, of: seen) }
            durable.resize(to: seen.count)
            dirty = []
            isCut = false
        }

        mutating func failToSync(using generator: inout some RandomNumberGenerator) {
            for page in dirty.sorted() where UInt8.random(in: 0..<4, using: &generator) == 0 {
                durable.take(page, of: seen)
            }
            dirty = []
        }

        /// Returns possible remains after a loss of power.
        func remains(_ fate: Fate, using generator: inout some RandomNumberGenerator) -> [UInt8] {
            var bytes = durable
            if isCut, fate.keeps(using: &generator) { bytes.resize(to: min(bytes.count, seen.count)) }
            for page in dirty.sorted() {
                guard fate == .torn else {
                    if fate.keeps(using: &generator) { bytes.take(page, of: seen) }
                    continue
                }
                let start = page * pageByteCount
                for sector in stride(from: start, to: min(start + pageByteCount, seen.count), by: sectorByteCount)
                where Bool.random(using: &generator) {
                    bytes.take(sector..<min(sector + sectorByteCount, seen.count), of: seen)
                }
            }
            return bytes
        }
    }

    /// The fate of bytes that were not synced.
    enum Fate: CaseIterable {
        case lost
        case kept
        case mixed
        case torn

        func keeps(using generator: inout some RandomNumberGenerator) -> Bool {
            switch self {
            case .lost: false
            case .kept: true
            case .mixed, .torn: Bool.random(using: &generator)
            }
        }
    }

    private var files: [UInt32: File] = [:]
    private var seenNames: [String: UInt32] = [:]
    private var durableNames: [String: UInt32] = [:]
    /// The names after each change since the last sync of the folder.
    private var changes: [[String: UInt32]] = []

    /// Carries out a recorded operation.
    /// - Returns: The mark, if it is one.
    mutating func perform(
        _ operation: disk_operation,
        _ bytes: ArraySlice<UInt8>,
        using generator: inout some RandomNumberGenerator
    ) -> UInt64? {
        switch disk_operation_kind(operation.kind) {
        case DISK_WRITE: files[operation.file, default: File()].write(bytes, at: Int(operation.offset))
        case DISK_TRUNCATE: files[operation.file]?.cut(to: Int(operation.offset))
        case DISK_SYNC: files[operation.file]?.sync()
        case DISK_SYNC_FAILED: files[operation.file]?.failToSync(using: &generator)
        case DISK_SYNC_FOLDER:
            durableNames = seenNames
            changes = []
        case DISK_CREATE:
            files[operation.file] = File()
            seenNames[Self.names(bytes)[0]] = operation.file
            changes.append(seenNames)
        case DISK_RENAME:
            let names = Self.names(bytes)
            seenNames[names[1]] = seenNames.removeValue(forKey: names[0])
            changes.append(seenNames)
        case DISK_LINK:
            let names = Self.names(bytes)
            seenNames[names[1]] = seenNames[names[0]]
            changes.append(seenNames)
        case DISK_UNLINK:
            seenNames[Self.names(bytes)[0]] = nil
            changes.append(seenNames)
        case DISK_MARK: return operation.offset
        default: break
        }
        return nil
    }

    /// The files that a machine may find after a loss of power now.
    func image(_ fate: Fate, using generator: inout some RandomNumberGenerator) -> [String: [UInt8]] {
        var names = durableNames
        switch fate {
        case .lost: break
        case .kept: names = seenNames
        // A file system that keeps the order of changes.
        case .mixed: names = ([durableNames] + changes).randomElement(using: &generator) ?? names
        // One that does not.
        case .torn:
            for name in Set(durableNames.keys).union(seenNames.keys).sorted() where Bool.random(using: &generator) {
                names[name] = seenNames[name]
            }
        }
        var image: [String: [UInt8]] = [:]
        for (name, file) in names.sorted(by: { $0.key < $1.key }) {
            image[name] = files[file]?.remains(fate, using: &generator) ?? []
        }
        return image
    }

    private static func names(_ bytes: ArraySlice<UInt8>) -> [String] {
        bytes.split(separator: 0, omittingEmptySubsequences: true).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The operations that were recorded, and their bytes.
    static func stopRecording() -> [(operation: disk_operation, bytes: ArraySlice<UInt8>)] {
        var count = 0
        guard let start = disk_stop(&count) else { return [] }
        let record = [UInt8](UnsafeBufferPointer(start: start, count: count))
        var operations: [(operation: disk_operation, bytes: ArraySlice<UInt8>)] = []
        var offset = 0
        while offset < record.count {
            let operation = record.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: disk_operation.self) }
            offset += MemoryLayout<disk_operation>.size
            operations.append((operation, record[offset..<offset + Int(operation.count)]))
            offset += Int(operation.count)
        }
        return operations
    }
}

extension [UInt8] {
    fileprivate mutating func resize(to size: Int) {
        // At once and not byte by byte, which takes most of the test's time without optimization.
        if size < count { removeLast(count - size) } else { self += [UInt8](repeating: 0, count: size - count) }
    }

    fileprivate mutating func take(_ page: Int, of other: [UInt8]) {
        let start = page * CrashDisk.pageByteCount
        guard start < other.count else { return }
        take(start..<Swift.min(start + CrashDisk.pageByteCount, other.count), of: other)
    }

    fileprivate mutating func take(_ range: Range<Int>, of other: [UInt8]) {
        if count < range.upperBound { resize(to: range.upperBound) }
        replaceSubrange(range, with: other[range])
    }
}
