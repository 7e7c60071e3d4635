// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGolden: each testdata/<case>.cgroup is a file as the kernel writes it, <case>.json what it says.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.cgroup")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".cgroup")
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			want, err := os.ReadFile(filepath.Join("testdata", name+".json"))
			require.NoError(t, err)
			var id Identity
			require.NoError(t, json.Unmarshal(want, &id))
			assert.Equal(t, id, Parse(content))
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.cgroup")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		id := Parse(content)
		text := string(content)
		if id.ContainerID != "" && !strings.Contains(text, id.ContainerID) {
			t.Fatalf("container %q is not in the file", id.ContainerID)
		}
		if id.PodUID != "" {
			if !isUUID(id.PodUID) && (len(id.PodUID) != shortID || !isHex(id.PodUID)) {
				t.Fatalf("pod uid %q has no known form", id.PodUID)
			}
			if !strings.Contains(strings.ReplaceAll(text, "_", "-"), id.PodUID) {
				t.Fatalf("pod uid %q is not in the file", id.PodUID)
			}
		}
		if id.SystemdUnit != "" && (id.ContainerID != "" || id.PodUID != "") {
			t.Fatalf("unit %q of a process in a container", id.SystemdUnit)
		}
		if strings.ContainsAny(id.SystemdUnit, "/\n") {
			t.Fatalf("unit %q is no name", id.SystemdUnit)
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("42 (python3) S 1 42 42 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 8812 1 1"))
	f.Add([]byte("42 (a) b) (c) R 1 42 42 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 1 0 8812"))
	f.Add([]byte("42 ()"))
	f.Fuzz(func(t *testing.T, content []byte) {
		st, err := parseStat(content)
		if err == nil && len(st.comm) > maxName {
			t.Fatalf("comm of %d bytes", len(st.comm))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, name := range []string{"k8s-v2-systemd-containerd-burstable", "k8s-v1-systemd-containerd", "kind-v2-systemd"} {
		b.Run(name, func(b *testing.B) {
			content, err := os.ReadFile(filepath.Join("testdata", name+".cgroup"))
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				Parse(content)
			}
		})
	}
}
