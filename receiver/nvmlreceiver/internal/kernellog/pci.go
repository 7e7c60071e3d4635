package kernellog

import (
	"fmt"
	"strconv"
	"strings"
)

// NormalizePCI turns a PCI address into the form in which NVML prints it: 00000000:3B:00.0. It takes what the driver
// writes (PCI:0000:3b:00, 0000:3b:00.0), what old drivers wrote (0003:00: bus and device) and NVML's own form.
func NormalizePCI(address string) (string, bool) {
	address = strings.TrimPrefix(strings.TrimSpace(address), "PCI:")
	address, function, hasFunction := strings.Cut(address, ".")
	parts := strings.Split(address, ":")
	if len(parts) == 2 {
		parts = append([]string{"0"}, parts...)
	}
	if len(parts) != 3 {
		return "", false
	}
	if !hasFunction {
		function = "0"
	}
	var n [4]uint64
	for i, limit := range [4]uint64{0xffffffff, 0xff, 0x1f, 7} {
		v, err := strconv.ParseUint([]string{parts[0], parts[1], parts[2], function}[i], 16, 32)
		if err != nil || v > limit {
			return "", false
		}
		n[i] = v
	}
	return fmt.Sprintf("%08X:%02X:%02X.%X", n[0], n[1], n[2], n[3]), true
}
