// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

const (
	plain    = "nvidia.com/gpu"
	nameless = "// cgroup"
)

type (
	procs = map[uint32]string
	held  = map[string][]string
)

func noLogs(c *Config) { c.NodeLogs = false }

func TestPlain(t *testing.T) {
	h := newHost(t, noLogs)
	h.kubelet(holds("a", "main", plain, gpu0))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	assert.Equal(t, procs{100: nameless}, h.names(), "the kubelet was asked before the process was there")
	h.settle()
	out := h.collect()
	assert.Equal(t, []ProcessResult{{
		Visible: true, Name: "python3", ContainerID: container(1), PodUID: uid(1),
		Namespace: "ml", Pod: "a", Container: "main", Source: SourceBoth,
	}}, out.Processes)
	assert.Equal(t, DeviceResult{UUID: gpu0, Pods: []DevicePod{{
		Holder: podresources.Holder{Namespace: "ml", Pod: "a", Container: "main", Resource: plain},
		PodUID: uid(1), Source: SourceBoth,
	}}}, out.Devices[0])
}

func TestPlainWithLogFoldersIsNamedAtOnce(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.logs("ml", "a", uid(1), "main", container(1))
	assert.Equal(t, procs{100: "ml/a/main both"}, h.names())
}

func TestTimeSlicedWithLogFolders(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0+"::0"), holds("b", "main", plain, gpu0+"::1"), holds("c", "main", plain, gpu0+"::2"))
	for n, pod := range []string{"a", "b", "c"} {
		h.process(uint32(100+n), podPath(uid(n), container(n+1)), gpu0, "")
		h.logs("ml", pod, uid(n), "main", container(n+1))
	}
	assert.Equal(t, procs{100: "ml/a/main both", 101: "ml/b/main both", 102: "ml/c/main both"}, h.names())
	assert.Equal(t, held{gpu0: {"a/main shared", "b/main shared", "c/main shared"}}, h.devices())
}

func TestTimeSlicedWithoutLogFoldersIsNotGuessed(t *testing.T) {
	h := newHost(t, noLogs)
	h.kubelet(holds("a", "main", plain, gpu0+"::0"), holds("b", "main", plain, gpu0+"::1"), holds("c", "main", plain, gpu0+"::2"))
	for n := range 3 {
		h.process(uint32(100+n), podPath(uid(n), container(n+1)), gpu0, "")
	}
	for range 3 {
		out := h.collect()
		for n, p := range out.Processes {
			assert.Equal(t, ProcessResult{
				Visible: true, Name: "python3", ContainerID: container(n + 1), PodUID: uid(n), Source: SourceCgroup,
			}, p)
		}
		h.settle()
	}
	assert.Equal(t, 3, h.r.Stats().Nameless)
	assert.Len(t, h.devices()[gpu0], 3)
}

func TestWhatWasLearnedAloneCountsWhenOthersJoin(t *testing.T) {
	h := newHost(t, noLogs)
	h.kubelet(holds("a", "main", plain, gpu0+"::0"))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.collect()
	h.settle()
	require.Equal(t, procs{100: "ml/a/main both"}, h.names())

	h.process(101, podPath(uid(2), container(2)), gpu0, "")
	assert.Equal(t, procs{100: "ml/a/main both", 101: nameless}, h.names(), "the kubelet's answer is older than the new process")
	h.kubelet(holds("a", "main", plain, gpu0+"::0"), holds("b", "main", plain, gpu0+"::1"))
	assert.Equal(t, procs{100: "ml/a/main both", 101: nameless}, h.names())

	h.ends(100)
	h.kubelet(holds("b", "main", plain, gpu0+"::1"))
	assert.Equal(t, procs{101: "ml/b/main both"}, h.names(), "now it is alone")
	assert.Equal(t, held{gpu0: {"b/main shared"}}, h.devices())
	assert.Zero(t, h.r.Stats().Conflicts)
}

func TestOneContainerOfThePodHoldsTheSharedDevice(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0+"::0"), holds("b", "main", plain, gpu0+"::1"))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.file("var/log/pods/ml_a_"+uid(1)+"/main/0.log", "")
	assert.Equal(t, procs{100: "ml/a/main both"}, h.names(), "the uid gives the pod, the kubelet its container")
}

func TestMPS(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", "nvidia.com/gpu.shared", gpu0+"::0"), holds("b", "main", "nvidia.com/gpu.shared", gpu0+"::1"))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(2), container(2)), gpu0, "")
	h.process(102, podPath(uid(3), container(3)), gpu0, "") // the MPS server's pod holds no device
	h.logs("ml", "a", uid(1), "main", container(1))
	h.logs("ml", "b", uid(2), "main", container(2))
	h.logs("gpu-operator", "mps-control", uid(3), "daemon", container(3))
	assert.Equal(t, procs{100: "ml/a/main both", 101: "ml/b/main both", 102: "gpu-operator/mps-control/daemon cgroup"}, h.names())
}

