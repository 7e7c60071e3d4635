// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// bootTime is when the system was booted, by the kernel. What the driver counts is no older.
func bootTime() (time.Time, error) {
	const path = "/proc/stat"
	stat, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	return parseBootTime(path, string(stat))
}

func parseBootTime(path, stat string) (time.Time, error) {
	for line := range strings.Lines(stat) {
		if value, found := strings.CutPrefix(line, "btime "); found {
			seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil {
				return time.Time{}, fmt.Errorf("%s: `btime` must be seconds, found %q", path, value)
			}
			return time.Unix(seconds, 0), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s has no line `btime`", path)
}
