// Package otlp sends a span for each call to an OpenTelemetry collector, with
// the attributes of the GenAI semantic conventions. It is the only package that
// knows OpenTelemetry.
package otlp

import (
	"context"
	"fmt"
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

// New returns a Tracer for an OTLP/HTTP endpoint such as "http://127.0.0.1:4318".
func New(ctx context.Context, endpoint, version string) (*Tracer, error) {
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("connecting to the trace collector %s: %w", endpoint, err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "sluice"), attribute.String("service.version", version))),
	)
	return &Tracer{provider: provider, tracer: provider.Tracer("sluice")}, nil
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
