# SPDX-License-Identifier: Apache-2.0
"""What a machine can do and what is missing: checks over what was seen of it."""

from confcom.services.doctor.model import Check, Finding, Level, Section, Told, examine
from confcom.services.doctor.quoting import QUOTING

__all__ = ["QUOTING", "Check", "Finding", "Level", "Section", "Told", "examine"]
