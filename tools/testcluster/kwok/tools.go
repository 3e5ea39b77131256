// SPDX-License-Identifier: Apache-2.0

//go:build tools

// Package tools names the program, so that go.mod and go.sum hold what it needs.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
