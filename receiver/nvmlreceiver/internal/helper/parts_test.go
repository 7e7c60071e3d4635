//go:build linux

package helper

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func TestEnvironment(t *testing.T) {
	assert.Equal(t, []string{"MALLOC_ARENA_MAX=1", "PATH=/bin", "LD_LIBRARY_PATH=/usr/lib/wsl/lib", "NVMLSIM_SCENARIO=a=b", "__NVML_DBG_LVL=DEBUG", "CUDA_VISIBLE_DEVICES="},
		environment([]string{
			"PATH=/bin", "HOME=/root", "LD_LIBRARY_PATH=/usr/lib/wsl/lib", "LD_PRELOAD=/x.so", "NVMLSIM_SCENARIO=a=b", "__NVML_DBG_LVL=DEBUG",
			"CUDA_VISIBLE_DEVICES=", "NVIDIA_API_KEY=secret", "OPENAI_API_KEY=secret", "AWS_SECRET_ACCESS_KEY=secret", "GOMEMLIMIT=100MiB", "broken", "=x",
		}))
	assert.NotNil(t, environment(nil), "nil would mean the whole environment to os/exec")
}

func TestFind(t *testing.T) {
	folders := map[string]string{"": ""}
	for _, name := range []string{"empty", "beside", "path", "refused"} {
		folders[name] = filepath.Join(t.TempDir(), name)
		require.NoError(t, os.Mkdir(folders[name], 0o700))
	}
	for name, mode := range map[string]os.FileMode{"beside": 0o700, "path": 0o700, "refused": 0o600} {
		require.NoError(t, os.WriteFile(filepath.Join(folders[name], Name), nil, mode))
	}
	t.Chdir(folders["path"])
	for _, c := range []struct{ beside, path, found, says string }{
		{beside: "beside", path: "path", found: "beside"},
		{beside: "empty", path: "path", found: "path"},
		{beside: "refused", path: "path", found: "path"},
		{beside: "", path: "path", found: "path"},
		{beside: "refused", path: "empty", says: "permission denied. Make the file executable"},
		{beside: "empty", path: "empty", says: "is neither beside the collector's executable"},
		{beside: "", path: "", says: "go install"},
	} {
		t.Run(c.beside+","+c.path, func(t *testing.T) {
			found, err := find(folders[c.beside], ":.:"+folders[c.path])
			if c.found != "" {
				require.NoError(t, err)
				assert.Equal(t, filepath.Join(folders[c.found], Name), found)
				return
			}
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.says)
		})
	}
	t.Setenv("PATH", folders["path"])
	found, err := locate("")
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(folders["path"], Name), found)
}

func encoded(t testing.TB, messages ...nvmlwire.Message) []byte {
	var b bytes.Buffer
	e := gob.NewEncoder(&b)
	for _, m := range messages {
		require.NoError(t, e.Encode(m))
	}
	return b.Bytes()
}

func TestDecoder(t *testing.T) {
	wide := nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{Detail: strings.Repeat("x", messageLimit-2000)}}
	tooWide := nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{Detail: strings.Repeat("x", messageLimit)}}
	small := nvmlwire.Message{Events: []nvmlwire.Event{{UUID: "GPU-0"}}}
	for _, c := range []struct {
		name  string
		bytes []byte
		good  int
		err   error
	}{
		{name: "nothing", err: io.EOF},
		{name: "messages", bytes: encoded(t, small, small, wide, small), good: 4, err: io.EOF},
		{name: "too wide", bytes: encoded(t, small, tooWide), good: 1, err: errDamaged},
		{name: "cut in a length", bytes: append(encoded(t, small), 0xfe), good: 1, err: io.EOF},
		{name: "cut in a message", bytes: append(encoded(t, small), 9, 1, 2), good: 1, err: io.ErrUnexpectedEOF},
		{name: "length of 8 bytes", bytes: []byte{0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, err: errDamaged},
		{name: "length of 128 bytes", bytes: bytes.Repeat([]byte{0x80}, 200), err: errDamaged},
		{name: "zeros", bytes: make([]byte, 50), err: errDamaged},
		{name: "text", bytes: []byte(strings.Repeat("hello\n", 50)), err: errDamaged},
		{name: "another type", bytes: func() []byte {
			var b bytes.Buffer
			require.NoError(t, gob.NewEncoder(&b).Encode("text"))
			return b.Bytes()
		}(), err: errDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDecoder(bytes.NewReader(c.bytes))
			for range c.good {
				_, err := d.next()
				require.NoError(t, err)
			}
			_, err := d.next()
			assert.ErrorIs(t, err, c.err)
			assert.Equal(t, c.err == errDamaged, errorsIsDamaged(err)) //nolint:errorlint // the case's own value
		})
	}
}

func errorsIsDamaged(err error) bool { return strings.Contains(err.Error(), errDamaged.Error()) }