func TestMIG(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu1, mig0)
	h.process(101, podPath(uid(2), container(2)), gpu1, mig1)
	h.collect()
	h.kubelet(holds("a", "main", "nvidia.com/mig-1g.10gb", mig0), holds("b", "main", "nvidia.com/mig-1g.10gb", "MIG-"+gpu1+"/2/0"))
	assert.Equal(t, procs{100: "ml/a/main both", 101: "ml/b/main both"}, h.names())
	assert.Equal(t, held{mig0: {"a/main"}, mig1: {"b/main"}}, h.devices())
}

func TestGKE(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(2), container(2)), gpu1, mig1)
	h.collect()
	h.kubelet(holds("a", "main", plain, "nvidia0/vgpu3"), holds("b", "main", plain, "nvidia1/gi2"))
	assert.Equal(t, procs{100: "ml/a/main both", 101: "ml/b/main both"}, h.names())
	assert.Equal(t, held{gpu0: {"a/main shared"}, mig1: {"b/main"}}, h.devices())
}

func TestDRA(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(2), container(2)), gpu1, mig1)
	h.collect()
	h.kubelet(claims("a", "main", "gpu-0"), claims("b", "main", "gpu-1-mig-1g10gb-19-1"), claims("c", "main", "gpu-vfio-1"), claims("d", "main", "gpu-7"))
	assert.Equal(t, procs{100: "ml/a/main both", 101: "ml/b/main both"}, h.names())
	assert.Equal(t, held{gpu0: {"a/main"}, mig1: {"b/main"}}, h.devices())
	assert.Equal(t, 1, h.r.Stats().Unmapped)
	assert.Equal(t, 1, h.r.Stats().PodResources.Unknown)
}

func TestOutsideOfKubernetes(t *testing.T) {
	h := newHost(t, nil)
	h.process(100, "/system.slice/docker-"+container(1)+".scope", gpu0, "")
	h.process(101, "/system.slice/vllm.service", gpu0, "")
	h.process(102, "/", gpu0, "")
	h.collect()
	h.kubelet(holds("a", "main", plain, gpu0))
	out := h.collect()
	assert.Equal(t, []ProcessResult{
		{Visible: true, Name: "python3", ContainerID: container(1), Source: SourceCgroup},
		{Visible: true, Name: "python3", SystemdUnit: "vllm.service", Source: SourceCgroup},
		{Visible: true, Name: "python3"},
	}, out.Processes, "a pod that holds the device lends its name to nobody else")
	assert.Equal(t, held{gpu0: {"a/main"}}, h.devices())
}

func TestWithoutPodResources(t *testing.T) {
	h := newHost(t, func(c *Config) { c.PodResources, c.NodeLogs = nil, false })
	h.process(100, "/docker/"+container(1), gpu0, "")
	assert.Equal(t, procs{100: nameless}, h.names())
	assert.Empty(t, h.devices())
	assert.Equal(t, podresources.Stats{}, h.r.Stats().PodResources)
}

func TestPodsComeAndGo(t *testing.T) {
	h := newHost(t, nil)
	for n := range 20 {
		pid := uint32(1000 + n)
		pod := string(rune('a' + n))
		h.process(pid, podPath(uid(n), container(n+1)), gpu0, "")
		h.logs("ml", pod, uid(n), "main", container(n+1))
		h.kubelet(holds(pod, "main", plain, gpu0))
		require.Equal(t, procs{pid: "ml/" + pod + "/main both"}, h.names())
		require.Equal(t, held{gpu0: {pod + "/main"}}, h.devices())
		h.ends(pid)
		h.kubelet()
		require.Empty(t, h.names(), "the process is gone")
		require.Empty(t, h.devices(), "the allocation is gone")
		require.Zero(t, h.r.Stats().Cache.Entries)
	}
	assert.Empty(t, h.r.binder.bindings)
}

// The order that must not lead to a wrong name: the old pod ends, the new one starts on its device, and the kubelet's last
// answer still speaks of the old one.
func TestStaleAnswerNamesNobody(t *testing.T) {
	h := newHost(t, noLogs)
	h.kubelet(holds("old", "main", plain, gpu0))
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.collect()
	h.settle()
	require.Equal(t, procs{100: "ml/old/main both"}, h.names())
	h.ends(100)
	frozen := h.r.pods.Snapshot()
	h.r.pods.Stop()
	h.r.pods = frozenPods{h.r.pods, frozen}
	h.process(101, podPath(uid(2), container(2)), gpu0, "")
	for range 3 {
		assert.Equal(t, procs{101: nameless}, h.names())
	}
}

