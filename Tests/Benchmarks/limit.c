// limit TAP LOCAL REMOTE: the least that a Geneve forwarder in user space does on this kernel, to compare with.
//
// One TAP (made here, to be moved to where it is used), one peer, two threads that block, one a direction. It uses the
// system calls that Heddle uses and merges what Heddle merges, but has no tables, no policy, no counters, no fallback,
// takes IPv4 without options only, and believes every checksum that comes in.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct virtio_net_hdr offload;
typedef uint8_t *octets;

enum {
    geneve_size = 16,
    offload_size = sizeof(offload),
    ip_at = 14,        // in a frame; then, in IPv4 without options:
    l4_at = ip_at + 20,
    segments_maximum = 64,
    train_maximum = 65507,
    frame_maximum = 14 + 65535,
    header_maximum = l4_at + 60,
    messages_maximum = 64,
    places = 8,        // flows merged at a time
    gso_udp = 5,       // VIRTIO_NET_HDR_GSO_UDP_L4
    sol_udp = 17, udp_segment = 103, udp_gro = 104,
};

static int tap, sender, receiver;
// VNI 7, OVN's option with the ports 1 and 2.
static const uint8_t geneve[geneve_size] = {0x02, 0x40, 0x65, 0x58, 0, 0, 7, 0, 0x01, 0x02, 0x80, 0x01, 0, 1, 0, 2};

