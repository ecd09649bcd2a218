package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

// testProcesses shows that how an engine is started, and whether its operator
// has stopped it, is kept.
func testProcesses(t *testing.T, db *store.DB) {
	e := &sluice.Engine{
		ID: "eng_a", Name: "alpha", Kind: sluice.EngineProcess, Models: map[string]string{"glm": "glm"}, OnLeave: sluice.LeaveCancel, CreatedAt: start(),
		Process: &sluice.Process{
			Command: []string{"vllm", "serve", "a b", `"c"`}, Env: map[string]string{"A": "=\n"}, Folder: "/srv", Port: 8001, Ready: "/ready", Cards: "0,1",
			Files: []string{"/m"}, Memory: 1, Disk: 2, IdleAfter: time.Minute, Idle: sluice.IdleSleep, StartTimeout: time.Hour, StopTimeout: time.Second,
		},
	}
	if d := cmp.Diff(e, must[*sluice.Engine](t)(db.PutEngine(t.Context(), e))); d != "" {
		t.Errorf("put (-want +got):\n%s", d)
	}
	if err := db.StopEngine(t.Context(), "alpha", true); err != nil {
		t.Fatal(err)
	}
	fails(t, "stopping one that is not there", db.StopEngine(t.Context(), "beta", true), sluice.CodeNotFound)
	stopped := *e
	stopped.Stopped = true
	if d := cmp.Diff(&stopped, must[*sluice.Engine](t)(db.PutEngine(t.Context(), e))); d != "" {
		t.Errorf("put again, it is (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]*sluice.Engine{&stopped}, must[[]*sluice.Engine](t)(db.Engines(t.Context()))); d != "" {
		t.Errorf("engines (-want +got):\n%s", d)
	}
}

// testEngineStarts shows that starts are kept, and the oldest forgotten.
func testEngineStarts(t *testing.T, db *store.DB) {
	for _, id := range []string{"eng_a", "eng_b"} {
		_ = must[*sluice.Engine](t)(db.PutEngine(t.Context(), &sluice.Engine{ID: id, Name: id, Kind: sluice.EngineProcess, Process: &sluice.Process{}, CreatedAt: start()}))
	}
	put := func(s sluice.EngineStart) {
		t.Helper()
		if err := db.PutEngineStart(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
	}
	s := sluice.EngineStart{ID: "start_100", Engine: "eng_a", Cause: "a call waits", Attempt: 1, Stage: sluice.StageCheck, Percent: -1, At: start()}
	put(s)
	other := s
	other.ID, other.Engine = "start_101", "eng_b"
	put(other)
	if d := cmp.Diff([]*sluice.EngineStart{&s, &other}, must[[]*sluice.EngineStart](t)(db.OpenEngineStarts(t.Context()))); d != "" {
		t.Errorf("under way (-want +got):\n%s", d)
	}
	s.Attempt, s.Stage, s.Percent, s.Bytes, s.Deadline, s.EndedAt, s.Error = 2, sluice.StageFailed, 40, 1<<40, start().Add(time.Minute), start().Add(time.Hour), "It \"ended\"."
	put(s)
	if d := cmp.Diff([]*sluice.EngineStart{&s}, must[[]*sluice.EngineStart](t)(db.EngineStarts(t.Context(), "eng_a", "", 10))); d != "" {
		t.Errorf("of one engine (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]*sluice.EngineStart{&other}, must[[]*sluice.EngineStart](t)(db.OpenEngineStarts(t.Context()))); d != "" {
		t.Errorf("under way after the end of one (-want +got):\n%s", d)
	}
	for i := range 120 {
		put(sluice.EngineStart{ID: fmt.Sprintf("start_%03d", 200+i), Engine: "eng_a", Stage: sluice.StageCheck, At: start()})
	}
	all := must[[]*sluice.EngineStart](t)(db.EngineStarts(t.Context(), "eng_a", "", 1000))
	if len(all) != 100 || all[0].ID != "start_319" || all[99].ID != "start_220" {
		t.Errorf("%d starts are kept, from %s on", len(all), all[len(all)-1].ID)
	}
	if page := must[[]*sluice.EngineStart](t)(db.EngineStarts(t.Context(), "eng_a", "start_222", 10)); len(page) != 2 || page[0].ID != "start_221" {
		t.Errorf("behind start_222 there are %d", len(page))
	}
	if len(must[[]*sluice.EngineStart](t)(db.EngineStarts(t.Context(), "eng_b", "", 10))) != 1 {
		t.Error("another engine's are forgotten")
	}
	fails(t, "of an engine that is not there", db.PutEngineStart(t.Context(), &sluice.EngineStart{ID: "start_1", Engine: "eng_none"}), sluice.CodeNotFound)
	if err := db.DeleteEngine(t.Context(), "eng_a"); err != nil {
		t.Fatal(err)
	}
	if n := len(must[[]*sluice.EngineStart](t)(db.EngineStarts(t.Context(), "eng_a", "", 10))); n != 0 {
		t.Errorf("%d starts of an engine that is gone", n)
	}
}
