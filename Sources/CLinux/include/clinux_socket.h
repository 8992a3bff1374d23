// Sockets, addresses, ancillary data.
#ifndef CLINUX_SOCKET_H
#define CLINUX_SOCKET_H

#include "clinux_io.h"
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const int CLINUX_SOCK_STREAM = SOCK_STREAM;
static const int CLINUX_SOCK_DGRAM = SOCK_DGRAM;
static const int CLINUX_SOCK_SEQPACKET = SOCK_SEQPACKET;
static const int CLINUX_SOCK_RAW = SOCK_RAW;
static const int CLINUX_IPPROTO_TCP = IPPROTO_TCP;
static const int CLINUX_IPPROTO_IP = IPPROTO_IP;
static const int CLINUX_IPPROTO_IPV6 = IPPROTO_IPV6;
static const int CLINUX_MSG_DONTWAIT = MSG_DONTWAIT;

/// A non-blocking, close-on-exec socket.
static inline long clinux_socket(int domain, int type, int protocol) {
    return clinux_result(socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
}
static inline long clinux_socket_pair(int type, int pair[2]) {
    return clinux_result(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
}
static inline long clinux_bind(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return clinux_result(bind(fd, (const struct sockaddr *)address, length));
}
static inline long clinux_listen(int fd, int backlog) { return clinux_result(listen(fd, backlog)); }
static inline long clinux_connect(int fd, const struct sockaddr_storage *address, socklen_t length) {
    return clinux_result(connect(fd, (const struct sockaddr *)address, length));
}
static inline long clinux_accept(int fd, struct sockaddr_storage *address, socklen_t *length) {
    return clinux_result(syscall(SYS_accept4, fd, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK));
}
static inline long clinux_local_address(int fd, struct sockaddr_storage *address, socklen_t *length) {
    return clinux_result(getsockname(fd, (struct sockaddr *)address, length));
}
static inline long clinux_peer_address(int fd, struct sockaddr_storage *address, socklen_t *length) {
    return clinux_result(getpeername(fd, (struct sockaddr *)address, length));
}
static inline long clinux_set_option(int fd, int level, int name, int value) {
    return clinux_result(setsockopt(fd, level, name, &value, sizeof value));
}
/// The value of an integer option goes to `value`.
static inline long clinux_get_option(int fd, int level, int name, int *value) {
    socklen_t length = sizeof *value;
    return clinux_result(getsockopt(fd, level, name, value, &length));
}
/// struct ucred, which glibc shows to _GNU_SOURCE only.
struct clinux_credentials {
    pid_t process;
    uid_t user;
    gid_t group;
};
/// The process on the other side of a Unix socket, when it connected or began to listen, goes to `peer`.
static inline long clinux_peer_credentials(int fd, struct clinux_credentials *peer) {
    socklen_t length = sizeof *peer;
    return clinux_result(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length));
}
static inline long clinux_shutdown_writes(int fd) { return clinux_result(shutdown(fd, SHUT_WR)); }

/// Never raises SIGPIPE.
CLINUX_PACKET_PATH static inline long clinux_send(int fd, const void *bytes, size_t count, int flags) {
    return clinux_result(send(fd, bytes, count, flags | MSG_NOSIGNAL));
}
CLINUX_PACKET_PATH static inline long clinux_send_to(
    int fd, const void *bytes, size_t count, const struct sockaddr_storage *address, socklen_t length) {
    return clinux_result(sendto(fd, bytes, count, MSG_NOSIGNAL, (const struct sockaddr *)address, length));
}
CLINUX_PACKET_PATH static inline long
clinux_receive_from(int fd, void *bytes, size_t count, struct sockaddr_storage *address, socklen_t *length) {
    return clinux_result(recvfrom(fd, bytes, count, MSG_TRUNC, (struct sockaddr *)address, length));
}

/// The kernel's struct mmsghdr.
struct clinux_mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};
CLINUX_PACKET_PATH static inline long
clinux_sendmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags) {
    return clinux_result(syscall(SYS_sendmmsg, fd, messages, count, flags | MSG_NOSIGNAL));
}
/// Give MSG_DONTWAIT; reset msg_controllen and msg_namelen before every call. No time-out: the kernel's is broken.
CLINUX_PACKET_PATH static inline long
clinux_recvmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags) {
    return clinux_result(syscall(SYS_recvmmsg, fd, messages, count, flags, NULL));
}

