// Package xid explains the XID codes of the NVIDIA driver: what each means, what usually causes it, how grave it is
// and what to do. The facts are NVIDIA's (see the head of catalog.csv for source and edition); the wording is ours.
package xid
