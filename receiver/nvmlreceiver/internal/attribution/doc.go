// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package attribution joins the processes and devices that NVML lists to containers and pods, without the Kubernetes API.
//
// # What is joined by what
//
//   - A process to its container id, pod uid or systemd unit: by its cgroup. Exact. It needs the host's PID namespace.
//   - A pod uid to namespace and pod, a container id to all three names: by the names of the log folders that the kubelet
//     keeps on the node, /var/log/pods/<namespace>_<pod>_<uid> and
//     /var/log/containers/<pod>_<namespace>_<container>-<container id>.log. Exact; nothing in them is opened. Optional.
//   - A device to its pods: by the kubelet's pod-resources API. Exact; no process is needed.
//   - Without the log folders, a pod uid to namespace and pod: pod-resources knows neither uids nor container ids, so this
//     is learned from a device that containers of one pod alone hold and on which processes of one pod alone run, where a
//     process was there before the kubelet was asked and still is. What was learned counts for as long as the pod has
//     processes, also on devices that it shares. Evidence against it (another name for the uid, another uid for the name,
//     a second pod's process on the device) undoes it.
//   - A container's name, where its id does not give it: from the only container of the pod that holds the device.
//
// What cannot be decided stays empty: a process on a time-sliced GPU then has its container id and its pod's uid, and
// nothing is guessed.
//
// # Time
//
// Resolve answers from caches. It waits at most Config.Deadline for reads of /proc, which workers do: for processes not
// known yet, and to see that known ones are still the same. A read that hangs holds up its worker alone. The kubelet is
// asked after each call, for the next one, so a pod whose allocation is gone shows in one more collection at most; a process
// that ended shows in none.
package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"
