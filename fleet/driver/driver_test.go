package driver_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice"
	"sluice/fleet/driver"
)

// TestRead reads what engines of a version say at their metrics.
func TestRead(t *testing.T) {
	for file, want := range map[string]driver.Load{
		"vllm-0.11.0":        {Running: 5, Waiting: 1, KV: 0.5, HitRate: 0.6, Room: 960_000},
		"vllm-0.8.5":         {Running: 1, Waiting: 0, KV: 0.125, HitRate: -1, Room: 32_000},
		"sglang-0.5.5":       {Running: 4, Waiting: 2, KV: 0.28, HitRate: 0.5, Room: 217_349}, // ranks of one engine count once
		"llamacpp-b6900":     {Running: 1, Waiting: 3, KV: -1, HitRate: -1},
		"mindie-2.1":         {Running: 12, Waiting: 0, KV: 0.4, HitRate: 0.33},
		"lmdeploy-0.10":      {Running: 6, Waiting: 1, KV: 0.1, HitRate: -1},
		"tensorrt-llm-1.2.0": {Running: 7, Waiting: 0, KV: 0.5, HitRate: 0.9},
		"tei-1.9.0":          {Running: -1, Waiting: 5, KV: -1, HitRate: -1},
		"tgi-3.3.7":          {Running: 8, Waiting: 2, KV: -1, HitRate: -1},
		"sluice-1":           {Running: 3, Waiting: 2, KV: 0.25, HitRate: 0.8, Room: 1808},
	} {
		i := strings.LastIndexByte(file, '-')
		name, version := file[:i], file[i+1:]
		text, err := os.ReadFile(filepath.Join("testdata", file+".prom"))
		if err != nil {
			t.Fatal(err)
		}
		d := driver.Find(name)
		if d.Name != name {
			t.Fatalf("no driver %q", name)
		}
		for _, version := range []string{version, "", "99.9"} { // names that do not fit the version are tried as well
			got, ok := d.Read(text, version)
			if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); !ok || diff != "" {
				t.Errorf("%s as version %q: %t (-want +got):\n%s", file, version, ok, diff)
			}
		}
		if got := driver.Recognise(map[string][]byte{d.Metrics.Path: text}); got.Name != name {
			t.Errorf("%s is taken for %s", file, got.Name)
		}
		for _, other := range driver.All() {
			if _, ok := other.Read(text, version); ok && other.Name != name {
				t.Errorf("%s reads %s", other.Name, file)
			}
		}
	}
}

// TestReadNonsense reads what is no scrape, or has values that cannot be.
func TestReadNonsense(t *testing.T) {
	d := driver.Find("vllm")
	for _, text := range []string{
		"", "<!doctype html><html>vllm:num_requests_running 3</html>", `{"vllm:num_requests_running": 3}`,
		"vllm:num_requests_running NaN\n", "vllm:num_requests_running -1\n", "vllm:num_requests_running +Inf\n",
		"vllm:num_requests_running{model=\"a 3\n", "vllm:num_requests_running{model=a} 3\n", "vllm:num_requests_running\n", strings.Repeat("x", 1<<20),
	} {
		if l, ok := d.Read([]byte(text), ""); ok {
			t.Errorf("%.60q says %+v", text, l)
		}
	}
	l, ok := d.Read([]byte("junk\nvllm:num_requests_running{a=\"}\\\"\\\\ \\n\"} 2 1700000000\r\nvllm:kv_cache_usage_perc 41\nvllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1"), "0.12")
	if want := (driver.Load{Running: 2, Waiting: -1, KV: 0.41, HitRate: -1}); !ok || l != want {
		t.Errorf("%t, %+v", ok, l)
	}
	if _, ok := driver.Find("ollama").Read([]byte("vllm:num_requests_running 3\n"), ""); ok {
		t.Error("Ollama has metrics")
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.prom")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a{b=\"c\\\"\\n\",} 1 2\na{} NaN\n{a=\"b\"} 1\na{b=\"c"))
	f.Fuzz(func(t *testing.T, text []byte) {
		samples := driver.Parse(text, func(string) bool { return true })
		if len(samples) > 4096 {
			t.Errorf("%d samples", len(samples))
		}
		for _, s := range samples {
			if s.Name == "" || strings.ContainsAny(s.Name, "{ \t") || s.Name[0] == '#' {
				t.Errorf("a sample is called %q", s.Name)
			}
		}
		for _, d := range driver.All() {
			l, ok := d.Read(text, "1.0")
			if l.Running < -1 || l.KV > 1 || l.HitRate > 1 || l.Room < 0 || ok != (l.Running >= 0 || l.Waiting >= 0 || l.KV >= 0) {
				t.Errorf("%s reads %+v, %t", d.Name, l, ok)
			}
		}
	})
}

