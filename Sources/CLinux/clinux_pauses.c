// Pauses of threads of long work.
#include "CLinux.h"

#include <poll.h>
#include <signal.h>

/// The loops that the thread makes way for.
static _Thread_local struct pollfd loops[CLINUX_PAUSE_LOOP_MAXIMUM];
static _Thread_local volatile sig_atomic_t loop_count;

static void clinux_pause(int number) {
    (void)number;
    int before = errno;
    // A shorter time is over before the kernel has put the thread aside. A sleep in vain costs more than a tenth of
    // the time between two.
    struct timespec instant = {0, 20000};
    if (poll(loops, (nfds_t)loop_count, 0) > 0) nanosleep(&instant, NULL);
    errno = before;
}

long clinux_pause_for(int epoll) {
    if (loop_count == CLINUX_PAUSE_LOOP_MAXIMUM) return -ENOSPC;
    loops[loop_count] = (struct pollfd){.fd = epoll, .events = POLLIN};
    loop_count = loop_count + 1;
    return 0;
}

long clinux_make_pauses(void) {
    int number = SIGRTMIN;
    struct sigaction action = {.sa_handler = clinux_pause, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    if (sigaction(number, &action, NULL) < 0) return -(long)errno;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    timer_t timer;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) return -(long)errno;
    // Else an instant lasts 50 microseconds.
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    sigset_t own;
    sigemptyset(&own);
    sigaddset(&own, number);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    return (long)timer;
}
