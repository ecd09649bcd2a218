package sluice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// PortVariable stands, in the command line or the environment of a process, for
// the port that it is to listen on.
const PortVariable = "${PORT}"

// OnIdle is what becomes of an engine that nobody has asked for IdleAfter.
type OnIdle string

// The ways to be idle.
const (
	IdleStop  OnIdle = "stop"  // the process ends and gives back all that it has
	IdleSleep OnIdle = "sleep" // it gives back the memory of its accelerators, and is back sooner
)

// Process is how Sluice starts an engine on this machine.
type Process struct {
	Command []string          `json:"command"`          // the program and its arguments as they are: no shell reads them
	Env     map[string]string `json:"env,omitempty"`    // besides what the server's own environment has
	Folder  string            `json:"folder,omitempty"` // in which it runs; empty: the server's
	Port    int               `json:"port,omitempty"`   // zero: a free one
	Ready   string            `json:"ready,omitempty"`  // path that answers 2xx once it takes requests; empty: its driver's
	Cards   string            `json:"cards,omitempty"`  // that it may use, as "0,1" or "ascend:0,1"; empty: it is given none
	Files   []string          `json:"files,omitempty"`  // of its model, files and folders; empty: those that its command names
	Memory  int64             `json:"memory,omitempty"` // bytes of main memory that it needs; zero: by its files
	Disk    int64             `json:"disk,omitempty"`   // bytes that have to be free in its folder; zero: a little

	// IdleAfter is how long nobody asks for it until it becomes idle in the way of
	// Idle, and is started again by the next call, which waits. Zero: it always runs.
	IdleAfter time.Duration `json:"idle_after,omitempty"`
	Idle      OnIdle        `json:"idle,omitempty"` // empty: IdleStop

	StartTimeout time.Duration `json:"start_timeout,omitempty"` // until it is ready; zero: by the size of its files
	StopTimeout  time.Duration `json:"stop_timeout,omitempty"`  // from the request to end until it is killed; zero: 30 s
}

// mark tells two definitions apart that do not start the same program in the
// same way. What was found out about one does not hold for the other.
func (p *Process) mark() string {
	if p == nil {
		return ""
	}
	raw, _ := json.Marshal([]any{p.Command, p.Env, p.Folder, p.Cards, p.Files}) // cannot fail: strings
	sum := sha256.Sum256(raw)
	return "process:" + hex.EncodeToString(sum[:8])
}

// StartStage is how far the start of an engine has come.
type StartStage string

// The stages, in their order. A start that does not get to StageReady ends in StageFailed.
const (
	StageCheck  StartStage = "check" // whether there is memory and disk for it
	StageStart  StartStage = "start" // the program runs, and has read nothing yet
	StageLoad   StartStage = "load"  // it reads its model
	StageReady  StartStage = "ready"
	StageFailed StartStage = "failed"
)

// EngineStart is one start of an engine that is a process: a job that is kept,
// and that a server which was stopped in the middle takes up again.
type EngineStart struct {
	ID      string     `json:"id"`
	Engine  string     `json:"engine"` // id
	Cause   string     `json:"cause"`  // in words
	Attempt int        `json:"attempt"`
	Stage   StartStage `json:"stage"`

	Percent int   `json:"percent"` // of the model that is read; -1 when that cannot be told
	Bytes   int64 `json:"bytes"`   // of the model's files; zero when they are not known

	At       time.Time `json:"at"`
	Deadline time.Time `json:"deadline,omitzero"` // by which it must be ready
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Error    string    `json:"error,omitempty"` // for the operator
}

// Ended reports whether the start has come to its end.
func (s *EngineStart) Ended() bool { return s.Stage == StageReady || s.Stage == StageFailed }
