// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package ports

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const holderMode = "TESTBED_PORTS_TEST_HOLDER"

// TestMain lets the test binary be another process that holds a port until its standard input ends.
func TestMain(m *testing.M) {
	if os.Getenv(holderMode) == "" {
		os.Exit(m.Run())
	}
	held, err := Free(1)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(held[0])
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func TestFreePortsAreDistinctAndCanBeListenedOn(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		free, err := Free(5)
		require.NoError(t, err)
		require.Len(t, free, 5)
		for _, port := range free {
			assert.False(t, seen[port], "port %d was given twice", port)
			seen[port] = true
			listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			require.NoError(t, err)
			require.NoError(t, listener.Close())
		}
	}
}

func TestFreeNeedsNothingForNone(t *testing.T) {
	free, err := Free(0)
	require.NoError(t, err)
	assert.Empty(t, free)
}

func TestFreeSaysThatThereAreNotEnough(t *testing.T) {
	_, err := Free(1 << 16)
	require.ErrorContains(t, err, "there are no 65536 free ports between 10000 and ")
}

func TestPortOfAnotherProcessIsReservedUntilThatEnds(t *testing.T) {
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderMode+"=1")
	input, err := holder.StdinPipe()
	require.NoError(t, err)
	output, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	var port int
	_, err = fmt.Fscan(output, &port)
	require.NoError(t, err)

	reservation, err := reserve(port)
	require.NoError(t, err)
	assert.Equal(t, taken, reservation)

	require.NoError(t, input.Close())
	require.NoError(t, holder.Wait())
	reservation, err = reserve(port)
	require.NoError(t, err)
	assert.NotEqual(t, taken, reservation)
}

func TestPortThatSomebodyListensOnIsNotIdle(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	assert.False(t, idle(port))
	require.NoError(t, listener.Close())
	assert.True(t, idle(port))
}
