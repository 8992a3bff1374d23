// fleet PORT COUNT WAIT [STUCK]: simulated chassis of a central on loopback. Chassis N is "hv-N" and has the port
// "vif-N" plugged; the first STUCK acknowledge nothing that they are told.
//
// All register, and it prints "registered SECONDS FIRST LAST": how long all took, the first tenth and the last. Then
// it does what lines of its input say, and ends with the input:
//   go REVISION [HASH]  all poll from this revision on, each waits up to WAIT seconds (below 0: does not wait, but
//                rests for so many between its syncs), and tries again what has failed as agents do; prints "parked"
//   mark         prints "taken SECONDS MIB PAGES" when all have taken all pages of something new; CLOCK_MONOTONIC's
// At the end it prints "answers COUNT refused COUNT lost COUNT late SECONDS": syncs answered, those answered by an
// error, those that got no answer, and the longest that one took beyond its wait.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { head_room = 1024, tail_room = 160, window = 256, patience = 10 };

struct chassis {
    int connection, wait, is_connected, is_registered, has_taken, has_news;
    unsigned long sequence, since;
    char page[48];                 // of the next sync, or empty
    char hash[24];                 // of the commit of `since`, where it is known
    char head[head_room + 1];      // where the answer begins
    char tail[tail_room + 1];      // and where it ends
    size_t head_size, tail_size;
    long left;                     // bytes of the answer to come; -1 until the head is whole
    double sent, next;             // when the sync under way left; when the next one is due, or 0
};

static struct chassis *fleet;
static double rest;
static int count, wait_seconds, stuck, port, poller;
static unsigned long identity;
static int registered;
static long answers, refused, lost, pages, octets;
static double worst;
static char epoch[32];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void watch(struct chassis *chassis, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = chassis};
    if (epoll_ctl(poller, operation, chassis->connection, &event) < 0) err(1, "epoll_ctl");
}

