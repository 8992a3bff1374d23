"""Makes system calls inside a running process, as somebody does who has taken it over: by a debugger, from outside."""

import ctypes
import errno
import os
import platform
import signal

IS_POSSIBLE = platform.machine() == "x86_64"

_ATTACH, _DETACH, _SINGLESTEP, _GETREGS, _SETREGS = 16, 17, 9, 12, 13
_WALL = 0x40000000
_REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs "
    "gs").split()
# Numbers of x86-64.
CALLS = {
    "read": 0, "write": 1, "open": 2, "mmap": 9, "ioctl": 16, "socket": 41, "connect": 42, "fork": 57, "execve": 59,
    "kill": 62, "unlink": 87, "ptrace": 101, "openat": 257, "memfd_create": 319, "io_uring_setup": 425}


class _Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request} of {pid}")


class Intruder:
    """The main thread of a process that waits in a system call, stopped while the `with` block lasts."""

    def __init__(self, pid):
        self.pid, self.before = pid, _Registers()

    def __enter__(self):
        _ptrace(_ATTACH, self.pid)
        os.waitpid(self.pid, _WALL)
        _ptrace(_GETREGS, self.pid, ctypes.addressof(self.before))
        with open(f"/proc/{self.pid}/mem", "rb") as memory:
            memory.seek(self.before.rip - 2)
            assert memory.read(2) == b"\x0f\x05", "it is not in a system call"
        return self

    def __exit__(self, *failure):
        if self.pid is None:
            return
        # The call that was interrupted says so to whoever made it, who makes it again.
        self.before.orig_rax, self.before.rax = ctypes.c_ulonglong(-1).value, ctypes.c_ulonglong(-errno.EINTR).value
        _ptrace(_SETREGS, self.pid, ctypes.addressof(self.before))
        _ptrace(_DETACH, self.pid)

    def text(self, value):
        """The address of a text, put below the stack of the process."""
        address = (self.before.rsp - 8192) & ~0xfff
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(address)
            memory.write(value + b"\0")
        return address

    def call(self, name, *arguments):
        """The result of a system call; "killed" if it ends the process (SIGSYS)."""
        registers = _Registers.from_buffer_copy(self.before)
        registers.rip -= 2
        registers.rax, registers.orig_rax = CALLS[name], ctypes.c_ulonglong(-1).value
        values = [self.text(value) if isinstance(value, bytes) else value for value in arguments]
        for register, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), values + [0] * 6):
            setattr(registers, register, ctypes.c_ulonglong(value).value)
        _ptrace(_SETREGS, self.pid, ctypes.addressof(registers))
        _ptrace(_SINGLESTEP, self.pid)
        _, status = os.waitpid(self.pid, _WALL)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGSYS, status
            self.pid = None
            return "killed"
        _ptrace(_GETREGS, self.pid, ctypes.addressof(registers))
        result = ctypes.c_longlong(registers.rax).value
        return errno.errorcode[-result] if -4096 < result < 0 else result
