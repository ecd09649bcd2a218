package otlp_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"sluice"
	"sluice/plug/otlp"
)

// sink is a collector that keeps what it is sent.
type sink struct {
	*httptest.Server
	mu       sync.Mutex
	paths    []string
	service  map[string]string // the resource's attributes
	spans    map[string]*tracev1.Span
	problems []error
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{service: map[string]string{}, spans: map[string]*tracev1.Span{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP takes an export.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, r.URL.Path)
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			s.problems = append(s.problems, err)
			return
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(raw, &request)
	}
	if err != nil {
		s.problems = append(s.problems, err)
		return
	}
	for _, resource := range request.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			s.service[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.spans[attributes(span)["sluice.call.id"].(string)] = span
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// attributes returns a span's attributes as plain values.
func attributes(span *tracev1.Span) map[string]any {
	all := map[string]any{}
	for _, a := range span.GetAttributes() {
		switch v := a.GetValue(); {
		case v.GetStringValue() != "":
			all[a.GetKey()] = v.GetStringValue()
		case v.GetIntValue() != 0:
			all[a.GetKey()] = v.GetIntValue()
		default:
			all[a.GetKey()] = v.GetBoolValue()
		}
	}
	return all
}

// TestSpans decodes what a collector gets for calls of several kinds.
func TestSpans(t *testing.T) {
	s := newSink(t)
	tracer, err := otlp.New(t.Context(), s.URL+"/", "1.2.3", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Unix(1_700_000_000, 0)
	answered := sluice.Report{
		CallID: "call_1", Endpoint: "/v1/chat/completions", Model: "glm", Engine: "gpu1", Stream: true,
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		StartedAt:   begin, FirstAt: begin.Add(time.Second), EndedAt: begin.Add(3 * time.Second),
	}
	answered.Event.Usage = sluice.Usage{sluice.ClassInput: 7, sluice.ClassCached: 3, sluice.ClassOutput: 5, sluice.ClassReasoning: 2}
	answered.Event.Status = sluice.StatusCompleted
	tracer.CallEnded(answered)
	tracer.CallEnded(sluice.Report{
		CallID: "call_2", Endpoint: "/v1/embeddings", Model: "glm", StartedAt: begin, EndedAt: begin.Add(time.Second),
		Failed: sluice.Errorf(sluice.CodeInsufficientFunds, "The balance is used up."),
	})
	tracer.CallEnded(sluice.Report{CallID: "call_3", Endpoint: "/v1/completions", TraceParent: "nonsense", StartedAt: begin, EndedAt: begin})
	if err := tracer.Close(); err != nil {
		t.Fatal(err)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) > 0 || len(s.paths) == 0 || s.paths[0] != "/v1/traces" {
		t.Fatalf("%v at %q", s.problems, s.paths)
	}
	if s.service["service.name"] != "sluice" || s.service["service.version"] != "1.2.3" {
		t.Errorf("the resource is %v", s.service)
	}
	checkSpan(t, s.spans["call_1"], "chat glm", map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "sluice", "gen_ai.request.model": "glm",
		"gen_ai.usage.input_tokens": int64(10), "gen_ai.usage.output_tokens": int64(7), "gen_ai.usage.cache_read.input_tokens": int64(3),
		"sluice.engine": "gpu1", "sluice.status": "completed", "sluice.stream": true, "sluice.simulated": false,
	})
	checkSpan(t, s.spans["call_2"], "embeddings glm", map[string]any{"gen_ai.operation.name": "embeddings", "error.type": "insufficient_funds"})
	checkSpan(t, s.spans["call_3"], "text_completion", map[string]any{"gen_ai.operation.name": "text_completion"})

	first := s.spans["call_1"]
	if got := hex.EncodeToString(first.GetTraceId()) + " " + hex.EncodeToString(first.GetParentSpanId()); got != "0af7651916cd43dd8448eb211c80319c b7ad6b7169203331" {
		t.Errorf("the client's trace and span are %s", got)
	}
	if first.GetStartTimeUnixNano() != uint64(begin.UnixNano()) || first.GetEndTimeUnixNano() != uint64(answered.EndedAt.UnixNano()) {
		t.Errorf("the span's times are %d and %d", first.GetStartTimeUnixNano(), first.GetEndTimeUnixNano())
	}
	if e := first.GetEvents(); len(e) != 1 || e[0].GetName() != "first_token" || e[0].GetTimeUnixNano() != uint64(answered.FirstAt.UnixNano()) {
		t.Errorf("the span's events are %v", e)
	}
	if got := first.GetStatus().GetCode(); got != tracev1.Status_STATUS_CODE_UNSET {
		t.Errorf("the status of an answered call is %v", got)
	}
	failed := s.spans["call_2"].GetStatus()
	if failed.GetCode() != tracev1.Status_STATUS_CODE_ERROR || failed.GetMessage() != "The balance is used up." {
		t.Errorf("the status of a failed call is %v", failed)
	}
	if third := s.spans["call_3"]; len(third.GetParentSpanId()) != 0 || len(third.GetTraceId()) != 16 {
		t.Errorf("a traceparent that is none gives the parent %x of the trace %x", third.GetParentSpanId(), third.GetTraceId())
	}
	if _, ok := attributes(s.spans["call_2"])["gen_ai.usage.input_tokens"]; ok {
		t.Error("a call that no engine saw counts tokens")
	}
}

func checkSpan(t *testing.T, span *tracev1.Span, name string, want map[string]any) {
	t.Helper()
	if span.GetName() != name || span.GetKind() != tracev1.Span_SPAN_KIND_SERVER {
		t.Errorf("the span is %q of kind %v, not %q", span.GetName(), span.GetKind(), name)
	}
	got := attributes(span)
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: %s is %v, not %v", name, key, got[key], value)
		}
	}
}

// TestAway shows that a collector that is away or refuses costs spans and no
// time, is told once, and is told to be back.
func TestAway(t *testing.T) {
	for name, endpoint := range map[string]string{"nobody": "http://127.0.0.1:1", "broken": broken(t, 1<<30)} {
		var log bytes.Buffer
		tracer, err := otlp.New(t.Context(), endpoint, "dev", slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for range 5000 { // more than the queue holds
			tracer.CallEnded(call(begin))
		}
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("%s: 5000 calls waited for %v", name, took)
		}
		if err := tracer.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := strings.Count(log.String(), "takes no spans"); n != 1 {
			t.Errorf("%s: it is told %d times:\n%s", name, n, log.String())
		}
	}

	var log bytes.Buffer
	tracer, err := otlp.New(t.Context(), broken(t, 1), "dev", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 1024 { // two batches
		tracer.CallEnded(call(time.Now()))
	}
	if err := tracer.Close(); err != nil || !strings.Contains(log.String(), "takes spans again") {
		t.Errorf("%v, and a collector that came back is told so: %s", err, log.String())
	}
}

func call(at time.Time) sluice.Report {
	return sluice.Report{CallID: "call_1", Endpoint: "/v1/chat/completions", StartedAt: at, EndedAt: at}
}

// broken is a collector that refuses so many requests.
func broken(t *testing.T, times int64) string {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) <= times {
			http.Error(w, "no", http.StatusBadRequest)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestEndpoint refuses an endpoint that is no URL.
func TestEndpoint(t *testing.T) {
	for _, endpoint := range []string{"http://[", "127.0.0.1:4318", "collector", "grpc://collector:4317"} {
		if _, err := otlp.New(t.Context(), endpoint, "dev", nil); err == nil {
			t.Errorf("%q is taken", endpoint)
		}
	}
}
