"""The kernel calls that a student's code is refused: a seccomp filter, assembled here.

Bubblewrap takes the filter as a program for the kernel's classic BPF machine.  Everything that
scientific Python does goes on to work; what is refused is what it never does, and what a way out of
a container, or around a limit, would begin with.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

__all__ = ["REFUSALS", "Refusal", "filter_program"]


@dataclass(frozen=True)
class Refusal:
    """Calls that end with an error, and why.

    Attributes
    ----------
    error : what the caller gets; ENOSYS where callers know another way
    calls : names in the kernel's own tables
    """

    reason: str
    error: int
    calls: tuple[str, ...]


REFUSALS = (
    Refusal(
        "reach into other processes",
        errno.EPERM,
        ("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease")
        + ("kcmp", "pidfd_getfd", "move_pages", "migrate_pages"),
    ),
    Refusal(
        "mount, and enter or make namespaces",
        errno.EPERM,
        ("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount")
        + ("fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"),
    ),
    Refusal(
        "open files by handles, which know nothing of mounts",
        errno.EPERM,
        ("name_to_handle_at", "open_by_handle_at"),
    ),
    Refusal(
        "keyrings, which no namespace separates",
        errno.EPERM,
        ("add_key", "request_key", "keyctl"),
    ),
    Refusal(
        "large parts of the kernel that nothing here needs, each with a record of ways out",
        errno.EPERM,
        ("bpf", "perf_event_open", "fanotify_init", "fanotify_mark", "lookup_dcookie")
        + ("uselib", "ustat", "sysfs", "modify_ldt", "remap_file_pages", "personality"),
    ),
    Refusal(
        "the same, where programs ask whether they are there",
        errno.ENOSYS,
        ("userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register")
        + ("io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents"),
    ),
    Refusal(
        "the machine itself",
        errno.EPERM,
        ("reboot", "kexec_load", "kexec_file_load", "init_module", "finit_module")
        + ("delete_module", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "nfsservctl")
        + ("settimeofday", "clock_settime", "adjtimex", "clock_adjtime", "sethostname")
        + ("setdomainname", "syslog", "vhangup", "iopl", "ioperm", "_sysctl"),
    ),
    Refusal(
        "memory that neither a process's limit nor the size of /tmp counts",
        errno.ENOSYS,
        ("memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "shmdt")
        + ("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"),
    ),
    Refusal(
        "priority over others",
        errno.EPERM,
        ("sched_setparam", "sched_setattr", "setpriority", "ioprio_set"),
    ),
    # Its flags lie in memory, where a filter cannot look; libraries fall back to clone.
    Refusal("clone with flags out of sight", errno.ENOSYS, ("clone3",)),
)

# CLONE_NEWTIME (bit 7) is left out: in clone, those bits hold a signal's number.
_NEW_NAMESPACES = 0x02000000 | 0x00020000 | 0x04000000 | 0x08000000  # cgroup, mount, uts, ipc
_NEW_NAMESPACES |= 0x10000000 | 0x20000000 | 0x40000000  # user, pid, net
# All that an empty network leaves to talk to.  Other families are modules of the kernel with a
# record of their own, and vsock is not even separated by a namespace.
_AF_UNIX = 1
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED | MAP_ANONYMOUS
_SIGSTOP = 19
_SCHED_OTHER = 0
_F_SETSIG = 10
# Calls that send a signal, and which of their arguments is its number.
_SENDERS = {"kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2}
_SENDERS["pidfd_send_signal"] = 1
# Put characters into a terminal's input, or load a module that reads one.
_TERMINAL_REQUESTS = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD

# Calls newer than this list do not exist, whatever the kernel.  (Linux 6.10 ends with mseal.)  Nor
# do the 32-bit twins of calls that x86-64 numbers from 2³⁰ on.
_LAST = 462
# All architectures number calls alike from here on.
_COMMON = """
    pidfd_send_signal=424 io_uring_setup=425 io_uring_enter=426 io_uring_register=427
    open_tree=428 move_mount=429 fsopen=430 fsconfig=431 fsmount=432 fspick=433 clone3=435
    pidfd_getfd=438 process_madvise=440 mount_setattr=442 quotactl_fd=443 memfd_secret=447
    process_mrelease=448
"""
_X86_64 = """
    mmap=9 ioctl=16 shmget=29 shmat=30 shmctl=31 socket=41 socketpair=53 clone=56 kill=62
    shmdt=67 msgget=68 msgsnd=69 msgrcv=70 msgctl=71 fcntl=72 ptrace=101 syslog=103
    rt_sigqueueinfo=129 uselib=134 personality=135 ustat=136 sysfs=139 setpriority=141
    sched_setparam=142 sched_setscheduler=144 vhangup=153 modify_ldt=154 pivot_root=155
    _sysctl=156 adjtimex=159 chroot=161 acct=163 settimeofday=164 mount=165 umount2=166
    swapon=167 swapoff=168 reboot=169 sethostname=170 setdomainname=171 iopl=172 ioperm=173
    init_module=175 delete_module=176 quotactl=179 nfsservctl=180 tkill=200 io_setup=206
    io_destroy=207 io_getevents=208 io_submit=209 io_cancel=210 lookup_dcookie=212
    remap_file_pages=216 clock_settime=227 tgkill=234 mq_open=240 mq_unlink=241 kexec_load=246
    add_key=248 request_key=249 keyctl=250 ioprio_set=251 migrate_pages=256 unshare=272
    move_pages=279 rt_tgsigqueueinfo=297 perf_event_open=298 fanotify_init=300 fanotify_mark=301
    name_to_handle_at=303 open_by_handle_at=304 clock_adjtime=305 setns=308 process_vm_readv=310
    process_vm_writev=311 kcmp=312 finit_module=313 sched_setattr=314 memfd_create=319
    kexec_file_load=320 bpf=321 userfaultfd=323 io_pgetevents=333
