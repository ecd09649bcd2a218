package sim

// Mean is the mean of the results of several seeds: of counts the whole part,
// of percentiles the mean of the runs' own. It needs at least one.
func Mean(results []*Result) *Result {
	var m Result
	n := float64(len(results))
	for _, r := range results {
		m.Requests += r.Requests
		m.Completed += r.Completed
		m.Refused += r.Refused
		m.Unanswered += r.Unanswered
		m.Prompt += r.Prompt
		m.Cached += r.Cached
		m.Output += r.Output
		m.HitRate += r.HitRate / n
		m.OutputPerSecond += r.OutputPerSecond / n
		m.PromptPerSecond += r.PromptPerSecond / n
		m.TTFT.add(r.TTFT, n)
		m.ITL.add(r.ITL, n)
		m.ChipHours += r.ChipHours / n
		m.Busy += r.Busy / n
		m.KWh += r.KWh / n
	}
	for _, count := range []*int{&m.Requests, &m.Completed, &m.Refused, &m.Unanswered} {
		*count /= len(results)
	}
	for _, count := range []*int64{&m.Prompt, &m.Cached, &m.Output} {
		*count /= int64(len(results))
	}
	return &m
}

func (t *Times) add(o Times, n float64) {
	t.Mean += o.Mean / n
	t.P50 += o.P50 / n
	t.P90 += o.P90 / n
	t.P99 += o.P99 / n
}
