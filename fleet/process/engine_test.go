package process

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes this test binary an engine as well: with ENGINE in its
// environment it answers chat completions on the port that --port says, in the
// ways that ENGINE lists:
//
//	late=T    it listens only after that long
//	crash     it ends with exit code 3 as soon as it is started
//	flood     it writes 16 MiB before it listens
//	fork      it has a child in its group, and another in a session of its own; PIDS is the file with their ids
//	deaf      it does not end when it is asked to
//	slow=T    each answer takes that long, also the one to how it is
//	load      it says how much of its model it has read
//	sleeps    it can be sent to sleep, and notes in the file SLEPT how often
//	broken    it ends the connection of every call
//	sick=FILE it says that it is not well while the file is there
func TestMain(m *testing.M) {
	if how, ok := os.LookupEnv("ENGINE"); ok {
		if err := engine(strings.Split(how, ",")); err != nil {
			fmt.Fprintln(os.Stderr, "engine:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func engine(ways []string) error {
	way := func(name string) (string, bool) {
		for _, w := range ways {
			if n, value, _ := strings.Cut(w, "="); n == name {
				return value, true
			}
		}
		return "", false
	}
	pause := func(name string) {
		if v, ok := way(name); ok {
			d, _ := time.ParseDuration(v)
			time.Sleep(d)
		}
	}
	if _, ok := way("crash"); ok {
		fmt.Println("CUDA error: out of luck")
		os.Exit(3)
	}
	if _, ok := way("deaf"); ok {
		signal.Ignore(syscall.SIGTERM)
	}
	if _, ok := way("flood"); ok {
		line := strings.Repeat("x", 1023) + "\n"
		for range 16 << 10 {
			_, _ = io.WriteString(os.Stdout, line)
		}
	}
	if _, ok := way("fork"); ok {
		if err := fork(); err != nil {
			return err
		}
	}
	if _, ok := way("load"); ok {
		fmt.Print("Loading safetensors checkpoint shards:  25% Completed | 1/4\rLoading safetensors checkpoint shards:  50% Completed | 2/4\r")
	}
	pause("late")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		pause("slow")
		if file, ok := way("sick"); ok {
			if _, err := os.Stat(file); err == nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}
	})
	if _, ok := way("sleeps"); ok {
		serveSleep(mux)
	}
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		pause("slow")
		if _, ok := way("broken"); ok {
			panic(http.ErrAbortHandler)
		}
		answer(w, r)
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+port())
	if err != nil {
		return err
	}
	fmt.Println("listening; cards:", os.Getenv("CUDA_VISIBLE_DEVICES"))
	return http.Serve(l, mux)
}

// port is what the command line says behind --port.
func port() string {
	for i, a := range os.Args[:len(os.Args)-1] {
		if a == "--port" {
			return os.Args[i+1]
		}
	}
	return "0"
}

// fork starts two children that do nothing.
func fork() error {
	var pids []string
	for _, own := range []bool{false, true} {
		c := exec.Command("sleep", "1000")
		c.Stdout = os.Stdout
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: own}
		if err := c.Start(); err != nil {
			return err
		}
		pids = append(pids, strconv.Itoa(c.Process.Pid))
	}
	return os.WriteFile(os.Getenv("PIDS"), []byte(strings.Join(pids, " ")), 0o600)
}

// serveSleep sleeps and wakes as vLLM does.
func serveSleep(mux *http.ServeMux) {
	n := 0
	mux.HandleFunc("POST /sleep", func(_ http.ResponseWriter, r *http.Request) {
		n++
		_ = os.WriteFile(os.Getenv("SLEPT"), []byte(strconv.Itoa(n)+" at level "+r.URL.Query().Get("level")), 0o600)
	})
	mux.HandleFunc("POST /wake_up", func(http.ResponseWriter, *http.Request) {
		_ = os.WriteFile(os.Getenv("SLEPT"), []byte(strconv.Itoa(n)+" awake"), 0o600)
	})
}

// answer completes a chat with the process's id.
func answer(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Model string `json:"model"`
	}
	_ = json.NewDecoder(r.Body).Decode(&req)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"x","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"%d"},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}`, req.Model, os.Getpid())
}
