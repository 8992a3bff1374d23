"""Clocks that are wrong: of a host, of central, by hours and days."""

import re
import time
import unittest

from lab import Lab, run, wait_until

DAY = 86400

# Adds OFFSET seconds to the clock that people set, and to no other.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long offset(void) { const char *text = getenv("OFFSET"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += offset();
    return result;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


class ClockLab(Lab):
    """A lab whose machines' clocks are as far off as `offsets` says, in seconds."""

    def __init__(self):
        super().__init__(secure=True)
        self.offsets = {}

    def __enter__(self):
        lab = super().__enter__()
        self.shim = f"{self.state}/clock.so"
        run("cc", "-shared", "-fPIC", "-o", self.shim, "-xc", "-", input=SHIM)
        return lab

    def environment(self, host):
        offset = self.offsets.get(host, 0)
        return super().environment(host) | ({"LD_PRELOAD": self.shim, "OFFSET": str(offset)} if offset else {})


class ClockTest(unittest.TestCase):
    def renewals(self, lab):
        """The number of certificates that central has renewed."""
        text = lab.curl("/metrics").stdout
        route = r'route="/v1/chassis/\{name\}/certificate",method="POST",code="200"'
        found = re.search(r"^heddle_http_requests_total\{" + route + r"\} (\d+)", text, re.M)
        return int(found.group(1)) if found else 0

    def test_a_host_that_is_ahead_does_not_renew_in_a_loop_and_says_so_once(self):
        with ClockLab() as lab:
            lab.host("hv1", 3)
            lab.central()
            lab.offsets["hv1"] = 17 * 3600
            agent = lab.agent("hv1", 3)
            warning = "this host's clock is 17 h 0 min ahead of central's"
            wait_until(lambda: warning in agent.output(), "the agent says that its clock is wrong")
            lab.heddle("central", "nb", "ls-add", "ls1")
            lab.sync()
            time.sleep(3)  # Nothing is to happen in this time; a loop renews hundreds of times.
            self.assertIn(self.renewals(lab), (1, 2))
            self.assertEqual(agent.output().count(warning), 1)
            report = lab.heddle("hv1", "doctor", "--state-dir", f"{lab.state}/hv1", check=False).stdout
            self.assertRegex(report, "warning +clock")

    def test_a_host_that_is_behind_hears_so_when_it_joins(self):
        with ClockLab() as lab:
            lab.host("hv1", 3)
            lab.central()
            arguments = lab.agent_arguments("hv1", 3)
            lab.offsets["hv1"] = -3 * DAY
            done = lab.heddle("hv1", "agent", *arguments, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"this host's clock is (3 d 0|2 d 23) h behind central's, or more")
            lab.offsets.clear()
            lab.start("hv1", "agent", *arguments)

    def test_hosts_that_joined_while_all_clocks_were_ahead_are_heard_when_they_are_right_again(self):
        with ClockLab() as lab:
            lab.host("hv1", 3)
            # The authority is older than that.
            lab.central().kill(15)
            lab.offsets |= {"central": 30 * 3600, "hv1": 30 * 3600}
            central, agent = lab.central(), lab.agent("hv1", 3)
            lab.heddle("central", "nb", "ls-add", "ls1")
            lab.sync()
            for daemon in agent, central:
                daemon.kill(15)
            lab.offsets.clear()
            lab.central()
            lab.agent("hv1", 3)
            lab.heddle("central", "nb", "ls-add", "ls2")
            lab.sync()
            self.assertTrue(lab.get("/v1/chassis/hv1")["status"]["live"])


if __name__ == "__main__":
    unittest.main()
