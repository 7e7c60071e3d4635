// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
)

// registry keeps one core for each component ID, as long as a receiver holds it.
type registry struct {
	newCore func(receiver.Settings, *Config) (*core, error)

	mu    sync.Mutex
	cores map[component.ID]*entry
}

type entry struct {
	core    *core
	holders int
}

func newRegistry(newCore func(receiver.Settings, *Config) (*core, error)) *registry {
	return &registry{newCore: newCore, cores: map[component.ID]*entry{}}
}

// held is a receiver's hold on its core.
type held struct {
	core    *core
	release func()
}

// hold finds the core of a component, or makes it.
func (r *registry) hold(set receiver.Settings, cfg *Config) (held, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.cores[set.ID]
	if !ok {
		c, err := r.newCore(set, cfg)
		if err != nil {
			return held{}, err
		}
		e = &entry{core: c}
		r.cores[set.ID] = e
	}
	e.holders++
	return held{core: e.core, release: sync.OnceFunc(func() { r.release(set.ID, e) })}, nil
}

func (r *registry) release(id component.ID, e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.holders--
	if e.holders == 0 && r.cores[id] == e {
		delete(r.cores, id)
	}
}
