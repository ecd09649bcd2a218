package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// replicaVariable makes this test binary a replica: a process that answers as
// engine does, and fails as a file says. Its value is a file's path: beside it, with
// the ending .mode, stands how it fails, and in it the replica notes the ids of
// the calls that reach it.
const replicaVariable = "E2E_REPLICA"

// The ways to fail, besides those that are done to a process from outside.
const (
	modeSlow  = "slow"  // ten times as slow as it should be
	modeStall = "stall" // stops in the middle of answers, until it is in another mode
	modeLie   = "lie"   // says that it is well, and answers with errors, garbage or nothing
	modeCut   = "cut"   // says that it is well, and ends answers in the middle
)

// replica is an engine of its own process.
type replica struct {
	file   string
	calls  *os.File
	engine engine
}

// serveReplica serves on the port that the first argument says.
func serveReplica(file string) error {
	calls, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		return err
	}
	return http.Serve(l, &replica{file: file, calls: calls, engine: engine{stopped: make(chan struct{})}})
}

func (r *replica) mode() string {
	raw, _ := os.ReadFile(r.file + ".mode") // none: it is well
	return string(raw)
}

// ServeHTTP answers as engine does, and as its mode says.
func (r *replica) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		r.engine.ServeHTTP(w, req)
		return
	}
	id := req.Header.Get("X-Request-Id")
	fmt.Fprintln(r.calls, id)
	switch r.mode() {
	case modeLie:
		lie(w, id)
	case modeSlow, modeStall, modeCut:
		r.engine.ServeHTTP(&failing{ResponseWriter: w, replica: r, request: req}, req)
	default:
		r.engine.ServeHTTP(w, req)
	}
}

// lie answers with one of several wrong things.
func lie(w http.ResponseWriter, id string) {
	switch id[len(id)-1] % 4 {
	case 0:
		http.Error(w, `{"error":{"message":"CUDA error"}}`, http.StatusInternalServerError)
	case 1:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><body>It works!</body></html>")
	case 2:
		panic(http.ErrAbortHandler) // ends the connection
	default:
		http.Error(w, "upstream connect error", http.StatusBadGateway)
	}
}

// failing is an answer that goes wrong after its beginning.
type failing struct {
	http.ResponseWriter
	replica *replica
	request *http.Request
	chunks  int
}

// Unwrap is for http.ResponseController.
func (f *failing) Unwrap() http.ResponseWriter { return f.ResponseWriter }

// Write writes a chunk, in the mode of the moment.
func (f *failing) Write(b []byte) (int, error) {
	f.chunks++
	switch f.replica.mode() {
	case modeSlow:
		time.Sleep(9 * chaosPace)
	case modeStall:
		for f.chunks > 3 && f.replica.mode() == modeStall && f.request.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	case modeCut:
		if f.chunks > 5 {
			panic(http.ErrAbortHandler)
		}
	}
	return f.ResponseWriter.Write(b)
}

// replicaMain runs a replica, if this process is to be one.
func replicaMain() (yes bool) {
	file := os.Getenv(replicaVariable)
	if file == "" {
		return false
	}
	if err := serveReplica(file); err != nil {
		fmt.Fprintln(os.Stderr, "replica:", err)
		os.Exit(1)
	}
	return true
}

// callsOf are the ids of the calls that reached a replica.
func callsOf(file string) (map[string]bool, error) {
	raw, err := os.ReadFile(file)
	ids := map[string]bool{}
	for id := range strings.FieldsSeq(string(raw)) {
		ids[id] = true
	}
	return ids, err
}
