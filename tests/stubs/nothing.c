// SPDX-License-Identifier: Apache-2.0
// A library that has no quoting functions.

int nothing(void) { return 0; }
