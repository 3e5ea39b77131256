// SPDX-License-Identifier: Apache-2.0
// What both stand-ins for Intel's quoting libraries have in common.
//
// Each call first reads the file named by STUB_CONTROL, lines of `name=value`:
//   target    byte of which the quoting enclave's MRENCLAVE is made, in hex (default ee)
//   load, init, size, quote, keyid
//             what that function does: a quote3_error_t in hex, or crash, abort, exit, hang
//   delay_ms  milliseconds that a quote takes
//   size_is, key_size_is, signature_is
//             a wrong size of the quote, of the public key id, of the signature data
//   body      `other`: the quote is for another REPORT
//   info      `other`: the QE report info names another nonce
//   leak      bytes that each quote loses
//   forget    a file: if it exists it is removed, and the key is no longer ready
//   say       a word that each call prints
// and it adds its name to the file named by STUB_CALLS.
//
// A REPORT is genuine where its MAC is the sum that `seal` makes of it. The enclaves do not
// survive a fork: with another process id than at load, every call fails.

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNEXPECTED 0xe001
#define PARAMETER 0xe002
#define NOT_INITIALISED 0xe00f
#define INVALID_REPORT 0xe015
#define SERVICE_UNAVAILABLE 0xe040
#define PLATFORM_LIBRARY 0xe00e

enum { BODY = 384, REPORT = 432, TARGET = 512, INFO = 960, KEY_ID = 256, QUOTE = 436 + 580 + 64 };

static pid_t loaded_in;
static bool calls_itself;
static bool is_ready;
static uint8_t ready_target;

static bool control(const char *name, char *value, size_t size)
{
    const char *path = getenv("STUB_CONTROL");
    FILE *file = path ? fopen(path, "r") : NULL;
    char line[512];
    bool found = false;
    size_t length = strlen(name);

    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, name, length) && line[length] == '=') {
            snprintf(value, size, "%s", line + length + 1);
            found = true;
        }
    }
    if (file)
        fclose(file);
    return found;
}

static unsigned long number(const char *name, int base, unsigned long otherwise)
{
    char value[512];
    return control(name, value, sizeof value) ? strtoul(value, NULL, base) : otherwise;
}

static void note(const char *name)
{
    const char *path = getenv("STUB_CALLS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%s\n", name);
        fclose(file);
    }
}

// Does what the control file asks of a function; returns an error number or 0.
static uint32_t behave(const char *name)
{
    char value[512], file[512];

    note(name);
    if (control("say", value, sizeof value)) {
        puts(value);
        fflush(stdout);
    }
    if (!control(name, value, sizeof value))
        value[0] = 0;
    if (!strcmp(value, "crash"))
        raise(SIGSEGV);
    if (!strcmp(value, "abort"))
        abort();
    if (!strcmp(value, "exit"))
        _exit(9);
    while (!strcmp(value, "hang"))
        pause();
    if (getpid() != loaded_in)
        return UNEXPECTED;
    if (calls_itself)
        return SERVICE_UNAVAILABLE;
    if (control("forget", file, sizeof file) && !unlink(file))
        is_ready = false;
    return value[0] == 'e' ? (uint32_t)strtoul(value, NULL, 16) : 0;
}

__attribute__((constructor)) static void load(void)
{
    loaded_in = getpid();
    calls_itself = getenv("SGX_AESM_ADDR") != NULL;
    behave("load");
}

static void seal(const uint8_t *report, uint8_t target, uint8_t *mac)
{
    for (int part = 0; part < 2; part++) {
        uint64_t sum = 0xcbf29ce484222325u + target + part;
        for (int at = 0; at < BODY + 32; at++)
            sum = (sum ^ report[at]) * 0x100000001b3u;
        for (int at = 0; at < 8; at++)
            mac[8 * part + at] = (uint8_t)(sum >> 8 * at);
    }
}

static uint32_t make_ready(uint8_t *target_info)
{
    is_ready = true;
    ready_target = (uint8_t)number("target", 16, 0xee);
    memset(target_info, 0, TARGET);
    memset(target_info, ready_target, 32);
    target_info[32] = 1;
    return 0;
}

static uint32_t tell_size(uint32_t *size)
{
    uint32_t error = behave("size");
    if (error)
        return error;
    if (!is_ready)
        return NOT_INITIALISED;
    *size = (uint32_t)number("size_is", 10, QUOTE);
    return 0;
}

// The quote is as long as the real size; the buffer may be larger where size_is says so.
static uint32_t make_quote(const uint8_t *report, uint8_t *quote, uint32_t size)
{
    static const uint8_t head[48] = {3, 0, 2};
    uint8_t mac[16], value[8];
    uint32_t error = behave("quote");
    uint32_t signature = (uint32_t)number("signature_is", 10, QUOTE - 436);

    if (error)
        return error;
    if (!is_ready)
        return NOT_INITIALISED;
    if (size < QUOTE || size > 65536)
        return PARAMETER;
    seal(report, ready_target, mac);
    if (memcmp(mac, report + BODY + 32, sizeof mac))
        return INVALID_REPORT;
    usleep((useconds_t)(number("delay_ms", 10, 0) * 1000));
    size_t lost = number("leak", 10, 0);
    if (lost)
        memset(malloc(lost), 1, lost);
    memset(quote, 0, size);
    memcpy(quote, head, sizeof head);
    memcpy(quote + 48, report, BODY);
    if (control("body", (char *)value, sizeof value))
        quote[48] ^= 1;
    memcpy(quote + 432, &signature, 4);
    memset(quote + 436, 0x51, 64);           // signature
    memset(quote + 500, 0x4b, 64);           // attestation key
    memset(quote + 564, 0x9e, 384 + 64);     // QE report and its signature
    quote[1012] = 32;                        // authentication data 00 to 1f
    for (int at = 0; at < 32; at++)
        quote[1014 + at] = (uint8_t)at;
    return 0;
}