// TestDecoderPassesErrors: an error of reading is no damage.
func TestDecoderPassesErrors(t *testing.T) {
	_, err := newDecoder(io.MultiReader(bytes.NewReader([]byte{9, 1}), failing{})).next()
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
	assert.NotErrorIs(t, err, errDamaged)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func FuzzDecoder(f *testing.F) {
	f.Add(encoded(f, nvmlwire.Message{Fault: &nvmlwire.Fault{State: 1, Detail: "x"}}))
	f.Add(encoded(f, nvmlwire.Message{Events: []nvmlwire.Event{{Time: time.Unix(1, 0)}}}))
	f.Add(encoded(f, nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{Devices: []nvmlwire.Device{{Readings: []nvmlwire.Reading{nvmlwire.Gauge(1, 2, 3)}}}}}))
	f.Add([]byte("NVML: debug line\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDecoder(bytes.NewReader(b))
		for range len(b) + 1 {
			_, err := d.next()
			if err == nil {
				continue
			}
			if !errorsIsDamaged(err) && err != io.EOF && err != io.ErrUnexpectedEOF { //nolint:errorlint // what next promises
				t.Fatalf("neither damage nor an end: %v", err)
			}
			return
		}
		t.Fatal("more messages than bytes")
	})
}

func TestThreads(t *testing.T) {
	for _, c := range []struct {
		stat string
		want thread
		bad  bool
	}{
		{stat: "42 (name) S 1 2 3", want: thread{42, "name", 'S'}},
		{stat: "7 (nv (queue) x) D 1", want: thread{7, "nv (queue) x", 'D'}},
		{stat: "7 (a\nb) R) Z 1", want: thread{7, "a b) R", 'Z'}},
		{stat: "7 () D", want: thread{7, "", 'D'}},
		{stat: "", bad: true},
		{stat: "7 (x)", bad: true},
		{stat: "7 (x) ", bad: true},
		{stat: ") 7 (", bad: true},
		{stat: "x (y) D", bad: true},
	} {
		got, err := parseThread([]byte(c.stat))
		assert.Equal(t, c.bad, err != nil, "%q: %v", c.stat, err)
		assert.Equal(t, c.want, got, "%q", c.stat)
	}
	own, err := threadsOf(os.Getpid())
	require.NoError(t, err)
	require.NotEmpty(t, own)
	assert.Equal(t, os.Getpid(), own[0].id)
	_, err = threadsOf(1 << 30)
	assert.ErrorIs(t, err, os.ErrNotExist)

	assert.Empty(t, stuck(nil))
	var many []thread
	for i := range 9 {
		many = append(many, thread{i, "nv", "DS"[i%2]})
	}
	assert.Equal(t, "0 (nv), 2 (nv), 4 (nv), 6 (nv), 1 more", stuck(many))
}

func FuzzParseThread(f *testing.F) {
	f.Add([]byte("42 (na) (me) D 1 2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := parseThread(b)
		if err == nil && !bytes.Contains(b, []byte{')', b[bytes.LastIndexByte(b, ')')+1], found.state}) {
			t.Fatalf("state %q is not what follows the name in %q", found.state, b)
		}
	})
}

func TestLines(t *testing.T) {
	core, logged := observer.New(zapcore.InfoLevel)
	var clock clock
	l := &lines{log: zap.New(core), now: clock.now}
	l.read(strings.NewReader("plain\n\n\x1b[31mred\x00\r\n" + strings.Repeat("z", 3*lineLimit) + "\nno end"))
	assert.Equal(t, []string{Name + ": plain", Name + ": [31mred", Name + ": " + strings.Repeat("z", lineLimit), Name + ": no end"}, messages(logged))

	clock.advance(lineWindow)
	l.read(strings.NewReader(strings.Repeat("more\n", 100)))
	clock.advance(lineWindow)
	l.read(strings.NewReader("after\n"))
	entries := logged.All()
	all := messages(logged)
	require.Len(t, all, linesPerWindow+2)
	assert.Equal(t, Name+" wrote more to standard error than is logged", all[linesPerWindow])
	assert.EqualValues(t, 100-linesPerWindow, entries[linesPerWindow].ContextMap()["lines"])
	assert.Equal(t, Name+": after", all[linesPerWindow+1])
}

func messages(logged *observer.ObservedLogs) (all []string) {
	for _, entry := range logged.TakeAll() {
		all = append(all, entry.Message)
	}
	return all
}

// TestCause: what is kept of standard error is the crash's beginning, else the end.
func TestCause(t *testing.T) {
	long := func(what string) string {
		var b strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&b, "%s %d\n", what, i)
		}
		return b.String()
	}
	for _, c := range []struct{ name, stderr, begins, ends string }{
		{name: "nothing"},
		{name: "no crash", stderr: long("line"), begins: "line 7", ends: "line 999"},
		{name: "crash", stderr: long("line") + "SIGSEGV: segmentation violation\n" + long("goroutine"), begins: "SIGSEGV: segmentation violation\ngoroutine 0"},
		{name: "panic in a panic", stderr: "panic: a\npanic: b\n", begins: "panic: a", ends: "panic: b"},
		{name: "an old crash", stderr: "panic: recovered\n" + long("line") + "fatal error: now\nthis", begins: "fatal error: now", ends: "this"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &lines{log: zap.NewNop(), now: time.Now}
			l.read(strings.NewReader(c.stderr))
			cause := l.cause()
			assert.True(t, strings.HasPrefix(cause, c.begins), "%.100q", cause)
			assert.True(t, strings.HasSuffix(cause, c.ends))
			assert.LessOrEqual(t, len(cause), tailLimit+lineLimit)
		})
	}
}
