//go:build linux && cgo

package reading

import (
	"encoding/binary"
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// number is a value of NVML's union: an integer that may be signed, or a double.
type number struct {
	bits  uint64  // of an integer, sign-extended
	float float64 // the value
	wide  bool    // an integer of 64 bits
	ones  bool    // all bits set: NVML's way to say that there is no value
}

// decode reads a value by its type; false for a type that NVML does not have.
func decode(kind nvml.ValueType, raw [8]byte) (number, bool) {
	long := binary.NativeEndian.Uint64(raw[:])
	short := binary.NativeEndian.Uint32(raw[:])
	switch kind {
	case nvml.VALUE_TYPE_DOUBLE:
		f := math.Float64frombits(long)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return number{}, false
		}
		return number{bits: uint64(max(f, 0)), float: f, wide: true}, true
	case nvml.VALUE_TYPE_UNSIGNED_INT:
		return number{bits: uint64(short), float: float64(short), ones: short == math.MaxUint32}, true
	case nvml.VALUE_TYPE_UNSIGNED_LONG, nvml.VALUE_TYPE_UNSIGNED_LONG_LONG:
		return number{bits: long, float: float64(long), wide: true, ones: long == math.MaxUint64}, true
	case nvml.VALUE_TYPE_SIGNED_LONG_LONG:
		return number{bits: long, float: float64(int64(long)), wide: true}, true
	case nvml.VALUE_TYPE_SIGNED_INT:
		v := int64(int32(short))
		return number{bits: uint64(v), float: float64(v)}, true
	case nvml.VALUE_TYPE_UNSIGNED_SHORT:
		v := binary.NativeEndian.Uint16(raw[:])
		return number{bits: uint64(v), float: float64(v), ones: v == math.MaxUint16}, true
	default:
		return number{}, false
	}
}

// countable tells whether a number can be the value of a counter.
func (n number) countable() bool { return !n.ones && n.float >= 0 && n.bits < 1<<63 }

// within tells whether a number is in a gauge's range, bounds included.
func (n number) within(low, high float64) bool { return n.float >= low && n.float <= high }
