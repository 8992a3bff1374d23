// Memory that a guest shares, and the rings in it (virtio 1.2, section 2.7).
#ifndef CLINUX_GUEST_H
#define CLINUX_GUEST_H

#include "clinux_io.h"
#include <stdbool.h>
#include <string.h>

/// Maps the first `count` octets of a guest's memory for reading and writing; no core dump has them. -EINVAL for what
/// is no file, or shorter.
///
/// Whoever has the file may shorten it at any moment. An access beyond its end, for which the kernel sends SIGBUS,
/// finds zeros in place of the whole mapping from then on, and `broken` is 1: nobody but the guest has a loss.
/// - Parameter length: what is mapped, for `clinux_guest_unmap`.
/// - Returns: -ENOSPC when too many such mappings exist.
long clinux_guest_map(int fd, size_t count, uint32_t *broken, void **memory, size_t *length);
void clinux_guest_unmap(void *memory, size_t length);
CLINUX_PACKET_PATH static inline bool clinux_guest_is_broken(const uint32_t *broken) {
    return __atomic_load_n(broken, __ATOMIC_ACQUIRE) != 0;
}

/// True for a descriptor of an anonymous inode, as those of eventfd: none of a file, a pipe or a socket, whose calls
/// may wait or have effects elsewhere.
bool clinux_is_anonymous(int fd);

/// 1 for a socket, or for nothing at all; 0 for anything else.
long clinux_is_socket(const char *path);

/// Gives a file to the group that its folder belongs to.
long clinux_give_to_group_of_folder(const char *path);

/// Reads two octets of a file; -EPROTO beyond its end.
long clinux_read16_at(int fd, uint64_t offset);

// Words that the other side changes at any moment: each is read once, and what was read is what is checked.

/// A descriptor of a ring (struct virtq_desc), in this machine's byte order.
struct clinux_ring_descriptor {
    uint64_t address;
    uint32_t count;
    uint16_t flags, next;
};

CLINUX_PACKET_PATH static inline struct clinux_ring_descriptor clinux_ring_load_descriptor(const void *place) {
    uint64_t low, high;
    memcpy(&low, place, 8);
    memcpy(&high, (const char *)place + 8, 8);
    // The compiler may not read them again.
    __asm__ volatile("" : "+r"(low), "+r"(high));
    return (struct clinux_ring_descriptor){
        .address = low, .count = (uint32_t)high, .flags = (uint16_t)(high >> 32), .next = (uint16_t)(high >> 48)};
}
CLINUX_PACKET_PATH static inline uint16_t clinux_ring_load(const void *place) {
    return __atomic_load_n((const uint16_t *)place, __ATOMIC_ACQUIRE);
}
CLINUX_PACKET_PATH static inline void clinux_ring_store(void *place, uint16_t value) {
    __atomic_store_n((uint16_t *)place, value, __ATOMIC_RELEASE);
}
/// Lets no access that comes later in the program happen before one that comes earlier.
CLINUX_PACKET_PATH static inline void clinux_ring_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Sets bits of an octet that others change, too.
CLINUX_PACKET_PATH static inline void clinux_ring_set_bits(void *place, uint8_t bits) {
    __atomic_fetch_or((uint8_t *)place, bits, __ATOMIC_RELAXED);
}

/// Waits for a word that says 1 while somebody has what it is about, and takes it. Whoever has it holds it for a copy
/// of a frame; a thread that waits for one without a processor gives its own away.
CLINUX_PACKET_PATH static inline void clinux_spin_take(uint32_t *word) {
    for (int turn = 0; __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0; turn++) {
        while (__atomic_load_n(word, __ATOMIC_RELAXED) != 0) {
            if (++turn % 128 == 0) syscall(SYS_sched_yield);
#if defined(__x86_64__)
            __builtin_ia32_pause();
#endif
        }
    }
}
CLINUX_PACKET_PATH static inline void clinux_spin_give(uint32_t *word) {
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

#endif
