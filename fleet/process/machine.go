package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice/fleet/chip"
)

// AvailableMemory is how many bytes of main memory can be taken, and what bounds
// it: the machine, or a control group that the server is in. Only Linux tells.
func AvailableMemory() (free int64, from string, err error) { return availableMemory() }

// machine is what keepers touch of the computer. Tests have one of their own.
type machine interface {
	// prepare looks at what the program needs: nil if it can be run. promised is the
	// main memory that others are about to take.
	prepare(p *program, promised int64) error

	// run starts the program; its output goes to the log.
	run(p *program, log *ring) (instance, error)

	// ask sends a request that says nothing, of whose answer only the status counts.
	ask(ctx context.Context, verb, url, secret string) (status int, err error)

	// cards finds the accelerators, with how much of their memory is in use.
	cards(ctx context.Context) *chip.Report
}

// instance is a program that runs.
type instance interface {
	pid() int
	end(kill bool)         // asks the process group to end, or ends it
	done() <-chan struct{} // closed once all of it has ended
	how() string           // it has ended, in words; after done
	read() int64           // bytes that it has read or mapped since it was started
}

// computer is the machine itself.
type computer struct {
	folder string // where it notes what runs
	client *http.Client
}

func newComputer(folder string) *computer {
	return &computer{folder: folder, client: &http.Client{
		Transport:     &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (c *computer) cards(ctx context.Context) *chip.Report {
	return chip.Scan(ctx, chip.Options{Usage: true})
}

func (c *computer) ask(ctx context.Context, verb, url, secret string) (int, error) {
	var body io.Reader = http.NoBody
	if verb == http.MethodPost {
		body = strings.NewReader("{}") // SGLang takes no POST without an object
	}
	req, err := http.NewRequestWithContext(ctx, verb, url, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be kept
	return resp.StatusCode, nil
}

func (c *computer) prepare(p *program, promised int64) error {
	if !portFree(p.port) {
		return fmt.Errorf("port %d is taken by another program", p.port)
	}
	if err := p.fitsCards(); err != nil {
		return err
	}
	if p.memory > 0 {
		free, from, err := availableMemory()
		if err == nil && free-promised < p.memory {
			return fmt.Errorf("it needs %s of memory, and %s of %s are left%s: stop another engine, or say with memory what it needs",
				sizeText(p.memory), sizeText(max(free-promised, 0)), from, promisedText(promised))
		}
	}
	free, err := FreeDisk(p.folder)
	if err != nil {
		return fmt.Errorf("looking at its folder: %w", err)
	}
	if free >= 0 && free < p.disk {
		return fmt.Errorf("it needs %s of disk in %s, and %s are free", sizeText(p.disk), folderText(p.folder), sizeText(free))
	}
	return nil
}

// fitsCards reports whether the model fits into what its cards have free. Cards
// that do not tell are not held against it.
func (p *program) fitsCards() error {
	if len(p.cards) == 0 || p.bytes == 0 {
		return nil
	}
	var free int64
	for _, c := range p.cards {
		if c.Memory == 0 || c.Usage == nil || c.Usage.Memory == nil {
			return nil
		}
		free += c.Memory - *c.Usage.Memory
	}
	if free < p.bytes {
		return fmt.Errorf("its model has %s, and its cards have %s free: stop what uses them, or give it more of them", sizeText(p.bytes), sizeText(free))
	}
	return nil
}

func promisedText(promised int64) string {
	if promised == 0 {
		return ""
	}
	return ", without " + sizeText(promised) + " that engines which are starting will take"
}

func folderText(folder string) string {
	if folder == "" {
		return "the server's folder"
	}
	return folder
}

// sizeText writes a number of bytes for people.
func sizeText(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v < 1024 {
			break
		}
		v, unit = v/1024, u
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + unit
}
