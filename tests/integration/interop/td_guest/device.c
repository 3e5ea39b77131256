/* SPDX-License-Identifier: Apache-2.0
 *
 * The device of a TDX guest, for programs that have none: preloaded into one, it answers the
 * ioctls of /dev/tdx-guest (Linux before 6.7, with requests of the first TDX guest driver).
 * Like the kernel it hands out a TDREPORT, here that of a file; like the VMM it passes on to a
 * socket what the guest put into the shared buffer, length prefix and all, and what comes back.
 *
 *   TD_REPORT   file of 1024 bytes; asked with other report data than it holds, EIO
 *   QGS_SOCKET  UNIX socket of the quote generation service
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define GET_REPORT 0xc0085401u
#define GET_QUOTE 0x80085402u
#define REPORT_BYTES 1024
#define REPORT_DATA_AT 128
#define REPORT_DATA_BYTES 64
#define UNAVAILABLE 0x8000000000000001ull

struct report_request {
    uint8_t subtype;
    uint64_t report_data;
    uint32_t report_data_size;
    uint64_t report;
    uint32_t report_size;
};

struct quote_request {
    uint64_t buffer;
    uint64_t size;
};

struct quote_buffer {
    uint64_t version;
    uint64_t status;
    uint32_t in_size;
    uint32_t out_size;
    uint8_t data[];
};

static int fail(int number) {
    errno = number;
    return -1;
}

static int get_report(const struct report_request *request) {
    uint8_t report[REPORT_BYTES];
    FILE *file = fopen(getenv("TD_REPORT"), "rb");
    if (file == NULL) return -1;
    size_t size = fread(report, 1, sizeof report, file);
    fclose(file);
    if (size != sizeof report || request->report_size != sizeof report ||
        request->report_data_size != REPORT_DATA_BYTES)
        return fail(EINVAL);
    const void *wanted = (const void *)(uintptr_t)request->report_data;
    if (memcmp(report + REPORT_DATA_AT, wanted, REPORT_DATA_BYTES) != 0) return fail(EIO);
    memcpy((void *)(uintptr_t)request->report, report, sizeof report);
    return 0;
}

/* Returns a connected socket that gives up after ten seconds, or -1. */
static int connect_service(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("QGS_SOCKET");
    if (path == NULL || strlen(path) >= sizeof address.sun_path) return fail(EINVAL);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct timeval limit = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int get_quote(const struct quote_request *request) {
    struct quote_buffer *shared = (struct quote_buffer *)(uintptr_t)request->buffer;
    if (request->size < sizeof *shared || shared->in_size > request->size - sizeof *shared)
        return fail(EINVAL);
    size_t room = request->size - sizeof *shared, filled = 0;
    int fd = connect_service();
    if (fd < 0 || send(fd, shared->data, shared->in_size, MSG_NOSIGNAL) != shared->in_size) {
        if (fd >= 0) close(fd);
        shared->status = UNAVAILABLE;
        return fail(EIO);
    }
    while (filled < room) {
        ssize_t count = read(fd, shared->data + filled, room - filled);
        if (count <= 0) break;
        filled += (size_t)count;
    }
    close(fd);
    shared->out_size = (uint32_t)filled;
    shared->status = filled == 0 ? UNAVAILABLE : 0;
    return filled == 0 ? fail(EIO) : 0;
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    switch ((uint32_t)request) {
    case GET_REPORT:
        return get_report(argument);
    case GET_QUOTE:
        return get_quote(argument);
    default:
        return (int)syscall(SYS_ioctl, fd, request, argument);
    }
}
