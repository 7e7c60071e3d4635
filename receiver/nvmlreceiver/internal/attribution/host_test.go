// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	gpu0 = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
	gpu1 = "GPU-c6d5ba0d-33d2-b2c5-24d9-e3d8d2b8a770"
	mig0 = "MIG-89a3b9c3-6d1f-5c1c-9d3c-8e2f1d0b7c31"
	mig1 = "MIG-11a3b9c3-6d1f-5c1c-9d3c-8e2f1d0b7c31"
)

// uid and container give distinct ids of the real forms.
func uid(n int) string       { return fmt.Sprintf("7d9f4a51-6f3b-4c0e-9a55-%012x", n) }
func container(n int) string { return fmt.Sprintf("%064x", n) }

// host is the root of a node: its /proc, its log folders and its kubelet, a real gRPC server on a unix socket.
type host struct {
	podresourcesv1.UnimplementedPodResourcesListerServer
	t    testing.TB
	root string
	r    *Resolver

	mu   sync.Mutex
	pods []*podresourcesv1.PodResources
	in   Input
}

// newHost starts a node without processes, pods and log folders, and a resolver.
func newHost(t testing.TB, change func(*Config)) *host {
	t.Helper()
	root, err := os.MkdirTemp("", "attr") // t.TempDir is too long for a unix socket
	require.NoError(t, err)
	h := &host{t: t, root: root}
	h.file("proc/2/stat", "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 24 0 0 20 0 1 0 35 0 0 18446744073709551615\n")
	h.in.Devices = []podresources.Device{
		{UUID: gpu0, Index: 0, Minor: 0},
		{UUID: gpu1, Index: 1, Minor: 1},
		{UUID: mig0, ParentUUID: gpu1, GI: 1, Placement: &podresources.Placement{ProfileID: 19, Start: 0}},
		{UUID: mig1, ParentUUID: gpu1, GI: 2, Placement: &podresources.Placement{ProfileID: 19, Start: 1}},
	}
	server := grpc.NewServer()
	podresourcesv1.RegisterPodResourcesListerServer(server, h)
	listener, err := net.Listen("unix", filepath.Join(root, "kubelet.sock"))
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	cfg := DefaultConfig()
	cfg.Root = root
	cfg.Deadline = 10 * time.Second // a test machine may be slow; what the deadline does has tests of its own
	cfg.PodResources.Socket = filepath.Join(root, "kubelet.sock")
	cfg.PodResources.MinInterval = time.Millisecond
	cfg.PodResources.Period = 5 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	h.r, err = New(cfg, zap.NewNop())
	require.NoError(t, err)
	if h.r.logs != nil {
		h.r.logs.minInterval = time.Millisecond
	}
	h.r.Start()
	h.r.Start()
	t.Cleanup(func() {
		h.r.Stop()
		h.r.Stop()
		h.r.Start()
		server.Stop()
		<-served
		os.RemoveAll(root)
	})
	return h
}

func (h *host) List(context.Context, *podresourcesv1.ListPodResourcesRequest) (*podresourcesv1.ListPodResourcesResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &podresourcesv1.ListPodResourcesResponse{PodResources: append([]*podresourcesv1.PodResources(nil), h.pods...)}, nil
}

