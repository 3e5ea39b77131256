# SPDX-License-Identifier: Apache-2.0
"""Settings of the program: a frozen model, read from file, environment and flags.

Only the standard library is used, because every command reads its settings when it starts.
"""

from confcom.runtime.settings.load import DEFAULT_FILE, Effective, load
from confcom.runtime.settings.mistakes import Layer, Origin
from confcom.runtime.settings.model import (
    ApiVersion,
    AzureSettings,
    CollateralSettings,
    ColorMode,
    EvidenceSettings,
    LogFormat,
    LogLevel,
    LogSettings,
    OutputFormat,
    OutputSettings,
    Settings,
    TcbUpdate,
    TrustSettings,
)
from confcom.runtime.settings.sources import Flag

__all__ = [
    "DEFAULT_FILE",
    "ApiVersion",
    "AzureSettings",
    "CollateralSettings",
    "ColorMode",
    "Effective",
    "EvidenceSettings",
    "Flag",
    "Layer",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "Origin",
    "OutputFormat",
    "OutputSettings",
    "Settings",
    "TcbUpdate",
    "TrustSettings",
    "load",
]
