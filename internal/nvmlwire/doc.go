// Package nvmlwire is what the GPU receiver and its helper process, inferwatchnvml, say to each other over the helper's standard
// input and output: one Hello and then requests in, messages out. Both ends are of one release; Hello carries the protocol's version
// so that a mixed installation is an error with a name and not a misread value.
package nvmlwire
