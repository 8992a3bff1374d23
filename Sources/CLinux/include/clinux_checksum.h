// The sum under every Internet checksum.
#ifndef CLINUX_CHECKSUM_H
#define CLINUX_CHECKSUM_H

#include "clinux_io.h"

/// Adds `count` octets to `sum` as 32-bit words of the machine's byte order, what is left over as one 16-bit word and
/// one octet with a zero behind it: a sum as in RFC 1071, not folded. In C since the compiler makes a version for
/// wider vectors than every x86-64 has, which is a third of the time; `WordSum` in Datapath chooses and folds.
CLINUX_PACKET_PATH uint64_t clinux_word_sum(const void *bytes, size_t count, uint64_t sum);

#endif
