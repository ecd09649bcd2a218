package meter_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/wire/meter"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 9, 15, 20, 0, 0, 0, time.UTC)

// glm is a plan's windows in the middle of use, and a monthly one for tools.
func glm() []meter.Window {
	return []meter.Window{
		{Minutes: 10080, Limit: 400, Used: 32, Remaining: 368, Permille: 80, ResetAt: now.Add(100 * time.Hour)},
		{Minutes: 300, Limit: 80, Used: 33, Remaining: 46, Permille: 423, ResetAt: now.Add(2*time.Hour + 28*time.Minute + 9_500*time.Millisecond)},
		{Months: 1, Tools: true, Limit: 100, Used: 28, Remaining: 72, Permille: 280, ResetAt: now.Add(400 * time.Hour)},
	}
}

func TestZai(t *testing.T) {
	var got, want any
	if err := json.Unmarshal(meter.Zai("lite", glm()), &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"code":200,"msg":"Operation successful","success":true,"data":{"level":"lite","limits":[
		{"type":"TIME_LIMIT","unit":5,"number":1,"usage":100,"currentValue":28,"remaining":72,"percentage":28,"nextResetTime":1790942400000},
		{"type":"TOKENS_LIMIT","unit":3,"number":5,"usage":80,"currentValue":33,"remaining":46,"percentage":42,"nextResetTime":1789511289500},
		{"type":"TOKENS_LIMIT","unit":6,"number":1,"usage":400,"currentValue":32,"remaining":368,"percentage":8,"nextResetTime":1789862400000}]}}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	odd := string(meter.Zai("max", []meter.Window{{Minutes: 90, Credits: true, Permille: 1400}, {Minutes: 2880}, {Months: 3}}))
	for _, part := range []string{`"CREDIT_LIMIT","unit":3,"number":2,`, `"percentage":100}`, `"unit":1,"number":2,`, `"unit":5,"number":3,`} {
		if !strings.Contains(odd, part) {
			t.Errorf("no %s in %s", part, odd)
		}
	}
	if got := string(meter.Zai("", nil)); !strings.Contains(got, `"limits":[]`) {
		t.Errorf("without windows: %s", got)
	}
	if got := string(meter.ZaiNoPlan(401, "token expired or incorrect")); got != `{"code":401,"msg":"token expired or incorrect","success":false}` {
		t.Error(got)
	}
}

func TestUnified(t *testing.T) {
	full := glm()
	full[0].Permille, full[0].Remaining = 1000, 0
	idle := []meter.Window{{Minutes: 300, Limit: 80, Remaining: 80}}
	const p = "Anthropic-Ratelimit-Unified-"
	for name, c := range map[string]struct {
		windows []meter.Window
		refused bool
		want    map[string]string
	}{
		"in use": {glm(), false, map[string]string{
			"Status": "allowed", "Representative-Claim": "five_hour", "Reset": "1789511290",
			"5h-Status": "allowed", "5h-Utilization": "0.423", "5h-Reset": "1789511290",
			"7d-Status": "allowed", "7d-Utilization": "0.08", "7d-Reset": "1789862400",
		}},
		"the week is used up": {full, true, map[string]string{
			"Status": "rejected", "Representative-Claim": "seven_day", "Reset": "1789862400",
			"5h-Status": "allowed", "5h-Utilization": "0.423", "5h-Reset": "1789511290",
			"7d-Status": "rejected", "7d-Utilization": "1", "7d-Reset": "1789862400",
		}},
		"not begun": {idle, false, map[string]string{
			"Status": "allowed", "Representative-Claim": "five_hour", "5h-Status": "allowed", "5h-Utilization": "0",
		}},
		"only a month": {[]meter.Window{{Months: 1}}, false, nil},
		"none":         {nil, false, nil},
	} {
		h, want := http.Header{}, http.Header{}
		meter.SetUnified(h, c.windows, c.refused)
		for k, v := range c.want {
			want.Set(p+k, v)
		}
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestCodex(t *testing.T) {
	h := http.Header{}
	meter.SetCodex(h, "pro", glm(), now)
	want := http.Header{}
	for k, v := range map[string]string{
		"x-codex-plan-type":            "pro",
		"x-codex-primary-used-percent": "42", "x-codex-primary-window-minutes": "300",
		"x-codex-primary-reset-after-seconds": "8890", "x-codex-primary-reset-at": "1789511290",
		"x-codex-secondary-used-percent": "8", "x-codex-secondary-window-minutes": "10080",
		"x-codex-secondary-reset-after-seconds": "360000", "x-codex-secondary-reset-at": "1789862400",
	} {
		want.Set(k, v)
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}

	h = http.Header{}
	meter.SetCodex(h, "", []meter.Window{{Months: 1, Permille: 2000}}, now)
	if len(h) != 2 || h.Get("x-codex-primary-window-minutes") != "43200" || h.Get("x-codex-primary-used-percent") != "100" {
		t.Errorf("%v", h)
	}
}

// TestRefusals compares with what the vendors send.
func TestRefusals(t *testing.T) {
	beijing := time.FixedZone("", 8*3600)
	five, week, month := glm()[1], glm()[0], meter.Window{Months: 1}
	for w, want := range map[*meter.Window]string{
		&five:           `{"error":{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2026-09-16 06:28:10"}}`,
		&week:           `{"error":{"code":"1310","message":"Weekly/Monthly Limit Exhausted. Your limit will reset at 2026-09-20 08:00:00"}}`,
		&month:          `{"error":{"code":"1310","message":"Weekly/Monthly Limit Exhausted."}}`,
		{Minutes: 1440}: `{"error":{"code":"1308","message":"Usage limit reached for 1 day."}}`,
	} {
		if got := string(meter.ZaiError(w, beijing)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	if got, want := string(meter.CodexError("Used up.", "quota_exhausted", "pro", &week, now)),
		`{"error":{"message":"Used up.","type":"usage_limit_reached","param":null,"code":"quota_exhausted","plan_type":"pro","resets_at":1789862400,"resets_in_seconds":360000}}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := string(meter.CodexError("Used up.", "quota_exhausted", "", &month, now)), `{"error":{"message":"Used up.","type":"usage_limit_reached","param":null,"code":"quota_exhausted"}}`; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestPastReset(t *testing.T) {
	h := http.Header{}
	meter.SetCodex(h, "", []meter.Window{{Minutes: 300, ResetAt: now.Add(-time.Hour)}}, now)
	if got := h.Get("x-codex-primary-reset-after-seconds"); got != "0" {
		t.Errorf("a reset in the past: %s", got)
	}
}
