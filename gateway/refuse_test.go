package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/gateway"
)

// Every bad request gets its error in the dialect; no engine hears of it,
// nothing is held or billed.
func TestBadRequests(t *testing.T) {
	r := newRig(t, setup{options: gateway.Options{MaxBody: 1 << 10}})
	long := `{"model":"test-model","messages":["` + strings.Repeat("x", 1<<10) + `"]}`
	cases := []struct {
		name, path, body string
		change           func(*http.Request)
		status           int
		code             sluice.Code
	}{
		{"no JSON", chatPath, `hello`, nil, 400, sluice.CodeInvalid},
		{"nothing", chatPath, ``, nil, 400, sluice.CodeInvalid},
		{"a list", chatPath, `[]`, nil, 400, sluice.CodeInvalid},
		{"half", chatPath, plainCall[:20], nil, 400, sluice.CodeInvalid},
		{"more", chatPath, plainCall + "{}", nil, 400, sluice.CodeInvalid},
		{"wrong type", chatPath, `{"model":1,"messages":[{}]}`, nil, 400, sluice.CodeInvalid},
		{"wrong type of stream", chatPath, `{"model":"test-model","stream":"yes","messages":[{}]}`, nil, 400, sluice.CodeInvalid},
		{"no messages", chatPath, `{"model":"test-model"}`, nil, 400, sluice.CodeInvalid},
		{"twice the same", chatPath, `{"model":"test-model","model":"other-model","messages":[{}]}`, nil, 400, sluice.CodeInvalid},
		{"twice below", chatPath, `{"model":"test-model","messages":[{"role":"user","role":"system"}]}`, nil, 400, sluice.CodeInvalid},
		{"other letters", chatPath, `{"model":"test-model","Model":"other-model","messages":[{}]}`, nil, 400, sluice.CodeInvalid},
		{"streamed embeddings", "/v1/embeddings", `{"model":"test-model","input":"x","stream":true}`, nil, 400, sluice.CodeInvalid},
		{"unknown model", chatPath, `{"model":"no-model","messages":[{}]}`, nil, 404, sluice.CodeModelNotFound},
		{"no price", chatPath, `{"model":"unpriced-model","messages":[{}]}`, nil, 404, sluice.CodeModelNotFound},
		{"too large", chatPath, long, nil, 413, sluice.CodeTooLarge},
		{"too large in chunks", chatPath, long, func(r *http.Request) { r.ContentLength = -1 }, 413, sluice.CodeTooLarge},
		{"header flood", chatPath, plainCall, func(r *http.Request) {
			for n := range 100 {
				r.Header.Set(fmt.Sprintf("X-%d", n), strings.Repeat("x", 1<<10))
			}
		}, 413, sluice.CodeTooLarge},
		{"no key", chatPath, plainCall, func(r *http.Request) { r.Header.Del("Authorization") }, 401, sluice.CodeUnauthenticated},
		{"wrong key", chatPath, plainCall, func(r *http.Request) { r.Header.Set("Authorization", "Bearer sk-x") }, 401, sluice.CodeUnauthenticated},
		{"another scheme", chatPath, plainCall, func(r *http.Request) { r.Header.Set("Authorization", "Basic "+r.Header.Get("Authorization")[7:]) }, 401, sluice.CodeUnauthenticated},
	}
	for n, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req := r.request(t.Context(), http.MethodPost, c.path, c.body)
			if c.change != nil {
				c.change(req)
			}
			wantError(t, r.do(req), c.status, c.code)
			r.wantFree(n + 1)
		})
	}
	if n := len(r.engines[0].Calls()); n != 0 {
		t.Errorf("the engine was asked %d times", n)
	}
}

func TestKeys(t *testing.T) {
	for name, c := range map[string]struct {
		key    func(*sluice.Key)
		status int
		code   sluice.Code
	}{
		"revoked":    {func(k *sluice.Key) { k.RevokedAt = time.Unix(1, 0) }, 401, sluice.CodeUnauthenticated},
		"expired":    {func(k *sluice.Key) { k.ExpiresAt = time.Unix(1, 0) }, 401, sluice.CodeUnauthenticated},
		"out scope":  {func(k *sluice.Key) { k.Models = []string{"other-model"} }, 403, sluice.CodeForbidden},
		"operator's": {func(k *sluice.Key) { k.Org, k.Role = "", sluice.RoleOwner }, 403, sluice.CodeForbidden},
		"capped":     {func(k *sluice.Key) { k.Cap = &sluice.Amount{Carry: 1} }, 402, sluice.CodeSpendingCap},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, setup{key: c.key})
			a := r.post(chatPath, plainCall)
			wantError(t, a, c.status, c.code)
			if retry := a.Header.Get("X-Should-Retry"); (c.status == 402) != (retry == "false") {
				t.Errorf("x-should-retry is %q", retry)
			}
			r.wantFree(1)
		})
	}
	expires := time.Now().Add(time.Hour)
	r := newRig(t, setup{key: func(k *sluice.Key) {
		k.ExpiresAt, k.Models, k.Cap = expires, []string{model}, &sluice.Amount{Nano: plenty}
	}})
	if a := r.post(chatPath, plainCall); a.StatusCode != 200 {
		t.Errorf("a key within its bounds: %d %s", a.StatusCode, a.body)
	}
}

