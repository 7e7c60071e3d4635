//go:build linux

package helper

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	ample = 20 * time.Second       // for what has to happen; the machine may be busy
	brief = 300 * time.Millisecond // for what must not happen
)

// fakeSettings make the test binary play a behaviour as the helper.
func fakeSettings(t testing.TB, behaviour string, timeout time.Duration) Settings {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	return Settings{Path: executable, Timeout: timeout, Env: []string{
		behaviourVariable + "=" + behaviour, stateVariable + "=" + t.TempDir(),
		"GORACE=atexit_sleep_ms=0", // else each fake of a race-detecting test binary ends a second late
	}}
}

func started(t testing.TB, settings Settings) *Process {
	t.Helper()
	p := New(settings)
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	return p
}

// clock is a Now that only moves when told to.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.offset.Load()) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// await waits for a condition of another process or goroutine.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(ample); !condition(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

// hang collects until a request was sent and not answered.
func hang(t testing.TB, p *Process) {
	t.Helper()
	await(t, "a request is not answered", func() bool {
		s := p.Collect(context.Background())
		c := p.present()
		return s.State == nvmlwire.LibraryHung && c != nil && c.outstanding() != nil
	})
}

// gone tells whether no process of that id lives; one that only waits to be reaped does not.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	main, err := parseThread(stat)
	return err == nil && main.state == 'Z'
}

// TestWhatCollectSays is the first collection of each behaviour.
func TestWhatCollectSays(t *testing.T) {
	for _, c := range []struct {
		behaviour string
		timeout   time.Duration
		state     nvmlwire.LibraryState
		code      int32
		detail    []string
	}{
		{behaviour: "good", state: nvmlwire.LibraryReady},
		{behaviour: "stray answers", state: nvmlwire.LibraryReady},
		{behaviour: "stderr flood", state: nvmlwire.LibraryReady},
		{behaviour: "event flood", state: nvmlwire.LibraryReady},
		{behaviour: "checks version", state: nvmlwire.LibraryReady},
		{behaviour: "crash at start", state: nvmlwire.LibraryHelperLost, detail: []string{"exit status 2", "panic: no luck today"}},
		{behaviour: "symbol lookup error", state: nvmlwire.LibraryHelperLost, detail: []string{"exit status 127", "nvmlDeviceGetMemoryInfo_v2", "-z lazy"}},
		{behaviour: "exit 0", state: nvmlwire.LibraryHelperLost, detail: []string{"ended by itself, exit status 0"}},
		{behaviour: "killed", state: nvmlwire.LibraryHelperLost, detail: []string{"signal: killed", "memory limit"}},
		{behaviour: "segfault", state: nvmlwire.LibraryHelperLost, detail: []string{"SIGSEGV", "The NVML library crashed"}},
		{behaviour: "crash mid-answer", state: nvmlwire.LibraryHelperLost, detail: []string{"exit status 3"}},
		{behaviour: "pipe kept", state: nvmlwire.LibraryHelperLost, detail: []string{"exit status 3"}},
		{behaviour: "no output", state: nvmlwire.LibraryHelperLost, detail: []string{"ended by itself, signal: terminated"}},
		{behaviour: "garbage", state: nvmlwire.LibraryProtocol, detail: []string{"cannot be read", "release"}},
		{behaviour: "bad bytes", state: nvmlwire.LibraryProtocol, detail: []string{"cannot be read"}},
		{behaviour: "huge frame", state: nvmlwire.LibraryProtocol, detail: []string{"a frame of", "4194304"}},
		{behaviour: "fault", state: nvmlwire.LibraryInitFailed, code: 9, detail: []string{"driver not loaded"}},
		{behaviour: "fault ready", state: nvmlwire.LibraryHelperLost, detail: []string{"nothing wrong"}},
		{behaviour: "fault stays", state: nvmlwire.LibraryVersionMismatch, code: 18, detail: []string{"driver was replaced"}},
		{behaviour: "hangs", timeout: time.Second, state: nvmlwire.LibraryHung, detail: []string{"has not answered for", "persistence mode"}},
		{behaviour: "deaf", timeout: time.Second, state: nvmlwire.LibraryHung, detail: []string{"has not answered for"}},
		{behaviour: "immortal", timeout: time.Second, state: nvmlwire.LibraryHung, detail: []string{"has not answered for"}},
	} {
		t.Run(c.behaviour, func(t *testing.T) {
			if c.timeout == 0 {
				c.timeout = ample
			}
			p := started(t, fakeSettings(t, c.behaviour, c.timeout))
			before := time.Now()
			s := p.Collect(t.Context())
			assert.Equal(t, c.state.String(), s.State.String(), s.Detail)
			assert.Equal(t, c.code, s.Code)
			for _, part := range c.detail {
				assert.Contains(t, s.Detail, part)
			}
			if c.state == nvmlwire.LibraryReady {
				assert.Equal(t, "answer 1", s.Driver)
			} else {
				assert.False(t, s.Time.Before(before), "time of the snapshot")
				assert.False(t, s.Started.Before(before), "start of the process")
				assert.Empty(t, s.Devices)
			}
			assert.EqualValues(t, 1, p.Starts())
			assert.Less(t, time.Since(before), c.timeout+2*time.Second)
		})
	}
}

