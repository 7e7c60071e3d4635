//go:build linux && cgo

// Command inferwatchnvml reads NVIDIA's management library for the nvml receiver, which starts it: a process of its own, since a call
// may hang in the driver for good, a new driver needs a fresh load of the library, and a library without a symbol ends whoever calls it.
// By hand, `inferwatchnvml check` shows every reading beside nvidia-smi's.
package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/check"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/serve"
)

// version is set by the build.
var version = "dev"

const usage = `inferwatchnvml reads NVIDIA GPUs for inferwatch's nvml receiver, which starts it and speaks with it over standard input and output.

By hand:
  inferwatchnvml check [-library PATH] [-nvidia-smi PATH] [-json]
        take every reading twice, a second apart, and compare with nvidia-smi
  inferwatchnvml version
`

const (
	// processors is how many threads run Go code at once; calls into the driver do not count. With two, half of the processor time at 10 Hz
	// went into threads that woke each other.
	processors = 1
	// garbagePercent keeps the heap, which is a few hundred KiB, from growing to the default minimum of 4 MiB. A memory limit would not do:
	// what the runtime itself takes counts too, and near the limit it collects garbage all the time.
	garbagePercent = 25
)

func main() {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "check":
		os.Exit(check.Main(os.Args[2:], os.Stdout, os.Stderr))
	case len(os.Args) > 1 && os.Args[1] == "version":
		_, _ = os.Stdout.WriteString("inferwatchnvml " + version + "\n")
	case len(os.Args) > 1 || onTerminal():
		_, _ = os.Stderr.WriteString(usage)
		os.Exit(2)
	default:
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(garbagePercent)
		server := serve.Server{In: os.Stdin, Out: os.Stdout, Exit: os.Exit, Load: library.Load, WSL: serve.OnWSL(), Hotplug: serve.Plugged}
		server.Run()
		os.Exit(0) // threads stuck in the driver do not keep it
	}
}

func onTerminal() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