type frozenPods struct {
	podSource
	snapshot *podresources.Snapshot
}

func (f frozenPods) Snapshot() *podresources.Snapshot { return f.snapshot }

// A pod that sees every GPU without holding one (monitoring) must not be taken for the one that does, nor spoil for good
// what is exact.
func TestOutsiderOnADevice(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(9), container(9)), gpu0, "")
	h.collect()
	h.kubelet(holds("a", "main", plain, gpu0))
	assert.Equal(t, procs{100: nameless, 101: nameless}, h.names(), "one of the two holds the device; which is not known")

	h.ends(101)
	require.Equal(t, procs{100: "ml/a/main both"}, h.names())
	h.process(102, podPath(uid(8), container(8)), gpu0, "")
	h.collect()
	h.settle()
	assert.Equal(t, procs{100: nameless, 102: nameless}, h.names(), "what was learned is in doubt")
	assert.NotZero(t, h.r.Stats().Conflicts)
}

func TestOutsiderWithLogFolders(t *testing.T) {
	h := newHost(t, nil)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(9), container(9)), gpu0, "")
	h.logs("ml", "a", uid(1), "main", container(1))
	h.logs("monitoring", "dcgm", uid(9), "dcgm", container(9))
	h.kubelet(holds("a", "main", plain, gpu0))
	assert.Equal(t, procs{100: "ml/a/main both", 101: "monitoring/dcgm/dcgm cgroup"}, h.names())
}

func TestTwoNamesForOnePod(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.collect()
	h.kubelet(holds("a", "main", plain, gpu0), holds("b", "main", plain, mig0))
	require.Equal(t, procs{100: "ml/a/main both"}, h.names())
	h.ends(100)
	h.process(101, podPath(uid(1), container(1)), gpu0, "")
	h.process(102, podPath(uid(1), container(1)), gpu1, mig0)
	h.collect()
	h.settle()
	assert.Equal(t, procs{101: nameless, 102: nameless}, h.names())
}

func TestTwoPodsForOneName(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(2), container(2)), gpu1, "")
	h.collect()
	h.kubelet(holds("a", "main", plain, gpu0, gpu1))
	assert.Equal(t, procs{100: nameless, 101: nameless}, h.names(), "the pod has one uid, so one of the two is an outsider")
}

func TestPodMadeAnewUnderItsName(t *testing.T) {
	h := newHost(t, nil)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(2), container(2)), gpu1, "")
	h.logs("ml", "web-0", uid(1), "main", container(1))
	h.logs("ml", "web-0", uid(2), "main", container(2))
	h.kubelet(holds("web-0", "main", plain, gpu1))
	assert.Equal(t, procs{100: "ml/web-0/main cgroup", 101: "ml/web-0/main both"}, h.names())
	assert.Empty(t, h.collect().Devices[1].Pods[0].PodUID, "two uids have this name now")
}

func TestContestedDevice(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("ended", "main", plain, gpu0), holds("b", "main", plain, gpu0))
	assert.Empty(t, h.devices(), "one of the two has ended; no process tells which")
	assert.Equal(t, 1, h.r.Stats().Contested)
	h.process(100, podPath(uid(2), container(2)), gpu0, "")
	h.logs("ml", "b", uid(2), "main", container(2))
	h.collect()
	assert.Equal(t, held{gpu0: {"b/main"}}, h.devices(), "the living one")
	assert.Zero(t, h.r.Stats().Contested)
}

func TestTwoContainersOfAPod(t *testing.T) {
	h := newHost(t, noLogs)
	two := holds("a", "main", plain, gpu0+"::0")
	two.Containers = append(two.Containers, holds("a", "side", plain, gpu0+"::1").Containers...)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(1), container(2)), gpu0, "")
	h.collect()
	h.kubelet(two)
	assert.Equal(t, procs{100: "ml/a/ both", 101: "ml/a/ both"}, h.names(), "the pod is certain, the container is not")
}

func TestSecondContainerOfThePodOnADevice(t *testing.T) {
	h := newHost(t, noLogs)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.process(101, podPath(uid(1), container(2)), gpu0, "")
	h.collect()
	h.kubelet(holds("a", "main", plain, gpu0))
	assert.Equal(t, procs{100: "ml/a/ both", 101: "ml/a/ both"}, h.names(), "one of the two does not hold the device")
}
