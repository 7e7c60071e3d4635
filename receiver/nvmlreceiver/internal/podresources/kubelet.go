// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"context"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// kubelet is the connection: one, kept, and made again when the socket is. It belongs to one goroutine.
type kubelet struct {
	socket     string
	maxMessage int

	conn *grpc.ClientConn
	// refused is the socket whose server does not know the method; only another socket is asked again.
	refused os.FileInfo
}

// list makes one request. The error says why the state is not StateOK.
func (k *kubelet) list(ctx context.Context) (*podresourcesv1.ListPodResourcesResponse, State, error) {
	info, err := os.Stat(k.socket)
	if err != nil {
		return nil, StateAbsent, err
	}
	if k.refused != nil && sameSocket(k.refused, info) {
		return nil, StateUnimplemented, nil
	}
	k.refused = nil
	if err := k.connect(); err != nil {
		return nil, StateFailing, err
	}
	// The pace of the requests is the pace of the attempts to connect: gRPC's own back-off would come on top.
	k.conn.ResetConnectBackoff()
	answer, err := podresourcesv1.NewPodResourcesListerClient(k.conn).List(ctx, &podresourcesv1.ListPodResourcesRequest{})
	switch {
	case err == nil:
		return answer, StateOK, nil
	case status.Code(err) == codes.Unimplemented:
		k.refused = info
		return nil, StateUnimplemented, err
	}
	return nil, StateFailing, err
}

func (k *kubelet) connect() error {
	if k.conn != nil {
		return nil
	}
	conn, err := grpc.NewClient(
		"passthrough:///kubelet",
		grpc.WithTransportCredentials(insecure.NewCredentials()), // a unix socket: the file's permissions are what protects it
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", k.socket)
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(k.maxMessage)),
		grpc.WithDisableServiceConfig(),
		grpc.WithNoProxy(),
	)
	if err != nil {
		return fmt.Errorf("pod-resources client: %w", err)
	}
	k.conn = conn
	return nil
}

func (k *kubelet) close() {
	if k.conn != nil {
		_ = k.conn.Close() // it fails only when it is closed already
		k.conn = nil
	}
}

// sameSocket: a kubelet that starts again makes the file anew; its inode number alone may be given again.
func sameSocket(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}
