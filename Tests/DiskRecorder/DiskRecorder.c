#define _GNU_SOURCE
#include "DiskRecorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// Files of the folder that exist, by inode.
struct file {
    ino_t inode;
    uint32_t number;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int recording;
static atomic_int sparing;
static char folder[512];
static size_t folder_length;
static struct stat folder_status;
static char spared[512];
static struct file *files;
static size_t file_count, file_capacity;
static uint32_t last_number;
static uint8_t *bytes;
static size_t byte_count, byte_capacity;
static uint64_t syncs, failing;

static void put(uint32_t kind, uint32_t file, uint64_t offset, const void *data, uint64_t count) {
    struct disk_operation head = {kind, file, offset, count};
    size_t needed = byte_count + sizeof head + count;
    if (needed > byte_capacity) {
        byte_capacity = needed * 2;
        bytes = realloc(bytes, byte_capacity);
        if (!bytes) abort();
    }
    memcpy(bytes + byte_count, &head, sizeof head);
    if (count) memcpy(bytes + byte_count + sizeof head, data, count);
    byte_count = needed;
}

static void put_names(uint32_t kind, const char *old, const char *new) {
    char names[1024];
    size_t count = (size_t)snprintf(names, sizeof names, "%s%c%s", old, 0, new) + 1;
    put(kind, 0, 0, names, count);
}

static uint32_t number_of(ino_t inode) {
    for (size_t i = 0; i < file_count; i++)
        if (files[i].inode == inode) return files[i].number;
    return 0;
}

static uint32_t add(ino_t inode) {
    for (size_t i = 0; i < file_count; i++)
        if (files[i].inode == inode) return files[i].number = ++last_number;
    if (file_count == file_capacity) {
        file_capacity = file_capacity * 2 + 16;
        files = realloc(files, file_capacity * sizeof *files);
        if (!files) abort();
    }
    files[file_count++] = (struct file){inode, ++last_number};
    return last_number;
}

// Forgets a file whose last name goes: its inode may come again, elsewhere.
static void forget(const struct stat *status) {
    for (size_t i = 0; status->st_nlink == 1 && i < file_count; i++)
        if (files[i].inode == status->st_ino) files[i] = files[--file_count];
}

// The name in the folder that a path means; NULL where it is elsewhere.
static const char *name_in_folder(const char *path) {
    if (strncmp(path, folder, folder_length) != 0 || path[folder_length] != '/') return NULL;
    const char *name = path + folder_length + 1;
    return strchr(name, '/') ? NULL : name;
}

// The number of an open file of the folder; 0 where it is none.
static uint32_t file_of(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0 || status.st_dev != folder_status.st_dev) return 0;
    return number_of(status.st_ino);
}

void disk_record(const char *path) {
    pthread_mutex_lock(&mutex);
    snprintf(folder, sizeof folder, "%s", path);
    folder_length = strlen(folder);
    if (stat(folder, &folder_status) < 0) abort();
    file_count = 0;
    byte_count = 0;
    syncs = 0;
    failing = 0;
    atomic_store(&recording, 1);
    pthread_mutex_unlock(&mutex);
}

void disk_fail_sync(uint64_t number) {
    pthread_mutex_lock(&mutex);
    failing = number ? syncs + number : 0;
    pthread_mutex_unlock(&mutex);
}

uint64_t disk_sync_count(void) { return syncs; }

void disk_mark(uint64_t value) {
    pthread_mutex_lock(&mutex);
    if (atomic_load(&recording)) put(DISK_MARK, 0, value, NULL, 0);
    pthread_mutex_unlock(&mutex);
}

const uint8_t *disk_stop(size_t *count) {
    pthread_mutex_lock(&mutex);
    atomic_store(&recording, 0);
    *count = byte_count;
    pthread_mutex_unlock(&mutex);
    return bytes;
}

void disk_spare_syncs(const char *prefix) {
    pthread_mutex_lock(&mutex);
    snprintf(spared, sizeof spared, "%s", prefix);
    atomic_store(&sparing, 1);
    pthread_mutex_unlock(&mutex);
}

// --- the calls ----------------------------------------------------------------------------------------------------

