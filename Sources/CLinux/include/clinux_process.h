// Processes, threads, namespaces, privileges.
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include "clinux_io.h"
#include <linux/capability.h>
#include <linux/close_range.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

// Threads

static inline void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// The argument of sched_setattr in its first version, from <linux/sched/types.h>: glibc's <sched.h> does not get along
/// with that header.
struct clinux_sched_attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/// Asks for turns of the processor that are so long, in nanoseconds, for the calling thread; gives the length that it
/// has then, 0 where the kernel knows none.
static inline long clinux_set_time_slice(uint64_t nanoseconds) {
    struct clinux_sched_attributes attributes = {.size = sizeof attributes};
    long result = clinux_result(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
    if (result < 0) return result;
    attributes.runtime = nanoseconds;
    result = clinux_result(syscall(SYS_sched_setattr, 0, &attributes, 0));
    if (result < 0) return result;
    result = clinux_result(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0));
    return result < 0 ? result : (long)attributes.runtime;
}

/// Starts a thread in which every signal is blocked: signals are for the signalfd of one loop.
static inline long clinux_start_thread(pthread_t *thread, void *(*body)(void *), void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    // The kernel ends a process where a fault's signal is blocked; there may be a handler.
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(thread, NULL, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -(long)failure;
}

/// The most loops that a thread makes way for.
#define CLINUX_PAUSE_LOOP_MAXIMUM 64
/// Prepares the pauses of the calling thread: a timer, whose signal has it sleep for an instant if a loop has events.
/// Gives the timer, which is not a pointer though its type is one: the first is 0.
long clinux_make_pauses(void);
/// Has the calling thread make way for a loop, which is never closed.
long clinux_pause_for(int epoll);
/// Starts the pauses, so many nanoseconds apart; 0 ends them.
static inline long clinux_set_pauses(long timer, long interval) {
    struct itimerspec times = {{0, interval}, {0, interval}};
    return clinux_result(timer_settime((timer_t)timer, 0, &times, NULL));
}
static inline void clinux_end_pauses(long timer) { timer_delete((timer_t)timer); }

static inline long clinux_ignore_signal(int number) {
    return signal(number, SIG_IGN) == SIG_ERR ? -(long)errno : 0;
}

// Namespaces

/// CLONE_NEWNET of <linux/sched.h>, which glibc shows under _GNU_SOURCE only.
#define CLINUX_CLONE_NEWNET 0x40000000
static inline long clinux_setns_network(int fd) { return clinux_result(syscall(SYS_setns, fd, CLINUX_CLONE_NEWNET)); }
static inline long clinux_unshare_network(void) { return clinux_result(syscall(SYS_unshare, CLINUX_CLONE_NEWNET)); }

// Processes

static inline long clinux_pidfd_open(pid_t pid) { return clinux_result(syscall(SYS_pidfd_open, pid, 0)); }
static inline long clinux_kill(pid_t pid, int signal) { return clinux_result(kill(pid, signal)); }

/// Takes the end of a child: its exit code, or 128 + the signal that ended it. -EAGAIN while it runs, -ECHILD when it
/// is not ours.
static inline long clinux_take_exit(pid_t pid) {
    int status = 0;
    pid_t taken = waitpid(pid, &status, WNOHANG);
    if (taken < 0) return -(long)errno;
    if (taken == 0) return -EAGAIN;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Starts a program and returns its pid; a failure of execve is returned as well, no child stays behind.
///
/// stdin is /dev/null; `output` (-1: inherited) becomes stdout and stderr; nothing else is inherited. Signals are
/// unblocked and at their defaults. Between fork and execve only async-signal-safe calls are made: other threads of
/// this process may have held any lock at the moment of the fork.
static inline long clinux_spawn(
    const char *path, char *const arguments[], char *const environment[], int own_session, int output) {
    int report[2];
    if (syscall(SYS_pipe2, report, O_CLOEXEC) < 0) return -(long)errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        for (int number = 1; number < 32; number++) signal(number, SIG_DFL);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int failed = null < 0 || dup2(null, 0) < 0;
        if (output >= 0) failed = failed || dup2(output, 1) < 0 || dup2(output, 2) < 0;
        failed = failed || (own_session && setsid() < 0);
        // Close at execve, not now: the pipe has to carry execve's own errno.
        failed = failed || syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) < 0;
        if (!failed) {
            sigset_t none;
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, NULL);
            execve(path, arguments, environment);
        }
        int failure = errno;
        (void)!write(report[1], &failure, sizeof failure);
        _exit(127);
    }
    int failure = pid < 0 ? errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (pid > 0) {
        ssize_t count;
        do count = read(report[0], &failure, sizeof failure);
        while (count < 0 && errno == EINTR);
        if (count == (ssize_t)sizeof failure) {
            while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
        } else {
            failure = 0;
        }
    }
    close(report[0]);
    return failure != 0 ? -(long)failure : pid;
}

/// Writes stars over a secret among the words that this process was started with, which every user of the machine sees.
void clinux_hide_argument(const char *secret);

// Privileges

/// Empties the bounding set of the calling thread, where it may: that takes CAP_SETPCAP, which a service may have been
/// denied.
static inline long clinux_drop_bounding_capabilities(void) {
    for (int capability = 0; capability <= 63; capability++) {
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EPERM) return -(long)errno;
    }
    return 0;
}
/// Gives up every capability of the calling thread for good: the three sets, no_new_privs (so that no execve brings
/// them back), and the bounding set where we may.
static inline long clinux_drop_all_capabilities(void) {
    long result = clinux_drop_bounding_capabilities();
    if (result < 0) return result;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -(long)errno;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return clinux_result(syscall(SYS_capset, &header, sets));
}
/// Raises the soft limit of descriptors to the hard one and returns it.
static inline long clinux_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -(long)errno;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -(long)errno;
    return (long)limit.rlim_cur;
}
/// The largest number of descriptors of the process; negative errno.
static inline long clinux_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -(long)errno;
    return limit.rlim_cur > INT_MAX ? INT_MAX : (long)limit.rlim_cur;
}

/// The effective capabilities of the calling thread, bit n for capability n; negative errno.
static inline int64_t clinux_effective_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &header, sets) < 0) return -(int64_t)errno;
    return (int64_t)((uint64_t)sets[1].effective << 32 | sets[0].effective);
}

#endif
