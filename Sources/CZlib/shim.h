#include <zlib.h>

/* deflateInit2 and inflateInit2 are macros, which Swift does not see. */

/* Deflate without any wrapping, at the fastest level. */
static inline int czlib_deflate_start(z_stream *stream) {
    return deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL - 1, Z_DEFAULT_STRATEGY);
}

/* Inflate of gzip (RFC 1952) and of nothing else. */
static inline int czlib_inflate_start(z_stream *stream) {
    return inflateInit2(stream, MAX_WBITS + 16);
}