static int open_file(int directory, const char *path, int flags, mode_t mode) {
    if (!atomic_load(&recording) || directory != AT_FDCWD)
        return (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
    pthread_mutex_lock(&mutex);
    const char *name = name_in_folder(path);
    struct stat status;
    int existed = name && stat(path, &status) == 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_LARGEFILE, mode);
    int error = errno;
    if (fd >= 0 && name && !existed && fstat(fd, &status) == 0) {
        put(DISK_CREATE, add(status.st_ino), 0, name, strlen(name) + 1);
    } else if (fd >= 0 && name && (flags & O_TRUNC) && fstat(fd, &status) == 0) {
        uint32_t file = number_of(status.st_ino);
        if (file) put(DISK_TRUNCATE, file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return fd;
}

static mode_t mode_argument(int flags, va_list list) {
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_argument(flags, list);
    va_end(list);
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = mode_argument(flags, list);
    va_end(list);
    return open_file(AT_FDCWD, path, flags, mode);
}

static ssize_t write_at(int fd, const void *data, size_t count, off_t offset) {
    if (!atomic_load(&recording)) return syscall(SYS_pwrite64, fd, data, count, offset);
    pthread_mutex_lock(&mutex);
    ssize_t written = syscall(SYS_pwrite64, fd, data, count, offset);
    int error = errno;
    uint32_t file = written > 0 ? file_of(fd) : 0;
    if (file) put(DISK_WRITE, file, (uint64_t)offset, data, (uint64_t)written);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset) { return write_at(fd, data, count, offset); }
ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset) { return write_at(fd, data, count, offset); }

ssize_t write(int fd, const void *data, size_t count) {
    if (!atomic_load(&recording)) return syscall(SYS_write, fd, data, count);
    uint32_t file;
    pthread_mutex_lock(&mutex);
    file = file_of(fd);
    if (!file) {
        // It may wait, for a pipe say.
        pthread_mutex_unlock(&mutex);
        return syscall(SYS_write, fd, data, count);
    }
    off_t offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t written = syscall(SYS_write, fd, data, count);
    int error = errno;
    if (written > 0) put(DISK_WRITE, file, (uint64_t)offset, data, (uint64_t)written);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return written;
}

static int truncate_file(int fd, off_t size) {
    if (!atomic_load(&recording)) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&mutex);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    int error = errno;
    uint32_t file = result == 0 ? file_of(fd) : 0;
    if (file) put(DISK_TRUNCATE, file, (uint64_t)size, NULL, 0);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int ftruncate(int fd, off_t size) { return truncate_file(fd, size); }
int ftruncate64(int fd, off_t size) { return truncate_file(fd, size); }

static int is_spared(int fd) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t count = readlink(link, path, sizeof path - 1);
    return count > 0 && strncmp(path, spared, strlen(spared)) == 0;
}

static int sync_file(int fd, long call) {
    if (atomic_load(&recording)) {
        struct stat status;
        pthread_mutex_lock(&mutex);
        if (fstat(fd, &status) == 0 && status.st_dev == folder_status.st_dev) {
            int is_folder = status.st_ino == folder_status.st_ino;
            uint32_t file = is_folder ? 0 : number_of(status.st_ino);
            if (is_folder || file) {
                syncs++;
                int fails = syncs == failing;
                if (is_folder)
                    put(fails ? DISK_SYNC_FOLDER_FAILED : DISK_SYNC_FOLDER, 0, 0, NULL, 0);
                else
                    put(fails ? DISK_SYNC_FAILED : DISK_SYNC, file, 0, NULL, 0);
                pthread_mutex_unlock(&mutex);
                errno = EIO;
                return fails ? -1 : 0;
            }
        }
        pthread_mutex_unlock(&mutex);
    }
    if (atomic_load(&sparing) && is_spared(fd)) return 0;
    return (int)syscall(call, fd);
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

int unlink(const char *path) {
    if (!atomic_load(&recording)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&mutex);
    const char *name = name_in_folder(path);
    struct stat status;
    int existed = name && stat(path, &status) == 0;
    int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    int error = errno;
    if (name && result == 0) put(DISK_UNLINK, 0, 0, name, strlen(name) + 1);
    if (existed && result == 0) forget(&status);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) {
    if (!atomic_load(&recording)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&mutex);
    const char *old = name_in_folder(from), *new = name_in_folder(to);
    struct stat status;
    int existed = new && stat(to, &status) == 0;
    int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (old && new && result == 0) {
        put_names(DISK_RENAME, old, new);
        if (existed) forget(&status);
    }
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int link(const char *from, const char *to) {
    if (!atomic_load(&recording)) return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&mutex);
    const char *old = name_in_folder(from), *new = name_in_folder(to);
    int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    int error = errno;
    if (old && new && result == 0) put_names(DISK_LINK, old, new);
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}
