// honest PORT SECONDS PATH: an honest client of HTTP/1.1 on loopback that asks for PATH, waits for the whole answer,
// rests for a millisecond and asks again. Prints the time of each request in us, one a line. It is a program of its own,
// with nothing to collect and nothing to interpret, so that what it measures is the server and the machine.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { room = 65536, requests_maximum = 1 << 20 };

static float times[requests_maximum];
static char answer[room];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int dial(int port) {
    int connection = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) err(1, "connect");
    return connection;
}

// Reads one answer, head and content.
static void take(int connection) {
    size_t length = 0, wanted = 0;
    while (wanted == 0 || length < wanted) {
        ssize_t count = recv(connection, answer + length, sizeof answer - 1 - length, 0);
        if (count < 0) err(1, "recv");
        if (count == 0) errx(1, "the server has hung up");
        length += (size_t)count;
        answer[length] = 0;
        char *end = strstr(answer, "\r\n\r\n"), *field = strcasestr(answer, "\r\ncontent-length:");
        if (end && field) wanted = (size_t)(end - answer) + 4 + strtoul(field + 17, NULL, 10);
    }
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0) errx(1, "%.60s", answer);
}

int main(int count, char **arguments) {
    if (count != 4) errx(2, "honest PORT SECONDS PATH");
    char request[256];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", arguments[3]);
    int connection = dial(atoi(arguments[1])), made = 0;
    prctl(PR_SET_TIMERSLACK, 1);
    double end = now() + atof(arguments[2]);
    for (double begun = now(); begun < end && made < requests_maximum; begun = now()) {
        // After so many requests servers close.
        if (made % 5000 == 4999) {
            close(connection);
            connection = dial(atoi(arguments[1]));
            begun = now();
        }
        if (send(connection, request, (size_t)size, MSG_NOSIGNAL) != size) err(1, "send");
        take(connection);
        times[made++] = (float)((now() - begun) * 1e6);
        struct timespec rest = {.tv_nsec = 1000 * 1000};
        nanosleep(&rest, NULL);
    }
    for (int index = 0; index < made; index++) printf("%.1f\n", (double)times[index]);
}
