// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// loopback addresses as /proc/net writes them: 127.0.0.1, the same within IPv6, and ::1.
var loopback = []string{"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}

// checkLoopback checks that a process listens, and only where no other machine can reach it.
func checkLoopback(t *testing.T, pid int) {
	t.Helper()
	own := sockets(t, pid)
	listening := 0
	for _, table := range []struct{ name, state string }{{"tcp", "0A"}, {"tcp6", "0A"}, {"udp", "07"}, {"udp6", "07"}} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table.name))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line) // sl, local address, remote address, state, ..., inode at 9
			if len(fields) < 10 || fields[3] != table.state || !own[fields[9]] {
				continue
			}
			listening++
			address, port, _ := strings.Cut(fields[1], ":")
			assert.Contains(t, loopback, address, "%s port 0x%s is open to other machines", table.name, port)
		}
	}
	assert.Positive(t, listening)
}

// sockets are the inodes of the process's open sockets.
func sockets(t *testing.T, pid int) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			all[strings.TrimSuffix(inode, "]")] = true
		}
	}
	return all
}