func TestMixedInstallation(t *testing.T) {
	settings := fakeSettings(t, "checks version", ample)
	settings.Hello.Version = 99
	s := started(t, settings).Collect(t.Context())
	assert.Equal(t, nvmlwire.LibraryProtocol, s.State)
	assert.Contains(t, s.Detail, "collector speaks protocol version 99")
	assert.Contains(t, s.Detail, fmt.Sprintf("this helper speaks protocol version %d", nvmlwire.Version))
}

// TestHelloAndRequest sees what reaches the helper.
func TestHelloAndRequest(t *testing.T) {
	settings := fakeSettings(t, "tells", ample)
	settings.Hello = nvmlwire.Hello{Library: "lib.so", MaxProcesses: 7, Want: nvmlwire.GroupFan}
	p := started(t, settings)
	for seq := range uint64(3) {
		s := p.Collect(t.Context())
		assert.Equal(t, seq+1, s.Seq)
		assert.Contains(t, s.Detail, fmt.Sprintf("Version:%d Library:lib.so", nvmlwire.Version))
		assert.Contains(t, s.Detail, "MaxProcesses:7")
		assert.InDelta(t, ample-answerMargin, s.Took, float64(5*time.Second), "the helper's deadline is earlier than the receiver's")
		assert.ElementsMatch(t, settings.Env, s.MissingSymbols, "the environment is what Settings say")
	}
	assert.EqualValues(t, 1, p.Starts())
	assert.NotZero(t, p.PID())
}

func TestEvents(t *testing.T) {
	var got []uint64
	settings := fakeSettings(t, "event flood", ample)
	settings.OnEvents = func(events []nvmlwire.Event) {
		for _, e := range events {
			got = append(got, e.Data) // the answer, which follows, orders this before the reading below
		}
	}
	p := started(t, settings)
	require.Equal(t, nvmlwire.LibraryReady, p.Collect(t.Context()).State)
	require.Len(t, got, 10_000)
	for i, data := range got {
		require.EqualValues(t, i, data)
	}
}

// TestLateAnswer sees that a late answer is dropped, that it is never taken for a later one, and that the helper goes on.
func TestLateAnswer(t *testing.T) {
	settings := fakeSettings(t, "first is late", 400*time.Millisecond)
	p := started(t, settings)
	require.Equal(t, nvmlwire.LibraryHung, p.Collect(t.Context()).State)
	await(t, "answers again", func() bool {
		s := p.Collect(t.Context())
		if s.State != nvmlwire.LibraryReady {
			assert.Equal(t, nvmlwire.LibraryHung, s.State, s.Detail)
			return false
		}
		assert.Greater(t, s.Seq, uint64(1))
		assert.Equal(t, fmt.Sprint("answer ", s.Seq), s.Driver)
		return true
	})
	assert.EqualValues(t, 1, p.Starts())
}

