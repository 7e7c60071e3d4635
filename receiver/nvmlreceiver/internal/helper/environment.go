package helper

import (
	"slices"
	"strings"
)

// environment keeps of a process's environment what the loader, the NVIDIA driver's libraries and the stand-in library read.
// LD_PRELOAD is left out: what is preloaded for the collector is not meant for the helper. Prefixes such as NVIDIA_ are not let
// through whole, since NVIDIA_API_KEY is a secret.
func environment(all []string) []string {
	// glibc would give each thread that allocates a heap of its own; there is a thread for each GPU.
	kept := append(make([]string, 0, 8), "MALLOC_ARENA_MAX=1")
	for _, entry := range all {
		if name, _, ok := strings.Cut(entry, "="); ok && inherited(name) {
			kept = append(kept, entry)
		}
	}
	return kept
}

func inherited(name string) bool {
	if strings.HasPrefix(name, "NVMLSIM_") || strings.HasPrefix(name, "__NVML_") {
		return true
	}
	return slices.Contains([]string{
		"PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES",
		"NVIDIA_DRIVER_CAPABILITIES",
	}, name)
}
