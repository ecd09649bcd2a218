package meter

import (
	"encoding/json"
	"time"
)

// PathZai is where Z.ai's clients ask for the meter, with GET. The key comes in
// Authorization, with or without "Bearer".
const PathZai = "/api/monitor/usage/quota/limit"

// Z.ai's numbers for units of time.
const (
	zaiDay   = 1
	zaiHour  = 3
	zaiMonth = 5
	zaiWeek  = 6
)

// zaiLimit is one window. usage is the limit and currentValue the use: the
// names are Z.ai's.
type zaiLimit struct {
	Type          string `json:"type"`
	Unit          int64  `json:"unit"`
	Number        int64  `json:"number"`
	Usage         int64  `json:"usage"`
	CurrentValue  int64  `json:"currentValue"`
	Remaining     int64  `json:"remaining"`
	Percentage    int64  `json:"percentage"`
	NextResetTime int64  `json:"nextResetTime,omitempty"` // milliseconds since 1970
}

// zaiBody is the answer. Z.ai sends status 200 also with an error, and clients
// look at code and success.
type zaiBody struct {
	Code    int      `json:"code"`
	Msg     string   `json:"msg"`
	Data    *zaiData `json:"data,omitempty"`
	Success bool     `json:"success"`
}

type zaiData struct {
	Limits []zaiLimit `json:"limits"`
	Level  string     `json:"level"`
}

// Zai returns the body that PathZai answers with. level is the plan's short
// name in lower case ("lite", "pro", "max"), which clients show. Windows of tools
// come first, as TIME_LIMIT; then the others, the shortest first, as CREDIT_LIMIT
// or, whatever else they count, TOKENS_LIMIT, which is the one name that all
// clients read.
func Zai(level string, windows []Window) []byte {
	limits := make([]zaiLimit, 0, len(windows))
	for i := range windows {
		if windows[i].Tools {
			limits = append(limits, windows[i].zai("TIME_LIMIT"))
		}
	}
	for _, w := range shortestFirst(windows) {
		typ := "TOKENS_LIMIT"
		if w.Credits {
			typ = "CREDIT_LIMIT"
		}
		limits = append(limits, w.zai(typ))
	}
	return encode(zaiBody{Code: 200, Msg: "Operation successful", Data: &zaiData{limits, level}, Success: true})
}

// ZaiNoPlan is the body for a key without a plan, or without a right to ask.
func ZaiNoPlan(code int, msg string) []byte {
	return encode(zaiBody{Code: code, Msg: msg})
}

func (w *Window) zai(typ string) zaiLimit {
	l := zaiLimit{Type: typ, Usage: w.Limit, CurrentValue: w.Used, Remaining: w.Remaining, Percentage: percent(w.Permille)}
	l.Number, l.Unit = w.span()
	if !w.ResetAt.IsZero() {
		l.NextResetTime = w.ResetAt.Add(time.Millisecond - 1).UnixMilli()
	}
	return l
}

// ZaiCode is Z.ai's business code for a window that is used up: 1308, or 1310
// for a week and longer.
func ZaiCode(w *Window) string {
	if _, unit := w.span(); unit == zaiHour || unit == zaiDay {
		return "1308"
	}
	return "1310"
}

// ZaiError is the body of Z.ai's 429 for a window that is used up.
func ZaiError(w *Window, zone *time.Location) []byte {
	var b struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	b.Error.Code, b.Error.Message = ZaiCode(w), Message(w, zone)
	return encode(b)
}

// encode writes what cannot fail to be written.
func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return raw
}