// TestKernelHoldsHelper is the contract's rule: a helper with a thread in state D is waited for, however long, and goes on.
func TestKernelHoldsHelper(t *testing.T) {
	var clock clock
	settings := fakeSettings(t, "hangs until released", brief)
	settings.Now = clock.now
	settings.threads = func(pid int) ([]thread, error) {
		return []thread{{id: pid, name: Name, state: 'S'}, {id: pid + 1, name: "nv worker", state: 'D'}}, nil
	}
	p := started(t, settings)
	hang(t, p)
	for range 3 {
		clock.advance(time.Hour)
		assert.Equal(t, nvmlwire.LibraryHung, p.Collect(t.Context()).State)
	}
	s := p.Collect(t.Context())
	assert.Contains(t, s.Detail, "3h0m0s")
	assert.Contains(t, s.Detail, fmt.Sprintf("%d (nv worker) wait inside the kernel (state D)", p.PID()+1))
	assert.EqualValues(t, 1, p.Starts())

	folder := strings.TrimPrefix(settings.Env[1], stateVariable+"=")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "released"), nil, 0o600))
	await(t, "answers again", func() bool { return p.Collect(t.Context()).State == nvmlwire.LibraryReady })
	assert.EqualValues(t, 1, p.Starts(), "the same process")
}

// TestHungHelperIsReplaced is the other half of the rule.
func TestHungHelperIsReplaced(t *testing.T) {
	for _, behaviour := range []string{"answers once", "deaf", "immortal"} {
		t.Run(behaviour, func(t *testing.T) {
			var clock clock
			core, logged := observer.New(zapcore.WarnLevel)
			settings := fakeSettings(t, behaviour, brief)
			settings.Now, settings.Logger = clock.now, zap.New(core)
			p := started(t, settings)
			hang(t, p)
			first := p.PID()
			clock.advance(hungLimit*brief - 1)
			assert.NotContains(t, p.Collect(t.Context()).Detail, "is ended", "before its time")
			assert.False(t, gone(first))
			clock.advance(1)
			assert.Contains(t, p.Collect(t.Context()).Detail, "It is ended, and a fresh one is started")
			await(t, "is replaced", func() bool {
				p.Collect(t.Context())
				return p.Starts() == 2
			})
			assert.True(t, gone(first))
			assert.Equal(t, 1, logged.Len(), "an end that is agreed is no crash: %v", logged.All())
		})
	}
}

// TestFaultDelaysNothing: the collection after a Fault has a fresh, working process.
func TestFaultDelaysNothing(t *testing.T) {
	p := started(t, fakeSettings(t, "first faults", ample))
	assert.Equal(t, nvmlwire.LibraryVersionMismatch, p.Collect(t.Context()).State)
	assert.Equal(t, nvmlwire.LibraryReady, p.Collect(t.Context()).State)
	assert.EqualValues(t, 2, p.Starts())
}

// TestFaultThatStays: a helper that said its last word and does not end is ended.
func TestFaultThatStays(t *testing.T) {
	p := started(t, fakeSettings(t, "fault stays", ample))
	for range 2 {
		assert.Equal(t, nvmlwire.LibraryVersionMismatch, p.Collect(t.Context()).State)
	}
	assert.EqualValues(t, 2, p.Starts())
}

// TestCrashesInARow: the first restart is not delayed, further ones are, and a good answer ends the row.
func TestCrashesInARow(t *testing.T) {
	var clock clock
	settings := fakeSettings(t, "crashes twice", ample)
	settings.Now = clock.now
	p := started(t, settings)
	for range 2 {
		s := p.Collect(t.Context())
		assert.Equal(t, nvmlwire.LibraryHelperLost, s.State)
		assert.Contains(t, s.Detail, "panic: try")
	}
	for range 3 {
		s := p.Collect(t.Context())
		assert.Equal(t, nvmlwire.LibraryHelperLost, s.State)
		assert.Contains(t, s.Detail, "panic: try")
		assert.Contains(t, s.Detail, "end number 2 in a row without an answer between them; it is started again in 5s")
		assert.EqualValues(t, 2, p.Starts())
		assert.Zero(t, p.PID())
	}
	clock.advance(firstDelay)
	assert.Equal(t, nvmlwire.LibraryReady, p.Collect(t.Context()).State)
	assert.EqualValues(t, 3, p.Starts())
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	await(t, "reaped", func() bool { return p.PID() == 0 })
	s := p.Collect(t.Context())
	assert.Equal(t, nvmlwire.LibraryReady, s.State, s.Detail)
	assert.EqualValues(t, 4, p.Starts())
}

