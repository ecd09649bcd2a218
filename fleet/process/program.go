package process

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/fleet/chip"
	"sluice/fleet/driver"
)

const (
	baseStart   = 5 * time.Minute  // that a start may take besides reading the model: compiling, capturing graphs
	blindStart  = 20 * time.Minute // likewise of a model whose size is not known
	slowestRead = 64 << 20         // bytes a second at which a model is read at least
	defaultStop = 30 * time.Second
	leastDisk   = 256 << 20 // bytes that a folder has free at least
	memoryShare = 1.1       // of the model's size that it takes in main memory where there are no cards
)

// program is a process as it is to be run.
type program struct {
	engine string // id
	argv   []string
	env    []string // all of it
	folder string
	port   int

	driver *driver.Driver
	health []string // paths that tell how it is, the first that it knows
	added  []string // what the operator did not say
	bytes  int64    // of the model's files; zero when they are not known
	memory int64    // that it needs; zero when that is not known
	disk   int64    // likewise, of its folder
	cards  []chip.Card
}

// driverOf is which engine a process is, as its operator or its probe says, or
// else its command line.
func driverOf(e *sluice.Engine) *driver.Driver {
	if d := driver.Of(e); d.Name != driver.GenericName {
		return d
	}
	return driver.OfCommand(e.Process.Command)
}

// Check reports why an engine can not be started as it is defined, before
// anything of this machine is looked at. Errors: CodeInvalid, with Param.
func Check(e *sluice.Engine) error {
	invalid := func(param, format string, args ...any) error {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
	}
	p := e.Process
	if p == nil || len(p.Command) == 0 || p.Command[0] == "" {
		return invalid("command", "An engine that is a process needs a command: the program and its arguments, each a text of its own.")
	}
	d := driverOf(e)
	said := slices.ContainsFunc(append(slices.Collect(maps.Values(p.Env)), p.Command...), func(s string) bool { return strings.Contains(s, sluice.PortVariable) })
	switch {
	case d.AttachOnly:
		return invalid("command", "%s is attached by URL, and not started by Sluice: its makers do not maintain it any more.", d.Title)
	case p.Port < 0 || p.Port > 65535:
		return invalid("port", "%d is no port.", p.Port)
	case p.Port == 0 && !said && !d.TakesPort():
		return invalid("command", "How does it learn its port? Put %s where it belongs in its command or its environment, or give the port that it listens on.", sluice.PortVariable)
	case p.Folder != "" && !filepath.IsAbs(p.Folder):
		return invalid("folder", "The folder %q is no absolute path.", p.Folder)
	case p.Ready != "" && !strings.HasPrefix(p.Ready, "/"):
		return invalid("ready", "The path %q does not begin with a slash.", p.Ready)
	case p.Idle == sluice.IdleSleep && p.IdleAfter == 0:
		return invalid("idle", "It sleeps when it is idle: after how long? Give idle_after.")
	case p.Idle == sluice.IdleSleep && (d.Sleep.Sleep.Path == "" || d.Sleep.Wake.Path == ""):
		return invalid("idle", "%s cannot be sent to sleep: leave out idle, and it is stopped.", d.Title)
	case p.Memory < 0 || p.Disk < 0 || p.IdleAfter < 0 || p.StartTimeout < 0 || p.StopTimeout < 0:
		return invalid("process", "A size or a time is negative.")
	}
	for name := range p.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return invalid("env", "%q is no name of a variable.", name)
		}
	}
	for _, f := range p.Files {
		if !filepath.IsAbs(f) {
			return invalid("files", "The file %q is no absolute path.", f)
		}
	}
	return nil
}

// programOf makes the command line and environment of an engine on a port. inherited
// is the server's environment, and scan finds the machine's cards.
func programOf(ctx context.Context, e *sluice.Engine, port int, inherited []string, scan func(context.Context) *chip.Report) (*program, error) {
	if err := Check(e); err != nil {
		return nil, err
	}
	def := e.Process
	d := driverOf(e)
	number := strconv.Itoa(port)
	c := d.Complete(def.Command, def.Env, number, def.Idle == sluice.IdleSleep)
	p := &program{
		engine: e.ID, argv: c.Argv, folder: def.Folder, port: port, driver: d, health: d.Health, added: c.Added,
		memory: def.Memory, disk: cmp.Or(def.Disk, leastDisk),
	}
	if def.Ready != "" {
		p.health = []string{def.Ready}
	}
	vars := slices.DeleteFunc(slices.Clone(inherited), func(v string) bool { return strings.HasPrefix(v, "SLUICE_") })
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		vars = append(vars, name+"="+c.Env[name])
	}
	if def.Cards != "" {
		if err := p.place(scan(ctx), def.Cards); err != nil {
			return nil, err
		}
		l, err := p.launch()
		if err != nil {
			return nil, fmt.Errorf("giving it the cards %s: %w", def.Cards, err)
		}
		vars = append(vars, l.Env...)
		p.argv = append(p.argv, missing(p.argv, l.Flags)...)
		p.added = append(append(p.added, missing(c.Argv, l.Flags)...), l.Env...)
	}
	put := strings.NewReplacer(sluice.PortVariable, number)
	for i := range p.argv {
		p.argv[i] = put.Replace(p.argv[i])
	}
	for i := range vars {
		vars[i] = put.Replace(vars[i])
	}
	p.env = vars
	return p, p.measure(def.Files)
}

