package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/fleet/process"
)

// PutProcess is how an engine is started on the server's machine.
type PutProcess struct {
	Command      []string          `json:"command" yaml:"command" minItems:"1" maxItems:"1024" doc:"The program and its arguments, each a text of its own: no shell reads them. ${PORT} stands for the port that it is to listen on. Flags that make its counts exact are added where the engine is known."`
	Env          map[string]string `json:"env,omitempty" yaml:"env" maxProperties:"256" writeOnly:"true" doc:"Variables besides those of the server, of which none that begin with SLUICE_ are passed on. ${PORT} stands for the port. They are sealed like a secret."`
	Folder       string            `json:"folder,omitempty" yaml:"folder" maxLength:"4096" doc:"In which it runs; absent: the server's."`
	Port         int               `json:"port,omitempty" yaml:"port" minimum:"0" maximum:"65535" doc:"On which it listens; absent: a free one."`
	Ready        string            `json:"ready,omitempty" yaml:"ready" maxLength:"2048" example:"/health" doc:"Path that answers 2xx once it takes requests; absent: the one of the engine where that is known, or else /health or /v1/models."`
	Cards        string            `json:"cards,omitempty" yaml:"cards" maxLength:"256" example:"0,1" doc:"Numbers of the cards that it may use, as chips lists them, behind their vendor where there are several: ascend:0,1. It sees no others of that vendor's."`
	Files        []string          `json:"files,omitempty" yaml:"files" maxItems:"256" doc:"Files and folders of its model, by whose size it has memory and time to start; absent: those that its command names."`
	Memory       string            `json:"memory,omitempty" yaml:"memory" maxLength:"32" example:"40GiB" doc:"Main memory that it needs; absent: by its files, where it has no cards."`
	Disk         string            `json:"disk,omitempty" yaml:"disk" maxLength:"32" example:"10GiB" doc:"What has to be free in its folder; 256MiB when absent."`
	IdleAfter    string            `json:"idle_after,omitempty" yaml:"idle_after" maxLength:"32" example:"10m" doc:"It is stopped when nobody has asked for it for so long, and started by the next call, which waits. Absent: it always runs."`
	Idle         sluice.OnIdle     `json:"idle,omitempty" yaml:"idle" enum:"stop,sleep" doc:"What becomes of it then: stop, when absent; or sleep, of engines that can, which gives back the memory of their cards and is quicker."`
	StartTimeout string            `json:"start_timeout,omitempty" yaml:"start_timeout" maxLength:"32" example:"30m" doc:"Until it is ready; absent: five minutes and a second for each 64 MiB of its files, or 20 minutes where their size is not known."`
	StopTimeout  string            `json:"stop_timeout,omitempty" yaml:"stop_timeout" maxLength:"32" example:"30s" doc:"Between the request to end and being killed; 30s when absent."`
}

// Process is how an engine is started, and how it is. Of its variables only the
// names are shown.
type Process struct {
	PutProcess

	EnvNames []string       `json:"env_names,omitempty"`
	Status   *ProcessStatus `json:"status,omitempty" doc:"Absent before the server has taken it up."`
}

// ProcessStatus is how an engine's process is.
type ProcessStatus struct {
	State    process.State `json:"state" enum:"stopped,starting,ready,draining,stopping,asleep,failed"`
	Stopped  bool          `json:"stopped,omitempty" doc:"By its operator: no call starts it."`
	Since    time.Time     `json:"since" doc:"Of the state."`
	Retry    time.Time     `json:"retry_at,omitzero" doc:"When one that has failed is started again."`
	Error    string        `json:"error,omitempty" doc:"Why it failed last; absent once it is ready."`
	PID      int           `json:"pid,omitempty" doc:"Of the process; absent while it does not run."`
	URL      string        `json:"url" doc:"Where it listens, on the server's machine alone."`
	Starts   int           `json:"starts" doc:"Since the server's start."`
	Failures int           `json:"failures,omitempty" doc:"In a row."`
	Command  []string      `json:"command,omitempty" doc:"As it was run last."`
	Added    []string      `json:"added,omitempty" doc:"What Sluice added to its command and its variables."`
	Start    *EngineStart  `json:"start,omitempty" doc:"The last one; absent before the first."`
}

