// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseBulkAnswer(t *testing.T) {
	const created = `{"create":{"_index":".ds-logs-request.otel-default-2026.11.22-000001","status":201}}`
	fault := func(action string, status int, kind string) string {
		return fmt.Sprintf(`{%q:{"_index":"logs-a","status":%d,"error":{"type":%q,"reason":"why"}}}`, action, status, kind)
	}
	items := func(list ...string) string { return `{"items":[` + strings.Join(list, ",") + `]}` }
	first := func(status int, kind string) itemFault {
		return itemFault{status: status, index: "logs-a", kind: kind, excerpt: "why"}
	}
	for _, tt := range []struct {
		name, answer string
		want         bulkAnswer
	}{
		{"empty object", "{}", bulkAnswer{}},
		{"no items", items(), bulkAnswer{}},
		{"all created", items(created, created), bulkAnswer{items: 2}},
		{"unfiltered", `{"took":3,"errors":false,"items":[{"index":{"_index":"x","_id":"1","_version":1,"_shards":{"total":2,"failed":0},"status":201}}]}`, bulkAnswer{items: 1}},
		{"space", " {\n \"items\" : [ { \"create\" : { \"status\" : 201 } } ] } ", bulkAnswer{items: 1}},
		{"conflict", items(fault("create", 409, "version_conflict_engine_exception")), bulkAnswer{items: 1}},
		{"poison", items(created, fault("create", 400, "document_parsing_exception")), bulkAnswer{items: 2}},
		{"failure store", items(`{"create":{"_index":".fs-x","status":201,"failure_store":"used"}}`), bulkAnswer{items: 1}},
		{"too many", items(created, fault("create", 429, "es_rejected_execution_exception"), fault("create", 503, "x")), bulkAnswer{items: 3, retryable: 2, first: first(429, "es_rejected_execution_exception")}},
		{"500", items(fault("index", 500, "x")), bulkAnswer{items: 1, retryable: 1, first: first(500, "x")}},
		{"502", items(fault("create", 502, "x")), bulkAnswer{items: 1, retryable: 1, first: first(502, "x")}},
		{"504", items(fault("create", 504, "x")), bulkAnswer{items: 1, retryable: 1, first: first(504, "x")}},
		{"write block", items(fault("create", 403, "cluster_block_exception")), bulkAnswer{items: 1, retryable: 1, first: first(403, "cluster_block_exception")}},
		{"shard limit", items(fault("create", 400, "validation_exception")), bulkAnswer{items: 1, retryable: 1, first: first(400, "validation_exception")}},
		{"no template", items(fault("create", 404, "index_not_found_exception"), fault("create", 404, "index_not_found_exception")), bulkAnswer{items: 2, retryable: 2, first: first(404, "index_not_found_exception"), targets: []string{"logs-a"}}},
		{"deleting what is not there", items(fault("delete", 404, ""), fault("update", 404, "document_missing_exception")), bulkAnswer{items: 2}},
		{"without error", items(`{"create":{"status":429}}`), bulkAnswer{items: 1, retryable: 1, first: itemFault{status: 429}}},
		{"error before status", items(`{"create":{"error":{"reason":"r","type":"t","caused_by":{"type":"no","reason":"no"}},"status":503}}`), bulkAnswer{items: 1, retryable: 1, first: itemFault{status: 503, kind: "t", excerpt: "r"}}},
		{"escapes", items(`{"create":{"_ind\u0065x":"a\"b","st\u0061tus":503,"error":{"type":"\u00e9","reason":"\\"}}}`), bulkAnswer{items: 1, retryable: 1, first: itemFault{status: 503, index: `a"b`, kind: "é", excerpt: `\`}}},
		{"other shapes", `{"items":{"create":1},"x":[{"a":[1,{}]},null,true,-1.5e3,"}"]}`, bulkAnswer{}},
		{"items of other shapes", `{"items":[1,"x",null,[],{"create":7},{"create":{"status":"429","_index":3,"error":"text"}},{"create":{"status":1.5}},{"create":{"status":99999999999999999999}}]}`, bulkAnswer{items: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseBulkAnswer([]byte(tt.answer))
			assert.True(t, ok)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseBulkAnswerBad(t *testing.T) {
	for _, answer := range []string{
		"", " ", "x", "[]", "<html>", `{`, `{"items`, `{"items"`, `{"items":`, `{"items":[`, `{"items":[{`, `{"items":[{"create"`, `{"items":[{"create":{"status":`,
		`{"items":[{"create":{"status":429}}`, `{"items":[{"create":{"_index":"x\`, `{"items":[{"create":{"error":{"type":"t`, `{"a":[}`, `{"a":1,}`, `{"a" 1}`, `{"a":,}`, `{"a":"\q"}`, "{\"a\":1 \"b\":2}", `{"items":[1 2]}`,
	} {
		_, ok := parseBulkAnswer([]byte(answer))
		assert.False(t, ok, answer)
	}
}

func TestParseBulkAnswerIsBounded(t *testing.T) {
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"create":{"_index":"logs-%d","status":404,"error":{"type":"index_not_found_exception","reason":%q}}}`, i, strings.Repeat("é", 1000)))
	}
	got, ok := parseBulkAnswer([]byte(`{"items":[` + strings.Join(items, ",") + `]}`))
	assert.True(t, ok)
	assert.Equal(t, 100, got.retryable)
	assert.Len(t, got.targets, maxTargetsPerAnswer)
	assert.LessOrEqual(t, len(got.first.excerpt), maxReasonBytes)
	assert.Equal(t, strings.ToValidUTF8(got.first.excerpt, "?"), got.first.excerpt)
}

// FuzzParseBulkAnswer holds that nothing makes the parser panic or run for ever, and that it agrees with encoding/json about
// what stands in an answer.
func FuzzParseBulkAnswer(f *testing.F) {
	f.Add([]byte(`{"items":[{"create":{"_index":"logs-a","status":404,"error":{"type":"index_not_found_exception","reason":"no such index"}}}]}`), "logs-a", 404, "index_not_found_exception")
	f.Add([]byte(`{"errors":true,"items":[{"create":{"status":429}},{}]}`), "é\"\\\n", 429, "\x00")
	f.Add([]byte(`{"items":[[[]],{"a":{"error":{"type":null}}}]`), "", 0, "")
	f.Fuzz(func(t *testing.T, raw []byte, index string, status int, kind string) {
		_, ok := parseBulkAnswer(raw)
		if valid := json.Valid(raw); valid && !ok && len(raw) > 0 && strings.TrimLeft(string(raw), " \t\r\n")[0] == '{' {
			t.Errorf("valid JSON taken for bad: %q", raw)
		}

		item := map[string]any{"create": map[string]any{"_index": index, "status": status, "error": map[string]any{"type": kind, "reason": kind}}}
		answer, err := json.Marshal(map[string]any{"took": 1, "items": []any{item, item}, "zzz": raw})
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseBulkAnswer(answer)
		if !ok || got.items != 2 {
			t.Fatalf("%v %+v in %s", ok, got, answer)
		}
		want := 0
		if status == 403 || status == 401 || status == 404 || status == 429 || (status >= 500 && status < 1<<20) || (status == 400 && kind == "validation_exception") {
			want = 2
		}
		if status < 1<<20 && got.retryable != want {
			t.Errorf("%d retryable, want %d in %s", got.retryable, want, answer)
		}
		if want > 0 && (got.first.index != strings.ToValidUTF8(index, "\ufffd") && !strings.Contains(index, "\ufffd")) && strings.ToValidUTF8(index, "") == index {
			t.Errorf("index %q, want %q", got.first.index, index)
		}
	})
}

func BenchmarkParseBulkAnswer(b *testing.B) {
	const created = `{"create":{"_index":".ds-logs-request.otel-default-2026.11.22-000001","status":201}}`
	const conflict = `{"create":{"_index":"logs-request.otel-default","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[0123]: version conflict, document already exists (current version [1])"}}}`
	const refused = `{"create":{"_index":"logs-request.otel-default","status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}}}`
	for name, item := range map[string]string{"created": created, "conflict": conflict, "refused": refused} {
		answer := []byte(`{"items":[` + strings.Repeat(item+",", 999) + item + `]}`)
		b.Run(name+"-1000", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(answer)))
			for b.Loop() {
				parseBulkAnswer(answer)
			}
		})
	}
}
