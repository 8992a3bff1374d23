#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "clinux_confine.h"
#include "clinux_memory.h"
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>

long clinux_become_user(uid_t user, gid_t group) {
    if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0) return -(long)errno;
    return clinux_result(setresuid(user, user, user));
}

// Landlock (Documentation/userspace-api/landlock.rst). The header of the machine that builds may know less than the
// kernel that runs, so numbers and layout are here.

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

/// struct landlock_ruleset_attr; older kernels take it where what they do not know is zero.
struct ruleset {
    uint64_t files, network, scopes;
};

/// All that a version can forbid.
static struct ruleset all_of(long version) {
    // Thirteen rights of version 1, then REFER, TRUNCATE, IOCTL_DEV; TCP's bind and connect; abstract sockets, signals.
    struct ruleset all = {.files = (1 << 13) - 1};
    if (version >= 2) all.files |= 1 << 13;
    if (version >= 3) all.files |= 1 << 14;
    if (version >= 4) all.network = 3;
    if (version >= 5) all.files |= 1 << 15;
    if (version >= 6) all.scopes = 3;
    return all;
}

long clinux_forbid_files(void) {
    long version = clinux_result(syscall(SYS_landlock_create_ruleset, NULL, 0, 1));
    if (version < 0) return version;
    struct ruleset none = all_of(version);
    long ruleset = clinux_result(syscall(SYS_landlock_create_ruleset, &none, sizeof none, 0));
    if (ruleset < 0) return ruleset;
    long result = clinux_result(syscall(SYS_landlock_restrict_self, (int)ruleset, 0));
    close((int)ruleset);
    return result < 0 ? result : version;
}

// seccomp

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE

/// Calls that are let through whatever they say, those of the packet path first: a kernel before 5.11 compares one by
/// one.
static const int allowed[] = {
    SYS_recvmmsg, SYS_sendmmsg, SYS_read, SYS_writev, SYS_epoll_pwait, SYS_futex, SYS_clock_gettime, SYS_write,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    // Connections of agents, and sockets that are handed over or bound to a new address.
    SYS_recvmsg, SYS_sendmsg, SYS_sendto, SYS_recvfrom, SYS_accept4, SYS_bind, SYS_getsockname, SYS_getpeername,
    SYS_getsockopt, SYS_setsockopt, SYS_shutdown, SYS_close, SYS_epoll_create1, SYS_epoll_ctl, SYS_eventfd2,
    SYS_signalfd4, SYS_readv, SYS_ppoll, SYS_lseek, SYS_fstat,
#ifdef SYS_poll
    SYS_poll,
#endif
    // Memory.
    SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_membarrier,
    // Threads and time.
    SYS_set_robust_list, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_sched_yield, SYS_sched_getaffinity, SYS_gettid, SYS_getpid, SYS_getuid, SYS_geteuid, SYS_getrandom,
    SYS_gettimeofday, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_exit, SYS_exit_group,
#ifdef SYS_time
    SYS_time,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
};

/// Calls that no library makes by itself here: whoever makes one has taken the process over.
static const int fatal[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_bpf, SYS_perf_event_open,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
    SYS_setns, SYS_unshare,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_open_by_handle_at, SYS_personality,
    SYS_setuid, SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_reboot, SYS_swapon,
    // userfaultfd, io_uring_setup, pidfd_getfd, fsopen, move_mount: the same numbers everywhere, newer than
    // some headers.
    SYS_userfaultfd, 425, 438, 430, 429,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
};

/// Instructions; twice what there are.
enum { LENGTH_MAXIMUM = 512 };

struct program {
    struct sock_filter code[LENGTH_MAXIMUM];
    unsigned short length;
};

