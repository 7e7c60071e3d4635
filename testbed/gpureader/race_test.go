//go:build race

package gpureader

import "time"

// The helper is built like the test.
var buildFlags = []string{"-race"}

// endsWithin is how soon a helper ends: the race detector waits a second by itself.
const endsWithin = 3 * time.Second
