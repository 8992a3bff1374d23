// load MODE CLIENT SERVER ADDRESS SECONDS SIZE [RATE]: UDP between two network namespaces, both ends in one process, so
// that what was sent and what arrived are counted by the same clock. SIZE is the payload's.
//   turns: one request at a time; prints count, p50 and p99 of the round trip in us
//   flood: RATE datagrams a second, as many as go if it is 0; prints sent and received
//   flows: the same, each datagram of another one of 100,000 flows
//   new: the same, each of another one of 50,000,000, to ports from 20000 on, from one further on than in the run
//        before; received is what the devices of SERVER count, so that it may be dropped there before it costs anything
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    batch = 64, room = 2048, port = 7007, new_port = 20000, turns_maximum = 1 << 21, sources = 50000, targets = 2,
    ways = 1000
};

static atomic_bool is_over;
static bool is_new;
static atomic_long received;
static int servers[targets];
static char octets[batch][room];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_in(const char *namespace, int type, int protocol) {
    char path[128];
    snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int file = open(path, O_RDONLY);
    if (file < 0 || setns(file, CLONE_NEWNET) < 0) err(1, "%s", path);
    close(file);
    int opened = socket(AF_INET, type, protocol), size = 16 << 20;
    struct timeval patience = {.tv_usec = 200000};
    setsockopt(opened, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(opened, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return opened;
}

static void prepare(struct mmsghdr *messages, struct iovec *parts, char (*memory)[room], size_t size) {
    for (int index = 0; index < batch; index++) {
        parts[index] = (struct iovec){memory[index], size};
        messages[index] = (struct mmsghdr){.msg_hdr = {.msg_iov = parts + index, .msg_iovlen = 1}};
    }
}

static void *answer(void *unused) {
    char bytes[room];
    (void)unused;
    while (!is_over) {
        struct sockaddr_in client;
        socklen_t length = sizeof client;
        ssize_t count = recvfrom(servers[0], bytes, sizeof bytes, 0, (void *)&client, &length);
        if (count >= 0) sendto(servers[0], bytes, (size_t)count, 0, (void *)&client, length);
    }
    return NULL;
}

// Ends when nothing has come for as long as the socket's patience, after the end.
static void *count_all(void *server) {
    static char memory[batch][room];
    struct mmsghdr messages[batch];
    struct iovec parts[batch];
    prepare(messages, parts, memory, room);
    for (;;) {
        int count = recvmmsg(*(int *)server, messages, batch, MSG_WAITFORONE, NULL);
        if (count > 0) received += count;
        else if (is_over) return NULL;
    }
}

// The packets that the devices of the namespace of an open /proc/net/dev have received.
static long count_devices(FILE *file) {
    char line[512];
    long total = 0, bytes, packets;
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = strchr(line, ':');
        if (rest == NULL || strstr(line, "lo:") != NULL) continue;
        if (sscanf(rest + 1, "%ld %ld", &bytes, &packets) == 2) total += packets;
    }
    return total;
}

static int compare(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static void take_turns(int client, double seconds, size_t size) {
    static float times[turns_maximum];
    int count = 0;
    for (double start = now(), sent = start; sent - start < seconds && count < turns_maximum;) {
        send(client, octets, size, 0);
        if (recv(client, octets, sizeof octets, 0) < 0) { sent = now(); continue; }
        double here = now();
        times[count++] = (float)(here - sent) * 1e6f;
        sent = here;
    }
    if (count == 0) errx(1, "nothing comes back");
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%d %.1f %.1f\n", count, (double)times[count / 2], (double)times[(long)count * 99 / 100]);
}

// Writes the IP and UDP headers of the next flow's datagrams in front of payloads of zeros.
static void head(const struct sockaddr_in *from, const struct sockaddr_in *to, long flow, size_t size) {
    for (int index = 0; index < batch; index++, flow++) {
        struct { struct iphdr ip; struct udphdr udp; } *at = (void *)octets[index];
        at->ip = (struct iphdr){
            .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .saddr = from->sin_addr.s_addr,
            .daddr = to->sin_addr.s_addr};
        at->udp.source = htons((uint16_t)(10000 + flow % sources));
        at->udp.dest = htons((uint16_t)(is_new ? new_port + flow / sources % ways : port + flow / sources % targets));
        at->udp.len = htons((uint16_t)(size - sizeof at->ip));
        at->udp.check = 0;
        uint32_t sum = (at->ip.saddr & 0xffff) + (at->ip.saddr >> 16) + (at->ip.daddr & 0xffff) + (at->ip.daddr >> 16)
            + htons(IPPROTO_UDP) + 2u * at->udp.len + at->udp.source + at->udp.dest;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        at->udp.check = (uint16_t)~sum ? (uint16_t)~sum : 0xffff;
    }
}

static long flood(int client, double seconds, size_t size, double rate, const struct sockaddr_in *to, long first) {
    static struct mmsghdr messages[batch];
    static struct iovec parts[batch];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    long sent = 0;
    getsockname(client, (void *)&from, &length);
    prepare(messages, parts, octets, size);
    for (double start = now(), time = 0; time < seconds; time = now() - start) {
        long due = rate > 0 ? (long)(rate * time) - sent : batch;
        if (due <= 0) {
            nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
            continue;
        }
        if (to != NULL) head(&from, to, first + sent, size);
        int count = sendmmsg(client, messages, due < batch ? (unsigned)due : batch, 0);
        if (count > 0) sent += count;
    }
    return sent;
}

int main(int count, char **words) {
    if (count < 7) errx(2, "usage: load turns|flood|flows|new CLIENT SERVER ADDRESS SECONDS SIZE [RATE]");
    double seconds = atof(words[5]), rate = count > 7 ? atof(words[7]) : 0;
    size_t size = (size_t)atoi(words[6]);
    if (size > room) errx(2, "SIZE is at most %d", room);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = inet_addr(words[4]);
    is_new = !strcmp(words[1], "new");
    int is_turns = !strcmp(words[1], "turns"), has_flows = is_new || !strcmp(words[1], "flows");
    pthread_t threads[targets];
    FILE *devices = NULL;
    if (is_new) {
        close(open_in(words[3], SOCK_DGRAM, 0));
        devices = fopen("/proc/thread-self/net/dev", "r");
        if (devices == NULL) err(1, "/proc/thread-self/net/dev");
        setvbuf(devices, NULL, _IOFBF, 1 << 16);
    }
    for (int index = 0; index < (is_new ? 0 : targets); index++) {
        servers[index] = open_in(words[3], SOCK_DGRAM, 0);
        address.sin_port = htons((uint16_t)(port + index));
        if (bind(servers[index], (void *)&address, sizeof address) < 0) err(1, "bind %s", words[4]);
    }
    address.sin_port = htons(port);
    int client = has_flows ? open_in(words[2], SOCK_RAW, IPPROTO_RAW) : open_in(words[2], SOCK_DGRAM, 0);
    if (connect(client, (void *)&address, sizeof address) < 0) err(1, "connect %s", words[4]);
    for (int index = 0; index < (is_new ? 0 : targets); index++) {
        pthread_create(threads + index, NULL, is_turns && index == 0 ? answer : count_all, servers + index);
    }
    long sent = 0, before = is_new ? count_devices(devices) : 0;
    if (is_turns) take_turns(client, seconds, size);
    else if (has_flows) sent = flood(client, seconds, size + 28, rate, &address, is_new ? (long)(now() * 1e6) : 0);
    else sent = flood(client, seconds, size, rate, NULL, 0);
    is_over = 1;
    for (int index = 0; index < (is_new ? 0 : targets); index++) pthread_join(threads[index], NULL);
    for (long last = -1; is_new && last != received;) {
        last = received;
        usleep(200000);
        received = count_devices(devices) - before;
    }
    if (!is_turns) printf("%ld %ld\n", sent, received);
    return 0;
}
