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

#endif