"""
_AARCH64 = """
    io_setup=0 io_destroy=1 io_submit=2 io_cancel=3 io_getevents=4 lookup_dcookie=18 fcntl=25
    ioctl=29 ioprio_set=30 umount2=39 mount=40 pivot_root=41 nfsservctl=42 chroot=51 vhangup=58
    quotactl=60 acct=89 personality=92 unshare=97 kexec_load=104 init_module=105
    delete_module=106 clock_settime=112 syslog=116 ptrace=117 sched_setparam=118
    sched_setscheduler=119 kill=129 tkill=130 tgkill=131 rt_sigqueueinfo=138 setpriority=140
    reboot=142 sethostname=161 setdomainname=162 settimeofday=170 adjtimex=171 mq_open=180
    mq_unlink=181 msgget=186 msgctl=187 msgrcv=188 msgsnd=189 shmget=194 shmctl=195 shmat=196
    shmdt=197 socket=198 socketpair=199 add_key=217 request_key=218 keyctl=219 clone=220
    mmap=222 swapon=224 swapoff=225 remap_file_pages=234 migrate_pages=238 move_pages=239
    rt_tgsigqueueinfo=240 perf_event_open=241 fanotify_init=262 fanotify_mark=263
    name_to_handle_at=264 open_by_handle_at=265 clock_adjtime=266 setns=268 process_vm_readv=270
    process_vm_writev=271 kcmp=272 finit_module=273 sched_setattr=274 memfd_create=279 bpf=280
    userfaultfd=282 io_pgetevents=292 kexec_file_load=294
"""
# platform.machine() -> the kernel's word for it, and its calls.
_MACHINES = {
    "x86_64": (0xC000003E, _X86_64 + _COMMON),
    "aarch64": (0xC00000B7, _AARCH64 + _COMMON),
}


def filter_program(machine: str = platform.machine()) -> bytes:
    """The filter for a machine, as ``bwrap --seccomp`` reads it; empty where none is known.

    Parameters
    ----------
    machine : as ``platform.machine()`` names it
    """
    if machine not in _MACHINES:
        return b""
    architecture, table = _MACHINES[machine]
    numbers = {name: int(number) for name, _, number in (w.partition("=") for w in table.split())}
    code = [
        _load(_ARCHITECTURE),
        # A program for another architecture counts its calls differently.
        *(_instruction(_EQUAL, architecture, if_so=1), _end(_KILL)),
        _load(_NUMBER),
        *(_instruction(_GREATER, _LAST, if_not=1), _refuse(errno.ENOSYS)),
    ]
    for refusal in REFUSALS:
        for call in refusal.calls:
            if call in numbers:  # a few exist on one machine alone
                code += [*_equal(numbers[call]), _refuse(refusal.error)]
    code += _where(numbers["clone"], 0, _any_of(_NEW_NAMESPACES), errno.EPERM)
    for request in _TERMINAL_REQUESTS:
        code += _where(numbers["ioctl"], 1, _equal(request), errno.EPERM)
    # Shared memory without a file keeps its pages where no process seems to hold them.
    code += _where(numbers["mmap"], 3, _all_of(_SHARED_ANONYMOUS), errno.ENOMEM)
    # It would stop the watchman, and no other signal does; a file can be asked to send it, too.
    code += _where(numbers["fcntl"], 1, _equal(_F_SETSIG), errno.EPERM)
    # Some libraries ask for the usual policy, and give up where they do not get it.
    code += _where(numbers["sched_setscheduler"], 1, _other_than(_SCHED_OTHER), errno.EPERM)
    for call, index in _SENDERS.items():
        code += _where(numbers[call], index, _equal(_SIGSTOP), errno.EPERM)
    for call in ("socket", "socketpair"):
        code += _where(numbers[call], 0, _other_than(_AF_UNIX), errno.EAFNOSUPPORT)
    return b"".join([*code, _end(_ALLOW)])


# -- the assembler: an instruction is an operation, two jumps, and an operand --------------------

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _GREATER, _ANY_BIT = 0x15, 0x25, 0x45  # jumps
_KILL, _ERROR, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
# Offsets in what the kernel shows to the filter.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16


def _instruction(operation: int, operand: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_so, if_not, operand)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _end(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _refuse(error: int) -> bytes:
    return _end(_ERROR | error)


# Tests of an argument: what follows is skipped unless it is true.


def _equal(value: int) -> list[bytes]:
    return [_instruction(_EQUAL, value, if_not=1)]


def _other_than(value: int) -> list[bytes]:
    return [_instruction(_EQUAL, value, if_so=1)]


def _any_of(bits: int) -> list[bytes]:
    return [_instruction(_ANY_BIT, bits, if_not=1)]


def _all_of(bits: int) -> list[bytes]:
    return [_instruction(_AND, bits), _instruction(_EQUAL, bits, if_not=1)]


def _where(number: int, index: int, test: list[bytes], error: int) -> list[bytes]:
    """Refuse a call where the lower half of an argument meets a test.

    All arguments that are looked at are ints to the kernel, too.
    """
    # The number is loaded again behind it, where the next test expects it.
    body = [_load(_ARGUMENTS + 8 * index), *test, _refuse(error), _load(_NUMBER)]
    return [_instruction(_EQUAL, number, if_not=len(body)), *body]