func TestBackoff(t *testing.T) {
	var b backoff
	at := time.Unix(1, 0)
	for _, seconds := range []int{0, 5, 10, 20, 40, 60, 60, 60} {
		b.crashed(at)
		assert.Equal(t, time.Duration(seconds)*time.Second, b.wait(at))
	}
	b.lived()
	assert.LessOrEqual(t, b.wait(at), time.Duration(0))
	b.crashed(at)
	assert.Zero(t, b.wait(at))
}

// TestStartsLeakNothing makes 1,000 processes, one after the other.
func TestStartsLeakNothing(t *testing.T) {
	var clock clock
	p := started(t, Settings{Path: "/bin/false", Timeout: ample, Now: clock.now})
	threads := func() int {
		all, err := threadsOf(os.Getpid())
		require.NoError(t, err)
		return len(all)
	}
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(all)
	}
	var fds, goroutines, tasks int
	for i := range 1000 {
		s := p.Collect(t.Context())
		require.Equal(t, nvmlwire.LibraryHelperLost, s.State, s.Detail)
		clock.advance(maxDelay)
		if i == 20 {
			fds, goroutines, tasks = descriptors(), runtime.NumGoroutine(), threads()
		}
	}
	assert.EqualValues(t, 1000, p.Starts())
	await(t, "goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
	assert.LessOrEqual(t, descriptors(), fds)
	assert.LessOrEqual(t, threads(), tasks+5)
}

// pipes lists the pipes that a process has open.
func pipes(t *testing.T, pid int) (all []string) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(folder, entry.Name())); err == nil && strings.HasPrefix(target, "pipe:") {
			all = append(all, target)
		}
	}
	return all
}

// TestDescriptorsOfTheCollectorStayItsOwn: a helper gets its own three pipes, and none that the collector has to another.
func TestDescriptorsOfTheCollectorStayItsOwn(t *testing.T) {
	inherited := pipes(t, os.Getpid()) // from whoever started the tests
	var helpers [2]*Process
	for i := range helpers {
		helpers[i] = started(t, fakeSettings(t, "good", ample))
		require.Equal(t, nvmlwire.LibraryReady, helpers[i].Collect(t.Context()).State)
	}
	var own [2][]string
	for i, p := range helpers {
		for _, pipe := range pipes(t, p.PID()) {
			if !slices.Contains(inherited, pipe) {
				own[i] = append(own[i], pipe)
			}
		}
		assert.Len(t, own[i], 3)
	}
	for _, pipe := range own[0] {
		assert.NotContains(t, own[1], pipe)
	}
}

func TestConcurrentCollections(t *testing.T) {
	p := started(t, fakeSettings(t, "good", ample))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				s := p.Collect(t.Context())
				assert.Equal(t, fmt.Sprint("answer ", s.Seq), s.Driver)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, p.Starts())
}

func TestCollectObeysContext(t *testing.T) {
	p := started(t, fakeSettings(t, "hangs", ample))
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	before := time.Now()
	assert.Equal(t, nvmlwire.LibraryHung, p.Collect(ctx).State)
	assert.Less(t, time.Since(before), ample/2)
}

