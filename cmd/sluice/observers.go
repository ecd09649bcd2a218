package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"sluice"
	"sluice/cmd/sluice/config"
	"sluice/fleet"
	"sluice/fleet/power"
	"sluice/gateway/tally"
	"sluice/plug/metrics"
	"sluice/plug/otlp"
	"sluice/store"
)

// observers tell the outside what the gateway and the ledger do.
type observers struct {
	metrics *metrics.Metrics
	traces  *otlp.Tracer // nil without a collector
	power   *power.Service
	tally   *tally.Tally
	log     *slog.Logger
}

func newObservers(ctx context.Context, cfg config.Config, db *store.DB, log *slog.Logger) (*observers, error) {
	o := &observers{metrics: metrics.New(), tally: tally.New(tally.Options{Store: db, Log: log}), log: log}
	if cfg.OTLP != "" {
		var err error
		if o.traces, err = otlp.New(ctx, cfg.OTLP, version, log); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *observers) close() error {
	if o.traces == nil {
		return nil
	}
	return o.traces.Close()
}

// CallEnded implements gateway.Observer.
func (o *observers) CallEnded(r sluice.Report) {
	o.metrics.CallEnded(r)
	o.power.CallEnded(&r)
	o.tally.CallEnded(r)
	if o.traces != nil {
		o.traces.CallEnded(r)
	}
	if r.Failed != nil && (r.Failed.Code == sluice.CodeEngineFailed || r.Failed.Code == sluice.CodeTimeout) {
		o.log.Warn("a call failed", "call", r.CallID, "model", r.Model, "engine", r.Engine, "error", r.Failed)
	}
	if o.log.Enabled(context.Background(), slog.LevelDebug) {
		o.log.Debug("call", "call", r.CallID, "model", r.Model, "engine", r.Engine, "result", r.Result(),
			"tokens", r.Event.Usage.Total(), "took", r.EndedAt.Sub(r.StartedAt).String())
	}
}

// commit hears of each durable group of postings.
func (o *observers) commit(postings int, took time.Duration) { o.metrics.Committed(postings, took) }

// watch adds the gauges that are read from the running server.
func (o *observers) watch(s *server) {
	o.metrics.Gauge("sluice_holds", "Calls that hold money now.", func() float64 { return float64(s.ledger.Holds()) })
	o.metrics.Gauge("sluice_ledger_queue", "Postings that wait for the ledger's writer.", func() float64 { return float64(s.ledger.Queued()) })
	o.metrics.Gauge("sluice_running_calls", "Calls under way.", func() float64 { return float64(s.gateway.Running()) })
	o.metrics.Gauge("sluice_engines_serving", "Engines that take calls.", func() float64 { return float64(s.serving()) })
	o.metrics.Watch(fleetMetrics(), readFleet(s.fleet))
}

// serving counts the engines that take calls.
func (s *server) serving() int {
	n := 0
	for _, e := range s.fleet.Status() {
		if e.Health == fleet.HealthServing || e.Health == fleet.HealthRecovering {
			n++
		}
	}
	return n
}

// metrics serves /metrics to this machine and, where the operator allows it or
// shows a key of the operator's, to others.
func (s *server) metrics() http.Handler {
	h := s.seen.metrics.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.cfg.AllowMetrics && !fromHere(r) && !s.operatorKey(r) {
			http.Error(w, "metrics are for this machine, or for a key of the operator's", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// fromHere reports whether a request was made on this machine, and not handed
// on by a proxy that runs here.
func fromHere(r *http.Request) bool {
	return loopback(r.RemoteAddr) && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}
