//go:build !race

package gpureader

import "time"

var buildFlags []string

// endsWithin is how soon a helper ends.
const endsWithin = time.Second
