// SPDX-License-Identifier: Apache-2.0
// Stand-in for libsgx_dcap_ql.so.1, the simple interface.

#include "common.h"

uint32_t sgx_qe_set_enclave_load_policy(uint32_t policy)
{
    note(policy ? "policy ephemeral" : "policy persistent");
    return 0;
}

uint32_t sgx_ql_set_path(uint32_t kind, const char *path)
{
    char line[512];
    snprintf(line, sizeof line, "path %u %s", kind, path);
    note(line);
    return access(path, R_OK) ? PLATFORM_LIBRARY : 0;
}

uint32_t sgx_qe_get_target_info(uint8_t *target_info)
{
    uint32_t error = behave("init");
    return error ? error : make_ready(target_info);
}

uint32_t sgx_qe_get_quote_size(uint32_t *size)
{
    return tell_size(size);
}

uint32_t sgx_qe_get_quote(const uint8_t *report, uint32_t size, uint8_t *quote)
{
    return make_quote(report, quote, size);
}
