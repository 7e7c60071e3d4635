package helper

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// supported says why this platform has no helper; nil where it has.
func supported() error { return nil }

// attributes of the helper's process: see the package's comment for the reasons.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// threadsOf lists the threads of a process. One that ends meanwhile is left out.
func threadsOf(pid int) ([]thread, error) {
	folder := fmt.Sprintf("/proc/%d/task", pid)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	all := make([]thread, 0, len(entries))
	for _, entry := range entries {
		stat, err := os.ReadFile(filepath.Join(folder, entry.Name(), "stat")) //nolint:gosec // of a process that this one started
		if err != nil {
			continue
		}
		t, err := parseThread(stat)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}