// UDP segmentation: one send or receive for a train of datagrams of one size, the last one maybe shorter.

#define CLINUX_SOL_UDP 17
#define CLINUX_UDP_SEGMENT 103
#define CLINUX_UDP_GRO 104

/// Room for the ancillary data of one message of the packet path.
#define CLINUX_CONTROL_SIZE 64

/// Writes ancillary data to `control`, CLINUX_CONTROL_SIZE octets of it: into datagrams of which size the message is to
/// be cut (0: not at all), and with which traffic class it goes (0: the socket's). Returns its length.
CLINUX_PACKET_PATH static inline size_t
clinux_make_control(void *control, uint16_t segment_size, int is_ipv6, int traffic_class) {
    struct msghdr message = {.msg_control = control, .msg_controllen = CLINUX_CONTROL_SIZE};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    size_t length = 0;
    if (segment_size != 0) {
        header->cmsg_level = CLINUX_SOL_UDP;
        header->cmsg_type = CLINUX_UDP_SEGMENT;
        header->cmsg_len = CMSG_LEN(sizeof segment_size);
        memcpy(CMSG_DATA(header), &segment_size, sizeof segment_size);
        length += CMSG_SPACE(sizeof segment_size);
        header = (struct cmsghdr *)((char *)control + length);
    }
    if (traffic_class != 0) {
        header->cmsg_level = is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
        header->cmsg_type = is_ipv6 ? IPV6_TCLASS : IP_TOS;
        header->cmsg_len = CMSG_LEN(sizeof traffic_class);
        memcpy(CMSG_DATA(header), &traffic_class, sizeof traffic_class);
        length += CMSG_SPACE(sizeof traffic_class);
    }
    return length;
}
/// Reads what a received message brought: the size of its datagrams (0: it is one) and its traffic class. Whatever lies
/// there is read within its bounds: it may have been left by a process that was killed.
CLINUX_PACKET_PATH static inline void
clinux_read_control(struct msghdr *message, int *segment_size, int *traffic_class) {
    *segment_size = *traffic_class = 0;
    size_t end = message->msg_controllen;
    for (size_t offset = 0; offset < end && end - offset >= CMSG_LEN(sizeof(uint8_t));) {
        struct cmsghdr *header = (struct cmsghdr *)((char *)message->msg_control + offset);
        if (header->cmsg_len < CMSG_LEN(sizeof(uint8_t)) || header->cmsg_len > end - offset) return;
        offset += CMSG_ALIGN(header->cmsg_len);
        int is_word = header->cmsg_len >= CMSG_LEN(sizeof(int));
        if (header->cmsg_level == CLINUX_SOL_UDP && header->cmsg_type == CLINUX_UDP_GRO && is_word) {
            memcpy(segment_size, CMSG_DATA(header), sizeof *segment_size);
        } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS) {
            *traffic_class = *CMSG_DATA(header);
        } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_TCLASS && is_word) {
            memcpy(traffic_class, CMSG_DATA(header), sizeof *traffic_class);
        }
    }
}
/// A filter that lets nothing in: for sockets that only send.
static inline long clinux_refuse_input(int fd) {
    struct sock_filter drop = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog program = {.len = 1, .filter = &drop};
    return clinux_result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

/// As many descriptors as one message carries here; the kernel's own bound is 253 (SCM_MAX_FD).
#define CLINUX_DESCRIPTORS_MAXIMUM 48

/// Sends one message with up to CLINUX_DESCRIPTORS_MAXIMUM descriptors.
static inline long clinux_send_with_descriptors(
    int fd, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count) {
    if (descriptor_count > CLINUX_DESCRIPTORS_MAXIMUM) return -EINVAL;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_DESCRIPTORS_MAXIMUM)];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptor_count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptor_count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * descriptor_count);
    }
    return clinux_result(sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/// Receives one message and its descriptors (close-on-exec). A message longer than `count`, or with more descriptors
/// than CLINUX_DESCRIPTORS_MAXIMUM, is dropped whole, its descriptors closed: -EMSGSIZE. So is one with more
/// descriptors than the process may still have: -EMFILE.
static inline long clinux_receive_with_descriptors(
    int fd, void *bytes, size_t count, int descriptors[CLINUX_DESCRIPTORS_MAXIMUM], size_t *descriptor_count) {
    struct iovec part = {.iov_base = bytes, .iov_len = count};
    union {
        struct cmsghdr aligned;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_DESCRIPTORS_MAXIMUM)];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    *descriptor_count = 0;
    long result = clinux_result(recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
    if (result < 0) return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (*descriptor_count + here > CLINUX_DESCRIPTORS_MAXIMUM)
            here = CLINUX_DESCRIPTORS_MAXIMUM - *descriptor_count;
        memcpy(descriptors + *descriptor_count, CMSG_DATA(header), sizeof(int) * here);
        *descriptor_count += here;
    }
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        // There was room for more, so it was the kernel that had no numbers for them.
        int is_out_of_numbers = !(message.msg_flags & MSG_TRUNC) && *descriptor_count < CLINUX_DESCRIPTORS_MAXIMUM;
        for (size_t index = 0; index < *descriptor_count; index++) close(descriptors[index]);
        *descriptor_count = 0;
        return is_out_of_numbers ? -EMFILE : -EMSGSIZE;
    }
    return result;
}

