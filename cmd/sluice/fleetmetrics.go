package main

import (
	"strconv"

	"sluice/fleet"
	"sluice/plug/metrics"
)

// fleetMetrics are what Prometheus is told of the engines and of what waits for them.
func fleetMetrics() []metrics.Live {
	engine, queue := []string{"engine"}, []string{"model", "class", "free"}
	return []metrics.Live{
		{Name: "sluice_engine_in_flight", Help: "Calls of Sluice's that an engine has.", Labels: engine},
		{Name: "sluice_engine_limit", Help: "Calls that an engine takes at once, as given or as learned; absent without a limit.", Labels: engine},
		{Name: "sluice_engine_running", Help: "Requests that an engine computes, as it says itself.", Labels: engine},
		{Name: "sluice_engine_waiting", Help: "Requests that wait inside of an engine, as it says itself.", Labels: engine},
		{Name: "sluice_engine_kv_usage", Help: "Part of an engine's KV cache in use, 0 to 1, as it says itself.", Labels: engine},
		{Name: "sluice_engine_health", Help: "1 for the state that an engine is in.", Labels: []string{"engine", "health"}},
		{Name: "sluice_engine_calls_total", Help: "Calls given back by engines, by outcome.", Labels: []string{"engine", "outcome"}, Counter: true},
		{Name: "sluice_queue_waiting", Help: "Calls that wait for an engine.", Labels: queue},
		{Name: "sluice_queue_tokens", Help: "Tokens that the waiting calls are expected to use.", Labels: queue},
		{Name: "sluice_queue_oldest_seconds", Help: "How long the call that is next has waited.", Labels: queue},
		{Name: "sluice_queue_served_total", Help: "Calls that got an engine after waiting.", Labels: queue, Counter: true},
		{Name: "sluice_queue_wait_seconds_total", Help: "Time that those waited together.", Labels: queue, Counter: true},
		{Name: "sluice_queue_left_total", Help: "Calls whose clients left while they waited.", Labels: queue, Counter: true},
		{Name: "sluice_queue_shed_total", Help: "Calls that were turned away: late (they would wait longer than they may), full, tenant, displaced, expired.", Labels: append(queue, "reason"), Counter: true},
	}
}

// readFleet reads them.
func readFleet(f *fleet.Fleet) func(emit func(string, float64, ...string)) {
	return func(emit func(string, float64, ...string)) {
		seen := map[string]bool{} // one that leaves may have the name of one that came
		for _, e := range f.Status() {
			if seen[e.Name] {
				continue
			}
			seen[e.Name] = true
			emit("sluice_engine_in_flight", float64(e.InFlight), e.Name)
			if e.Limit > 0 {
				emit("sluice_engine_limit", float64(e.Limit), e.Name)
			}
			if l := e.Load; l != nil {
				for name, v := range map[string]float64{"running": l.Running, "waiting": l.Waiting, "kv_usage": l.KV} {
					if v >= 0 { // it says so
						emit("sluice_engine_"+name, v, e.Name)
					}
				}
			}
			emit("sluice_engine_health", 1, e.Name, string(e.Health))
			for outcome, n := range map[string]int64{"served": e.Served, "failed": e.Failed, "left": e.Left, "refused": e.Refused} {
				emit("sluice_engine_calls_total", float64(n), e.Name, outcome)
			}
		}
		for _, q := range f.Queues() {
			labels := []string{q.Model, q.Class, strconv.FormatBool(q.Free)}
			emit("sluice_queue_waiting", float64(q.Waiting), labels...)
			emit("sluice_queue_tokens", float64(q.Tokens), labels...)
			emit("sluice_queue_oldest_seconds", q.Oldest, labels...)
			emit("sluice_queue_served_total", float64(q.Served), labels...)
			emit("sluice_queue_wait_seconds_total", q.Waited, labels...)
			emit("sluice_queue_left_total", float64(q.Left), labels...)
			for reason, n := range map[string]int64{"late": q.Shed.Late, "full": q.Shed.Full, "tenant": q.Shed.Tenant, "displaced": q.Shed.Displaced, "expired": q.Shed.Expired} {
				emit("sluice_queue_shed_total", float64(n), append(labels, reason)...)
			}
		}
	}
}
