// Privileges that a process gives up for good: its user, files, system calls.
#ifndef CLINUX_CONFINE_H
#define CLINUX_CONFINE_H

#include "clinux_process.h"

/// Becomes a user with one group, in every thread; a change from root takes all capabilities along.
long clinux_become_user(uid_t user, gid_t group);

/// Has the kernel refuse the calling thread, and those that it starts, every file by its path, and TCP, abstract Unix
/// sockets and signals to others where this kernel can (Landlock). no_new_privs has to be set.
/// - Returns: the version of the kernel's Landlock, or -ENOSYS, -EOPNOTSUPP where it has none or has it switched off.
long clinux_forbid_files(void);

/// Leaves all threads of the process the system calls that moving packets takes, for good (seccomp). What a library may
/// try by itself fails with EPERM; what only somebody else's code would try ends the process with SIGSYS. no_new_privs
/// has to be set.
/// - Returns: -EINVAL, -ENOSYS where the kernel has no filters; -EOPNOTSUPP where the processor's calls are not known
///   here.
long clinux_filter_system_calls(void);

#endif
