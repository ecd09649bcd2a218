package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/money/price"
)

// traffic is a rig with three models, each on an engine of its own and with a
// price of its own: test-model, other-model and third-model.
func traffic(t *testing.T, change func(models map[string]*sluice.Model)) *rig {
	names := []string{model, "other-model", "third-model"}
	r := newRig(t, setup{engines: 3, options: gateway.Options{Attempts: 2}, engine: func(e *sluice.Engine) {
		name := names[int(e.ID[len(e.ID)-1]-'1')]
		e.Models = map[string]string{name: "own-name"}
	}})
	d := price.Draft{Currency: usd}
	for i, name := range names {
		n := sluice.Pico(i + 1)
		d.Rules = append(d.Rules,
			price.Rule{Model: name, Class: sluice.ClassInput, Price: n * inputs}, price.Rule{Model: name, Class: sluice.ClassCached, Price: n * cacheds},
			price.Rule{Model: name, Class: sluice.ClassOutput, Price: n * outputs})
	}
	book, err := price.Publish("book_2", d, time.Unix(1, 0))
	if err == nil {
		err = r.store.PublishBook(t.Context(), book)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.config.Books = append(r.config.Books, book)
	r.config.Models = []*sluice.Model{{Name: model}, {Name: "other-model"}, {Name: "third-model"}, {Name: "stands-for"}}
	models := map[string]*sluice.Model{}
	for _, m := range r.config.Models {
		models[m.Name] = m
	}
	change(models)
	r.use()
	return r
}

func TestFallback(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) { m[model].Fallbacks = []string{"other-model", "third-model"} })
	r.engines[0].Default(fleettest.Status(500, `{"error":{"message":"broken"}}`))
	r.engines[1].Default(fleettest.Status(500, `{"error":{"message":"broken too"}}`))
	r.engines[2].Default(fleettest.Stream("from", " the third").Usage(10, 2, 0))
	for i, body := range []string{plainCall, streamed} {
		a := r.post(chatPath, body)
		if a.StatusCode != 200 || a.Header.Get("X-Sluice-Model") != "third-model" || !strings.Contains(a.body, " the third") {
			t.Fatalf("%d %v %s", a.StatusCode, a.Header, a.body)
		}
		ev := r.ended(i + 1)[i].Event
		if ev.Model != "third-model" || ev.Engine != "name-eng_3" || ev.Charge != 3*(10*inputs+2*outputs) {
			t.Errorf("booked %+v", ev)
		}
	}
}

// TestFallbackFails tells why the model that was asked for could not answer.
func TestFallbackFails(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) { m[model].Fallbacks = []string{"other-model", "gone"} })
	r.engines[0].Default(fleettest.Status(500, `{"error":{"message":"first reason"}}`))
	r.engines[1].Default(fleettest.Status(500, `{"error":{"message":"second reason"}}`))
	a := r.post(chatPath, plainCall)
	if a.StatusCode != 502 || strings.Contains(a.body, "second reason") || a.Header.Get("X-Sluice-Model") != "" {
		t.Errorf("%d %v %s", a.StatusCode, a.Header, a.body)
	}
	if report := r.ended(1)[0]; report.Model != model {
		t.Errorf("reported as %s", report.Model)
	}
}

// TestFallbackNotForRequests answers what the request itself is to blame for.
func TestFallbackNotForRequests(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) { m[model].Fallbacks = []string{"other-model"} })
	r.engines[0].Default(fleettest.Status(400, `{"error":{"message":"too strange"}}`))
	if a := r.post(chatPath, plainCall); a.StatusCode != 400 || len(r.engines[1].Calls()) != 0 {
		t.Errorf("%d %s, and the fallback was asked %d times", a.StatusCode, a.body, len(r.engines[1].Calls()))
	}
}

// TestFallbackAllowed passes over what the key may not use.
func TestFallbackAllowed(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) { m[model].Fallbacks = []string{"other-model", "third-model"} })
	r.config.Keys[0].Models = []string{model, "third-model"}
	r.use()
	r.engines[0].Default(fleettest.Status(500, `{}`))
	if a := r.post(chatPath, plainCall); a.StatusCode != 200 || a.Header.Get("X-Sluice-Model") != "third-model" || len(r.engines[1].Calls()) != 0 {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}

func TestVersions(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) {
		m["stands-for"].Versions = []sluice.ModelVersion{{Model: model, Weight: 3}, {Model: "other-model", Weight: 1}}
	})
	calls := 0
	call := func(session, prompt string) string {
		a := r.post(chatPath, fmt.Sprintf(`{"model":"stands-for","prompt_cache_key":%q,"messages":[{"role":"user","content":%q}]}`, session, prompt))
		if a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		calls++
		if ev := r.ended(calls)[calls-1].Event; ev.Model != a.Header.Get("X-Sluice-Model") {
			t.Fatalf("booked as %s, answered by %s", ev.Model, a.Header.Get("X-Sluice-Model"))
		}
		return a.Header.Get("X-Sluice-Model")
	}
	got := map[string]int{}
	for i := range 400 {
		session := fmt.Sprint("session ", i)
		first := call(session, "hello")
		if i < 20 && call(session, "hello again") != first {
			t.Error("a conversation changed its version")
		}
		got[first]++
	}
	if n := got["other-model"]; n < 60 || n > 140 || got[model]+n != 400 {
		t.Errorf("3 to 1 became %v", got)
	}
	first := call("", "the same beginning")
	if call("", "the same beginning") != first {
		t.Error("conversations without a name that begin alike went to two versions")
	}
}

func TestShadow(t *testing.T) {
	r := traffic(t, func(m map[string]*sluice.Model) {
		m[model].Shadow = &sluice.Shadow{Model: "third-model", Part: 1000, Key: "key_1"}
	})
	const own = "from the first"
	r.engines[0].Default(fleettest.Stream(own).Usage(10, 1, 0))
	r.engines[2].Default(fleettest.Stream("for nobody").Usage(10, 2, 0))
	for i, body := range []string{plainCall, streamed} {
		if a := r.post(chatPath, body); a.StatusCode != 200 || !strings.Contains(a.body, own) || strings.Contains(a.body, "nobody") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		sold := map[string]sluice.Pico{}
		for _, report := range r.ended(2*i + 2)[2*i:] {
			sold[report.Event.Model] = report.Event.Charge
		}
		if sold[model] != 10*inputs+outputs || sold["third-model"] != 3*(10*inputs+2*outputs) {
			t.Errorf("booked %v", sold)
		}
	}
	// What failed is not asked of another one, and what is a shadow has none itself.
	r.engines[0].Default(fleettest.Status(400, `{}`))
	r.post(chatPath, plainCall)
	r.ended(5)
	if n := len(r.engines[2].Calls()); n != 2 {
		t.Errorf("the shadow was asked %d times", n)
	}
}
