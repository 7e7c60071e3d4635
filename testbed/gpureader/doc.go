// Package gpureader tests inferwatchnvml, the GPU receiver's helper process, against the stand-in for NVML: the real program, the real
// protocol, a real shared library, and scenarios that change while they run.
package gpureader
