// Descriptors, files, epoll and the descriptors it waits on.
#ifndef CLINUX_IO_H
#define CLINUX_IO_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// Marks a function that the packet path may call from Swift code checked to take no lock and allocate nothing.
#define CLINUX_PACKET_PATH                                                                                            \
    __attribute__((swift_attr("@_noLocks"))) __attribute__((swift_attr("@_noAllocation")))

static inline long clinux_result(long result) { return result < 0 ? -(long)errno : result; }

// Files and descriptors

CLINUX_PACKET_PATH static inline long clinux_read(int fd, void *bytes, size_t count) {
    return clinux_result(read(fd, bytes, count));
}
CLINUX_PACKET_PATH static inline long clinux_write(int fd, const void *bytes, size_t count) {
    return clinux_result(write(fd, bytes, count));
}
CLINUX_PACKET_PATH static inline long clinux_write_parts(int fd, const struct iovec *parts, int count) {
    return clinux_result(writev(fd, parts, count));
}
static inline long clinux_open(const char *path, int flags, mode_t mode) {
    return clinux_result(open(path, flags | O_CLOEXEC, mode));
}
static inline long clinux_close(int fd) { return clinux_result(close(fd)); }
static inline long clinux_duplicate(int fd) { return clinux_result(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }
static inline long clinux_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -(long)errno : clinux_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}
static inline long clinux_flock_exclusive(int fd) { return clinux_result(flock(fd, LOCK_EX | LOCK_NB)); }
static inline long clinux_truncate(int fd, off_t size) { return clinux_result(ftruncate(fd, size)); }
static inline long clinux_sync(int fd) { return clinux_result(fsync(fd)); }
static inline long clinux_set_mode(int fd, mode_t mode) { return clinux_result(fchmod(fd, mode)); }
static inline long clinux_rename(const char *from, const char *to) { return clinux_result(rename(from, to)); }
static inline long clinux_link(const char *target, const char *path) { return clinux_result(symlink(target, path)); }
static inline long clinux_unlink(const char *path) { return clinux_result(unlink(path)); }
static inline long clinux_mkdir(const char *path, mode_t mode) { return clinux_result(mkdir(path, mode)); }
static inline long clinux_hostname(char *name, size_t count) { return clinux_result(gethostname(name, count)); }
/// 1 when both descriptors refer to one inode (as two descriptors of one namespace do), 0 when not.
static inline long clinux_same_inode(int left, int right) {
    struct stat a, b;
    if (fstat(left, &a) < 0 || fstat(right, &b) < 0) return -(long)errno;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// Nanoseconds of CLOCK_MONOTONIC, CLOCK_REALTIME …
static inline int64_t clinux_nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// epoll and what it waits on

static const uint32_t CLINUX_EPOLLIN = EPOLLIN;
static const uint32_t CLINUX_EPOLLOUT = EPOLLOUT;
static const uint32_t CLINUX_EPOLLERR = EPOLLERR;
static const uint32_t CLINUX_EPOLLHUP = EPOLLHUP;
static const uint32_t CLINUX_EPOLLRDHUP = EPOLLRDHUP;

static inline long clinux_epoll_create(void) { return clinux_result(epoll_create1(EPOLL_CLOEXEC)); }
static inline long clinux_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return clinux_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}
static inline long clinux_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return clinux_result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}
static inline long clinux_epoll_remove(int epoll, int fd) {
    struct epoll_event event = {0};
    return clinux_result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
}
CLINUX_PACKET_PATH static inline long
clinux_epoll_wait(int epoll, struct epoll_event *events, int capacity, int milliseconds) {
    return clinux_result(epoll_wait(epoll, events, capacity, milliseconds));
}
CLINUX_PACKET_PATH static inline uint64_t clinux_epoll_data(const struct epoll_event *event) {
    return event->data.u64;
}

static inline long clinux_eventfd(void) { return clinux_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

/// A signalfd over the signals of `mask` (bit n - 1 for signal n); they are blocked in the calling thread as well.
/// `fd` is -1 for a new one, else the one whose mask is replaced.
static inline long clinux_signalfd(int fd, uint64_t mask) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal = 1; signal < 64; signal++) {
        if (mask >> (signal - 1) & 1) sigaddset(&set, signal);
    }
    int failure = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (failure != 0) return -(long)failure;
    return clinux_result(signalfd(fd, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}
/// The next signal of a signalfd.
static inline long clinux_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    long count = clinux_result(read(fd, &info, sizeof info));
    return count < 0 ? count : (long)info.ssi_signo;
}

#endif
