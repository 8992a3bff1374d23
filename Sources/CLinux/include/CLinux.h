// Linux calls that the Glibc module does not show to Swift, or shows awkwardly, as static inline functions.
//
// Every function that can fail returns the negative errno, so that nobody reads errno after the Swift runtime may
// have changed it. Calls that need _GNU_SOURCE go through syscall(2): the Glibc module is compiled without it, and
// a header compiled with it would declare some functions with other types.
#ifndef CLINUX_H
#define CLINUX_H

#include "clinux_io.h"
#include "clinux_socket.h"
#include "clinux_process.h"
#include "clinux_confine.h"
#include "clinux_netdev.h"
#include "clinux_packet.h"
#include "clinux_atomic.h"
#include "clinux_memory.h"
#include "clinux_guest.h"
#include "clinux_checksum.h"

#endif
