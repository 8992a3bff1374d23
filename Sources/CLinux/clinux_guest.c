#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_guest.h"
#include <pthread.h>
#include <sys/mman.h>

/// A mapping of a guest's memory.
struct mapping {
    /// Its start; 0 if this place is free, 1 while it is filled in.
    uintptr_t start;
    size_t length;
    uint32_t *broken;
};

/// As many as 4096 ports have, with eight regions each.
enum { MAPPING_COUNT_MAXIMUM = 32768 };

static struct mapping mappings[MAPPING_COUNT_MAXIMUM];
/// No mapping is behind so many places.
static size_t mapping_count;

/// Runs in the thread that has touched memory behind a file's end, between two instructions of it.
static void hear_bus_error(int signal, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    size_t count = __atomic_load_n(&mapping_count, __ATOMIC_ACQUIRE);
    for (size_t index = 0; index < count; index++) {
        uintptr_t start = __atomic_load_n(&mappings[index].start, __ATOMIC_ACQUIRE);
        if (start <= 1 || address < start || address - start >= mappings[index].length) continue;
        void *zeros = mmap((void *)start, mappings[index].length, PROT_READ | PROT_WRITE,
                           MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (zeros == MAP_FAILED) break;
        __atomic_store_n(mappings[index].broken, 1, __ATOMIC_RELEASE);
        errno = error;
        return;
    }
    // Not a guest's: the instruction is repeated, and ends the process.
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(signal, &usual, NULL);
}

/// fstat(2) itself: the library asks by a call that also looks at files by their paths, and is refused to a confined
/// process.
static long look_at(int fd, struct stat *status) { return syscall(SYS_fstat, fd, status); }

static void listen_to_bus_errors(void) {
    struct sigaction action = {.sa_sigaction = hear_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGBUS, &action, NULL);
}

static long enter(uintptr_t start, size_t length, uint32_t *broken) {
    for (size_t index = 0; index < MAPPING_COUNT_MAXIMUM; index++) {
        uintptr_t none = 0;
        if (__atomic_load_n(&mappings[index].start, __ATOMIC_RELAXED) != 0) continue;
        if (!__atomic_compare_exchange_n(&mappings[index].start, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        mappings[index].length = length;
        mappings[index].broken = broken;
        __atomic_store_n(&mappings[index].start, start, __ATOMIC_RELEASE);
        size_t count = __atomic_load_n(&mapping_count, __ATOMIC_RELAXED);
        while (count < index + 1 && !__atomic_compare_exchange_n(&mapping_count, &count, index + 1, false,
                                                                 __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
        return 0;
    }
    return -ENOSPC;
}

long clinux_guest_map(int fd, size_t count, uint32_t *broken, void **memory, size_t *length) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, listen_to_bus_errors);
    struct stat status;
    if (look_at(fd, &status) < 0) return -(long)errno;
    if (!S_ISREG(status.st_mode) || count == 0) return -EINVAL;
    if (status.st_size < 0 || (uint64_t)status.st_size < count) return -EINVAL;
    // Huge pages are mapped whole; the size of a block tells theirs.
    size_t block = status.st_blksize >= 4096 && status.st_blksize <= 1 << 30 ? (size_t)status.st_blksize : 4096;
    if ((block & (block - 1)) != 0) block = 4096;
    size_t whole = (count + block - 1) & ~(block - 1);
    void *address = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (address == MAP_FAILED) return -(long)errno;
    madvise(address, whole, MADV_DONTDUMP);
    long result = enter((uintptr_t)address, whole, broken);
    if (result < 0) {
        munmap(address, whole);
        return result;
    }
    *memory = address;
    *length = whole;
    return 0;
}

void clinux_guest_unmap(void *memory, size_t length) {
    size_t count = __atomic_load_n(&mapping_count, __ATOMIC_ACQUIRE);
    for (size_t index = 0; index < count; index++) {
        if (__atomic_load_n(&mappings[index].start, __ATOMIC_RELAXED) == (uintptr_t)memory)
            __atomic_store_n(&mappings[index].start, 0, __ATOMIC_RELEASE);
    }
    munmap(memory, length);
}

bool clinux_is_anonymous(int fd) {
    struct stat status;
    return look_at(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

long clinux_is_socket(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0) return errno == ENOENT ? 1 : -(long)errno;
    return S_ISSOCK(status.st_mode);
}

long clinux_give_to_group_of_folder(const char *path) {
    struct stat status;
    char folder[4096];
    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder) return -ENAMETOOLONG;
    char *slash = strrchr(folder, '/');
    if (slash == NULL) return -EINVAL;
    slash[slash == folder] = 0;
    if (stat(folder, &status) < 0) return -(long)errno;
    return clinux_result(lchown(path, (uid_t)-1, status.st_gid));
}

long clinux_read16_at(int fd, uint64_t offset) {
    uint16_t word = 0;
    if (offset > INT64_MAX - sizeof word) return -EPROTO;
    ssize_t count = pread(fd, &word, sizeof word, (off_t)offset);
    if (count < 0) return -(long)errno;
    return count == sizeof word ? word : -EPROTO;
}
