// Packet sockets (packet(7)): the frames of a network device that others have open.
#ifndef CLINUX_PACKET_H
#define CLINUX_PACKET_H

#include "clinux_io.h"
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <linux/veth.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

// Newer than the headers of Debian 12, or missing from them.
#define CLINUX_PACKET_IGNORE_OUTGOING 23
#define CLINUX_ETH_P_ALL 3

/// A socket for all frames that the device `index` of the calling thread's namespace receives, and to send to it; each
/// frame has the 10 octets of a virtio-net header before it. Non-blocking. -ENODEV when there is no such device.
///
/// A filter that nobody can take off again lets frames of this device in only: whoever else holds the descriptor can
/// bind it to another one, and reads nothing there.
long clinux_packet_open(int index, int buffer_byte_count);

/// The same of a device that others on this host use, too: `tag` is the VLAN whose frames alone come in, 0 for all.
/// What is sent goes through the device's queues and filters, as what the host sends does.
long clinux_packet_open_shared(int index, int buffer_byte_count, uint16_t tag);

/// The index of the socket's device; 0 when that is gone; -ENOTSOCK for a TAP.
static inline long clinux_packet_index(int fd) {
    struct sockaddr_ll address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0) return -(long)errno;
    if (address.sll_family != AF_PACKET) return -ENOTSOCK;
    return address.sll_ifindex > 0 ? address.sll_ifindex : 0;
}
/// True for a packet socket.
static inline bool clinux_is_packet_socket(int fd) {
    int domain = 0;
    socklen_t length = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_PACKET;
}

/// Puts back the VLAN tag that the kernel has taken out of a frame of `count` octets, after the MACs: 4 octets more.
CLINUX_PACKET_PATH static inline void
clinux_packet_put_tag(char *bytes, size_t count, const struct tpacket_auxdata *data) {
    enum { HEADER = 10, MACS = 12 };
    uint16_t tag[2] = {htons(data->tp_status & TP_STATUS_VLAN_TPID_VALID ? data->tp_vlan_tpid : 0x8100),
                       htons(data->tp_vlan_tci)};
    char *place = bytes + HEADER + MACS;
    memmove(place + sizeof tag, place, count - HEADER - MACS);
    memcpy(place, tag, sizeof tag);
    struct virtio_net_hdr *header = (struct virtio_net_hdr *)bytes;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) header->csum_start += sizeof tag;
    if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE) header->hdr_len += sizeof tag;
}

/// Reads one frame, its virtio-net header in front, with the VLAN tag that it came with if `keeps_tag`. -EINVAL for one
/// that cannot be told by such a header or does not fit, which is gone then.
CLINUX_PACKET_PATH static inline long clinux_packet_read(int fd, void *bytes, size_t capacity, bool keeps_tag) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = capacity - 4};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    long count = clinux_result(recvmsg(fd, &message, MSG_DONTWAIT));
    if (count < 0) return count;
    if (message.msg_flags & MSG_TRUNC) return -EINVAL;
    if (!keeps_tag || message.msg_controllen < sizeof(struct cmsghdr)) return count;
    if (control.header.cmsg_level != SOL_PACKET) return count;
    struct tpacket_auxdata data;
    memcpy(&data, CMSG_DATA(&control.header), sizeof data);
    if (!(data.tp_status & TP_STATUS_VLAN_VALID) || count < 10 + 12) return count;
    clinux_packet_put_tag(bytes, (size_t)count, &data);
    return count + 4;
}

/// Writes one frame that lies in parts, its virtio-net header in front, the first with that and the MACs at least; with
/// `tag` other than 0 after the MACs a tag of that VLAN.
CLINUX_PACKET_PATH static inline long
clinux_packet_write(int fd, const struct iovec *parts, int count, uint16_t tag) {
    enum { HEADER = 10, MACS = 12, PARTS_MAXIMUM = 256 };
    if (tag == 0) return clinux_write_parts(fd, parts, count);
    if (count < 1 || count >= PARTS_MAXIMUM || parts[0].iov_len < HEADER + MACS) return -EINVAL;
    char start[HEADER + MACS + 4];
    memcpy(start, parts[0].iov_base, HEADER + MACS);
    uint16_t words[2] = {htons(0x8100), htons(tag)};
    memcpy(start + HEADER + MACS, words, sizeof words);
    struct virtio_net_hdr header;
    memcpy(&header, start, HEADER);
    if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) header.csum_start += sizeof words;
    if (header.gso_type != VIRTIO_NET_HDR_GSO_NONE) header.hdr_len += sizeof words;
    memcpy(start, &header, HEADER);
    struct iovec all[PARTS_MAXIMUM + 1];
    all[0] = (struct iovec){.iov_base = start, .iov_len = sizeof start};
    memcpy(all + 1, parts, (size_t)count * sizeof *parts);
    all[1].iov_base = (char *)all[1].iov_base + HEADER + MACS;
    all[1].iov_len -= HEADER + MACS;
    return clinux_write_parts(fd, all, count + 1);
}

/// 1 if the host leaves superpackets for TCP to the device, 0 if it cuts them for it.
long clinux_takes_superpackets(int fd, const char name[16]);

/// Has the device cut and complete by itself what a virtio-net header cannot tell of, such as SCTP's checksums and
/// superpackets inside tunnels; `keeps_datagrams` leaves UDP's superpackets.
long clinux_limit_offloads(const char name[16], bool keeps_datagrams);

#endif