// The sync is sent as soon as the connection is there.
static void dial(struct chassis *chassis) {
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    chassis->connection = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (chassis->connection < 0) err(1, "socket");
    setsockopt(chassis->connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(chassis->connection, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS) err(1, "connect");
    chassis->is_connected = 0;
    chassis->sent = now();
    chassis->next = 0;
    watch(chassis, EPOLL_CTL_ADD, EPOLLOUT);
}

static void fail(struct chassis *chassis) {
    lost++;
    close(chassis->connection);
    chassis->connection = -1;
    chassis->wait = 0;
    chassis->next = now() + 0.5;
    *chassis->page = 0;
}

static void ask(struct chassis *chassis) {
    long number = chassis - fleet;
    char body[1024], request[1280], named[128] = "";
    if (chassis->is_registered) {
        int length = snprintf(named, sizeof named, "\"epoch\":\"%s\",", epoch);
        if (*chassis->hash) snprintf(named + length, sizeof named - length, "\"hash\":\"%s\",", chassis->hash);
    }
    int wait = *chassis->page ? 0 : chassis->wait;
    int size = snprintf(
        body, sizeof body, "{\"chassis_id\":\"id-%lx-%ld\",\"boot_id\":\"b%lx\",\"seq\":%lu,\"features\":[\"chassis\","
        "\"datapath_binding\",\"port_binding\"],%s\"since\":%lu,\"applied\":%lu,\"wait\":%d%s%s%s,"
        "\"encaps\":[{\"type\":\"geneve\",\"ip\":\"10.%ld.%ld.%ld\"}],"
        "\"ports\":[{\"logical_port\":\"vif-%ld\",\"interface\":\"i\",\"claim\":1,\"up\":true}]}",
        identity, number, identity, ++chassis->sequence, named, chassis->since,
        number < stuck || !chassis->is_registered ? 0 : chassis->since, wait, *chassis->page ? ",\"page\":\"" : "",
        chassis->page, *chassis->page ? "\"" : "", 64 + number / 62500, number / 250 % 250, 1 + number % 250, number);
    size = snprintf(
        request, sizeof request, "POST /v1/chassis/hv-%ld/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        "application/json\r\nContent-Length: %d\r\n\r\n%s", number, size, body);
    chassis->head_size = chassis->tail_size = 0;
    chassis->left = -1;
    chassis->sent = now();
    chassis->next = 0;
    if (send(chassis->connection, request, (size_t)size, MSG_NOSIGNAL) != size) fail(chassis);
}

// The rest of a whole answer.
static void heed(struct chassis *chassis) {
    chassis->head[chassis->head_size] = chassis->tail[chassis->tail_size] = 0;
    int status = atoi(chassis->head + 9);
    double late = now() - chassis->sent - (*chassis->page ? 0 : chassis->wait);
    if (late > worst && chassis->is_registered) worst = late;
    answers++;
    char *content = strstr(chassis->head, "\r\n\r\n"), *to = strstr(content, "\"to\":");
    if (!chassis->is_registered) {
        char *field = strcasestr(chassis->head, "\r\nheddle-epoch:");
        if (field) sscanf(field + 15, " %31[0-9a-f]", epoch);
        if (status != 200 && status != 410) errx(1, "a chassis is not registered: %s", chassis->head);
        chassis->is_registered = 1;
        registered++;
        return;
    }
    if (status != 200) {
        if (refused++ == 0) fprintf(stderr, "the first sync to be refused: %.12s%s\n", chassis->head, content + 3);
        if (status == 410) chassis->since = *chassis->hash = 0;
        *chassis->page = 0;
        chassis->wait = 0;
        chassis->next = now() + 1;
        return;
    }
    chassis->wait = wait_seconds;
    chassis->has_news |= strstr(content, "\"changes\":[]") == NULL;
    pages += chassis->has_news;
    char *page = strstr(chassis->tail, "\"next_page\":\"");
    *chassis->page = 0;
    if (page) {
        sscanf(page + 13, "%47[^\"]", chassis->page);
    } else if (to) {
        chassis->since = strtoul(to + 5, NULL, 10);
        char *hash = strstr(to, "\"hash\":\"");
        *chassis->hash = 0;
        if (hash && hash < strstr(to, "\"changes\"")) sscanf(hash + 8, "%23[0-9a-f]", chassis->hash);
        chassis->has_taken |= chassis->has_news;
        chassis->has_news = 0;
    }
    if (rest > 0 && !page) chassis->next = now() + rest;
    else ask(chassis);
}

static void receive(struct chassis *chassis) {
    static char bytes[1 << 18];
    // Only the beginning and the end are copied: the hosts of a fleet share no processor.
    if (chassis->left > (long)sizeof bytes) {
        size_t most = (size_t)chassis->left - sizeof bytes / 2;
        ssize_t size = recv(chassis->connection, NULL, most, MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return fail(chassis);
        octets += size;
        chassis->left -= size;
        return;
    }
    ssize_t size = recv(chassis->connection, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) return fail(chassis);
    octets += size;
    size_t kept = chassis->head_size < head_room ? head_room - chassis->head_size : 0;
    if (kept > (size_t)size) kept = (size_t)size;
    memcpy(chassis->head + chassis->head_size, bytes, kept);
    size_t before = chassis->head_size;
    chassis->head_size += kept;
    if (chassis->left < 0) {
        chassis->head[chassis->head_size] = 0;
        char *end = strstr(chassis->head, "\r\n\r\n"), *field = strcasestr(chassis->head, "\r\ncontent-length:");
        if (!end && chassis->head_size < head_room) return;
        if (!end || !field || field > end) errx(1, "an answer without a length: %s", chassis->head);
        chassis->left = atol(field + 17) + (end + 4 - chassis->head) - (long)before;
    }
    chassis->left -= size;
    size_t new = size < tail_room ? (size_t)size : tail_room, old = tail_room - new;
    if (old > chassis->tail_size) old = chassis->tail_size;
    memmove(chassis->tail, chassis->tail + chassis->tail_size - old, old);
    memcpy(chassis->tail + old, bytes + size - new, new);
    chassis->tail_size = old + new;
    if (chassis->left <= 0) heed(chassis);
}

static void serve(struct chassis *chassis, unsigned events) {
    if (chassis->connection < 0) return;
    if (chassis->is_connected) return receive(chassis);
    if (events & (EPOLLERR | EPOLLHUP)) return fail(chassis);
    chassis->is_connected = 1;
    watch(chassis, EPOLL_CTL_MOD, EPOLLIN);
    ask(chassis);
}

// Serves what has come within a tenth of a second, with `input` also the line that has.
static void turn(char *input, size_t room) {
    struct epoll_event events[512];
    int ready = epoll_wait(poller, events, 512, 20);
    for (int index = 0; index < ready; index++) {
        if (events[index].data.ptr) serve(events[index].data.ptr, events[index].events);
        else if (input && read(STDIN_FILENO, input, room) <= 0) strcpy(input, "end");
    }
}

static void keep_time(void) {
    double time = now();
    for (struct chassis *chassis = fleet; chassis < fleet + count; chassis++) {
        if (chassis->next > 0 && chassis->next <= time) chassis->connection < 0 ? dial(chassis) : ask(chassis);
        else if (chassis->next == 0 && time > chassis->sent + chassis->wait + patience) fail(chassis);
    }
}

static void register_all(void) {
    double begun = now(), first = 0, last = 0;
    for (int dialled = 0; registered < count; turn(NULL, 0)) {
        while (dialled < count && dialled - registered < window) {
            fleet[dialled].since = 1ul << 50;   // answered by a refusal, not by a snapshot for each
            dial(fleet + dialled++);
        }
        if (first == 0 && registered >= count / 10) first = now() - begun;
        if (last == 0 && registered >= count - count / 10) last = now();
    }
    printf("registered %.3f %.3f %.3f\n", now() - begun, first, now() - last);
    fflush(stdout);
}

int main(int words, char **arguments) {
    if (words < 4) errx(2, "fleet PORT COUNT WAIT [STUCK]");
    port = atoi(arguments[1]), count = atoi(arguments[2]);
    double wait = atof(arguments[3]);
    wait_seconds = wait > 0 ? (int)wait : 0;
    rest = wait > 0 ? 0 : -wait;
    stuck = words > 4 ? atoi(arguments[4]) : 0;
    identity = (unsigned long)(now() * 1e6);
    fleet = calloc((size_t)count, sizeof *fleet);
    poller = epoll_create1(0);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    register_all();
    struct epoll_event line = {.events = EPOLLIN};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &line) < 0) err(1, "epoll_ctl");
    int is_polling = 0, is_marked = 0;
    for (char input[64] = ""; strncmp(input, "end", 3) != 0;) {
        memset(input, 0, sizeof input);
        turn(input, sizeof input - 1);
        if (is_polling) keep_time();
        if (!strncmp(input, "go ", 3)) {
            for (struct chassis *chassis = fleet; chassis < fleet + count; chassis++) {
                sscanf(input + 3, "%lu %23[0-9a-f]", &chassis->since, chassis->hash);
                chassis->wait = wait_seconds;
                if (chassis->connection >= 0) ask(chassis);
                else dial(chassis);
            }
            is_polling = 1;
            puts("parked");
        } else if (!strncmp(input, "mark", 4)) {
            for (int index = 0; index < count; index++) fleet[index].has_taken = 0;
            pages = octets = 0;
            is_marked = 1;
        }
        int taken = 0;
        for (int index = 0; is_marked && index < count; index++) taken += fleet[index].has_taken;
        if (is_marked && taken == count) {
            printf("taken %.6f %ld %ld\n", now(), octets >> 20, pages);
            is_marked = 0;
        }
        fflush(stdout);
    }
    printf("answers %ld refused %ld lost %ld late %.3f\n", answers, refused, lost, worst);
}
