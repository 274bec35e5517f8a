"""A wall clock that jumps while a program runs; the monotonic one goes on as it is."""

import shutil
import subprocess
from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long ahead(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("CLOCK_AHEAD"), "r");
    if (file) {
        if (fscanf(file, "%ld", &seconds) != 1) seconds = 0;
        fclose(file);
    }
    return seconds;
}

int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now);
    if (id == CLOCK_REALTIME) now->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (result) *result = exact.tv_sec;
    return exact.tv_sec;
}
"""


class NoCompilerError(Exception):
    """The library that shifts the clock cannot be made here."""


class WallClock:
    """Set for all programs that are started with its `environ`. Takes Linux and a C compiler."""

    def __init__(self, folder: Path) -> None:
        source, library, self.file = (folder / name for name in ("clock.c", "clock.so", "ahead"))
        source.write_text(_SOURCE)
        compiler = shutil.which("cc")
        if compiler is None:
            raise NoCompilerError
        command = [compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise NoCompilerError
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self.file)}

    def jump(self, seconds: int) -> None:
        """Has the clock show so many seconds more than it is; negative ones set it back."""
        self.file.write_text(str(seconds))
