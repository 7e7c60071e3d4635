//go:build !linux

package helper

import (
	"errors"
	"syscall"
)

// supported says why this platform has no helper; nil where it has.
func supported() error {
	return errors.New("NVIDIA GPUs are read on Linux only: there is no inferwatchnvml for this system. Remove the receiver, or run the collector on Linux")
}

func attributes() *syscall.SysProcAttr { return nil }

func threadsOf(int) ([]thread, error) { return nil, errors.ErrUnsupported }