func TestShutdown(t *testing.T) {
	for _, behaviour := range []string{"good", "hangs", "deaf", "immortal", "crash at start", "fault stays", "garbage"} {
		t.Run(behaviour, func(t *testing.T) {
			p := New(fakeSettings(t, behaviour, brief))
			p.Collect(t.Context())
			pid := p.PID()
			before := time.Now()
			assert.NoError(t, p.Shutdown(t.Context()))
			assert.Less(t, time.Since(before), 2*shutdownStep+time.Second)
			assert.NoError(t, p.Shutdown(t.Context()))
			assert.True(t, pid == 0 || gone(pid))
			assert.Zero(t, p.PID())
			s := p.Collect(t.Context())
			assert.Equal(t, nvmlwire.LibraryHelperLost, s.State)
			assert.Contains(t, s.Detail, "shut down")
			assert.LessOrEqual(t, p.Starts(), uint64(1))
		})
	}
	t.Run("before any collection", func(t *testing.T) {
		p := New(Settings{Timeout: time.Second})
		assert.NoError(t, p.Shutdown(t.Context()))
		assert.Zero(t, p.Starts())
	})
	t.Run("ctx has ended", func(t *testing.T) {
		p := New(fakeSettings(t, "immortal", brief))
		hang(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		before := time.Now()
		assert.NoError(t, p.Shutdown(ctx))
		assert.Less(t, time.Since(before), shutdownStep)
	})
	t.Run("during a collection", func(t *testing.T) {
		p := New(fakeSettings(t, "hangs", ample))
		said := make(chan nvmlwire.Snapshot, 1)
		go func() { said <- p.Collect(context.Background()) }()
		await(t, "started", func() bool { return p.PID() != 0 })
		assert.NoError(t, p.Shutdown(t.Context()))
		assert.Contains(t, (<-said).Detail, "shut down")
	})
}

// TestShutdownInsideTheKernel: a process that no signal ends bounds neither Shutdown nor what it leaves.
func TestShutdownInsideTheKernel(t *testing.T) {
	settings := fakeSettings(t, "deaf", brief)
	var sent atomic.Int32
	settings.signal = func(*os.Process, os.Signal) error { sent.Add(1); return nil }
	p := New(settings)
	before := runtime.NumGoroutine()
	hang(t, p)
	pid, began := p.PID(), time.Now()
	err := p.Shutdown(t.Context())
	assert.ErrorContains(t, err, "inside the kernel")
	assert.Equal(t, err, p.Shutdown(t.Context()))
	assert.Less(t, time.Since(began), 2*shutdownStep+time.Second)
	assert.NotZero(t, sent.Load())
	await(t, "one goroutine is left", func() bool { return runtime.NumGoroutine() <= before+1 })
	assert.False(t, gone(pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL)) // the driver lets go of it
	await(t, "reaped", func() bool { return p.PID() == 0 })
	await(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestEndedButInsideTheKernel: no other process is started while one that was told to end is there.
func TestEndedButInsideTheKernel(t *testing.T) {
	var clock clock
	settings := fakeSettings(t, "fault stays", brief)
	settings.Now = clock.now
	settings.signal = func(*os.Process, os.Signal) error { return nil }
	settings.threads = func(pid int) ([]thread, error) { return []thread{{id: pid, name: "nv", state: 'D'}}, nil }
	p := New(settings)
	await(t, "faults", func() bool { return p.Collect(t.Context()).State == nvmlwire.LibraryVersionMismatch })
	pid := p.PID()
	for range 3 {
		s := p.Collect(t.Context())
		assert.Equal(t, nvmlwire.LibraryVersionMismatch, s.State)
		assert.Contains(t, s.Detail, fmt.Sprintf("Process %d has not ended yet", pid))
		assert.Contains(t, s.Detail, "(state D)")
	}
	assert.EqualValues(t, 1, p.Starts())
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	await(t, "a fresh one", func() bool { p.Collect(t.Context()); return p.Starts() == 2 })
	second := p.PID()
	if second != 0 {
		_ = syscall.Kill(second, syscall.SIGKILL)
	}
	assert.NoError(t, p.Shutdown(t.Context()))
}

// TestStartThatHangs: a program on a file system that does not answer.
func TestStartThatHangs(t *testing.T) {
	release := make(chan struct{})
	settings := fakeSettings(t, "good", brief)
	settings.start = func(c *child) error {
		<-release
		return c.cmd.Start()
	}
	p := started(t, settings)
	for range 2 {
		s := p.Collect(t.Context())
		assert.Equal(t, nvmlwire.LibraryHung, s.State)
		assert.Contains(t, s.Detail, "is being started since")
	}
	assert.Zero(t, p.Starts())
	close(release)
	await(t, "answers", func() bool { return p.Collect(t.Context()).State == nvmlwire.LibraryReady })
	assert.EqualValues(t, 1, p.Starts())
}

func TestStartThatHangsAtShutdown(t *testing.T) {
	release := make(chan struct{})
	settings := fakeSettings(t, "immortal", brief)
	settings.start = func(c *child) error {
		<-release
		return c.cmd.Start()
	}
	p := New(settings)
	p.Collect(t.Context())
	c := p.present()
	assert.Error(t, p.Shutdown(t.Context()))
	close(release)
	await(t, "killed as soon as it starts", func() bool { return isDone(c.ended) })
}

// TestStartsThatFail: what cannot be started says so at each collection, and is found as soon as it is there.
func TestStartsThatFail(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, Name)
	p := started(t, Settings{Path: path, Timeout: ample, Env: []string{behaviourVariable + "=good"}})
	collect := func() nvmlwire.Snapshot { return p.Collect(t.Context()) }
	says := func(part string) {
		t.Helper()
		s := collect()
		assert.Equal(t, nvmlwire.LibraryHelperMissing, s.State)
		assert.Contains(t, s.Detail, part)
		assert.Contains(t, s.Detail, path)
		assert.Zero(t, p.PID())
	}
	says("go install -trimpath -ldflags=")
	require.NoError(t, os.WriteFile(path, []byte("no program"), 0o600))
	says("may run")
	require.NoError(t, os.Chmod(path, 0o700))
	says("no program for this kind of machine")
	require.NoError(t, os.WriteFile(path, []byte("#!/no/such/loader\n"), 0o700))
	says("glibc")
	assert.Zero(t, p.Starts())
	executable, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(executable, path))
	s := collect()
	assert.Equal(t, nvmlwire.LibraryReady, s.State, s.Detail)

	state, detail := startFailure(path, syscall.EAGAIN)
	assert.Equal(t, nvmlwire.LibraryHelperLost, state)
	assert.Contains(t, detail, "limits")
}

// TestCausesAreLoggedOnce: a helper that dies of one cause again and again does not fill the log.
func TestCausesAreLoggedOnce(t *testing.T) {
	var clock clock
	core, logged := observer.New(zapcore.WarnLevel)
	settings := fakeSettings(t, "crash at start", ample)
	settings.Now, settings.Logger = clock.now, zap.New(core)
	p := started(t, settings)
	for range 5 {
		p.Collect(t.Context())
		clock.advance(maxDelay)
	}
	assert.EqualValues(t, 5, p.Starts())
	require.Equal(t, 1, logged.Len())
	assert.Contains(t, logged.All()[0].Message, "panic: no luck today")
}

func TestCausesAreBounded(t *testing.T) {
	core, logged := observer.New(zapcore.WarnLevel)
	c := causes{log: zap.New(core)}
	for i := range 100 {
		c.report("exit", fmt.Sprintf("at 0x%x of %d\nrest %d", i, i, i), "same")
	}
	assert.Equal(t, 1, logged.Len(), "numbers make no other cause")
	for i := range 100 {
		c.report("exit", strings.Repeat("x", i), "other")
	}
	assert.Equal(t, causeLimit+1, logged.Len())
	assert.Len(t, c.seen, causeLimit)
	assert.Equal(t, 100-causeLimit+1, c.more)
}

// TestCollectorIsKilled: a collector that gets SIGKILL leaves no helper, not even one that ignores all that can be ignored.
func TestCollectorIsKilled(t *testing.T) {
	executable, err := os.Executable()
	require.NoError(t, err)
	collector := exec.Command(executable)
	collector.Env = []string{behaviourVariable + "=collector"}
	out, err := collector.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, collector.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.False(t, gone(pid))
	require.NoError(t, collector.Process.Kill())
	_ = collector.Wait()
	await(t, "the helper ends", func() bool { return gone(pid) })
}

// TestGroup: a Ctrl-C at the terminal goes to the collector's group, which is not the helper's.
func TestGroup(t *testing.T) {
	p := started(t, fakeSettings(t, "good", ample))
	p.Collect(t.Context())
	group, err := syscall.Getpgid(p.PID())
	require.NoError(t, err)
	assert.Equal(t, p.PID(), group)
}

// TestThreadsCannotBeListed: without /proc a hung helper is ended all the same.
func TestThreadsCannotBeListed(t *testing.T) {
	var clock clock
	settings := fakeSettings(t, "hangs", brief)
	settings.Now = clock.now
	settings.threads = func(int) ([]thread, error) { return nil, os.ErrPermission }
	p := started(t, settings)
	hang(t, p)
	clock.advance(hungLimit * brief)
	assert.Contains(t, p.Collect(t.Context()).Detail, "It is ended")
	await(t, "replaced", func() bool { p.Collect(t.Context()); return p.Starts() == 2 })
}
