import CLinux

/// The return of freed memory to the kernel.
public enum Memory {
    /// Octets from which on a block is given back at once: contents and answers of megabytes, which come in bursts.
    public static let returnedByteCountMinimum: Int32 = 1 << 20

    /// Has large blocks given back to the system as soon as they are freed. By itself the library raises that bound
    /// with each large block up to 32 MiB, and what a burst has taken then stays.
    public static func returnsLargeBlocks() throws(SystemError) {
        try systemCall("mallopt") { clinux_return_blocks_of(returnedByteCountMinimum) }
    }

    /// Octets of heap that a thread of long work gets in one go: about what a write of ten thousand ports takes.
    private static let widenedByteCount = 30 << 20

    /// Prepares the calling thread's heap for long work, for which it grows by thousands of pages.
    public static func widensHeap() { clinux_widen_heap(widenedByteCount, returnedByteCountMinimum) }
}
