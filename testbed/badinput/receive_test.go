// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package badinput

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/inferwatch/inferwatch/testbed/collector"
)

const (
	toJSON     = "application/json"
	toProtobuf = "application/x-protobuf"
	limit      = 16 << 20 // of a request, in standalone.yaml
	refused    = "must-not-arrive"
	logsMethod = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
)

// answer is what a sender is told: the status of HTTP or the code of gRPC, and the text.
type answer struct {
	status string
	text   string
}

// httpCase is a request that the OTLP/HTTP receiver cannot use.
type httpCase struct {
	name     string
	method   string // POST if empty
	path     string // /v1/logs if empty
	header   map[string]string
	body     func() []byte
	expected answer
}

func httpCases() []httpCase {
	unsupported := answer{"415 Unsupported Media Type", "415 unsupported media type, supported: [application/json, application/x-protobuf]"}
	tooLarge := answer{"400 Bad Request", "http: request body too large"}
	return []httpCase{
		{
			name:   "malformed JSON",
			header: contentType(toJSON),
			body:   text(`{"resourceLogs": [`),
			expected: answer{"400 Bad Request", `ReadObject: expect { or , or } or n, but found ` + "\x00" +
				`, error found in #10 byte of ...|ceLogs": [|..., bigger context ...|{"resourceLogs": [|...`},
		},
		{
			name:   "JSON that is no OTLP",
			header: contentType(toJSON),
			body:   text(`{"resourceLogs": "none"}`),
			expected: answer{"400 Bad Request", `ReadArray: expect [ or , or ] or n, but found ", error found in #10 byte of ` +
				`...|ceLogs": "none"}|..., bigger context ...|{"resourceLogs": "none"}|...`},
		},
		{
			name:     "malformed protobuf",
			header:   contentType(toProtobuf),
			body:     text("this is no protobuf"),
			expected: answer{"400 Bad Request", "proto: unexpected end of group"},
		},
		{
			name:     "broken gzip",
			header:   map[string]string{"Content-Type": toJSON, "Content-Encoding": "gzip"},
			body:     text("{}"),
			expected: answer{"400 Bad Request", "unexpected EOF"},
		},
		{
			name:     "unsupported compression",
			header:   map[string]string{"Content-Type": toJSON, "Content-Encoding": "brotli"},
			body:     text("{}"),
			expected: answer{"400 Bad Request", "unsupported Content-Encoding: brotli"},
		},
		{
			name:     "oversize body",
			header:   contentType(toJSON),
			body:     oversize,
			expected: tooLarge,
		},
		{
			name:     "oversize body as protobuf",
			header:   contentType(toProtobuf),
			body:     oversize,
			expected: tooLarge,
		},
		{
			name:     "small body that is oversize when unpacked",
			header:   map[string]string{"Content-Type": toJSON, "Content-Encoding": "gzip"},
			body:     func() []byte { return packed(oversize()) },
			expected: tooLarge,
		},
		{name: "wrong content type", header: contentType("text/plain"), body: text("hello"), expected: unsupported},
		{name: "no content type", header: contentType(""), body: text("{}"), expected: unsupported},
		{
			name:     "wrong path",
			path:     "/v1/log",
			header:   contentType(toJSON),
			body:     text("{}"),
			expected: answer{"404 Not Found", "404 page not found"},
		},
		{
			name:     "wrong method",
			method:   http.MethodGet,
			body:     text(""),
			expected: answer{"405 Method Not Allowed", "405 method not allowed, supported: [POST]"},
		},
	}
}

// grpcCase is a request that the OTLP/gRPC receiver cannot use.
type grpcCase struct {
	name     string
	method   string // that of logs if empty
	options  []grpc.CallOption
	body     func() []byte
	expected answer
}

func grpcCases() []grpcCase {
	return []grpcCase{
		{
			name:     "malformed protobuf",
			body:     text("this is no protobuf"),
			expected: answer{codes.Internal.String(), "grpc: error unmarshalling request: proto: unexpected end of group"},
		},
		{
			name:     "oversize message",
			body:     oversize,
			expected: answer{codes.ResourceExhausted.String(), fmt.Sprintf("grpc: received message larger than max (%d vs. %d)", len(oversize()), limit)},
		},
		{
			name:     "wrong method",
			method:   "/opentelemetry.proto.collector.logs.v1.LogsService/Import",
			body:     text(""),
			expected: answer{codes.Unimplemented.String(), "unknown method Import for service opentelemetry.proto.collector.logs.v1.LogsService"},
		},
		{
			name:     "unsupported compression",
			options:  []grpc.CallOption{grpc.UseCompressor(unheardOf{}.Name())},
			body:     text(""),
			expected: answer{codes.Unimplemented.String(), `grpc: Decompressor is not installed for grpc-encoding "unheard-of"`},
		},
	}
}

