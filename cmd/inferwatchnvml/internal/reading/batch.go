//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// batch is the fields asked for in one call, without those that the device was found not to have.
type batch struct {
	fields []*field
	values []nvml.FieldValue
	last   []uint64 // of an asSum: what it read last, since a link that is down does not take its count out of the sum
	gone   bool     // some were found unsupported: compact
}

func (b *batch) clear() { b.fields, b.values, b.last = b.fields[:0], b.values[:0], b.last[:0] }

func (b *batch) add(f *field, scope uint32) {
	b.fields = append(b.fields, f)
	b.values = append(b.values, nvml.FieldValue{FieldId: uint32(f.field), ScopeId: scope})
	b.last = append(b.last, 0)
}

// compact leaves out what is unsupported.
func (b *batch) compact() {
	kept := 0
	for i := range b.fields {
		if b.fields[i] != nil {
			b.fields[kept], b.values[kept], b.last[kept] = b.fields[i], b.values[i], b.last[i]
			kept++
		}
	}
	b.fields, b.values, b.last, b.gone = b.fields[:kept], b.values[:kept], b.last[:kept], false
}

// ask makes the call. A driver that refuses the whole of it for the sake of one field is asked field by field, once.
func (b *batch) ask(a *asker) bool {
	if len(b.values) == 0 || !a.may(library.CallFieldValues, 0, 0) {
		return false
	}
	ret := a.meter.End(a.device.GetFieldValues(b.values))
	switch {
	case ret == nvml.SUCCESS:
		return true
	case library.ClassOf(ret) == library.ClassUnsupported && len(b.values) > 1:
		for i := range b.values {
			a.meter.Begin(library.CallFieldValues)
			if one := a.meter.End(a.device.GetFieldValues(b.values[i : i+1])); one != nvml.SUCCESS {
				b.values[i].NvmlReturn = uint32(one)
			}
		}
		return true
	default:
		a.note(Origin{Call: library.CallFieldValues}, ret, 0)
		return false
	}
}