static uint16_t load16(const octets at) { return (uint16_t)(at[0] << 8 | at[1]); }
static uint32_t load32(const octets at) { uint32_t value; memcpy(&value, at, 4); return ntohl(value); }
static void store16(octets at, unsigned value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static void store32(octets at, uint32_t value) { value = htonl(value); memcpy(at, &value, 4); }

// The Internet checksum's sum in memory order, unfolded; 32-bit lanes, so that the compiler vectorizes.
static uint64_t sum(const octets at, unsigned count, uint64_t total) {
    unsigned words = count / 4;
    for (unsigned index = 0; index < words; index++) {
        uint32_t word;
        memcpy(&word, at + 4 * index, 4);
        total += word;
    }
    uint32_t rest = 0;
    memcpy(&rest, at + 4 * words, count % 4);
    return total + rest;
}
static uint16_t fold(uint64_t total) {
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return (uint16_t)total;
}
static void store_sum(octets at, uint16_t folded) { memcpy(at, &folded, 2); }

// Sets the IPv4 header for `l4_size` octets behind it; the pseudo-header's sum.
static uint64_t seal(octets frame, unsigned l4_size) {
    octets ip = frame + ip_at;
    store16(ip + 2, 20 + l4_size);
    store16(ip + 10, 0);
    store_sum(ip + 10, (uint16_t)~fold(sum(ip, 20, 0)));
    return sum(ip + 12, 8, htons((uint16_t)l4_size) + (uint64_t)htons(ip[9]));
}

// Outwards

static void send_train(struct iovec *parts, unsigned count, unsigned datagrams, unsigned size) {
    union { struct cmsghdr header; char room[CMSG_SPACE(2)]; } control;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    if (datagrams > 1) {
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(2), .cmsg_level = sol_udp, .cmsg_type = udp_segment};
        uint16_t segment = (uint16_t)size;
        memcpy(CMSG_DATA(&control.header), &segment, 2);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    sendmsg(sender, &message, 0);
}

static void cut(octets frame, unsigned size, const offload *wanted) {
    static uint8_t headers[segments_maximum][geneve_size + header_maximum];
    static struct iovec parts[2 * segments_maximum];
    unsigned header_size = l4_at + (frame[l4_at + 12] >> 4) * 4u, piece = wanted->gso_size;
    if (load16(frame + 12) != 0x0800 || wanted->csum_start != l4_at || header_size >= size || piece == 0) return;
    unsigned datagram = geneve_size + header_size + piece, room = train_maximum / datagram;
    if (room > segments_maximum) room = segments_maximum;
    unsigned count = 0, index = 0;
    for (unsigned at = header_size; at < size; at += piece, index++) {
        unsigned payload = size - at < piece ? size - at : piece;
        octets header = headers[count] + geneve_size, tcp = header + l4_at;
        memcpy(headers[count], geneve, geneve_size);
        memcpy(header, frame, header_size);
        store16(header + ip_at + 4, load16(frame + ip_at + 4) + index);
        store32(tcp + 4, load32(frame + l4_at + 4) + at - header_size);
        if (index > 0) tcp[13] &= 0x7f;
        if (at + payload < size) tcp[13] &= 0xf6;
        store16(tcp + 16, 0);
        uint64_t total = seal(header, header_size - l4_at + payload);
        total = sum(frame + at, payload, sum(tcp, header_size - l4_at, total));
        store_sum(tcp + 16, (uint16_t)~fold(total));
        parts[2 * count] = (struct iovec){headers[count], geneve_size + header_size};
        parts[2 * count + 1] = (struct iovec){frame + at, payload};
        if (++count == room || at + payload == size) {
            send_train(parts, 2 * count, count, datagram);
            count = 0;
        }
    }
}

// Frames that wait are read one behind the other, each Geneve header over the offload header of its frame, so that they
// lie in memory as the train that they leave in. The first read blocks, the others do not.
static void *outwards(void *unused) {
    static uint8_t memory[train_maximum + geneve_size + frame_maximum];
    unsigned used = 0, datagrams = 0, size = 0;
    bool open = false;
    (void)unused;
    for (;;) {
        octets frame = memory + used + geneve_size;
        struct iovec part = {frame - offload_size, offload_size + frame_maximum};
        ssize_t count = datagrams ? preadv2(tap, &part, 1, -1, RWF_NOWAIT) : readv(tap, &part, 1);
        offload wanted;
        memcpy(&wanted, frame - offload_size, offload_size);
        unsigned frame_size = count < offload_size ? 0 : (unsigned)count - offload_size;
        bool is_super = frame_size > 0 && wanted.gso_type != VIRTIO_NET_HDR_GSO_NONE;
        unsigned datagram = geneve_size + frame_size;
        bool joins = frame_size > 0 && !is_super && open && datagram <= size && used + datagram <= train_maximum;
        if (datagrams && !joins) {
            send_train(&(struct iovec){memory, used}, 1, datagrams, size);
            used = datagrams = 0;
            if (frame_size > 0 && !is_super) frame = memmove(memory + geneve_size, frame, frame_size);
        }
        if (frame_size == 0) {
            if (count < 0 && errno != EAGAIN && errno != EINTR && errno != EIO) err(1, "read");
            continue;
        }
        if (is_super) {
            cut(frame, frame_size, &wanted);
            continue;
        }
        if (wanted.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
            uint16_t value = (uint16_t)~fold(sum(frame + wanted.csum_start, frame_size - wanted.csum_start, 0));
            store_sum(frame + wanted.csum_start + wanted.csum_offset, value ? value : 0xffff);
        }
        memcpy(frame - geneve_size, geneve, geneve_size);
        if (datagrams++ == 0) size = datagram;
        used += datagram;
        open = datagram == size && datagrams < segments_maximum;
    }
}

// Inwards

struct run {
    octets first;                  // its headers serve for all; NULL: no run
    unsigned header_size, piece, count, payload;
    uint32_t next;
    struct iovec parts[2 + segments_maximum];
} runs[places];

static void write_run(struct run *run) {
    offload done = {0};
    octets frame = run->first;
    if (frame == NULL) return;
    run->first = NULL;
    if (run->count > 1) {
        bool is_udp = frame[ip_at + 9] == IPPROTO_UDP;
        unsigned l4_size = run->header_size - l4_at + run->payload;
        done = (offload){
            .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = is_udp ? gso_udp : VIRTIO_NET_HDR_GSO_TCPV4,
            .hdr_len = (uint16_t)run->header_size, .gso_size = (uint16_t)run->piece, .csum_start = l4_at,
            .csum_offset = is_udp ? 6 : 16};
        store_sum(frame + l4_at + done.csum_offset, fold(seal(frame, l4_size)));
        if (is_udp) store16(frame + l4_at + 4, l4_size);
    }
    run->parts[0] = (struct iovec){&done, offload_size};
    run->parts[1] = (struct iovec){frame, run->header_size};
    if (writev(tap, run->parts, (int)(2 + run->count)) < 0 && errno != EIO) warn("writev");
}

static void begin(struct run *run, octets frame, unsigned header_size, unsigned payload) {
    run->first = frame;
    run->header_size = header_size;
    run->piece = run->payload = payload;
    run->count = 1;
    run->next = load32(frame + l4_at + 4) + payload;
    run->parts[2] = (struct iovec){frame + header_size, payload};
}

static bool follows(const struct run *run, const octets frame, unsigned header_size, unsigned payload) {
    const octets first = run->first;
    if (first == NULL || header_size != run->header_size || payload > run->piece || run->count == segments_maximum
        || run->payload + payload > 65000)
        return false;
    // Ethernet, version and class; fragments, time to live, protocol; addresses and ports.
    if (memcmp(frame, first, 16) || memcmp(frame + 20, first + 20, 4) || memcmp(frame + 26, first + 26, 12))
        return false;
    if (frame[ip_at + 9] == IPPROTO_UDP) return true;
    // Sequence; acknowledgement and data offset; window; options.
    return load32(frame + l4_at + 4) == run->next && !memcmp(frame + 42, first + 42, 5)
        && !memcmp(frame + 48, first + 48, 2) && !memcmp(frame + 54, first + 54, header_size - 54);
}

static void take(octets frame, unsigned size) {
    unsigned header_size = 0, payload = 0;
    struct run *run = runs;
    bool has_ports = size >= l4_at + 8 && load16(frame + 12) == 0x0800 && frame[ip_at] == 0x45
        && (load16(frame + ip_at + 6) & 0x3fff) == 0 && load16(frame + ip_at + 2) == size - ip_at;
    if (has_ports && frame[ip_at + 9] == IPPROTO_UDP && load16(frame + l4_at + 4) == size - l4_at) {
        header_size = l4_at + 8;
    } else if (has_ports && frame[ip_at + 9] == IPPROTO_TCP && size >= l4_at + 20
               && (frame[l4_at + 13] & 0xf7) == 0x10) {
        header_size = l4_at + (frame[l4_at + 12] >> 4) * 4u;
    }
    if (header_size > 0 && header_size < size) payload = size - header_size;
    if (has_ports) run += (frame[l4_at] ^ frame[l4_at + 1] ^ frame[l4_at + 2] ^ frame[l4_at + 3]) % places;
    if (payload > 0 && follows(run, frame, header_size, payload)) {
        run->parts[2 + run->count++] = (struct iovec){frame + header_size, payload};
        run->payload += payload;
        run->next += payload;
        if (frame[ip_at + 9] == IPPROTO_TCP) run->first[l4_at + 13] |= frame[l4_at + 13];
        if (payload < run->piece) write_run(run);
        return;
    }
    // A frame outside of a run overtakes none.
    if (has_ports) write_run(run);
    else for (unsigned index = 0; index < places; index++) write_run(runs + index);
    if (payload > 0) return begin(run, frame, header_size, payload);
    offload nothing = {0};
    struct iovec parts[] = {{&nothing, offload_size}, {frame, size}};
    if (writev(tap, parts, 2) < 0 && errno != EIO) warn("writev");
}

static void inwards(void) {
    static uint8_t memory[messages_maximum][65536 + 64];
    static struct { _Alignas(8) char room[64]; } controls[messages_maximum];
    static struct mmsghdr messages[messages_maximum];
    static struct iovec parts[messages_maximum];
    for (unsigned octets_before = 0;;) {
        // After a long batch a short one: few buffers stay in the cache.
        unsigned room = octets_before > 256 << 10 ? 8 : messages_maximum;
        for (unsigned index = 0; index < room; index++) {
            parts[index] = (struct iovec){memory[index], 65536};
            messages[index].msg_hdr = (struct msghdr){
                .msg_iov = parts + index, .msg_iovlen = 1, .msg_control = controls + index, .msg_controllen = 64};
        }
        int count = recvmmsg(receiver, messages, room, MSG_WAITFORONE, NULL);
        octets_before = 0;
        for (int index = 0; index < count; index++) {
            struct msghdr *message = &messages[index].msg_hdr;
            unsigned size = messages[index].msg_len, datagram = size;
            for (struct cmsghdr *it = CMSG_FIRSTHDR(message); it != NULL; it = CMSG_NXTHDR(message, it)) {
                if (it->cmsg_level == sol_udp && it->cmsg_type == udp_gro) memcpy(&datagram, CMSG_DATA(it), 4);
            }
            octets_before += size;
            for (unsigned at = 0; at < size; at += datagram) {
                unsigned length = size - at < datagram ? size - at : datagram;
                octets here = memory[index] + at;
                if (length > geneve_size + ip_at && !memcmp(here, geneve, geneve_size)) {
                    take(here + geneve_size, length - geneve_size);
                }
            }
        }
        for (unsigned index = 0; index < places; index++) write_run(runs + index);
    }
}

int main(int count, char **words) {
    if (count != 4) errx(2, "usage: limit TAP LOCAL REMOTE");
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    strncpy(request.ifr_name, words[1], IFNAMSIZ - 1);
    if ((tap = open("/dev/net/tun", O_RDWR)) < 0 || ioctl(tap, TUNSETIFF, &request) < 0) err(1, "%s", words[1]);
    if (ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) err(1, "TUNSETOFFLOAD");
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(6081)}, any, peer = local;
    local.sin_addr.s_addr = inet_addr(words[2]);
    peer.sin_addr.s_addr = inet_addr(words[3]);
    any = local;
    any.sin_port = 0;
    int on = 1, buffer = 8 << 20;
    receiver = socket(AF_INET, SOCK_DGRAM, 0);
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(receiver, (void *)&local, sizeof local) < 0 || bind(sender, (void *)&any, sizeof any) < 0
        || connect(sender, (void *)&peer, sizeof peer) < 0
        || setsockopt(receiver, sol_udp, udp_gro, &on, sizeof on) < 0)
        err(1, "%s", words[2]);
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(sender, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    pthread_t thread;
    pthread_create(&thread, NULL, outwards, NULL);
    puts("ready");
    fflush(stdout);
    inwards();
}
