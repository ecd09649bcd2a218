package meter

import (
	"net/http"
	"strconv"
	"time"
)

// SetCodex sets the x-codex-* headers that Codex shows in its status: the plan
// and, of the two shortest windows, used-percent, window-minutes,
// reset-after-seconds and reset-at (seconds since 1970). A single window is the
// primary one, whatever its length: clients tell them apart by window-minutes.
// Percents are whole, since some clients read them so.
func SetCodex(h http.Header, plan string, windows []Window, now time.Time) {
	if plan != "" {
		set(h, "X-Codex-Plan-Type", plan)
	}
	sorted := shortestFirst(windows)
	for i, slot := range []string{"X-Codex-Primary-", "X-Codex-Secondary-"} {
		if i == len(sorted) {
			return
		}
		w := &sorted[i]
		set(h, slot+"Used-Percent", strconv.FormatInt(percent(w.Permille), 10))
		set(h, slot+"Window-Minutes", strconv.FormatInt(w.minutes(), 10))
		if !w.ResetAt.IsZero() {
			set(h, slot+"Reset-After-Seconds", strconv.FormatInt(seconds(now, w.ResetAt), 10))
			set(h, slot+"Reset-At", strconv.FormatInt(roundUp(w.ResetAt).Unix(), 10))
		}
	}
}

// CodexError is the body of the 429 that Codex takes for a used-up plan and
// not for a passing limit: type, plan_type and resets_at are what it reads. message
// and code are for others, who take it for OpenAI's error object.
func CodexError(message, code, plan string, w *Window, now time.Time) []byte {
	var b struct {
		Error struct {
			Message         string  `json:"message"`
			Type            string  `json:"type"`
			Param           *string `json:"param"`
			Code            string  `json:"code"`
			PlanType        string  `json:"plan_type,omitempty"`
			ResetsAt        int64   `json:"resets_at,omitempty"`
			ResetsInSeconds int64   `json:"resets_in_seconds,omitempty"`
		} `json:"error"`
	}
	b.Error.Message, b.Error.Type, b.Error.Code, b.Error.PlanType = message, "usage_limit_reached", code, plan
	if !w.ResetAt.IsZero() {
		b.Error.ResetsAt, b.Error.ResetsInSeconds = roundUp(w.ResetAt).Unix(), seconds(now, w.ResetAt)
	}
	return encode(b)
}
