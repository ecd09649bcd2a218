package driver

import (
	"strconv"
	"strings"

	"sluice"
)

// Launch is how an engine is started to serve one model, in the words of its
// own command line. The zero Launch is of an engine that takes more than flags.
type Launch struct {
	Program   []string // "vllm", "serve"
	Contained string   // the program in its makers' image, where that is not on its path

	// Flags before a value each. An empty Model is an argument without a flag; other
	// empty ones are what it cannot be told.
	Model, Served, Host, Port string
	Listen                    string // variable that says where it listens, as HOST:PORT, where no flag does
	Split                     string // how many chips a copy of the model is split over
	Stages                    string // how many nodes hold its layers one after the other; empty: Split is over all nodes

	// Group is added where several nodes serve one copy, and Follow on all but the
	// first. Both may name the variables of a LeaderWorkerSet, as $(LWS_GROUP_SIZE).
	Group, Follow []string
}

// Start is what an engine is started with.
type Start struct {
	Model  string // path, or name that the engine downloads
	Served string // what it calls the model
	Port   int
	Chips  int // of a node
	Nodes  int // that serve one copy together; 0 is 1
	Args   []string

	Contained bool // it runs in its makers' image
}

// Command returns the command line that starts an engine with what makes its
// counts billable, and the variables (NAME=value) that it needs. follow is the
// command of the nodes that help the first; nil where there are none. Errors:
// CodeInvalid for an engine that is not started by flags, or cannot
// spread over nodes.
func (d *Driver) Command(s Start) (lead, follow, env []string, err error) {
	l := &d.Launch
	if len(l.Program) == 0 {
		return nil, nil, nil, sluice.Errorf(sluice.CodeInvalid, "How %s is started is not known: give its command.", d.Title)
	}
	if s.Nodes > 1 && l.Group == nil {
		return nil, nil, nil, sluice.Errorf(sluice.CodeInvalid, "%s does not spread a model over several nodes.", d.Title)
	}
	argv := append([]string{}, l.Program...)
	if s.Contained && l.Contained != "" {
		argv[0] = l.Contained
	}
	flag := func(name, value string) {
		if name != "" {
			argv = append(argv, name, value)
		}
	}
	if l.Model == "" {
		argv = append(argv, s.Model)
	}
	flag(l.Model, s.Model)
	flag(l.Served, s.Served)
	flag(l.Host, "0.0.0.0")
	flag(l.Port, strconv.Itoa(s.Port))
	nodes := max(s.Nodes, 1)
	split := s.Chips
	if l.Stages == "" {
		split *= nodes
	}
	if split > 1 {
		flag(l.Split, strconv.Itoa(split))
	}
	more, env := d.billed()
	argv = append(argv, more...)
	if nodes > 1 {
		flag(l.Stages, strconv.Itoa(nodes))
		argv = append(argv, l.Group...)
		follow = append(append(append([]string{}, argv...), l.Follow...), s.Args...)
	}
	return append(argv, s.Args...), follow, env, nil
}

// billed returns the flags and variables that it is to be started with and that
// are the same for each model; those with a value that depends on it end in … .
// Others stand in files of the engine's.
func (d *Driver) billed() (args, env []string) {
	for _, f := range d.Flags {
		switch {
		case strings.Contains(f.Flag, "…"):
		case strings.HasPrefix(f.Flag, "-"):
			args = append(args, strings.Fields(f.Flag)...)
		case isAssignment(f.Flag):
			env = append(env, f.Flag)
		}
	}
	return args, env
}

// isAssignment reports whether a text is NAME=value of an environment.
func isAssignment(text string) bool {
	name, _, ok := strings.Cut(text, "=")
	return ok && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}