// place chooses the cards, as "0,1" or "ascend:0,1".
func (p *program) place(r *chip.Report, cards string) error {
	vendor, numbers, named := strings.Cut(cards, ":")
	if !named {
		vendor, numbers = "", cards
	}
	var err error
	if p.cards, err = r.Choose(vendor, numbers); err != nil {
		return fmt.Errorf("choosing the cards %s: %w; `sluice chips` lists what there is", cards, err)
	}
	return nil
}

// launch is what the cards' vendor wants: for the engine where that is known.
func (p *program) launch() (chip.Launch, error) {
	v, _ := chip.VendorNamed(p.cards[0].Vendor)
	name := p.driver.Name
	if _, known := v.EngineNamed(name); !known {
		name = ""
	}
	return chip.Prepare(name, p.cards, chip.Process)
}

// missing are the flags that a command line does not have.
func missing(argv, flags []string) []string {
	return slices.DeleteFunc(slices.Clone(flags), func(f string) bool { return slices.Contains(argv, f) })
}

// measure finds out how large the model is, and from that how much memory it takes.
func (p *program) measure(files []string) error {
	if len(files) == 0 {
		files = checkpoints(p.argv, p.folder)
	}
	for _, f := range files {
		size, err := sizeOf(f)
		if err != nil {
			return fmt.Errorf("looking at the model's files: %w", err)
		}
		p.bytes += size
	}
	if p.memory == 0 && len(p.cards) == 0 {
		p.memory = int64(float64(p.bytes) * memoryShare)
	}
	return nil
}

// patience is how long the program has to become ready.
func (p *program) patience(given time.Duration) time.Duration {
	switch {
	case given > 0:
		return given
	case p.bytes == 0:
		return blindStart
	}
	return baseStart + time.Duration(p.bytes/slowestRead)*time.Second
}

// checkpoints are the arguments that name a model: a GGUF file, or a folder with weights.
func checkpoints(argv []string, folder string) []string {
	var found []string
	for _, word := range argv[1:] {
		if i := strings.IndexByte(word, '='); i >= 0 && strings.HasPrefix(word, "-") {
			word = word[i+1:]
		}
		if word == "" || strings.HasPrefix(word, "-") {
			continue
		}
		if !filepath.IsAbs(word) {
			if folder == "" {
				continue
			}
			word = filepath.Join(folder, word)
		}
		if isModel(word) && !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return found
}

// isModel reports whether a path is a file or folder with weights.
func isModel(path string) bool {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return false
	case !info.IsDir():
		return filepath.Ext(path) == ".gguf"
	}
	entries, err := os.ReadDir(path)
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return slices.Contains(weights(), filepath.Ext(e.Name())) })
}

// weights are the endings of files with weights. Of a folder with the first kind
// the others are not read: checkpoints are often kept in two forms.
func weights() []string { return []string{".safetensors", ".gguf", ".bin", ".pt", ".pth"} }

// sizeOf is how many bytes of weights there are at a path. What is in a folder
// may be links, as in Hugging Face's cache.
func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.IsDir() {
		return info.Size(), nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return 0, err
	}
	sizes := map[string]int64{}
	var all int64
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(path, e.Name()))
		if err != nil || info.IsDir() {
			continue // a link to nowhere, or another form of the model
		}
		sizes[filepath.Ext(e.Name())] += info.Size()
		all += info.Size()
	}
	for _, kind := range weights() {
		if sizes[kind] > 0 {
			return sizes[kind], nil
		}
	}
	return all, nil
}

// Ports that Sluice chooses come from between the well-known ones and those that
// systems give to outgoing connections (Linux from 32768 on, others from 49152 on):
// one of the latter could take an engine's port while the engine is restarted.
const lowestPort, highestPort = 20000, 29999

// freePort finds a port on which nothing listens, and which is none of those taken.
func freePort(taken map[int]bool) (int, error) {
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !taken[port] && portFree(port) {
			return port, nil
		}
	}
	return 0, sluice.Errorf(sluice.CodeUnavailable, "No free port was found between %d and %d.", lowestPort, highestPort)
}

// portFree reports whether nothing listens on a port.
func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // it waits for nothing
	if err != nil {
		return false
	}
	return l.Close() == nil
}
