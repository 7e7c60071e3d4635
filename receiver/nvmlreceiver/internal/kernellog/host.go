package kernellog

import (
	"os"
	"path/filepath"
	"strings"
)

func hostBootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(strings.TrimSpace(string(id)), "-", ""), nil
}

// journalPresent looks for a journal file: in a container there is a journalctl often and a journal seldom, and journalctl would
// wait for one in silence.
func journalPresent(directory string) bool {
	patterns := []string{"/run/log/journal/*/*.journal", "/var/log/journal/*/*.journal"}
	if directory != "" {
		patterns = []string{filepath.Join(directory, "*.journal"), filepath.Join(directory, "*", "*.journal")}
	}
	for _, p := range patterns {
		if found, err := filepath.Glob(p); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
