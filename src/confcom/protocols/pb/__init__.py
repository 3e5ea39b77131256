# SPDX-License-Identifier: Apache-2.0
"""Messages as protoc generates them from the definitions beside; `make protos` makes them again."""
