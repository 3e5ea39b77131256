# SPDX-License-Identifier: Apache-2.0
"""Why something was refused: one list of reasons for CLI, JSON, logs, metrics, HTTP and conditions.

A reason has a kind. The kind alone decides the error class, the exit code and the fields
``authentic`` and ``acceptable`` of an attestation result; the table is ``OUTCOMES``.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, Self


class ExitCode(IntEnum):
    """Exit codes of every command."""

    YES = 0
    NO = 1
    USAGE = 2
    MALFORMED = 3
    UNKNOWN = 4
    CONFIGURATION = 5
    BUG = 70
    INTERRUPTED = 130


class Kind(Enum):
    """What a caller can do about a reason."""

    MALFORMED = "malformed"
    NOT_AUTHENTIC = "not_authentic"
    NOT_ACCEPTABLE = "not_acceptable"
    UNAVAILABLE = "unavailable"
    MISCONFIGURED = "misconfigured"
    USAGE = "usage"
    BUG = "bug"

    @property
    def outcome(self) -> "Outcome":
        """What the kind means for result and exit code."""
        return OUTCOMES[self]


class Outcome(NamedTuple):
    """What a kind of reason means for an attestation result and for the exit code."""

    authentic: bool
    acceptable: bool | None
    exit_code: ExitCode


OUTCOMES: Mapping[Kind, Outcome] = MappingProxyType(
    {
        Kind.MALFORMED: Outcome(False, None, ExitCode.MALFORMED),
        Kind.NOT_AUTHENTIC: Outcome(False, None, ExitCode.NO),
        Kind.NOT_ACCEPTABLE: Outcome(True, False, ExitCode.NO),
        Kind.UNAVAILABLE: Outcome(False, None, ExitCode.UNKNOWN),
        Kind.MISCONFIGURED: Outcome(False, None, ExitCode.CONFIGURATION),
        Kind.USAGE: Outcome(False, None, ExitCode.USAGE),
        Kind.BUG: Outcome(False, None, ExitCode.BUG),
    }
)


class Reason(StrEnum):
    """Why something was refused or could not be found out."""

    kind: Kind

    def __new__(cls, value: str, kind: Kind) -> Self:
        """Attach the kind to the word."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.kind = kind
        return member

    # Form of quotes
    QUOTE_FORMAT = "quote_format", Kind.MALFORMED
    QUOTE_VERSION = "quote_version", Kind.MALFORMED
    ATT_KEY_TYPE = "att_key_type", Kind.MALFORMED
    TEE_TYPE = "tee_type", Kind.MALFORMED
    QE_VENDOR = "qe_vendor", Kind.MALFORMED
    BODY_TYPE = "body_type", Kind.MALFORMED
    CERT_TYPE = "cert_type", Kind.MALFORMED
    ATT_KEY_INVALID = "att_key_invalid", Kind.MALFORMED
    TRAILING_DATA = "trailing_data", Kind.MALFORMED
    TOO_LARGE = "too_large", Kind.MALFORMED
    # Form of certificates, lists and documents
    CERT_FORMAT = "cert_format", Kind.MALFORMED
    PCK_EXTENSION = "pck_extension", Kind.MALFORMED
    CRL_FORMAT = "crl_format", Kind.MALFORMED
    COLLATERAL_FORMAT = "collateral_format", Kind.MALFORMED
    # Form of other structures
    REPORT_FORMAT = "report_format", Kind.MALFORMED
    SIGSTRUCT_FORMAT = "sigstruct_format", Kind.MALFORMED
    MEASUREMENT_FORMAT = "measurement_format", Kind.MALFORMED
    SIMULATION_FORMAT = "simulation_format", Kind.MALFORMED
    MESSAGE_FORMAT = "message_format", Kind.MALFORMED
    NODE_FACTS_FORMAT = "node_facts_format", Kind.MALFORMED
    DEVICE_REQUEST = "device_request", Kind.MALFORMED
    INPUT_ENCODING = "input_encoding", Kind.MALFORMED
    UNRECOGNISED_INPUT = "unrecognised_input", Kind.MALFORMED
    # Authenticity
    SIGNATURE_ENCODING = "signature_encoding", Kind.NOT_AUTHENTIC
    PCK_CHAIN = "pck_chain", Kind.NOT_AUTHENTIC
    CERT_SIGNATURE = "cert_signature", Kind.NOT_AUTHENTIC
    UNTRUSTED_ROOT = "untrusted_root", Kind.NOT_AUTHENTIC
    SIMULATED_ROOT = "simulated_root", Kind.NOT_AUTHENTIC
    CERT_EXPIRED = "cert_expired", Kind.NOT_AUTHENTIC
    NOT_YET_VALID = "not_yet_valid", Kind.NOT_AUTHENTIC
    CERT_REVOKED = "cert_revoked", Kind.NOT_AUTHENTIC
    PCK_REVOKED = "pck_revoked", Kind.NOT_AUTHENTIC
    CRL_ISSUER = "crl_issuer", Kind.NOT_AUTHENTIC
    CRL_SIGNATURE = "crl_signature", Kind.NOT_AUTHENTIC
    CRL_EXPIRED = "crl_expired", Kind.NOT_AUTHENTIC
    COLLATERAL_EXPIRED = "collateral_expired", Kind.NOT_AUTHENTIC
    TCB_INFO_SIGNATURE = "tcb_info_signature", Kind.NOT_AUTHENTIC
    TCB_INFO_MISMATCH = "tcb_info_mismatch", Kind.NOT_AUTHENTIC
    QE_IDENTITY_SIGNATURE = "qe_identity_signature", Kind.NOT_AUTHENTIC
    QE_IDENTITY_MISMATCH = "qe_identity_mismatch", Kind.NOT_AUTHENTIC
    EVALUATION_NUMBERS_SIGNATURE = "evaluation_numbers_signature", Kind.NOT_AUTHENTIC
    QE_REPORT_SIGNATURE = "qe_report_signature", Kind.NOT_AUTHENTIC
    QE_REPORT_DATA = "qe_report_data", Kind.NOT_AUTHENTIC
    QE_DEBUG = "qe_debug", Kind.NOT_AUTHENTIC
    QUOTE_SIGNATURE = "quote_signature", Kind.NOT_AUTHENTIC
    TDX_MODULE_MISMATCH = "tdx_module_mismatch", Kind.NOT_AUTHENTIC
    TCB_NOT_SUPPORTED = "tcb_not_supported", Kind.NOT_AUTHENTIC
    TCB_REVOKED = "tcb_revoked", Kind.NOT_AUTHENTIC
    SIGSTRUCT_SIGNATURE = "sigstruct_signature", Kind.NOT_AUTHENTIC
    REPORT_TARGET = "report_target", Kind.NOT_AUTHENTIC
    REPORT_MAC = "report_mac", Kind.NOT_AUTHENTIC
    # Appraisal
    DEBUG = "debug", Kind.NOT_ACCEPTABLE
    EVIDENCE_TYPE = "evidence_type", Kind.NOT_ACCEPTABLE
    TCB_STATUS = "tcb_status", Kind.NOT_ACCEPTABLE
    ADVISORY = "advisory", Kind.NOT_ACCEPTABLE
    EVALUATION_NUMBER = "evaluation_number", Kind.NOT_ACCEPTABLE
    COLLATERAL_AGE = "collateral_age", Kind.NOT_ACCEPTABLE
    MR_ENCLAVE = "mr_enclave", Kind.NOT_ACCEPTABLE
    MR_SIGNER = "mr_signer", Kind.NOT_ACCEPTABLE
    PRODUCT_ID = "product_id", Kind.NOT_ACCEPTABLE
    ISV_SVN = "isv_svn", Kind.NOT_ACCEPTABLE
    FAMILY_ID = "family_id", Kind.NOT_ACCEPTABLE
    EXT_PRODUCT_ID = "ext_product_id", Kind.NOT_ACCEPTABLE
    CONFIG_ID = "config_id", Kind.NOT_ACCEPTABLE
    CONFIG_SVN = "config_svn", Kind.NOT_ACCEPTABLE
    REPORT_DATA = "report_data", Kind.NOT_ACCEPTABLE
    MR_TD = "mr_td", Kind.NOT_ACCEPTABLE
    RTMR = "rtmr", Kind.NOT_ACCEPTABLE
    MR_CONFIG_ID = "mr_config_id", Kind.NOT_ACCEPTABLE
    MR_OWNER = "mr_owner", Kind.NOT_ACCEPTABLE
    MR_OWNER_CONFIG = "mr_owner_config", Kind.NOT_ACCEPTABLE
    MR_SERVICE_TD = "mr_service_td", Kind.NOT_ACCEPTABLE
    SEPT_VE_DISABLE = "sept_ve_disable", Kind.NOT_ACCEPTABLE
    MODULE_VERSION = "module_version", Kind.NOT_ACCEPTABLE
    # Could not find out
    EVIDENCE_UNSUPPORTED = "evidence_unsupported", Kind.UNAVAILABLE
    KUBELET_UNAVAILABLE = "kubelet_unavailable", Kind.UNAVAILABLE
    KUBELET_REFUSED = "kubelet_refused", Kind.UNAVAILABLE
    PCK_MISSING = "pck_missing", Kind.UNAVAILABLE
    COLLATERAL_MISSING = "collateral_missing", Kind.UNAVAILABLE
    SOURCE_UNREACHABLE = "source_unreachable", Kind.UNAVAILABLE
    SOURCE_REFUSED = "source_refused", Kind.UNAVAILABLE
    SOURCE_ANSWER = "source_answer", Kind.UNAVAILABLE
    COLLATERAL_ROLLBACK = "collateral_rollback", Kind.UNAVAILABLE
    QUOTING_UNREACHABLE = "quoting_unreachable", Kind.UNAVAILABLE
    QUOTING_FAILED = "quoting_failed", Kind.UNAVAILABLE
    DEVICE_MISSING = "device_missing", Kind.UNAVAILABLE
    LIBRARY_MISSING = "library_missing", Kind.UNAVAILABLE
    # Configuration and usage
    SETTINGS_INVALID = "settings_invalid", Kind.MISCONFIGURED
    REFERENCE_INVALID = "reference_invalid", Kind.MISCONFIGURED
    EXTRA_MISSING = "extra_missing", Kind.MISCONFIGURED
    DEVICE_ACCESS = "device_access", Kind.MISCONFIGURED
    QUOTING_MODE = "quoting_mode", Kind.MISCONFIGURED
    INPUT_UNREADABLE = "input_unreadable", Kind.USAGE
    OUTPUT_UNWRITABLE = "output_unwritable", Kind.USAGE
    USAGE = "usage", Kind.USAGE
    INTERNAL_ERROR = "internal_error", Kind.BUG

    @property
    def condition(self) -> str:
        """The reason in CamelCase, as a Kubernetes condition spells it."""
        return "".join(part.capitalize() for part in self.value.split("_"))
