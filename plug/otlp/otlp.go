// Package otlp sends a span for each call to an OpenTelemetry collector, with
// the attributes of the GenAI semantic conventions. It is the only package that
// knows OpenTelemetry.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"sluice"
)

// Tracer exports spans in the background, in batches. It is safe for
// concurrent use; a collector that is away costs spans, never a call.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// New returns a Tracer for an OTLP/HTTP endpoint such as
// "http://127.0.0.1:4318", or an error if it is no URL. What the collector does
// not take is told to log, once until it takes spans again.
func New(ctx context.Context, endpoint, version string, log *slog.Logger) (*Tracer, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the trace collector %q is no URL that begins with http:// or https://", endpoint)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.JoinPath("v1/traces").String()))
	if err != nil {
		return nil, fmt.Errorf("connecting to the trace collector %s: %w", u.Redacted(), err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&telling{SpanExporter: exporter, log: log}),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "sluice"), attribute.String("service.version", version))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("sluice")}, nil
}

// telling is an exporter that logs when its collector goes and comes back. The
// errors end here: the SDK would print each of them beside the log.
type telling struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	away bool // the SDK exports one batch at a time
}

// ExportSpans sends a batch, or loses it.
func (t *telling) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := t.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && !t.away:
		t.log.WarnContext(ctx, "the trace collector takes no spans; they are lost until it does", "error", err)
	case err == nil && t.away:
		t.log.InfoContext(ctx, "the trace collector takes spans again")
	}
	t.away = err != nil
	return nil
}

// Close sends what is left, for a few seconds at most.
func (t *Tracer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("sending the last traces: %w", err)
	}
	return nil
}

// CallEnded makes the call's span, after the fact and with its own times. It
// continues the trace that the client's traceparent names.
func (t *Tracer) CallEnded(r sluice.Report) {
	parent := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": r.TraceParent})
	operation := operationOf(r.Endpoint)
	_, span := t.tracer.Start(parent, strings.TrimSpace(operation+" "+r.Model),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(r.StartedAt))
	span.SetAttributes(attributes(operation, &r)...)
	if !r.FirstAt.IsZero() {
		span.AddEvent("first_token", trace.WithTimestamp(r.FirstAt))
	}
	if r.Failed != nil {
		span.SetAttributes(attribute.String("error.type", string(r.Failed.Code)))
		span.SetStatus(codes.Error, r.Failed.Message)
	}
	span.End(trace.WithTimestamp(r.EndedAt))
}

// operationOf is gen_ai.operation.name of an endpoint.
func operationOf(endpoint string) string {
	switch {
	case strings.HasSuffix(endpoint, "/embeddings"):
		return "embeddings"
	case strings.HasSuffix(endpoint, "/chat/completions"):
		return "chat"
	}
	return "text_completion"
}

// attributes describe a call by the GenAI conventions and, under "sluice.", by what they lack.
func attributes(operation string, r *sluice.Report) []attribute.KeyValue {
	u := r.Event.Usage
	kv := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", operation),
		attribute.String("gen_ai.provider.name", "sluice"),
		attribute.String("sluice.call.id", r.CallID),
		attribute.Bool("sluice.stream", r.Stream),
		attribute.Bool("sluice.simulated", r.Event.Simulated),
	}
	if r.Model != "" {
		kv = append(kv, attribute.String("gen_ai.request.model", r.Model))
	}
	if r.Engine != "" {
		kv = append(kv,
			attribute.String("sluice.engine", r.Engine),
			attribute.Int64("gen_ai.usage.input_tokens", u.Prompt()),
			attribute.Int64("gen_ai.usage.output_tokens", u.Completion()),
			attribute.Int64("gen_ai.usage.cache_read.input_tokens", u[sluice.ClassCached]),
			attribute.String("sluice.status", string(r.Event.Status)))
	}
	return kv
}
