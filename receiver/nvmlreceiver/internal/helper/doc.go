// Package helper is the receiver's end of inferwatchnvml, the process that reads NVML.
//
// A Process starts the helper at the first collection and again at the first collection after it ended. Whatever the helper does
// (crash, hang, speak nonsense, be absent), Collect answers within its timeout, and says in the snapshot's State and Detail what is
// wrong and what to do.
//
// Each child has two goroutines that read its standard output and error, and one that started it and waits for its end. That one
// keeps its thread: Linux sends the parent-death signal when the thread that started a child ends, not when the process does. When
// the child ends all three end. A child that waits inside the driver (state D) cannot be ended by anyone; after Shutdown gave up on it
// the goroutine that waits for it is left, one for each Process at the most, and ends with the child.
//
// A collector that is killed takes the helper with it: by the parent-death signal, and by the end of the helper's standard input.
// The helper has a process group of its own, so that a Ctrl-C at the terminal, which goes to the whole foreground group, does not
// end it while the collector still makes its last collection and would then report a lost helper.
package helper
