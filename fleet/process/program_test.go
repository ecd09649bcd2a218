package process

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/fleet/chip"
)

// definition is an engine with a command.
func definition(command string, with func(*sluice.Engine)) *sluice.Engine {
	e := &sluice.Engine{ID: "eng_1", Name: "a", Kind: sluice.EngineProcess, Process: &sluice.Process{Command: strings.Fields(command)}}
	if with != nil {
		with(e)
	}
	return e
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		with    func(*sluice.Process)
		param   string // of the refusal; empty: it is well
	}{
		"known":                   {"vllm serve /m", nil, ""},
		"told its port":           {"x --listen ${PORT}", nil, ""},
		"told by its environment": {"x", func(p *sluice.Process) { p.Env = map[string]string{"P": "${PORT}"} }, ""},
		"a fixed port":            {"x", func(p *sluice.Process) { p.Port = 8000 }, ""},
		"no command":              {"", nil, "command"},
		"not told its port":       {"x", nil, "command"},
		"attached only":           {"text-generation-launcher --port ${PORT}", nil, "command"},
		"a port too far":          {"x", func(p *sluice.Process) { p.Port = 65536 }, "port"},
		"a folder from somewhere": {"vllm serve", func(p *sluice.Process) { p.Folder = "here" }, "folder"},
		"a file from somewhere":   {"vllm serve", func(p *sluice.Process) { p.Files = []string{"here"} }, "files"},
		"no path":                 {"vllm serve", func(p *sluice.Process) { p.Ready = "health" }, "ready"},
		"sleeping never":          {"vllm serve", func(p *sluice.Process) { p.Idle = sluice.IdleSleep }, "idle"},
		"sleeping":                {"vllm serve", func(p *sluice.Process) { p.Idle, p.IdleAfter = sluice.IdleSleep, time.Minute }, ""},
		"one that cannot sleep":   {"ollama serve", func(p *sluice.Process) { p.Idle, p.IdleAfter = sluice.IdleSleep, time.Minute }, "idle"},
		"a negative time":         {"vllm serve", func(p *sluice.Process) { p.StopTimeout = -1 }, "process"},
		"no name":                 {"vllm serve", func(p *sluice.Process) { p.Env = map[string]string{"A=B": "c"} }, "env"},
	} {
		e := definition(c.command, nil)
		if c.with != nil {
			c.with(e.Process)
		}
		err := Check(e)
		if (err == nil) != (c.param == "") || err != nil && (sluice.CodeOf(err) != sluice.CodeInvalid || sluice.ErrorOf(err).Param != c.param) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cards are two of one vendor's, of which the second has little free.
func cards(context.Context) *chip.Report {
	free, full := int64(1<<30), int64(79<<30)
	return &chip.Report{Cards: []chip.Card{
		{Vendor: "nvidia", Index: 0, UUID: "GPU-0", PCI: "0000:01:00.0", Memory: 80 << 30, Usage: &chip.Usage{Memory: &free}},
		{Vendor: "nvidia", Index: 1, UUID: "GPU-1", PCI: "0000:02:00.0", Memory: 80 << 30, Usage: &chip.Usage{Memory: &full}},
	}}
}

func TestProgram(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model")
	for name, size := range map[string]int64{"a.safetensors": 3 << 20, "b.safetensors": 2 << 20, "pytorch_model.bin": 5 << 20, "tokenizer.json": 7} {
		sparse(t, filepath.Join(model, name), size)
	}
	e := definition("vllm serve "+model+" --x ${PORT}", func(e *sluice.Engine) {
		e.Process.Env = map[string]string{"WHERE": "127.0.0.1:${PORT}", "PATH": "/opt/bin"}
		e.Process.Cards = "1"
	})
	p, err := programOf(t.Context(), e, 8123, []string{"PATH=/bin", "SLUICE_STRIPE_KEY=sk", "HOME=/root"}, cards)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.argv, " "); got != "vllm serve "+model+" --x 8123 --enable-prompt-tokens-details --host 127.0.0.1" {
		t.Errorf("the command is %s", got)
	}
	if got := strings.Join(p.env, " "); got != "PATH=/bin HOME=/root PATH=/opt/bin WHERE=127.0.0.1:8123 CUDA_VISIBLE_DEVICES=GPU-1 CUDA_DEVICE_ORDER=PCI_BUS_ID" {
		t.Errorf("the environment is %s", got)
	}
	if p.bytes != 5<<20 || p.memory != 0 || p.patience(0) != baseStart || p.patience(time.Second) != time.Second {
		t.Errorf("the model has %d bytes, takes %d of memory, and %v", p.bytes, p.memory, p.patience(0))
	}
	if !slices.Contains(p.added, "CUDA_VISIBLE_DEVICES=GPU-1") {
		t.Errorf("added is %q", p.added)
	}
	if err := p.fitsCards(); err != nil {
		t.Errorf("5 MiB do not fit into a GiB: %v", err)
	}
	p.bytes = 2 << 30
	if err := p.fitsCards(); err == nil || !strings.Contains(err.Error(), "its model has 2 GiB, and its cards have 1 GiB free") {
		t.Errorf("2 GiB fit into one: %v", err)
	}

	gguf := filepath.Join(t.TempDir(), "m.gguf")
	sparse(t, gguf, 640<<20)
	p, err = programOf(t.Context(), definition("llama-server --model="+gguf, nil), 1, nil, nil)
	if err != nil || p.bytes != 640<<20 || p.memory != 704<<20 || p.patience(0) != baseStart+10*time.Second {
		t.Errorf("%d bytes, %d of memory, %v: %v", p.bytes, p.memory, p.patience(0), err)
	}
	if _, err := programOf(t.Context(), definition("vllm serve", func(e *sluice.Engine) { e.Process.Cards = "7" }), 1, nil, cards); err == nil || !strings.Contains(err.Error(), "sluice chips") {
		t.Errorf("a card that is not there: %v", err)
	}
	if _, err := programOf(t.Context(), definition("vllm serve", func(e *sluice.Engine) { e.Process.Files = []string{"/nowhere"} }), 1, nil, nil); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// sparse makes a file of that size, which takes no room.
func sparse(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// TestPrepare shows what is refused, and that the refusal says what is missing.
func TestPrepare(t *testing.T) {
	free, from, err := availableMemory()
	if err != nil {
		t.Skip(err)
	}
	if free <= 0 || from == "" {
		t.Fatalf("%d bytes of %q", free, from)
	}
	port, err := freePort(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := newComputer(t.TempDir())
	fits := func(memory, promised, disk int64) error {
		return c.prepare(&program{port: port, memory: memory, disk: disk, folder: c.folder}, promised)
	}
	if err := fits(1<<20, 0, 1); err != nil {
		t.Errorf("a MiB is refused: %v", err)
	}
	if err := fits(1<<60, 0, 1); err == nil || !strings.Contains(err.Error(), "it needs 1048576 TiB of memory, and ") {
		t.Errorf("an EiB is not refused: %v", err)
	}
	if err := fits(1<<20, 1<<60, 1); err == nil || !strings.Contains(err.Error(), "that engines which are starting will take") {
		t.Errorf("memory that is promised is given away: %v", err)
	}
	if err := fits(0, 0, 1<<60); err == nil || !strings.Contains(err.Error(), "of disk in "+c.folder) {
		t.Errorf("an EiB of disk is not refused: %v", err)
	}
	if err := c.prepare(&program{port: port, disk: 1, folder: "/nowhere"}, 0); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 40 << 30: "40 GiB", 1 << 50: "1024 TiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d is written %s, not %s", n, got, want)
		}
	}
}
