#include "clinux_packet.h"
#include "clinux_netdev.h"
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdlib.h>

static long set(int fd, int level, int option, int value) {
    return clinux_result(setsockopt(fd, level, option, &value, sizeof value));
}

/// SKF_AD_VLAN_TPID, newer than some headers.
enum { VLAN_PROTOCOL = 60 };

/// Frames of the device `index` as a whole, nothing of others, and nobody can change that; with `tag` only those of a
/// VLAN.
static long keep_to(int fd, int index, uint16_t tag) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)index, 0, 8),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 6, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + VLAN_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x8100, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, tag, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    // Without a tag nothing else is asked.
    if (tag == 0) code[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 6, 0, 0);
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    long result = clinux_result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
    return result < 0 ? result : set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1);
}

static long prepare(int fd, int index, int buffer_byte_count, bool is_shared, uint16_t tag) {
    const struct {
        int level, option, value;
    } options[] = {
        {SOL_PACKET, PACKET_VNET_HDR, 1},
        {SOL_PACKET, PACKET_AUXDATA, 1},
        // Frames that others on this host send to the device do not come from its guest.
        {SOL_PACKET, CLINUX_PACKET_IGNORE_OUTGOING, 1},
        // Past the device's queues and filters, which refuse what the host's own stack sends.
        {SOL_PACKET, PACKET_QDISC_BYPASS, !is_shared},
        // The kernel doubles it.
        {SOL_SOCKET, SO_RCVBUFFORCE, buffer_byte_count / 2},
    };
    for (size_t number = 0; number < sizeof options / sizeof *options; number++) {
        long result = set(fd, options[number].level, options[number].option, options[number].value);
        if (result < 0) return result;
    }
    long result = keep_to(fd, index, tag);
    if (result < 0) return result;
    struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
    result = clinux_result(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all));
    if (result < 0) return result;
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(CLINUX_ETH_P_ALL), .sll_ifindex = index};
    return clinux_result(bind(fd, (const struct sockaddr *)&address, sizeof address));
}

static long open_socket(int index, int buffer_byte_count, bool is_shared, uint16_t tag) {
    // Without a protocol it receives nothing until it is bound.
    long fd = clinux_result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) return fd;
    long result = prepare((int)fd, index, buffer_byte_count, is_shared, tag);
    if (result < 0) {
        close((int)fd);
        return result;
    }
    return fd;
}

long clinux_packet_open(int index, int buffer_byte_count) {
    return open_socket(index, buffer_byte_count, false, 0);
}

long clinux_packet_open_shared(int index, int buffer_byte_count, uint16_t tag) {
    return open_socket(index, buffer_byte_count, true, tag);
}

/// Of <linux/if.h>, which clashes with <net/if.h>.
struct request {
    char name[CLINUX_IFNAMSIZ];
    void *data;
    char rest[16];
};

static long ethtool(int fd, const char name[CLINUX_IFNAMSIZ], void *data) {
    struct request request = {.data = data};
    strncpy(request.name, name, CLINUX_IFNAMSIZ - 1);
    return clinux_result(ioctl(fd, SIOCETHTOOL, &request));
}

long clinux_takes_superpackets(int fd, const char name[CLINUX_IFNAMSIZ]) {
    struct ethtool_value value = {.cmd = ETHTOOL_GTSO};
    long result = ethtool(fd, name, &value);
    return result < 0 ? result : value.data != 0;
}

/// True for an offload that a virtio-net header can tell of, or that has nothing to do with one.
static bool is_kept(const char *name, bool keeps_datagrams) {
    static const char *const kept[] = {"tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-tcp-ecn-segmentation"};
    if (strcmp(name, "tx-checksum-sctp") == 0 || strcmp(name, "tx-gso-list") == 0) return false;
    size_t length = strlen(name), ending = strlen("-segmentation");
    if (length < ending || strcmp(name + length - ending, "-segmentation") != 0) return true;
    for (size_t number = 0; number < sizeof kept / sizeof *kept; number++)
        if (strcmp(name, kept[number]) == 0) return true;
    return keeps_datagrams && strcmp(name, "tx-udp-segmentation") == 0;
}

/// The names of offloads at most: far more than kernels have (about 64).
enum { OFFLOADS_MAXIMUM = 256 };

long clinux_limit_offloads(const char name[CLINUX_IFNAMSIZ], bool keeps_datagrams) {
    // As struct ethtool_gstrings, ethtool_sset_info and ethtool_sfeatures, whose arrays have no length.
    struct {
        uint32_t command, set, count;
        char names[OFFLOADS_MAXIMUM][ETH_GSTRING_LEN];
    } strings = {.command = ETHTOOL_GSTRINGS, .set = ETH_SS_FEATURES};
    struct {
        uint32_t command, reserved;
        uint64_t sets;
        uint32_t count;
    } info = {.command = ETHTOOL_GSSET_INFO, .sets = 1ull << ETH_SS_FEATURES};
    struct {
        uint32_t command, size;
        struct ethtool_set_features_block blocks[OFFLOADS_MAXIMUM / 32];
    } wanted = {.command = ETHTOOL_SFEATURES};
    long fd = clinux_result(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (fd < 0) return fd;
    long result = ethtool((int)fd, name, &info);
    if (result >= 0) result = info.count > OFFLOADS_MAXIMUM ? -E2BIG : ethtool((int)fd, name, &strings);
    if (result >= 0) {
        wanted.size = (info.count + 31) / 32;
        for (uint32_t bit = 0; bit < info.count; bit++) {
            strings.names[bit][ETH_GSTRING_LEN - 1] = 0;
            if (!is_kept(strings.names[bit], keeps_datagrams)) wanted.blocks[bit / 32].valid |= 1u << bit % 32;
        }
        // Those that cannot be changed, which the device does not have, are no failure.
        result = ethtool((int)fd, name, &wanted);
    }
    close((int)fd);
    return result;
}