// Addresses. Ports and IPv4 addresses are in host order on the Swift side.

static inline socklen_t clinux_make_ipv4(struct sockaddr_storage *storage, uint32_t address, uint16_t port) {
    struct sockaddr_in made = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(address)}};
    memset(storage, 0, sizeof *storage);
    memcpy(storage, &made, sizeof made);
    return sizeof made;
}
static inline socklen_t
clinux_make_ipv6(struct sockaddr_storage *storage, uint64_t high, uint64_t low, uint16_t port) {
    struct sockaddr_in6 made = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    for (int index = 0; index < 8; index++) {
        made.sin6_addr.s6_addr[index] = (uint8_t)(high >> (56 - 8 * index));
        made.sin6_addr.s6_addr[index + 8] = (uint8_t)(low >> (56 - 8 * index));
    }
    memset(storage, 0, sizeof *storage);
    memcpy(storage, &made, sizeof made);
    return sizeof made;
}
/// 0 when the path (without a final zero) does not fit.
static inline socklen_t clinux_make_unix(struct sockaddr_storage *storage, const char *path, size_t count) {
    struct sockaddr_un made = {.sun_family = AF_UNIX};
    if (count >= sizeof made.sun_path) return 0;
    memcpy(made.sun_path, path, count);
    memset(storage, 0, sizeof *storage);
    memcpy(storage, &made, sizeof made);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + count + 1);
}
static inline uint16_t clinux_port(const struct sockaddr_storage *storage) {
    struct sockaddr_in address; // sin_port and sin6_port lie at the same place
    memcpy(&address, storage, sizeof address);
    return ntohs(address.sin_port);
}
static inline uint32_t clinux_ipv4(const struct sockaddr_storage *storage) {
    struct sockaddr_in address;
    memcpy(&address, storage, sizeof address);
    return ntohl(address.sin_addr.s_addr);
}
static inline void clinux_ipv6(const struct sockaddr_storage *storage, uint64_t *high, uint64_t *low) {
    struct sockaddr_in6 address;
    memcpy(&address, storage, sizeof address);
    *high = *low = 0;
    for (int index = 0; index < 8; index++) {
        *high = *high << 8 | address.sin6_addr.s6_addr[index];
        *low = *low << 8 | address.sin6_addr.s6_addr[index + 8];
    }
}
/// Copies the path of a Unix address to `path` and ends it with a zero; its length (0 for an unnamed socket).
static inline size_t clinux_unix_path(const struct sockaddr_storage *storage, socklen_t length, char path[108]) {
    struct sockaddr_un address;
    size_t start = offsetof(struct sockaddr_un, sun_path);
    path[0] = 0;
    if (length <= start || length > sizeof address) return 0;
    memcpy(&address, storage, length);
    size_t count = strnlen(address.sun_path, length - start);
    if (count > 107) count = 107;
    memcpy(path, address.sun_path, count);
    path[count] = 0;
    return count;
}

#endif
