// SPDX-License-Identifier: Apache-2.0
// Stand-in for libsgx_qe3_logic.so, the complete interface.

#include "common.h"

// Intel's QE3 with ECDSA over P-256: what is neither here nor set below is zero.
static const uint8_t MR_SIGNER[32] = {
    0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
    0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff,
};

static void own_key_id(uint8_t *id)
{
    memset(id, 0, KEY_ID);
    id[4] = 32;
    memcpy(id + 6, MR_SIGNER, sizeof MR_SIGNER);
    id[54] = 1;
    id[154] = 2;
}

static uint32_t check_key_id(const uint8_t *id)
{
    uint8_t own[KEY_ID];
    own_key_id(own);
    return id && memcmp(id, own, 158) ? PARAMETER : 0;
}

uint32_t sgx_ql_get_keyid(uint8_t *id)
{
    uint32_t error = behave("keyid");
    if (!error)
        own_key_id(id);
    return error;
}

uint32_t sgx_ql_init_quote(const uint8_t *id, uint8_t *target_info, bool refresh, size_t *size,
                           uint8_t *public_key_id)
{
    uint32_t error = check_key_id(id);

    if (error || refresh)
        return PARAMETER;
    if (!public_key_id) {
        *size = number("key_size_is", 10, 32);
        return 0;
    }
    error = behave("init");
    if (error)
        return error;
    if (*size != 32)
        return PARAMETER;
    memset(public_key_id, 0x1d, 32);
    return make_ready(target_info);
}

uint32_t sgx_ql_get_quote_size(const uint8_t *id, uint32_t *size)
{
    uint32_t error = check_key_id(id);
    return error ? error : tell_size(size);
}

uint32_t sgx_ql_get_quote(const uint8_t *report, const uint8_t *id, uint8_t *info, uint8_t *quote,
                          uint32_t size)
{
    char value[8];
    uint32_t error = check_key_id(id);

    if (!error)
        error = make_quote(report, quote, size);
    if (error || !info)
        return error;
    if (control("info", value, sizeof value))
        info[0] ^= 1;
    memset(info + 528, 0x7e, REPORT);
    return 0;
}

uint32_t sgx_ql_set_enclave_load_policy(uint32_t policy)
{
    note(policy ? "policy ephemeral" : "policy persistent");
    return 0;
}

static uint32_t set_path(const char *kind, const char *path)
{
    char line[512];
    snprintf(line, sizeof line, "%s %s", kind, path);
    note(line);
    return access(path, R_OK) ? PLATFORM_LIBRARY : 0;
}

uint32_t sgx_set_qe3_path(const char *path) { return set_path("qe3", path); }
uint32_t sgx_set_qpl_path(const char *path) { return set_path("provider", path); }
uint32_t sgx_set_ide_path(const char *path) { return set_path("id enclave", path); }
