#include "clinux_checksum.h"
#include <string.h>

// 32-bit lanes into 64-bit sums: this vectorizes, as the end-around carry over 64-bit words does not.
static inline __attribute__((always_inline)) uint64_t add(const uint8_t *bytes, size_t count, uint64_t sum) {
    for (size_t index = 0; index < count / 4; index++) {
        uint32_t word;
        memcpy(&word, bytes + 4 * index, 4);
        sum += word;
    }
    bytes += count & ~(size_t)3;
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

uint64_t clinux_word_sum(const void *bytes, size_t count, uint64_t sum) {
    return __builtin_cpu_supports("avx2") ? add_avx2(bytes, count, sum) : add(bytes, count, sum);
}
#else
uint64_t clinux_word_sum(const void *bytes, size_t count, uint64_t sum) { return add(bytes, count, sum); }
#endif