// TestRefusesRequest: of each request the sender learns what is wrong; the good item before it and the one after it arrive.
func TestRefusesRequest(t *testing.T) {
	c := collector.Start(t, collector.Config{Files: []string{standalone}, Env: map[string]string{"INFERWATCH_PROMETHEUS": free(t)}})
	t.Run("cases", func(t *testing.T) {
		for _, test := range httpCases() {
			t.Run("HTTP, "+test.name, func(t *testing.T) {
				between(t, c, func() { assert.Equal(t, test.expected, test.send(t, c.OTLPHTTP)) })
			})
		}
		conn := dial(t, c.OTLPGRPC)
		for _, test := range grpcCases() {
			t.Run("gRPC, "+test.name, func(t *testing.T) {
				between(t, c, func() { assert.Equal(t, test.expected, test.send(t, conn)) })
			})
		}
	})
	assert.NotContains(t, awaitLogs(t, c), refused)
}

// between runs a bad deed between two good items; all cases share the waiting for the file.
func between(t *testing.T, c *collector.Collector, bad func()) {
	t.Parallel()
	before := sendLog(t, c)
	bad()
	after := sendLog(t, c)
	awaitLogs(t, c, before, after)
}

func (h httpCase) send(t *testing.T, endpoint string) answer {
	t.Helper()
	method, path := h.method, h.path
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/v1/logs"
	}
	request, err := http.NewRequestWithContext(t.Context(), method, endpoint+path, bytes.NewReader(h.body()))
	require.NoError(t, err)
	for key, value := range h.header {
		request.Header.Set(key, value)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.Status, statusText(response.Header.Get("Content-Type"), body)}
}

// statusText returns the message of the google.rpc.Status that OTLP/HTTP answers with, or the plain text.
func statusText(contentType string, body []byte) string {
	switch contentType {
	case toJSON:
		var answer struct{ Message string }
		if err := json.Unmarshal(body, &answer); err != nil {
			return string(body)
		}
		return answer.Message
	case toProtobuf:
		_, _, n := protowire.ConsumeField(body) // the code
		const messageField = 2
		if number, kind, m := protowire.ConsumeTag(body[max(n, 0):]); number == messageField && kind == protowire.BytesType {
			text, _ := protowire.ConsumeBytes(body[n+m:])
			return string(text)
		}
	}
	return strings.TrimSpace(string(body))
}

func (g grpcCase) send(t *testing.T, conn *grpc.ClientConn) answer {
	t.Helper()
	method := g.method
	if method == "" {
		method = logsMethod
	}
	request, reply := g.body(), []byte{}
	err := conn.Invoke(t.Context(), method, &request, &reply, g.options...)
	require.Error(t, err)
	return answer{status.Code(err).String(), status.Convert(err).Message()}
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	encoding.RegisterCompressor(unheardOf{})
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(bytesCodec{})))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// bytesCodec sends what is no message.
type bytesCodec struct{}

func (bytesCodec) Name() string                        { return "proto" }
func (bytesCodec) Marshal(message any) ([]byte, error) { return *message.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, message any) error {
	*message.(*[]byte) = bytes.Clone(data)
	return nil
}

// unheardOf is a compression that only this client knows. It changes nothing.
type unheardOf struct{}

func (unheardOf) Name() string                                 { return "unheard-of" }
func (unheardOf) Compress(w io.Writer) (io.WriteCloser, error) { return keepOpen{w}, nil }
func (unheardOf) Decompress(r io.Reader) (io.Reader, error)    { return r, nil }

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func contentType(value string) map[string]string { return map[string]string{"Content-Type": value} }

func text(body string) func() []byte { return func() []byte { return []byte(body) } }

// oversize is a log record that would be fine but for its size.
func oversize() []byte {
	head, tail := `{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "`+refused, `"}}]}]}]}`
	return []byte(head + strings.Repeat("x", limit) + tail)
}

func packed(body []byte) []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(body) // into memory
	_ = writer.Close()
	return packed.Bytes()
}