// TestAllowList holds every driver's paths against those that must never be reached.
func TestAllowList(t *testing.T) {
	dangerous := []string{"/terminate", "/collective_rpc", "/stopService", "/flush_cache", "/sleep", "/sleep?level=1", "/update_weights", "/api/delete", "/v1/load_lora_adapter", "/slots", "/metrics", "/health", "/v1/models", "/props", "/", ""}
	generic := driver.Find(driver.GenericName)
	for _, d := range driver.All() {
		for _, path := range slices.Concat(d.Never, dangerous, []string{
			d.Drain.Path, d.Sleep.Sleep.Path, d.Sleep.Wake.Path, d.Adapters.Load.Path, d.Adapters.Unload.Path, d.Deep,
		}) {
			if d.Allows(path) {
				t.Errorf("a tenant reaches %s of %s", path, d.Name)
			}
			if path != "/health" && path != "/v1/models" && path != "/metrics" && path != "/props" && d.Asks(path) {
				t.Errorf("%s of %s is asked", path, d.Name)
			}
		}
		for _, path := range d.Paths {
			if !generic.Allows(path) {
				t.Errorf("%s of %s is a path that nobody asks for", path, d.Name)
			}
			if d.Asks(path) {
				t.Errorf("%s of %s is asked with GET and POST", path, d.Name)
			}
		}
		if len(d.Health) == 0 || d.Name != driver.GenericName && d.Name != "sluice" && len(d.Flags) == 0 { // Sluice's own needs none
			t.Errorf("%s has no health or flags", d.Name)
		}
	}
}

