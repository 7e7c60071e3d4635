//go:build linux && cgo

// Package serve answers the receiver: requests come in, snapshots, events and last words go out.
package serve
