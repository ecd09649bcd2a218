package api_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/fleet/process"
)

// sleeper is a program that does nothing on its port.
func sleeper() *api.PutProcess {
	return &api.PutProcess{
		Command: []string{"sleep", "1000"}, Port: 1, Env: map[string]string{"TOKEN": "s3cret"}, Memory: "1MiB", IdleAfter: "90m", Idle: sluice.IdleStop, StopTimeout: "1s",
	}
}

// TestProcesses defines an engine that is started, and shows what is told of it.
func TestProcesses(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	made, err := w.Local.PutEngine(ctx, "a", api.PutEngine{Process: sleeper(), Models: map[string]string{"m": ""}})
	if err != nil {
		t.Fatal(err)
	}
	p := made.Process
	if made.Kind != sluice.EngineProcess || p == nil || p.IdleAfter != "1h30m" && p.IdleAfter != "90m" || p.Memory != "1MiB" || p.Env != nil || !slices.Equal(p.EnvNames, []string{"TOKEN"}) || p.StopTimeout != "1s" {
		t.Fatalf("made %+v", p)
	}
	if p.Status == nil || p.Status.State != process.Stopped || made.Status == nil || made.Status.Health != "asleep" {
		t.Errorf("nobody asks for it, and it is %+v, %+v", p.Status, made.Status)
	}
	stored, err := w.Store.Engines(ctx)
	if err != nil || stored[0].Process.IdleAfter != 90*time.Minute || stored[0].Process.Env["TOKEN"] != "s3cret" {
		t.Errorf("stored is %+v, %v", stored[0].Process, err)
	}

	if _, err := w.Local.StartEngine(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	var starts api.Page[api.EngineStart]
	await(t, w, "a", func(e api.Engine) bool { // the start is noted behind its process
		starts, err = w.Local.EngineStarts(ctx, "a", api.Paging{})
		return e.Process.Status.PID != 0 && (err != nil || len(starts.Data) > 0)
	})
	if err != nil || len(starts.Data) != 1 || starts.Data[0].Cause != "its operator started it" || starts.Data[0].Percent != nil || starts.Data[0].Deadline.IsZero() && starts.Data[0].Stage != sluice.StageCheck {
		t.Errorf("its starts: %+v, %v", starts.Data, err)
	}
	log, err := w.Local.EngineLog(ctx, "a", 0, 0)
	if err != nil || len(log.Lines) == 0 || log.Lines[0].Text != "[sluice] starting sleep 1000" || log.Next != log.Lines[len(log.Lines)-1].Seq {
		t.Errorf("its log: %+v, %v", log, err)
	}
	begun := time.Now()
	if more, err := w.Local.EngineLog(ctx, "a", log.Next, time.Second); err != nil || len(more.Lines) != 0 || more.Next != log.Next || time.Since(begun) < time.Second {
		t.Errorf("what follows: %+v, %v after %v", more, err, time.Since(begun))
	}
	if e, err := w.Local.StopEngine(ctx, "a", api.EndEngine{Now: true}); err != nil || !e.Process.Status.Stopped {
		t.Errorf("stopped: %+v, %v", e.Process, err)
	}
	await(t, w, "a", func(e api.Engine) bool { return e.Process.Status.State == process.Stopped })
	if _, err := w.Local.RestartEngine(ctx, "a", api.EndEngine{}); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("restarting one that is stopped: %v", err)
	}
	if again, err := w.Local.PutEngine(ctx, "a", api.PutEngine{Process: sleeper(), Models: map[string]string{"m": ""}}); err != nil || !again.Process.Status.Stopped || again.ID != made.ID {
		t.Errorf("defined again: %+v, %v", again, err)
	}
	if page, err := w.Local.EngineStarts(ctx, "a", api.Paging{Limit: 1}); err != nil || len(page.Data) != 1 || page.Next != "" || page.Data[0].Stage != sluice.StageFailed {
		t.Errorf("a page of starts: %+v, %v", page, err)
	}
}

// await waits until an engine is as wanted.
func await(t *testing.T, w *apitest.World, name string, is func(api.Engine) bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		e, err := w.Local.Engine(t.Context(), name)
		if err == nil && e.Process.Status != nil && is(e) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is %+v, %v", name, e.Process, err)
		}
	}
}

// TestProcessesFromElsewhere shows that who is not on the machine can run what is
// defined, and define nothing.
func TestProcessesFromElsewhere(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	if _, err := w.Local.PutEngine(ctx, "a", api.PutEngine{Process: sleeper(), Models: map[string]string{"m": ""}}); err != nil {
		t.Fatal(err)
	}
	owner := w.Client(w.Key(sluice.RoleOwner, "").Secret)
	put := func(change func(*api.PutProcess)) error {
		p := sleeper()
		change(p)
		_, err := owner.PutEngine(ctx, "a", api.PutEngine{Process: p, Models: map[string]string{"m": "", "n": ""}})
		return err
	}
	if err := put(func(*api.PutProcess) {}); err != nil {
		t.Errorf("another model of the same program: %v", err)
	}
	for name, change := range map[string]func(*api.PutProcess){
		"command":     func(p *api.PutProcess) { p.Command = []string{"sh", "-c", "id"} },
		"environment": func(p *api.PutProcess) { p.Env["LD_PRELOAD"] = "/tmp/x.so" },
		"folder":      func(p *api.PutProcess) { p.Folder = "/tmp" },
	} {
		if err := put(change); sluice.CodeOf(err) != sluice.CodeForbidden || !strings.Contains(err.Error(), "on that machine") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := owner.PutEngine(ctx, "b", api.PutEngine{Process: sleeper(), Models: map[string]string{"m": ""}}); sluice.CodeOf(err) != sluice.CodeForbidden {
		t.Errorf("a new one: %v", err)
	}
	manifest := api.Manifest{Engines: []api.ManifestEngine{{Name: "b", PutEngine: api.PutEngine{Process: sleeper(), Models: map[string]string{"m": ""}}}}}
	if _, err := owner.Apply(ctx, api.Apply{Manifest: manifest}); sluice.CodeOf(err) != sluice.CodeForbidden {
		t.Errorf("a new one in a manifest: %v", err)
	}
	if _, err := owner.StopEngine(ctx, "a", api.EndEngine{}); err != nil {
		t.Errorf("stopping what is defined: %v", err)
	}
	if _, err := w.Local.Apply(ctx, api.Apply{Manifest: manifest}); err != nil {
		t.Errorf("a manifest on the machine: %v", err)
	}
}

// TestProbeEngine shows who is asked again, and who is not.
func TestProbeEngine(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	for name, url := range map[string]string{"away": "http://127.0.0.1:1", "sim": "sim:instant"} {
		if _, err := w.Local.PutEngine(ctx, name, api.PutEngine{URL: url, Models: map[string]string{"m": ""}}); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := w.Local.ProbeEngine(ctx, "away"); err != nil || e.Name != "away" || w.Probes.Load() != 1 {
		t.Errorf("asked %d times: %+v, %v", w.Probes.Load(), e, err)
	}
	if _, err := w.Local.ProbeEngine(ctx, "sim"); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("a simulated one: %v", err)
	}
	if _, err := w.Local.ProbeEngine(ctx, "none"); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("one that is not there: %v", err)
	}
}