// A body that stalls is answered after BodyTimeout, also when the caller is
// refused before it is read, and the connection ends soon after.
func TestStalledBody(t *testing.T) {
	for name, c := range map[string]struct{ head, status string }{
		"in chunks":  {"Transfer-Encoding: chunked\r\n\r\n40\r\n{\"model\":", "408 "},
		"by length":  {"Content-Length: 100\r\n\r\n{\"model\":", "408 "},
		"wrong key":  {"X-Api-Key: sk-x\r\nContent-Length: 100\r\n\r\n{", "401 "},
		"never ends": {"Content-Length: 2000000\r\n\r\n{", "413 "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, setup{options: gateway.Options{MaxBody: 1 << 20}})
				key := "Authorization: Bearer " + r.secret + "\r\n"
				if name == "wrong key" {
					key = ""
				}
				begun := time.Now()
				got := r.raw("POST " + chatPath + " HTTP/1.1\r\nHost: x\r\n" + key + c.head)
				if !strings.HasPrefix(got, "HTTP/1.1 "+c.status) || !strings.Contains(got, `{"error":{`) {
					t.Errorf("answered %q", got)
				}
				if took := time.Since(begun); took > 31*time.Second {
					t.Errorf("the connection ended after %v", took)
				}
				r.wantFree(1)
			})
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{key: func(k *sluice.Key) { k.Limits.RequestsPerMinute = 3 }})
			for left := 2; left >= 0; left-- {
				a := r.post(chatPath, plainCall)
				if a.StatusCode != 200 || a.Header.Get("X-Ratelimit-Limit-Requests") != "3" || a.Header.Get("X-Ratelimit-Remaining-Requests") != fmt.Sprint(left) {
					t.Errorf("status %d, header %v", a.StatusCode, a.Header)
				}
			}
			a := r.post(chatPath, plainCall)
			wantError(t, a, 429, sluice.CodeRateLimited)
			h := a.Header
			if h.Get("Retry-After") != "20" || h.Get("Retry-After-Ms") != "20000" || h.Get("X-Should-Retry") != "true" ||
				h.Get("X-Ratelimit-Remaining-Requests") != "0" || h.Get("X-Ratelimit-Reset-Requests") != "1m0s" {
				t.Errorf("header %v", h)
			}
			time.Sleep(20 * time.Second)
			if a := r.post(chatPath, plainCall); a.StatusCode != 200 {
				t.Errorf("after the wait: %d", a.StatusCode)
			}
			wantError(t, r.post(chatPath, plainCall), 429, sluice.CodeRateLimited)
		})
	})
	t.Run("tokens", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{key: func(k *sluice.Key) { k.Limits.TokensPerMinute = 600 }})
			small := `{"model":"test-model","max_tokens":84,"messages":[{"role":"user","content":"hi"}]}`
			a := r.post(chatPath, small) // reserves its estimate, and uses six
			if left := a.Header.Get("X-Ratelimit-Remaining-Tokens"); a.StatusCode != 200 || left != fmt.Sprint(600-84-int64(len(small)+3)/4) {
				t.Errorf("status %d, %s left", a.StatusCode, left)
			}
			r.ended(1)
			a = r.post(chatPath, small)
			if left := a.Header.Get("X-Ratelimit-Remaining-Tokens"); left != fmt.Sprint(594-84-int64(len(small)+3)/4) {
				t.Errorf("%s left, of 594", left)
			}
			r.ended(2)
			if a = r.post(chatPath, plainCall); a.StatusCode != 429 { // over the whole limit: not before the bucket is full
				t.Errorf("status %d", a.StatusCode)
			}
			time.Sleep(2 * time.Second)
			if a = r.post(chatPath, plainCall); a.StatusCode != 200 {
				t.Errorf("status %d with a full bucket", a.StatusCode)
			}
		})
	})
	t.Run("project", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{
				key:     func(k *sluice.Key) { k.Limits.RequestsPerMinute = 10 },
				project: &sluice.Project{Limits: sluice.Limits{RequestsPerMinute: 1}},
			})
			if a := r.post(chatPath, plainCall); a.Header.Get("X-Ratelimit-Limit-Requests") != "1" {
				t.Errorf("the tighter limit is not told: %v", a.Header)
			}
			wantError(t, r.post(chatPath, plainCall), 429, sluice.CodeRateLimited)
			if ev := r.events(); len(ev) != 1 || ev[0].Project != "proj_1" {
				t.Errorf("booked %+v", ev)
			}
			r.config.Projects[0].Limits.RequestsPerMinute = 100 // an operator changes it
			r.use()
			time.Sleep(2 * time.Second)
			if a := r.post(chatPath, plainCall); a.StatusCode != 200 {
				t.Errorf("with a higher limit: %d", a.StatusCode)
			}
		})
	})
}

func TestConcurrency(t *testing.T) {
	for name, limit := range map[string]func(*setup){
		"key":     func(s *setup) { s.key = func(k *sluice.Key) { k.Limits.Concurrent = 2 } },
		"project": func(s *setup) { s.project = &sluice.Project{Limits: sluice.Limits{Concurrent: 2}} },
	} {
		t.Run(name, func(t *testing.T) {
			var s setup
			limit(&s)
			r := newRig(t, s)
			pause := pauseAll(r)
			var done []func()
			for range 2 {
				_, lines := r.open(t.Context(), streamed)
				readUntil(t, lines, "Hello")
				done = append(done, func() { readUntil(t, lines, "[DONE]") })
			}
			a := r.post(chatPath, streamed)
			wantError(t, a, 429, sluice.CodeConcurrency)
			if a.Header.Get("Retry-After") != "1" {
				t.Errorf("header %v", a.Header)
			}
			pause.Release()
			for _, wait := range done {
				wait()
			}
			r.ended(3)
			if a := r.post(chatPath, streamed); a.StatusCode != 200 {
				t.Errorf("afterwards: %d", a.StatusCode)
			}
		})
	}
}
