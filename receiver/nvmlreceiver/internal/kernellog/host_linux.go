package kernellog

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// hostMonotonic reads CLOCK_MONOTONIC, which like the kernel's log stands still in suspend.
func hostMonotonic() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// openHostKmsg opens the device for the runtime's poller, so that Close ends a waiting Read.
func openHostKmsg() (Kmsg, error) {
	f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%w (it takes CAP_SYSLOG where kernel.dmesg_restrict is 1)", err)
	}
	return f, nil
}
