// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package badinput holds, case by case, what inferwatch answers to what it cannot use: the text of the one message, and that nothing
// else suffers. Its tests run the real binary and need nothing else.
package badinput
