package helper

import (
	"fmt"
	"strings"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// verdict says why a child ended or is about to, for the snapshot and for a person. expected tells that it is no crash: the next
// child may start at once.
type verdict struct {
	state    nvmlwire.LibraryState
	code     int32
	detail   string
	expected bool
}

// verdict on a child that is silent, dismissed or ended.
func (c *child) verdict() verdict {
	c.mu.Lock()
	fault, damage, hung, exit := c.fault, c.damage, c.hung, c.exit
	c.mu.Unlock()
	switch {
	case fault != nil:
		return c.faultVerdict(fault)
	case damage != nil:
		return verdict{state: nvmlwire.LibraryProtocol, detail: fmt.Sprintf("What %s sent cannot be read: %v. It was ended, and a "+
			"fresh one is started. If this comes back, see that `helper` is %s of this collector's release%s",
			c.path, damage, Name, said(c.lines.cause()))}
	case hung:
		return verdict{state: nvmlwire.LibraryHung, expected: true, detail: fmt.Sprintf("%s did not answer and was told to end", c.path)}
	}
	return c.lostVerdict(exit)
}

func (c *child) faultVerdict(fault *nvmlwire.Fault) verdict {
	v := verdict{state: fault.State, code: fault.Code, detail: fault.Detail, expected: true}
	switch fault.State {
	case nvmlwire.LibraryReady: // no reason to end; never to be taken for a good snapshot
		v.state = nvmlwire.LibraryHelperLost
	case nvmlwire.LibraryProtocol:
		v.detail = fmt.Sprintf("%s and the collector are of different releases: the collector speaks protocol version %d; "+
			"the helper says: %s. Install both from one release", c.path, c.settings.Hello.Version, fault.Detail)
	}
	return v
}

// lostVerdict is on a child that ended in a way that it did not announce; exit is empty where it is not reaped yet.
func (c *child) lostVerdict(exit string) verdict {
	if exit == "" {
		exit = "closed its standard output"
	} else {
		exit = "ended by itself, " + exit
	}
	cause := c.lines.cause()
	return verdict{
		state:  nvmlwire.LibraryHelperLost,
		detail: fmt.Sprintf("%s %s%s%s", c.path, exit, advice(exit, cause), said(cause)),
	}
}

// advice is what to do about the ways in which the helper is known to end; empty for others.
func advice(exit, cause string) string {
	switch {
	case strings.Contains(cause, "symbol lookup error"):
		return ". The NVML library lacks a function that the helper calls, or the helper was not linked with -z lazy; " +
			"install the helper of this collector's release"
	case strings.Contains(cause, "error while loading shared libraries"):
		return ". A library that the helper itself needs is not on this system"
	case strings.Contains(exit, "signal: killed"):
		return ". It was killed from outside: see the kernel log for the out-of-memory killer, and the memory limit of the " +
			"collector's container or service, which the helper shares"
	case strings.Contains(exit, "segmentation fault"), strings.Contains(exit, "bus error"), strings.Contains(cause, "SIGSEGV"):
		return ". The NVML library crashed: see that its version is the one of the kernel module (/proc/driver/nvidia/version)"
	}
	return ""
}

func said(cause string) string {
	if cause == "" {
		return ""
	}
	return ". It wrote: " + cause
}

// hungDetail says what is known of a child that does not answer. waits are its threads in state D, if any.
func (c *child) hungDetail(age time.Duration, waits string) string {
	c.mu.Lock()
	fresh := !c.answered
	c.mu.Unlock()
	detail := fmt.Sprintf("%s (process %d) has not answered for %v", c.path, c.pid(), age.Round(time.Millisecond))
	switch {
	case waits != "":
		return detail + ": its threads " + waits + " wait inside the kernel (state D), where no process can be ended. It is left alone until it " +
			"answers. See the kernel log for NVRM and Xid lines; a GPU that blocks the driver needs a reset, or the node a reboot"
	case fresh:
		return detail + ", which is its first answer: the driver may be initialising the GPUs. If this comes back, turn on " +
			"persistence mode (nvidia-persistenced)"
	}
	return detail + ": the NVIDIA driver or its library blocks it for all GPUs. See the kernel log for NVRM and Xid lines"
}
