#include "clinux_checksum.h"
#include <string.h>

// The halves of 64-bit words into two sums: this vectorizes, as the end-around carry over 64-bit words does not.
static inline __attribute__((always_inline)) uint64_t add(const uint8_t *bytes, size_t count, uint64_t sum) {
    uint64_t low = 0, high = 0;
    for (size_t index = 0; index < count / 8; index++) {
        uint64_t word;
        memcpy(&word, bytes + 8 * index, 8);
        low += (uint32_t)word;
        high += word >> 32;
    }
    sum += low + high;
    bytes += count & ~(size_t)7;
    if (count & 4) {
        uint32_t word;
        memcpy(&word, bytes, 4);
        sum += word;
        bytes += 4;
    }
    if (count & 2) {
        uint16_t word;
        memcpy(&word, bytes, 2);
        sum += word;
        bytes += 2;
    }
    if (count & 1) {
        uint8_t last[2] = {*bytes, 0};
        uint16_t word;
        memcpy(&word, last, 2);
        sum += word;
    }
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t add_avx2(const uint8_t *bytes, size_t count, uint64_t sum) {
    return add(bytes, count, sum);
}

__attribute__((target("avx512f,avx512bw"), min_vector_width(512))) static uint64_t
add_avx512(const uint8_t *bytes, size_t count, uint64_t sum) {
    return add(bytes, count, sum);
}

uint64_t clinux_word_sum(const void *bytes, size_t count, uint64_t sum) {
    // Processors with VBMI2 do not slow down for words of 512 bits, as older ones do.
    if (__builtin_cpu_supports("avx512vbmi2")) return add_avx512(bytes, count, sum);
    return __builtin_cpu_supports("avx2") ? add_avx2(bytes, count, sum) : add(bytes, count, sum);
}
#else
uint64_t clinux_word_sum(const void *bytes, size_t count, uint64_t sum) { return add(bytes, count, sum); }
#endif
