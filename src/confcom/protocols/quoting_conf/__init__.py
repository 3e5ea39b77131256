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
from confcom.protocols.quoting_conf.sources import (
    DEFAULT,
    Choice,
    CollateralChoice,
    Provider,
    Whose,
    choose_collateral,
    provider_of,
)

__all__ = [
    "DEFAULT",
    "MAX_CONF_BYTES",
    "MAX_NOTES",
    "AesmdConf",
    "AzureConf",
    "Choice",
    "CollateralChoice",
    "Note",
    "Provider",
    "ProxyType",
    "QcnlConf",
    "QcnlForm",
    "QplLogLevel",
    "QuotingType",
    "WebAddress",
    "Weight",
    "Whose",
    "choose_collateral",
    "parse_address",
    "provider_of",
    "read_aesmd_conf",
    "read_azure_conf",
    "read_qcnl_conf",
    "require_sound",
]
