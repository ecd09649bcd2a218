package driver

import (
	"maps"
	"path"
	"slices"
	"strings"

	"sluice"
)

// headWords is how far into a command line its program may stand, behind
// such as "python3 -m" or "uv run".
const headWords = 5

// OfCommand returns the driver of the engine that a command line starts; the
// generic one when that cannot be told.
func OfCommand(argv []string) *Driver {
	head := argv[:min(len(argv), headWords)]
	for _, d := range All() {
		if slices.ContainsFunc(head, func(word string) bool { return slices.Contains(d.Programs, path.Base(word)) }) {
			return d
		}
	}
	return Find(GenericName)
}

// Completion is a command line with what it needs so that its counts are
// exact, its load is seen, and this machine alone reaches it.
type Completion struct {
	Argv  []string
	Env   map[string]string
	Added []string // flags, and NAME=value of the environment
}

// Complete adds to an engine's command line and environment, which are left as
// they are, what its driver knows that it is to be started with, where they do not
// say otherwise: flags for exact counts and metrics, with sleep those to sleep, the
// address of this machine alone, and the port.
func (d *Driver) Complete(argv []string, env map[string]string, port string, sleep bool) Completion {
	c := Completion{Argv: slices.Clone(argv), Env: maps.Clone(env)}
	if c.Env == nil {
		c.Env = map[string]string{}
	}
	placed := mentions(argv, env, sluice.PortVariable)
	flags, vars := d.billed()
	c.args(flags...)
	for _, v := range vars {
		c.variable(v)
	}
	if sleep {
		for _, f := range d.Sleep.Flags {
			if strings.HasPrefix(f, "-") {
				c.args(f)
			} else {
				c.variable(f)
			}
		}
	}
	if d.Launch.Host != "" {
		c.args(d.Launch.Host, "127.0.0.1")
	}
	if d.Launch.Port != "" && !placed {
		c.args(d.Launch.Port, port)
	}
	if d.Launch.Listen != "" && !placed {
		c.variable(d.Launch.Listen + "=127.0.0.1:" + port)
	}
	return c
}

// TakesPort reports whether the engine can be told its port by what Complete adds.
func (d *Driver) TakesPort() bool { return d.Launch.Port != "" || d.Launch.Listen != "" }

// mentions reports whether a command line or an environment holds a text.
func mentions(argv []string, env map[string]string, text string) bool {
	for _, v := range env {
		if strings.Contains(v, text) {
			return true
		}
	}
	return slices.ContainsFunc(argv, func(word string) bool { return strings.Contains(word, text) })
}

// args adds flags, each with the values behind it, that the command line does not have.
func (c *Completion) args(words ...string) {
	for len(words) > 0 {
		end := 1
		for end < len(words) && !strings.HasPrefix(words[end], "-") {
			end++
		}
		if !says(c.Argv, words[0]) {
			c.Argv = append(c.Argv, words[:end]...)
			c.Added = append(c.Added, strings.Join(words[:end], " "))
		}
		words = words[end:]
	}
}

// variable adds NAME=value, unless the environment has the name.
func (c *Completion) variable(assignment string) {
	name, value, _ := strings.Cut(assignment, "=")
	if _, said := c.Env[name]; said {
		return
	}
	c.Env[name] = value
	c.Added = append(c.Added, assignment)
}

// says reports whether a command line has a flag, with a value or without, or
// its opposite. Python's parsers take _ for - in names.
func says(argv []string, flag string) bool {
	bare := strings.TrimLeft(flag, "-")
	return slices.ContainsFunc(argv, func(word string) bool {
		if !strings.HasPrefix(word, "-") {
			return false
		}
		name, _, _ := strings.Cut(word, "=")
		name = strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-")
		return name == bare || name == "no-"+bare
	})
}
