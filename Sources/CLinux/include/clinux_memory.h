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
#define CLINUX_F_SEAL_FUTURE_WRITE 16
#define CLINUX_F_GET_SEALS 1034

/// Has blocks of so many octets and more given back to the system as soon as they are freed.
static inline long clinux_return_blocks_of(int count) {
    return mallopt(M_MMAP_THRESHOLD, count) == 1 ? 0 : -EINVAL;
}

/// Makes `count` octets of the calling thread's heap, 32 MiB at most, usable in one go. By itself the library does so
/// for one page at a time, with a system call each. They take memory when they are first touched.
/// `returned`: what `clinux_return_blocks_of` was told.
static inline void clinux_widen_heap(size_t count, int returned) {
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    void *volatile block = malloc(count);
    mallopt(M_MMAP_THRESHOLD, returned);
    free(block);
}

static inline long clinux_file_size(int fd) { return clinux_result(lseek(fd, 0, SEEK_END)); }
/// Pages of this process alone, all zero, that take memory when they are first touched.
static inline long clinux_map_private(size_t count, void **memory) {
    void *address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return -(long)errno;
    *memory = address;
    return 0;
}
/// A memory file of `count` octets, all zero, mapped for writing here alone: whoever else has its descriptor can
/// neither write to it nor shorten it.
static inline long clinux_table_file(const char *name, size_t count, void **memory) {
    long fd = clinux_result(syscall(SYS_memfd_create, name, CLINUX_MFD_CLOEXEC | CLINUX_MFD_ALLOW_SEALING));
    if (fd < 0) return fd;
    void *address = MAP_FAILED;
    if (ftruncate((int)fd, (off_t)count) == 0) {
        address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    }
    int seals = CLINUX_F_SEAL_SHRINK | CLINUX_F_SEAL_FUTURE_WRITE;
    if (address == MAP_FAILED || fcntl((int)fd, CLINUX_F_ADD_SEALS, seals) < 0) {
        long failure = -(long)errno;
        if (address != MAP_FAILED) munmap(address, count);
        close((int)fd);
        return failure;
    }
    *memory = address;
    return fd;
}
/// Lengthens such a file and what is mapped of it, which may move; without a file (-1) pages of this process alone.
static inline long clinux_grow_table_file(int fd, size_t count, size_t larger, void **memory) {
    if (fd >= 0 && ftruncate(fd, (off_t)larger) < 0) return -(long)errno;
    long address = clinux_result(syscall(SYS_mremap, *memory, count, larger, 1 /* MREMAP_MAYMOVE */));
    if (address < 0 && address > -4096) return address;
    *memory = (void *)address;
    return 0;
}
/// Maps the first `count` octets of such a file for reading; EINVAL where it is none, or shorter: reading beyond a
/// file's end would be the end of the process.
static inline long clinux_map_table_file(int fd, size_t count, const void **memory) {
    int seals = fcntl(fd, CLINUX_F_GET_SEALS);
    if (seals < 0 || !(seals & CLINUX_F_SEAL_SHRINK) || clinux_file_size(fd) < (long)count) return -EINVAL;
    void *address = mmap(NULL, count, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) return -(long)errno;
    *memory = address;
    return 0;
}
/// A memory file of `count` octets, all zero, mapped here, that whoever has its descriptor may write to and nobody may
/// lengthen or shorten.
static inline long clinux_shared_file(const char *name, size_t count, void **memory) {
    long fd = clinux_result(syscall(SYS_memfd_create, name, CLINUX_MFD_CLOEXEC | CLINUX_MFD_ALLOW_SEALING));
    if (fd < 0) return fd;
    void *address = MAP_FAILED;
    if (ftruncate((int)fd, (off_t)count) == 0 &&
        fcntl((int)fd, CLINUX_F_ADD_SEALS, CLINUX_F_SEAL_SHRINK | CLINUX_F_SEAL_GROW | CLINUX_F_SEAL_SEAL) == 0) {
        address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    }
    if (address == MAP_FAILED) {
        long failure = -(long)errno;
        close((int)fd);
        return failure;
    }
    *memory = address;
    return fd;
}
/// Maps such a file of another process for writing; EINVAL if it is none, or of another size.
static inline long clinux_map_shared_file(int fd, size_t count, void **memory) {
    int seals = fcntl(fd, CLINUX_F_GET_SEALS);
    if (seals < 0 || !(seals & CLINUX_F_SEAL_SHRINK) || clinux_file_size(fd) != (long)count) return -EINVAL;
    void *address = mmap(NULL, count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) return -(long)errno;
    *memory = address;
    return 0;
}
static inline long clinux_unmap(void *memory, size_t count) { return clinux_result(munmap(memory, count)); }

/// Fetches the cache line of an address that will be read soon; any address may be given.
CLINUX_PACKET_PATH static inline void clinux_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
