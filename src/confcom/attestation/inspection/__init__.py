# SPDX-License-Identifier: Apache-2.0
"""What is to be seen in evidence and collateral, without a word about whether it is genuine."""

from confcom.attestation.inspection.dispatch import inspect
from confcom.attestation.inspection.model import SCHEMA_VERSION, Inspection, Item, Section

__all__ = ["SCHEMA_VERSION", "Inspection", "Item", "Section", "inspect"]
