//go:build linux

package helper

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	behaviourVariable = "FAKE_HELPER"       // what the test binary plays; empty: the tests
	stateVariable     = "FAKE_HELPER_STATE" // a folder in which the fake's processes leave what the next ones read
)

func TestMain(m *testing.M) {
	if behaviour := os.Getenv(behaviourVariable); behaviour != "" {
		os.Exit(play(behaviour))
	}
	goleak.VerifyTestMain(m)
}

// play is the fake helper: main of the process that the tests start.
func play(behaviour string) int {
	if behaviour == "collector" {
		return playCollector()
	}
	f := &fake{out: gob.NewEncoder(os.Stdout), in: gob.NewDecoder(os.Stdin)}
	if before, ok := f.beforeReading()[behaviour]; ok {
		return before()
	}
	if err := f.in.Decode(&f.hello); err != nil {
		fmt.Fprintln(os.Stderr, "no hello:", err)
		return 1
	}
	onRequest, ok := f.onRequest()[behaviour]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such behaviour:", behaviour)
		return 1
	}
	for {
		var r nvmlwire.Request
		if err := f.in.Decode(&r); err != nil {
			return 0 // the receiver closed standard input
		}
		onRequest(r)
	}
}

type fake struct {
	in       *gob.Decoder
	out      *gob.Encoder
	hello    nvmlwire.Hello
	requests int
	snapshot *nvmlwire.Snapshot
}

func (f *fake) answer(seq uint64) {
	must(f.out.Encode(nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{
		Seq: seq, Driver: fmt.Sprint("answer ", seq), Devices: []nvmlwire.Device{{UUID: "GPU-0"}},
	}}))
}

func (f *fake) fault(state nvmlwire.LibraryState, code int32, detail string) {
	must(f.out.Encode(nvmlwire.Message{Fault: &nvmlwire.Fault{State: state, Code: code, Detail: detail}}))
}

// beforeReading are the behaviours that read nothing.
func (f *fake) beforeReading() map[string]func() int {
	return map[string]func() int{
		"crash at start": func() int {
			fmt.Fprintln(os.Stderr, "panic: no luck today")
			return 2
		},
		"symbol lookup error": func() int {
			fmt.Fprintf(os.Stderr, "%s: symbol lookup error: %s: undefined symbol: nvmlDeviceGetMemoryInfo_v2\n", Name, Name)
			return 127
		},
		"exit 0":     func() int { return 0 },
		"killed":     func() int { return kill(syscall.SIGKILL) },
		"segfault":   func() int { return kill(syscall.SIGSEGV) },
		"deaf":       sleep,
		"immortal":   func() int { signal.Ignore(syscall.SIGTERM); return sleep() },
		"huge frame": func() int { must2(os.Stdout.Write([]byte{0xfc, 0x40, 0, 0, 0})); return sleep() },
		"garbage":    func() int { must2(os.Stdout.WriteString(strings.Repeat("NVML: debug line\n", 100))); return sleep() },
		"no output":  func() int { os.Stdout.Close(); return sleep() },
		"fault stays": func() int {
			f.fault(nvmlwire.LibraryVersionMismatch, 18, "driver was replaced")
			return sleep()
		},
		"pipe kept": func() int { // a program that the helper started outlives it and holds its outputs open
			child, err := os.StartProcess("/bin/sleep", []string{"sleep", "5"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
			must(err)
			must(child.Release())
			return 3
		},
	}
}

// onRequest are the behaviours that read Hello and requests.
func (f *fake) onRequest() map[string]func(nvmlwire.Request) {
	return map[string]func(nvmlwire.Request){
		"good": func(r nvmlwire.Request) { f.answer(r.Seq) },
		"hangs": func(nvmlwire.Request) {
		},
		"first is late": func(r nvmlwire.Request) {
			if f.requests++; f.requests == 1 {
				time.Sleep(600 * time.Millisecond)
			}
			f.answer(r.Seq)
		},
		"stray answers": func(r nvmlwire.Request) {
			f.answer(r.Seq + 7)
			f.answer(r.Seq - 1)
			f.answer(r.Seq)
			f.answer(r.Seq)
		},
		"answers once": func(r nvmlwire.Request) {
			if f.requests++; f.requests == 1 {
				f.answer(r.Seq)
			}
		},
		"hangs until released": func(r nvmlwire.Request) {
			for f.requests == 0 && !exists("released") {
				time.Sleep(5 * time.Millisecond)
			}
			f.requests++
			f.answer(r.Seq)
		},
		"crash mid-answer": func(r nvmlwire.Request) {
			var whole bytes.Buffer
			must(gob.NewEncoder(&whole).Encode(nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{Seq: r.Seq, Detail: strings.Repeat("x", 1000)}}))
			must2(os.Stdout.Write(whole.Bytes()[:whole.Len()-500]))
			os.Exit(3)
		},
		"bad bytes": func(nvmlwire.Request) { must2(os.Stdout.Write([]byte{3, 0x7f, 0x11, 0x22, 3, 0x7f, 0x11, 0x22})) },
		"checks version": func(r nvmlwire.Request) {
			if f.hello.Version != nvmlwire.Version {
				f.fault(nvmlwire.LibraryProtocol, 0, fmt.Sprintf("this helper speaks protocol version %d, the receiver %d", nvmlwire.Version, f.hello.Version))
				os.Exit(0)
			}
			f.answer(r.Seq)
		},
		"fault": func(nvmlwire.Request) {
			f.fault(nvmlwire.LibraryInitFailed, 9, "driver not loaded")
			os.Exit(0)
		},
		"fault ready": func(nvmlwire.Request) {
			f.fault(nvmlwire.LibraryReady, 0, "nothing wrong")
			os.Exit(0)
		},
		"first faults": func(r nvmlwire.Request) {
			if visit("faulted") == 1 {
				f.fault(nvmlwire.LibraryVersionMismatch, 18, "driver was replaced")
				os.Exit(0)
			}
			f.answer(r.Seq)
		},
		"crashes twice": func(r nvmlwire.Request) {
			if visit("crashed") <= 2 {
				fmt.Fprintln(os.Stderr, "panic: try", visit("try"))
				os.Exit(2)
			}
			f.answer(r.Seq)
		},
		"event flood": func(r nvmlwire.Request) {
			for i := range uint64(10_000) {
				must(f.out.Encode(nvmlwire.Message{Events: []nvmlwire.Event{{UUID: "GPU-0", Data: i}}}))
			}
			f.answer(r.Seq)
		},
		"stderr flood": func(r nvmlwire.Request) {
			for i := range 20_000 {
				fmt.Fprintf(os.Stderr, "line %d %s\n", i, strings.Repeat("y", i%2000))
			}
			f.answer(r.Seq)
		},
		"tells": func(r nvmlwire.Request) {
			must(f.out.Encode(nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{
				Seq: r.Seq, Took: r.Deadline, Detail: fmt.Sprintf("%+v", f.hello), MissingSymbols: os.Environ(),
			}}))
		},
		"realistic": func(r nvmlwire.Request) {
			if f.snapshot == nil {
				f.snapshot = realistic()
			}
			f.snapshot.Seq = r.Seq
			must(f.out.Encode(nvmlwire.Message{Snapshot: f.snapshot}))
		},
	}
}

