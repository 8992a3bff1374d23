// Memory that outlives a process because others hold its descriptor.
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include "clinux_io.h"
#include <malloc.h>
#include <sys/mman.h>

// Of <linux/memfd.h> and <linux/fcntl.h>, which clash with glibc's under some feature macros.
#define CLINUX_MFD_CLOEXEC 1u
#define CLINUX_MFD_ALLOW_SEALING 2u
#define CLINUX_F_ADD_SEALS 1033
#define CLINUX_F_SEAL_SEAL 1
#define CLINUX_F_SEAL_SHRINK 2
#define CLINUX_F_SEAL_GROW 4

/// Has blocks of so many octets and more given back to the system as soon as they are freed.
static inline long clinux_return_blocks_of(int count) {
    return mallopt(M_MMAP_THRESHOLD, count) == 1 ? 0 : -EINVAL;
}

/// A memory file of `count` octets, all zero, whose size nobody can change any more.
static inline long clinux_memory_file(const char *name, size_t count) {
    long fd = clinux_result(syscall(SYS_memfd_create, name, CLINUX_MFD_CLOEXEC | CLINUX_MFD_ALLOW_SEALING));
    if (fd < 0) return fd;
    if (ftruncate((int)fd, (off_t)count) < 0 ||
        fcntl((int)fd, CLINUX_F_ADD_SEALS, CLINUX_F_SEAL_SEAL | CLINUX_F_SEAL_SHRINK | CLINUX_F_SEAL_GROW) < 0) {
        long failure = -(long)errno;
        close((int)fd);
        return failure;
    }
    return fd;
}
static inline long clinux_file_size(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -(long)errno;
    return (long)status.st_size;
}
/// Maps a file for all who have it, every page of it now: a page fault amid a read would be a place to be killed in.
static inline long clinux_map_shared(int fd, size_t count, void **memory) {
    void *address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (address == MAP_FAILED) return -(long)errno;
    *memory = address;
    return 0;
}
/// Pages of this process alone, all zero, that take memory when they are first touched.
static inline long clinux_map_private(size_t count, void **memory) {
    void *address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return -(long)errno;
    *memory = address;
    return 0;
}
static inline long clinux_unmap(void *memory, size_t count) { return clinux_result(munmap(memory, count)); }

/// Fetches the cache line of an address that will be read soon; any address may be given.
CLINUX_PACKET_PATH static inline void clinux_prefetch(const void *address) { __builtin_prefetch(address); }

/// Keeps the compiler from moving memory accesses across this point: what a killed process leaves behind is then what it
/// had written in the program's order.
CLINUX_PACKET_PATH static inline void clinux_keep_order(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#endif
