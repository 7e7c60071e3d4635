//go:build linux && cgo

// Package library loads NVIDIA's management library and keeps the process alive on it: go-nvml binds by name at the first call, so that
// a call to a function which this library lacks ends the process. Every function is therefore looked up once, after the load, and only
// called where it was found.
package library