// playCollector starts an immortal helper, tells its process's id, and waits to be killed.
func playCollector() int {
	executable, err := os.Executable()
	must(err)
	p := New(Settings{Path: executable, Env: []string{behaviourVariable + "=immortal"}, Timeout: 200 * time.Millisecond})
	for p.PID() == 0 {
		p.Collect(context.Background())
	}
	fmt.Println(p.PID())
	return sleep()
}

func kill(s syscall.Signal) int {
	must(syscall.Kill(os.Getpid(), s))
	return sleep()
}

// sleep is long, but not for ever: a fake that a failed test left behind goes away.
func sleep() int {
	time.Sleep(2 * time.Minute)
	return 99
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(os.Getenv(stateVariable), name))
	return err == nil
}

// visit counts, through all processes of a test, how often it was called for name.
func visit(name string) int {
	path := filepath.Join(os.Getenv(stateVariable), name)
	before, _ := os.ReadFile(path)
	n, _ := strconv.Atoi(string(before))
	must(os.WriteFile(path, []byte(strconv.Itoa(n+1)), 0o600))
	return n + 1
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake:", err)
		os.Exit(98)
	}
}

func must2[T any](_ T, err error) { must(err) }

// realistic is a snapshot of 8 GPUs with about 100 readings and 8 processes each.
func realistic() *nvmlwire.Snapshot {
	s := &nvmlwire.Snapshot{
		Started: time.Unix(1_700_000_000, 1), Time: time.Unix(1_700_000_010, 2), Took: 12 * time.Millisecond,
		Driver: "570.124.06", NVML: "12.570.124.06", CUDA: "12.8", Calls: 123_456,
	}
	for i := range 8 {
		d := nvmlwire.Device{
			UUID: fmt.Sprintf("GPU-5a1e0c1f-7d6f-4f6a-9b64-0a1b2c3d4e%02x", i),
			Info: nvmlwire.Info{
				Name: "NVIDIA H100 80GB HBM3", Index: i, Minor: i, Serial: "1654922012345", PCIBusID: "00000000:3B:00.0", VBIOS: "96.00.74.00.1C",
				Architecture: "Hopper", Brand: "NVIDIA", Capability: "9.0", GPUInstance: -1, ComputeInstance: -1,
			},
		}
		for r := range 100 {
			id, sub := nvmlwire.ReadingID(1+r%(nvmlwire.ReadingCount-1)), uint16(r/nvmlwire.ReadingCount)
			if r%3 == 0 {
				d.Readings = append(d.Readings, nvmlwire.Count(id, sub, 1<<40+uint64(r)))
			} else {
				d.Readings = append(d.Readings, nvmlwire.Gauge(id, sub, 0.1234567*float64(r)))
			}
		}
		for n := range uint32(8) {
			d.Processes = append(d.Processes, nvmlwire.Process{
				PID: 100_000 + n, Kind: nvmlwire.ProcessCompute, Memory: 9 << 30, SM: 0.87, Encoder: -1, Decoder: -1, MemoryController: 0.4,
				GPUInstance: -1, ComputeInstance: -1,
			})
		}
		d.Absent = []nvmlwire.Absence{{ID: nvmlwire.FanSpeed, Code: 3, Detail: "nvmlDeviceGetFanSpeed"}}
		s.Devices = append(s.Devices, d)
	}
	return s
}
