// Records what a program does to the files of one folder, and lets syncs fail on demand.
//
// The calls of the C library that change files are defined here once more. In a program that contains them they take
// the place of the C library's, also for the libraries that it uses, such as SQLite. What is not about the folder goes
// to the kernel as it is.
#ifndef DISK_RECORDER_H
#define DISK_RECORDER_H

#include <stddef.h>
#include <stdint.h>

/// The calls, in their order.
enum disk_operation_kind {
    /// Bytes at an offset of a file.
    DISK_WRITE = 1,
    /// A file's new size, in `offset`.
    DISK_TRUNCATE,
    /// A sync of a file that succeeded.
    DISK_SYNC,
    /// A sync of a file that failed: what was not synced is marked as if it were.
    DISK_SYNC_FAILED,
    /// A sync of the folder that succeeded.
    DISK_SYNC_FOLDER,
    /// A sync of the folder that failed.
    DISK_SYNC_FOLDER_FAILED,
    /// A new file `file` under a name.
    DISK_CREATE,
    /// A file that has another name, in `bytes` behind the old one, both with their zeros.
    DISK_RENAME,
    /// A file that has one more name, as with a rename.
    DISK_LINK,
    /// A name that is gone.
    DISK_UNLINK,
    /// A mark of the test, in `offset`.
    DISK_MARK,
};

/// The head of a recorded operation; `count` bytes follow.
struct disk_operation {
    uint32_t kind;
    /// The file's number: an inode may come again, a number does not.
    uint32_t file;
    uint64_t offset;
    uint64_t count;
};

/// Begins to record what is done in the folder; what was recorded before is forgotten.
void disk_record(const char *folder);
/// Lets the `number`-th sync from now on fail with EIO; 0: none.
void disk_fail_sync(uint64_t number);
/// The syncs so far.
uint64_t disk_sync_count(void);
/// Records a mark of the test's own.
void disk_mark(uint64_t value);
/// Ends the recording. The operations stay until the next recording begins.
const uint8_t *disk_stop(size_t *count);
/// Lets syncs of files in folders with this prefix do nothing: images are looked at once and thrown away.
void disk_spare_syncs(const char *prefix);

#endif
