// Package sampling turns what is read many times between two collections into what one collection reports: means, peaks, integrals and
// unwrapped counters. It knows no clock, no driver and no lock.
package sampling
