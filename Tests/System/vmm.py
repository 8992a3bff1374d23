"""A VMM and its guest's driver in a few lines, for vhost-user: memory, a pair of rings, and messages as they come."""

import mmap
import os
import select
import socket
import struct

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 1, 2, 3, 5
SET_RING_SIZE, SET_RING_ADDRESSES, SET_RING_BASE, GET_RING_BASE, SET_RING_KICK, SET_RING_CALL = 8, 9, 10, 11, 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, SET_RING_ENABLE = 15, 16, 18
FEATURES = 1 << 32 | 1 << 30 | 1 << 15 | 1 << 1 | 1 << 7 | 1 << 8
NEEDS_REPLY = 8
BASE, ADDRESS, SIZE = 0x100000, 0x7f0000000000, 1 << 20
RING, BUFFER = 64, 2048
# The offsets of descriptors, available and used ring, and of buffers, of the receiving ring and of the sending one.
PLACES = ((0x0000, 0x1000, 0x2000, 0x10000), (0x4000, 0x5000, 0x6000, 0x40000))


class VMM:
    def __init__(self, path):
        self.path = path
        self.file = os.memfd_create("guest", os.MFD_CLOEXEC)
        os.ftruncate(self.file, SIZE)
        self.memory = mmap.mmap(self.file, SIZE)
        self.kicks = [os.eventfd(0, os.EFD_NONBLOCK) for _ in PLACES]
        self.calls = [os.eventfd(0, os.EFD_NONBLOCK) for _ in PLACES]
        self.offered = [0, 0]
        self.taken = 0
        self.socket = None

    def __enter__(self):
        self.connect()
        return self

    def __exit__(self, *failure):
        self.socket.close()
        self.memory.close()
        for descriptor in [self.file, *self.kicks, *self.calls]:
            os.close(descriptor)

    def connect(self):
        if self.socket:
            self.socket.close()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(self.path)

    # -- messages -------------------------------------------------------------------------------------------

    def send(self, request, payload=b"", files=(), flags=1):
        message = struct.pack("<III", request, flags, len(payload)) + payload
        socket.send_fds(self.socket, [message], list(files))

    def ask(self, request, payload=b"", files=(), flags=1):
        """Sends a message and gives the payload of the answer."""
        self.send(request, payload, files, flags)
        head = self.read(12)
        answered, _, count = struct.unpack("<III", head)
        assert answered == request, (answered, request)
        return self.read(count)

    def read(self, count):
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise EOFError("the connection has ended")
            got += part
        return got

    def ended(self):
        """Waits for the end of the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    # -- a guest's start and end -----------------------------------------------------------------------------

    def start(self):
        """Says all that makes the rings run; returns when they are served."""
        self.ask(GET_FEATURES)
        self.ask(GET_PROTOCOL_FEATURES)
        self.send(SET_PROTOCOL_FEATURES, struct.pack("<Q", 1 << 3))
        self.send(SET_OWNER)
        self.send(SET_FEATURES, struct.pack("<Q", FEATURES))
        self.send(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, BASE, SIZE, ADDRESS, 0), [self.file])
        for ring, (descriptors, available, used, _) in enumerate(PLACES):
            self.send(SET_RING_SIZE, struct.pack("<II", ring, RING))
            self.send(SET_RING_BASE, struct.pack("<II", ring, self.offered[ring]))
            self.send(SET_RING_ADDRESSES, struct.pack(
                "<IIQQQQ", ring, 0, ADDRESS + descriptors, ADDRESS + used, ADDRESS + available, 0))
            self.send(SET_RING_KICK, struct.pack("<Q", ring), [self.kicks[ring]])
            self.send(SET_RING_CALL, struct.pack("<Q", ring), [self.calls[ring]])
        for ring in range(2):
            self.ask(SET_RING_ENABLE, struct.pack("<II", ring, 1), flags=1 | NEEDS_REPLY)
        while self.offered[0] < RING:
            self.post()

    def stop(self):
        """Stops the rings; gives their places."""
        return [struct.unpack("<II", self.ask(GET_RING_BASE, struct.pack("<II", ring, 0)))[1] for ring in range(2)]

    # -- the rings --------------------------------------------------------------------------------------------

    def word(self, offset, value=None):
        if value is None:
            return struct.unpack_from("<H", self.memory, offset)[0]
        return struct.pack_into("<H", self.memory, offset, value & 0xffff)

    def offer(self, ring, buffer, count, flags):
        descriptors, available, _, _ = PLACES[ring]
        number = self.offered[ring] % RING
        struct.pack_into("<QIHH", self.memory, descriptors + 16 * number, BASE + buffer, count, flags, 0)
        self.word(available + 4 + 2 * number, number)
        self.offered[ring] += 1
        self.word(available + 2, self.offered[ring])

    def post(self):
        self.offer(0, PLACES[0][3] + self.offered[0] % RING * BUFFER, BUFFER, 2)

    def transmit(self, frame):
        buffer = PLACES[1][3] + self.offered[1] % RING * BUFFER
        self.memory[buffer:buffer + 12 + len(frame)] = bytes(12) + frame
        self.offer(1, buffer, 12 + len(frame), 0)
        self.kick()

    def kick(self):
        os.eventfd_write(self.kicks[1], 1)

    def used(self, ring):
        return self.word(PLACES[ring][2] + 2)

    def receive(self, seconds=20):
        """The next frame; `None` if there is none for so long."""
        while self.used(0) == self.taken & 0xffff:
            if not select.select([self.calls[0]], [], [], seconds)[0]:
                return None
            os.eventfd_read(self.calls[0])
        number, count = struct.unpack_from("<II", self.memory, PLACES[0][2] + 4 + 8 * (self.taken % RING))
        buffer = PLACES[0][3] + number * BUFFER
        frame = self.memory[buffer + 12:buffer + count]
        self.taken += 1
        self.post()
        return frame
