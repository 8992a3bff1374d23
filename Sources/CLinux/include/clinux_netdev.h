// TUN/TAP devices and rtnetlink.
#ifndef CLINUX_NETDEV_H
#define CLINUX_NETDEV_H

#include "clinux_io.h"
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>

// Of <linux/if.h> and <linux/if_tun.h>, written out: those headers clash with <net/if.h> of the Glibc module, and
// Debian 12's stop before the newer ones.
#define CLINUX_IFNAMSIZ 16
#define CLINUX_IFF_UP 0x1
#define CLINUX_ARPHRD_ETHER 1
#define CLINUX_IFF_LOWER_UP 0x10000
#define CLINUX_IFF_TAP 0x0002
#define CLINUX_IFF_NO_PI 0x1000
#define CLINUX_IFF_VNET_HDR 0x4000
#define CLINUX_IFF_MULTI_QUEUE 0x0100
#define CLINUX_IFF_PERSIST 0x0800
#define CLINUX_TUNSETIFF 0x400454caul
#define CLINUX_TUNSETPERSIST 0x400454cbul
#define CLINUX_TUNSETOFFLOAD 0x400454d0ul
#define CLINUX_TUNGETIFF 0x800454d2ul
#define CLINUX_TUNSETVNETHDRSZ 0x400454d8ul
#define CLINUX_TUNGETDEVNETNS 0x54e3ul

// The offloads that a TAP's reader takes on itself (TUN_F_*): checksums, TCP of both families, also with ECN, and UDP
// (since 6.2, both families together).
#define CLINUX_TUN_CSUM 0x01
#define CLINUX_TUN_TSO4 0x02
#define CLINUX_TUN_TSO6 0x04
#define CLINUX_TUN_TSO_ECN 0x08
#define CLINUX_TUN_USO4 0x20
#define CLINUX_TUN_USO6 0x40

struct clinux_ifreq {
    char name[CLINUX_IFNAMSIZ];
    short flags;
    char rest[22];
};

/// Attaches a descriptor of /dev/net/tun to the device `name` of the namespace it was opened in, which is made when it
/// is not there; `%d` in the name stands for the first free number.
static inline long clinux_tun_attach(int fd, const char *name, int flags) {
    struct clinux_ifreq request = {0};
    if (strlen(name) >= CLINUX_IFNAMSIZ) return -ENAMETOOLONG;
    strcpy(request.name, name);
    request.flags = (short)flags;
    return clinux_result(ioctl(fd, CLINUX_TUNSETIFF, &request));
}
static inline long clinux_tun_set_persistent(int fd, int persistent) {
    return clinux_result(ioctl(fd, CLINUX_TUNSETPERSIST, persistent));
}
static inline long clinux_tun_set_offloads(int fd, unsigned int offloads) {
    return clinux_result(ioctl(fd, CLINUX_TUNSETOFFLOAD, offloads));
}
static inline long clinux_tun_set_header_size(int fd, int size) {
    return clinux_result(ioctl(fd, CLINUX_TUNSETVNETHDRSZ, &size));
}
/// The device's flags; its present name goes to `name`, unless that is NULL. -EBADFD when the device is gone.
static inline long clinux_tun_get(int fd, char name[CLINUX_IFNAMSIZ]) {
    struct clinux_ifreq request = {0};
    long result = clinux_result(ioctl(fd, CLINUX_TUNGETIFF, &request));
    if (name != NULL) {
        memcpy(name, request.name, CLINUX_IFNAMSIZ);
        name[CLINUX_IFNAMSIZ - 1] = 0;
    }
    return result < 0 ? result : (long)(unsigned short)request.flags;
}

/// A descriptor of the network namespace the device is in. Needs CAP_NET_ADMIN there.
static inline long clinux_tun_namespace(int fd) { return clinux_result(ioctl(fd, CLINUX_TUNGETDEVNETNS)); }

/// A NETLINK_ROUTE socket of the calling thread's namespace.
static inline long clinux_netlink_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -(long)errno;
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        long failure = -(long)errno;
        close(fd);
        return failure;
    }
    // The kernel answers at once; no bug of ours or its own is to hold the caller for ever.
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/// A NETLINK_ROUTE socket of the calling thread's namespace that hears of devices, addresses, routes and rules;
/// non-blocking.
static inline long clinux_netlink_monitor(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0) return -(long)errno;
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE |
                     RTMGRP_IPV4_RULE};
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        long failure = -(long)errno;
        close(fd);
        return failure;
    }
    return fd;
}

/// Receives one datagram; its full length even where the buffer is shorter. `from_kernel` says who sent it.
static inline long clinux_netlink_receive(int fd, void *bytes, size_t count, int *from_kernel) {
    struct sockaddr_nl address = {0};
    socklen_t length = sizeof address;
    long result = clinux_result(recvfrom(fd, bytes, count, MSG_TRUNC, (struct sockaddr *)&address, &length));
    *from_kernel = address.nl_pid == 0;
    return result;
}

#endif
