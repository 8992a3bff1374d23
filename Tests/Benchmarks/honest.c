// honest [-n] [-a] [-m METHOD] [-c FILE] PORT SECONDS PATH: a client of HTTP/1.1 on loopback that asks for PATH, waits
// for the whole answer, rests for a millisecond and asks again. Prints the time of each request in us, one a line. It
// is a program of its own, with nothing to collect and nothing to interpret, so that what it measures is the server
// and the machine.
//   -n  a newcomer: a new connection for each request, whose making is in the time
//   -a  not honest: no rests, any answer will do, comes again when it is cut off, prints nothing
//   -c  sends the file as JSON; eight bytes "TURNTURN" in it become the number of the turn
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

enum { room = 65536, piece = 16384, requests_maximum = 1 << 20, patience = 120 };

static float times[requests_maximum];
static char answer[room];
static int port, is_honest = 1;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void rest(void) { nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL); }

static int dial(void) {
    int connection = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct timeval time = {.tv_sec = patience};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) err(1, "connect");
    return connection;
}

// A call sends a little: while the kernel copies many bytes for one client, the other clients of the processor wait.
static const char *put(int connection, const char *bytes, size_t size) {
    for (ssize_t count; size > 0; bytes += count, size -= (size_t)count) {
        count = send(connection, bytes, size < piece ? size : piece, MSG_NOSIGNAL);
        if (count < 0) return "the request is not taken";
    }
    return NULL;
}

// Takes one answer, head and content; gives what is wrong with it.
static const char *take(int connection) {
    size_t length = 0, left = 0;
    char *end = NULL;
    while (!end) {
        ssize_t count = recv(connection, answer + length, sizeof answer - 1 - length, 0);
        if (count <= 0) return count < 0 ? "no answer" : "the server has hung up";
        length += (size_t)count;
        answer[length] = 0;
        end = strstr(answer, "\r\n\r\n");
    }
    *end = 0;
    int is_fine = answer[9] == '2';
    char *field = strcasestr(answer, "\r\ncontent-length:"), last[5] = "";
    size_t held = (size_t)(answer + length - end - 4);
    int is_chunked = !field && strcasestr(answer, "\r\ntransfer-encoding:");
    if (field) left = strtoul(field + 17, NULL, 10) - held;
    if (is_chunked && held >= 5) memcpy(last, answer + length - 5, 5);
    while (is_chunked ? memcmp(last, "0\r\n\r\n", 5) != 0 : left > 0) {
        // The beginning of the buffer keeps the head.
        char *content = answer + room / 2;
        ssize_t count = recv(connection, content, room / 2, 0);
        if (count <= 0) return "the server has hung up in an answer";
        left -= (size_t)count;
        for (ssize_t from = count < 5 ? 0 : count - 5; from < count; from++) {
            memmove(last, last + 1, 4);
            last[4] = content[from];
        }
    }
    return is_fine || !is_honest ? NULL : answer;
}

static char *content_of(const char *path, size_t *size) {
    FILE *file = fopen(path, "r");
    if (!file) err(1, "%s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    char *content = malloc(*size + 1);
    rewind(file);
    if (fread(content, 1, *size, file) != *size) errx(1, "%s", path);
    return content;
}

int main(int count, char **arguments) {
    const char *method = "GET";
    char *content = NULL, *turn = NULL, request[16384], number[16];
    size_t size = 0;
    int is_new = 0, made = 0, option;
    while ((option = getopt(count, arguments, "nam:c:")) != -1) {
        if (option == 'n') is_new = 1;
        else if (option == 'a') is_honest = 0;
        else if (option == 'm') method = optarg;
        else if (option == 'c') content = content_of(optarg, &size);
        else return 2;
    }
    if (count - optind != 3) errx(2, "honest [-n] [-a] [-m METHOD] [-c FILE] PORT SECONDS PATH");
    port = atoi(arguments[optind]);
    if (content) turn = memmem(content, size, "TURNTURN", 8);
    int head = snprintf(
        request, sizeof request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, arguments[optind + 2]);
    head += content ? snprintf(request + head, sizeof request - (size_t)head,
                               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", size)
                    : snprintf(request + head, sizeof request - (size_t)head, "\r\n");
    prctl(PR_SET_TIMERSLACK, 1);
    int connection = dial();
    double end = now() + atof(arguments[optind + 1]);
    for (double begun = now(); begun < end && made < requests_maximum; begun = now()) {
        // After so many requests servers close.
        if (is_new || made % 5000 == 4999) {
            close(connection);
            connection = dial();
            if (!is_new) begun = now();
        }
        if (turn) {
            snprintf(number, sizeof number, "%08d", made % 100000000);
            memcpy(turn, number, 8);
        }
        const char *failure = put(connection, request, (size_t)head);
        if (!failure && content) failure = put(connection, content, size);
        // A server that refuses a content answers before all of it is there.
        if (!failure || !is_honest) failure = take(connection);
        if (failure && is_honest) errx(1, "%.200s", failure);
        if (failure) {
            close(connection);
            rest();
            connection = dial();
        }
        times[made++] = (float)((now() - begun) * 1e6);
        if (is_honest) rest();
    }
    for (int index = 0; is_honest && index < made; index++) printf("%.1f\n", (double)times[index]);
}
