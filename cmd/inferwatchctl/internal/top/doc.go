// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package top shows in a terminal what each GPU does now, from the Prometheus page that inferwatch serves.
//
// A page is fetched (Source), parsed into samples (parsePage), made into a Host (decode), given rates and a history by what was read
// before (Tracker), and laid out as lines (View). Absent readings are NaN from end to end and are shown as `-`, never as 0.
package top
