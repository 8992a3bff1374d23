// polls ADDRESS PORT COUNT CHASSIS TARGET [tls]: parks long polls and says when their answers have come.
//
// Opens COUNT connections, sends GET TARGET on each ("%d" in it stands for the connection's number modulo CHASSIS), and
// prints "parked". When a line comes on standard input it prints how many answers came while it waited, closes, and
// ends. Each answer that is whole counts; when all have come it prints "answered NANOSECONDS", on CLOCK_MONOTONIC.
// With "tls" the connections speak TLS and trust anybody.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { headMaximum = 2048 };

struct poll {
    int socket;
    SSL *tls;
    char *head;
    int headCount;
    long left;  // bytes of the body to come; -1 until the head is whole
};

static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    exit(1);
}

static void connectPoll(struct poll *poll, const struct sockaddr_in *address, SSL_CTX *context) {
    poll->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (poll->socket < 0) die("socket: %s; raise ulimit -n", strerror(errno));
    if (connect(poll->socket, (const struct sockaddr *)address, sizeof *address)) die("connect: %s", strerror(errno));
    int on = 1;
    setsockopt(poll->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    poll->left = -1;
    if (!context) return;
    poll->tls = SSL_new(context);
    SSL_set_fd(poll->tls, poll->socket);
    if (SSL_connect(poll->tls) != 1) die("the TLS handshake failed");
}

static void ask(struct poll *poll, const char *target, int chassis) {
    char path[512], request[1024];
    snprintf(path, sizeof path, target, chassis);
    int count = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    long sent = poll->tls ? SSL_write(poll->tls, request, count) : send(poll->socket, request, count, 0);
    if (sent != count) die("the request was not sent");
    fcntl(poll->socket, F_SETFL, O_NONBLOCK);
}

// True if the answer is whole.
static int take(struct poll *poll) {
    char bytes[65536];
    for (;;) {
        long count = poll->tls ? SSL_read(poll->tls, bytes, sizeof bytes) : recv(poll->socket, bytes, sizeof bytes, 0);
        if (count == 0) die("a connection was closed without an answer");
        if (count < 0) return 0;
        char *rest = bytes;
        if (poll->left < 0) {
            if (!poll->head) poll->head = calloc(1, headMaximum + 1);
            int added = count < headMaximum - poll->headCount ? (int)count : headMaximum - poll->headCount;
            memcpy(poll->head + poll->headCount, bytes, added);
            char *end = strstr(poll->head, "\r\n\r\n");
            if (!end) {
                poll->headCount += added;
                continue;
            }
            if (strncmp(poll->head, "HTTP/1.1 200", 12)) die("refused: %s", poll->head);
            char *length = strcasestr(poll->head, "\r\nContent-Length:");
            if (!length || length > end) die("an answer without Content-Length");
            poll->left = atol(length + 17);
            rest = bytes + (end + 4 - poll->head - poll->headCount);
        }
        poll->left -= bytes + count - rest;
        if (poll->left <= 0) return 1;
    }
}

int main(int argumentCount, char **arguments) {
    if (argumentCount < 6) die("usage: polls ADDRESS PORT COUNT CHASSIS TARGET [tls]");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[2]))};
    if (inet_pton(AF_INET, arguments[1], &address.sin_addr) != 1) die("%s is no IPv4 address", arguments[1]);
    int count = atoi(arguments[3]), chassis = atoi(arguments[4]);
    SSL_CTX *context = argumentCount > 6 ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (context) SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    struct poll *polls = calloc(count, sizeof *polls);
    int epoll = epoll_create1(0);
    for (int index = 0; index < count; index++) {
        connectPoll(&polls[index], &address, context);
        ask(&polls[index], arguments[5], index % chassis);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &polls[index]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, polls[index].socket, &event);
    }
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
    printf("parked\n");
    fflush(stdout);
    int answered = 0;
    while (answered < count) {
        struct epoll_event events[512];
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int index = 0; index < ready; index++) {
            struct poll *poll = events[index].data.ptr;
            if (!poll) {
                printf("waiting %d\n", count - answered);
                return 0;
            }
            if (poll->left == 0 || !take(poll)) continue;
            poll->left = 0;
            answered++;
        }
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("answered %lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    return 0;
}