// draft writes the definition as the nouns have it. Errors: CodeInvalid.
func (in *PutProcess) draft() (*sluice.Process, error) {
	if in == nil {
		return nil, nil
	}
	p := &sluice.Process{
		Command: in.Command, Env: in.Env, Folder: in.Folder, Port: in.Port, Ready: in.Ready, Cards: in.Cards, Files: in.Files, Idle: in.Idle,
	}
	for _, s := range []struct {
		name, text string
		to         *int64
	}{{"memory", in.Memory, &p.Memory}, {"disk", in.Disk, &p.Disk}} {
		n, err := parseSize(s.text)
		if err != nil {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: s.name, Message: err.Error()}
		}
		*s.to = n
	}
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"idle_after", in.IdleAfter, &p.IdleAfter}, {"start_timeout", in.StartTimeout, &p.StartTimeout}, {"stop_timeout", in.StopTimeout, &p.StopTimeout}} {
		v, err := parseSpan(d.name, d.text)
		if err != nil {
			return nil, err
		}
		*d.to = v
	}
	return p, nil
}

// parseSpan reads a length of time of a parameter; an empty one is none. Errors: CodeInvalid.
func parseSpan(param, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return 0, &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf("%q is no time such as 90s, 10m or 2h.", text)}
	}
	return v, nil
}

// formatSpan is the inverse of parseSpan.
func formatSpan(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String() // 10m0s
	text = strings.TrimSuffix(text, "m0s") + map[bool]string{true: "m"}[strings.HasSuffix(text, "m0s")]
	return strings.TrimSuffix(text, "h0m") + map[bool]string{true: "h"}[strings.HasSuffix(text, "h0m")]
}

// shownProcess writes a definition as it is shown; nil of none.
func shownProcess(p *sluice.Process) *Process {
	if p == nil {
		return nil
	}
	return &Process{
		PutProcess: PutProcess{
			Command: p.Command, Folder: p.Folder, Port: p.Port, Ready: p.Ready, Cards: p.Cards, Files: p.Files, Memory: formatSize(p.Memory), Disk: formatSize(p.Disk),
			IdleAfter: formatSpan(p.IdleAfter), Idle: p.Idle, StartTimeout: formatSpan(p.StartTimeout), StopTimeout: formatSpan(p.StopTimeout),
		},
		EnvNames: slices.Sorted(maps.Keys(p.Env)),
	}
}

// processOf writes how an engine is started and how its process is; nil of one
// that is no process.
func processOf(e *sluice.Engine, live map[string]process.Status) *Process {
	p := shownProcess(e.Process)
	if p == nil || e.Kind != sluice.EngineProcess {
		return nil
	}
	if st, ok := live[e.ID]; ok {
		p.Status = &ProcessStatus{
			State: st.State, Stopped: e.Stopped, Since: st.Since, Retry: st.Until, Error: st.Error, PID: st.PID, URL: st.URL,
			Starts: st.Starts, Failures: st.Failures, Command: st.Command, Added: st.Added,
		}
		if st.Start != nil {
			s := engineStart(st.Start)
			p.Status.Start = &s
		}
	}
	return p
}

// mayDefine refuses a caller from elsewhere who would have the server's machine
// run another program than it does: that is for who is on the machine. next is the
// engine to be, old the one that there is or nil. Errors: CodeForbidden.
func (c *caller) mayDefine(next, old *sluice.Engine) error {
	if c.local || next.Kind != sluice.EngineProcess || old != nil && sameProcess(old.Process, next.Process) {
		return nil
	}
	return sluice.Errorf(sluice.CodeForbidden, "Which programs the server's machine runs is said on that machine: use `sluice` there, with the server's data folder.")
}

// sameProcess reports whether two definitions say the same.
func sameProcess(a, b *sluice.Process) bool {
	x, _ := json.Marshal(a) // texts and numbers: cannot fail
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// sizeUnits are the units of sizes, the largest first.
func sizeUnits() []string { return []string{"TiB", "GiB", "MiB", "KiB"} }

// parseSize reads a number of bytes: "40GiB", "512 MiB", "1073741824". Empty is zero.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number, unit := strings.TrimSpace(text), int64(1)
	for i, u := range sizeUnits() {
		if rest, ok := strings.CutSuffix(number, u); ok {
			number, unit = strings.TrimSpace(rest), 1<<(10*(len(sizeUnits())-i))
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is no size such as 40GiB or 512MiB", text)
	}
	return n * unit, nil
}

// formatSize is the inverse of parseSize, in the largest unit that needs no fraction.
func formatSize(n int64) string {
	if n == 0 {
		return ""
	}
	for i, u := range sizeUnits() {
		if unit := int64(1) << (10 * (len(sizeUnits()) - i)); n%unit == 0 {
			return strconv.FormatInt(n/unit, 10) + u
		}
	}
	return strconv.FormatInt(n, 10)
}
