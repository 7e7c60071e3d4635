//go:build !linux

package kernellog

import (
	"errors"
	"time"
)

var errUnsupported = errors.New("the kernel log can be followed on Linux only")

func hostMonotonic() (time.Duration, error) { return 0, errUnsupported }

func openHostKmsg() (Kmsg, error) { return nil, errUnsupported }