func (h *host) file(name, content string) {
	h.t.Helper()
	name = filepath.Join(h.root, name)
	require.NoError(h.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(h.t, os.WriteFile(name, []byte(content), 0o600))
}

// process starts a process with this cgroup path on a device.
func (h *host) process(pid uint32, path, gpu, mig string) {
	h.t.Helper()
	h.started(pid, path, uint64(pid)*100)
	h.in.Processes = append(h.in.Processes, Process{GPU: gpu, MIG: mig, PID: pid})
}

func (h *host) started(pid uint32, path string, start uint64) {
	h.t.Helper()
	h.file(fmt.Sprintf("proc/%d/cgroup", pid), "0::"+path+"\n")
	h.file(fmt.Sprintf("proc/%d/stat", pid), fmt.Sprintf(
		"%d (python3) S 1 7 7 0 -1 4194560 90 0 3 0 11 5 0 0 20 0 4 0 %d 1024 99 18446744073709551615\n", pid, start))
}

func (h *host) ends(pid uint32) {
	h.t.Helper()
	require.NoError(h.t, os.RemoveAll(filepath.Join(h.root, fmt.Sprintf("proc/%d", pid))))
	kept := h.in.Processes[:0]
	for _, p := range h.in.Processes {
		if p.PID != pid {
			kept = append(kept, p)
		}
	}
	h.in.Processes = kept
}

func podPath(uid, container string) string {
	u := strings.ReplaceAll(uid, "-", "_")
	return "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + u + ".slice/cri-containerd-" + container + ".scope"
}

// logs makes the log folders as the kubelet does for a container.
func (h *host) logs(namespace, pod, uid, name, container string) {
	h.t.Helper()
	target := fmt.Sprintf("var/log/pods/%s_%s_%s/%s/0.log", namespace, pod, uid, name)
	h.file(target, "")
	link := filepath.Join(h.root, fmt.Sprintf("var/log/containers/%s_%s_%s-%s.log", pod, namespace, name, container))
	require.NoError(h.t, os.MkdirAll(filepath.Dir(link), 0o755))
	require.NoError(h.t, os.Symlink("/"+target, link))
}

func holds(pod, container, resource string, ids ...string) *podresourcesv1.PodResources {
	return &podresourcesv1.PodResources{Namespace: "ml", Name: pod, Containers: []*podresourcesv1.ContainerResources{
		{Name: container, Devices: []*podresourcesv1.ContainerDevices{{ResourceName: resource, DeviceIds: ids}}},
	}}
}

func claims(pod, container, device string) *podresourcesv1.PodResources {
	return &podresourcesv1.PodResources{Namespace: "ml", Name: pod, Containers: []*podresourcesv1.ContainerResources{
		{Name: container, DynamicResources: []*podresourcesv1.DynamicResource{{
			ClaimName: "claim", ClaimNamespace: "ml",
			ClaimResources: []*podresourcesv1.ClaimResource{{DriverName: "gpu.nvidia.com", PoolName: "node-a", DeviceName: device}},
		}}},
	}}
}

// kubelet sets what the kubelet answers, and waits until the client has an answer that it gave after that.
func (h *host) kubelet(pods ...*podresourcesv1.PodResources) {
	h.t.Helper()
	h.mu.Lock()
	h.pods = pods
	h.mu.Unlock()
	h.settle()
}

// settle waits for an answer that was asked for from now on.
func (h *host) settle() {
	h.t.Helper()
	now := time.Now()
	require.Eventually(h.t, func() bool {
		h.r.pods.Refresh()
		return h.r.pods.Snapshot().Asked.After(now)
	}, 10*time.Second, time.Millisecond)
}

// collect is one collection.
func (h *host) collect() *Result {
	var out Result
	h.r.Resolve(h.in, &out)
	return &out
}

// names gives namespace/pod/container of each process by PID, with the source.
func (h *host) names() map[uint32]string {
	out := h.collect()
	names := make(map[uint32]string)
	for i, p := range h.in.Processes {
		r := out.Processes[i]
		names[p.PID] = fmt.Sprintf("%s/%s/%s %s", r.Namespace, r.Pod, r.Container, r.Source)
	}
	return names
}

// devices gives pod/container of each device that is held, with what is known of it.
func (h *host) devices() map[string][]string {
	devices := make(map[string][]string)
	for _, d := range h.collect().Devices {
		for _, p := range d.Pods {
			text := p.Pod + "/" + p.Container
			if p.Shared {
				text += " shared"
			}
			devices[d.UUID] = append(devices[d.UUID], text)
		}
	}
	return devices
}
