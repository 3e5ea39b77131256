# SPDX-License-Identifier: Apache-2.0
"""What every program of confcom needs at run time: settings, logs, secrets, safe text."""