static void add(struct program *program, uint16_t code, uint8_t if_true, uint8_t if_false, uint32_t value) {
    // A program that is too long is refused as a whole, below.
    if (program->length == LENGTH_MAXIMUM) return;
    program->code[program->length++] = (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void load(struct program *program, size_t offset) {
    add(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}
/// The lower half of an argument: all that the kernel looks at of an int.
static void load_argument(struct program *program, int index) {
    load(program, offsetof(struct seccomp_data, args) + 8 * (size_t)index +
                      (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}
static void give(struct program *program, uint32_t action) { add(program, BPF_RET | BPF_K, 0, 0, action); }

/// Leaves out the next `count` instructions unless the value is this one.
static void require(struct program *program, uint32_t value, uint8_t count) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, 0, count, value);
}
static void mask(struct program *program, uint32_t bits) { add(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, bits); }

static void answer(struct program *program, int call, uint32_t action) {
    require(program, (uint32_t)call, 1);
    give(program, action);
}

static const uint32_t ALLOW = SECCOMP_RET_ALLOW;
static const uint32_t REFUSE = SECCOMP_RET_ERRNO | EPERM;
static const uint32_t END = SECCOMP_RET_KILL_PROCESS;

/// Lets a call through where the bits of an argument have this value.
static void allow_if(
    struct program *program, int call, int argument, uint32_t bits, uint32_t value, uint32_t otherwise) {
    require(program, (uint32_t)call, 5);
    load_argument(program, argument);
    mask(program, bits);
    require(program, value, 1);
    give(program, ALLOW);
    give(program, otherwise);
}

/// Lets a call through where an argument is one of these.
static void allow_values(struct program *program, int call, int argument, const uint32_t *values, int count) {
    require(program, (uint32_t)call, (uint8_t)(2 + 2 * count));
    load_argument(program, argument);
    for (int index = 0; index < count; index++) answer(program, (int)values[index], ALLOW);
    give(program, REFUSE);
}

static void allow_sockets(struct program *program) {
    // UDP's: no Unix socket, whose name may be a file's, no TCP, no packet, no netlink.
    require(program, SYS_socket, 9);
    load_argument(program, 1);
    mask(program, 0xf);
    require(program, SOCK_DGRAM, 5);
    load_argument(program, 0);
    require(program, AF_INET, 1);
    give(program, ALLOW);
    require(program, AF_INET6, 1);
    give(program, ALLOW);
    give(program, REFUSE);
}

/// Memory without instructions: files, which are those of tables, sealed against writing, and of guests; and other
/// memory.
static void allow_mappings(struct program *program) { allow_if(program, SYS_mmap, 2, PROT_EXEC, 0, REFUSE); }

static void allow_by_arguments(struct program *program) {
    static const uint32_t names[] = {PR_SET_NAME};
    static const uint32_t descriptors[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC,
                                           CLINUX_F_GET_SEALS};
    static const uint32_t itself[] = {0};
    const uint32_t process[] = {(uint32_t)getpid()};
    allow_sockets(program);
    // No memory that can be run.
    allow_mappings(program);
    allow_if(program, SYS_mprotect, 2, PROT_EXEC, 0, REFUSE);
    // Threads, no processes and no namespaces. clone3 hides what it asks for: without it libraries take clone.
    const uint32_t thread = CLONE_VM | CLONE_THREAD;
    const uint32_t namespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |
                                CLONE_NEWNET | CLONE_NEWCGROUP;
    allow_if(program, SYS_clone, 0, thread | namespaces, thread, END);
    answer(program, 435, SECCOMP_RET_ERRNO | ENOSYS);
    allow_values(program, SYS_prctl, 0, names, 1);
    allow_values(program, SYS_fcntl, 1, descriptors, 6);
    allow_values(program, SYS_prlimit64, 0, itself, 1);
    allow_values(program, SYS_tgkill, 0, process, 1);
}

long clinux_filter_system_calls(void) {
    static struct program program;
    program.length = 0;
    load(&program, offsetof(struct seccomp_data, arch));
    add(&program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
    give(&program, END);
    load(&program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    // The x32 ABI's numbers.
    add(&program, BPF_JMP | BPF_JGE | BPF_K, 0, 1, 0x40000000);
    give(&program, END);
#endif
    for (size_t index = 0; index < sizeof allowed / sizeof *allowed; index++) answer(&program, allowed[index], ALLOW);
    for (size_t index = 0; index < sizeof fatal / sizeof *fatal; index++) answer(&program, fatal[index], END);
    allow_by_arguments(&program);
    give(&program, REFUSE);
    if (program.length == LENGTH_MAXIMUM) return -E2BIG;
    struct sock_fprog filter = {.len = program.length, .filter = program.code};
    // SPEC_ALLOW: kernels before 5.16 would slow every load down for a process that runs nobody's code but its own.
    return clinux_result(syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter));
}

#else

long clinux_filter_system_calls(void) { return -EOPNOTSUPP; }

#endif