func TestRecognise(t *testing.T) {
	list := func(owner string) string {
		return `{"object":"list","data":[{"id":"m","object":"model","owned_by":"` + owner + `","max_model_len":40960}]}`
	}
	for _, c := range []struct {
		name    string
		answers map[string]string
		version string
		context int64
	}{
		{"vllm", map[string]string{"/v1/models": list("vllm"), "/version": `{"version":"0.11.0"}`}, "0.11.0", 40960},
		{"sglang", map[string]string{"/v1/models": list("sglang"), "/get_server_info": `{"version":"0.4.6.post5","api_key":"secret"}`}, "0.4.6.post5", 40960},
		{"sglang", map[string]string{"/v1/models": list("sglang"), "/server_info": `{"version":"0.5.5","max_req_input_len":32762}`}, "0.5.5", 40960},
		{"llamacpp", map[string]string{
			"/v1/models": `{"models":[],"object":"list","data":[{"id":"m","object":"model","owned_by":"llamacpp","meta":{"n_ctx_train":131072}}]}`,
			"/props":     `{"default_generation_settings":{"id":0,"n_ctx":8192,"speculative":false},"total_slots":4,"build_info":"b6900-0bcb40b48"}`,
		}, "b6900-0bcb40b48", 8192},
		{"ollama", map[string]string{"/v1/models": `{"object":"list","data":[{"id":"qwen3:0.6b","object":"model","created":1746284820,"owned_by":"library"}]}`, "/api/version": `{"version":"0.12.6"}`}, "0.12.6", 0},
		{"ollama", map[string]string{"/v1/models": `{"object":"list","data":null}`, "/api/version": `{"version":"0.12.6"}`}, "0.12.6", 0},
		{"mindie", map[string]string{"/v1/models": list("someone"), "/v2": `{"name":"MindIE Server","version":"2.1.RC1","extensions":{}}`, "/info": `{"models":[{"model_id":"m","max_total_tokens":2048}],"version":"2.1.RC1"}`}, "2.1.RC1", 40960},
		{"mindie", map[string]string{"/v2": `{"name":"MindIE Server","version":"2.1.RC1"}`, "/info": `{"models":[{"model_id":"m","max_total_tokens":2048}]}`}, "2.1.RC1", 2048},
		{"lmdeploy", map[string]string{"/v1/models": list("lmdeploy")}, "", 40960},
		{"tensorrt-llm", map[string]string{"/v1/models": `{"object":"list","data":[{"id":"m","owned_by":"tensorrt_llm"}]}`, "/version": `{"version":"1.2.0"}`}, "1.2.0", 0},
		{"tgi", map[string]string{"/info": `{"model_id":"m","version":"3.3.7","router":"text-generation-router","max_total_tokens":4096}`}, "3.3.7", 4096},
		{"tei", map[string]string{"/info": `{"model_id":"BAAI/bge-m3","model_type":{"embedding":{"pooling":"cls"}},"max_input_length":8192,"tokenization_workers":16,"version":"1.9.0"}`}, "1.9.0", 8192},
		{"generic", map[string]string{"/v1/models": list("openai")}, "", 40960},
		{"generic", map[string]string{"/v1/models": list("koboldcpp"), "/api/version": `{"version":"0.7.0"}`}, "", 40960}, // it answers as Ollama does too
		{"generic", map[string]string{"/v1/models": "<html>", "/info": `[]`, "/props": `null`, "/v2": `{"name":"triton"}`, "/metrics": "up 1\n"}, "", 0},
		{"generic", nil, "", 0},
	} {
		answers := map[string][]byte{}
		for path, body := range c.answers {
			answers[path] = []byte(body)
		}
		d := driver.Recognise(answers)
		if d.Name != c.name {
			t.Errorf("%v is taken for %s", c.answers, d.Name)
			continue
		}
		if got := driver.First(d.Version, answers); got != c.version {
			t.Errorf("%s has version %q, want %q", c.name, got, c.version)
		}
		if got := d.ContextLength("m", answers); got != c.context {
			t.Errorf("%s takes %d tokens, want %d", c.name, got, c.context)
		}
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct{ a, b string }{
		{"0.9.1", "0.9.2"}, {"0.9.1", "0.10.0"}, {"v0.9.1.post1", "0.9.2"}, {"0.15.9", "0.16"}, {"b5200-1a2b", "b6900"}, {"", "0.1"}, {"dev", "0.1"},
	} {
		if !driver.Older(c.a, c.b) || driver.Older(c.b, c.a) || driver.Older(c.a, c.a) {
			t.Errorf("%q is not older than %q", c.a, c.b)
		}
	}
	if driver.Older("0.16", "0.16.0") || driver.Older("0.16.0rc1", "0.16") {
		t.Error("what is missing is not zero")
	}
	v := driver.Find("vllm")
	for version, want := range map[string]string{"0.15.1": "", "0.16.0": "reasoning", "0.22.1": "reasoning", "": "reasoning"} {
		if got := v.ThinkingAt(version); got != want {
			t.Errorf("vLLM %s calls thinking %q", version, got)
		}
	}
}

func TestTokenize(t *testing.T) {
	for name, answers := range map[string]map[string]int64{
		"vllm":     {`{"count":10,"max_model_len":4096,"tokens":[1,2],"token_strs":null}`: 10, `{"tokens":[1,2,3]}`: 3},
		"sglang":   {`{"tokens":[1,2,3],"count":3,"max_model_len":32768}`: 3},
		"llamacpp": {`{"tokens":[1,2,3,4]}`: 4, `{"tokens":[]}`: 0},
		"mindie":   {`{"token_number":5,"tokens":["a","b","c","d","e"]}`: 5},
		"lmdeploy": {`{"input_ids":[1,2,3],"length":3}`: 3},
		"tgi":      {`[{"id":1,"text":"a","start":0,"stop":1},{"id":2,"text":"b","start":1,"stop":2}]`: 2, `[{"id":1,"text":"a"}]`: 1},
		"tei":      {`[[{"id":101,"text":"[CLS]","special":true},{"id":7592,"text":"hello"},{"id":102,"text":"[SEP]"}]]`: 3},
	} {
		d := driver.Find(name)
		for answer, want := range answers {
			if got, err := d.Tokenize.Tokens([]byte(answer)); err != nil || got != want {
				t.Errorf("%s: %s is %d, %v", name, answer, got, err)
			}
		}
		for _, answer := range []string{"", "null", "{}", "<html>", `{"count":-1}`, `{"error":{"message":"no"}}`, `"x"`} {
			if n, err := d.Tokenize.Tokens([]byte(answer)); err == nil {
				t.Errorf("%s: %q is %d", name, answer, n)
			}
		}
		if v, _ := driver.Member(d.Tokenize.Request("m", "a \"b\""), d.Tokenize.Text); v != `a "b"` {
			t.Errorf("%s is asked %s", name, d.Tokenize.Request("m", "a"))
		}
	}
}

// TestOf has what the operator says go before what a probe found.
func TestOf(t *testing.T) {
	e := sluice.Engine{Kind: sluice.EngineHTTP, URL: "http://a", Models: map[string]string{"m": "own"}}
	of := func() string { return driver.Of(&e).Name }
	if of() != "generic" {
		t.Errorf("unprobed: %s", of())
	}
	e.Probe = &sluice.ProbeResult{URL: "http://a", Model: "own", Driver: "ollama"}
	if of() != "ollama" {
		t.Errorf("probed: %s", of())
	}
	e.URL = "http://b"
	if of() != "generic" {
		t.Errorf("moved: %s", of())
	}
	e.Driver = "sglang"
	if of() != "sglang" {
		t.Errorf("said: %s", of())
	}
	e.Kind = sluice.EngineSimulated
	if of() != "generic" {
		t.Errorf("in this process: %s", of())
	}
}
