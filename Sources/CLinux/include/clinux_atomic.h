// Atomic access to words in raw memory, for arenas where Synchronization.Atomic cannot live.
#ifndef CLINUX_ATOMIC_H
#define CLINUX_ATOMIC_H

#include "clinux_io.h"

CLINUX_PACKET_PATH static inline uint64_t clinux_load_acquire(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
CLINUX_PACKET_PATH static inline void clinux_store_release(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
CLINUX_PACKET_PATH static inline uint64_t clinux_load_relaxed(const uint64_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}
CLINUX_PACKET_PATH static inline void clinux_store_relaxed(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
CLINUX_PACKET_PATH static inline void *clinux_load_pointer(void *const *place) {
    return __atomic_load_n(place, __ATOMIC_ACQUIRE);
}
CLINUX_PACKET_PATH static inline void clinux_store_pointer(void **place, void *value) {
    __atomic_store_n(place, value, __ATOMIC_RELEASE);
}
/// For words that several threads raise, which is seldom.
CLINUX_PACKET_PATH static inline void clinux_add_relaxed(uint64_t *word, uint64_t amount) {
    __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}
/// Puts a value in and takes the former out.
CLINUX_PACKET_PATH static inline uint64_t clinux_exchange(uint64_t *word, uint64_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_ACQ_REL);
}

/// The same for half a word, and a look at one.
CLINUX_PACKET_PATH static inline uint32_t clinux_exchange32(uint32_t *word, uint32_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_RELAXED);
}
CLINUX_PACKET_PATH static inline uint32_t clinux_load_relaxed32(const uint32_t *word) {
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/// Puts a value in the place of another one, if that is there; whether it was.
CLINUX_PACKET_PATH static inline int clinux_replace(uint64_t *word, uint64_t expected, uint64_t value) {
    return __atomic_compare_exchange_n(word, &expected, value, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/// Lets no read that comes later in the program happen before one that comes earlier.
CLINUX_PACKET_PATH static inline void clinux_fence_acquire(void) { __atomic_thread_fence(__ATOMIC_ACQUIRE); }

/// Lets no write that comes later in the program be seen before one that comes earlier.
CLINUX_PACKET_PATH static inline void clinux_fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }

#endif
