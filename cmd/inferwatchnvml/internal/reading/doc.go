//go:build linux && cgo

// Package reading takes the readings of one GPU and of its MIG slices: tables say which call or field gives which reading, its unit and
// the range in which a value can be. It learns what board and driver do not support and does not ask for it again until told to.
package reading
