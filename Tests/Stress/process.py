"""The CPU time and the memory of processes, and free ports."""
import contextlib
import os
import re
import socket

TICKS_PER_SECOND = os.sysconf('SC_CLK_TCK')


def cpu_time(pid):
    """The CPU time of a process, in seconds, with that of threads that have ended."""
    with open(f'/proc/{pid}/stat') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def thread_times(pid):
    """The CPU time of each running thread, in nanoseconds."""
    times = {}
    for thread in os.listdir(f'/proc/{pid}/task'):
        # A thread may end before its file is read.
        with contextlib.suppress(OSError), open(f'/proc/{pid}/task/{thread}/schedstat') as file:
            times[thread] = int(file.read().split()[0])
    return times


def used_since(pid, before):
    """The CPU time of each running thread since the result `before` of `thread_times`, in nanoseconds."""
    return {thread: time - before.get(thread, 0) for thread, time in thread_times(pid).items()}


def resident(pid):
    """The resident memory of a process, in MiB."""
    return kibibytes(pid, 'status', 'VmRSS') / 1024


def most_resident(pid):
    """The most resident memory that a process has had since its start or since `forget_most_resident`, in MiB."""
    return kibibytes(pid, 'status', 'VmHWM') / 1024


def forget_most_resident(pid):
    """Sets `most_resident` of a process to its present resident memory."""
    with open(f'/proc/{pid}/clear_refs', 'w') as file:
        file.write('5')


def written(pid):
    """The memory that a process has written, in KiB: its heap, its stacks and its data.

    Pages of files do not count. Those of a program that was built just before count as dirty until the kernel has
    written them to the disk.
    """
    return kibibytes(pid, 'smaps_rollup', 'Anonymous')


def proportional(pid):
    """The memory of a process, in KiB: private pages, and its share of those that processes share."""
    return kibibytes(pid, 'smaps_rollup', 'Pss')


def kibibytes(pid, file, name):
    """The field `name` of a file of the process in /proc, in KiB."""
    with open(f'/proc/{pid}/{file}') as text:
        return int(re.search(rf'^{name}:\s+(\d+)', text.read(), re.MULTILINE)[1])


def free_port():
    """A UDP port of 127.0.0.1 that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]
