//go:build linux && cgo

package reading

import (
	"strconv"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// Describe names where a reading comes from, for a person.
func Describe(symbols *library.Symbols, o Origin) string {
	if o.Field == 0 {
		return symbols.Name(o.Call)
	}
	return symbols.Name(o.Call) + " field " + strconv.Itoa(int(o.Field))
}
