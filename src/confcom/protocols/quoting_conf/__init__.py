# SPDX-License-Identifier: Apache-2.0
"""Configuration of Intel's quoting service and of the certificate providers, read with care."""

from confcom.protocols.quoting_conf.aesmd import (
    AesmdConf,
    ProxyType,
    QplLogLevel,
    QuotingType,
    read_aesmd_conf,
)
from confcom.protocols.quoting_conf.azure import AzureConf, read_azure_conf
from confcom.protocols.quoting_conf.notes import (
    MAX_CONF_BYTES,
    MAX_NOTES,
    Note,
    WebAddress,
    Weight,
    parse_address,
    require_sound,
)
from confcom.protocols.quoting_conf.qcnl import QcnlConf, QcnlForm, read_qcnl_conf

__all__ = [
    "MAX_CONF_BYTES",
    "MAX_NOTES",
    "AesmdConf",
    "AzureConf",
    "Note",
    "ProxyType",
    "QcnlConf",
    "QcnlForm",
    "QplLogLevel",
    "QuotingType",
    "WebAddress",
    "Weight",
    "parse_address",
    "read_aesmd_conf",
    "read_azure_conf",
    "read_qcnl_conf",
    "require_sound",
]
