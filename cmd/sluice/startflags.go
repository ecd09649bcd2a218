package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
)

// oneAndCommand is for `engine add`, which takes a name and, behind --, a command.
func oneAndCommand(cmd *cobra.Command, args []string) error {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		if at == 1 && len(args) == 1 {
			return misused("`%s` has no command behind --", cmd.CommandPath())
		}
		args = args[:at]
	}
	return one("NAME")(cmd, args)
}

// startFlags are how an engine is started, as flags.
type startFlags struct {
	in      api.PutProcess
	env     []string
	envFrom []string
	flags   *cobra.Command
}

// register adds the flags to a command.
func (s *startFlags) register(cmd *cobra.Command) {
	s.flags = cmd
	f := cmd.Flags()
	f.StringArrayVar(&s.env, "env", nil, "variable of the command, as NAME=VALUE; may be repeated")
	f.StringArrayVar(&s.envFrom, "env-from", nil, "variable of the command that takes its value from here; may be repeated")
	f.StringVar(&s.in.Folder, "folder", "", "folder in which the command runs")
	f.IntVar(&s.in.Port, "port", 0, "port on which the command listens; a free one when absent")
	f.StringVar(&s.in.Ready, "ready", "", "path that answers 2xx once it takes requests, where that is not known")
	f.StringVar(&s.in.Cards, "cards", "", "cards that it may use, such as 0,1 or ascend:0,1; see `sluice chips`")
	f.StringArrayVar(&s.in.Files, "file", nil, "file or folder of its model, where the command does not name it; may be repeated")
	f.StringVar(&s.in.Memory, "memory", "", "main memory that it needs, such as 40GiB")
	f.StringVar(&s.in.Disk, "disk", "", "disk that it needs in its folder, such as 10GiB")
	f.StringVar(&s.in.IdleAfter, "idle-after", "", "stop it when nobody has asked for it for so long, such as 10m; the next call starts it")
	f.StringVar((*string)(&s.in.Idle), "idle", "", "what becomes of it then: stop (default) or sleep")
	f.StringVar(&s.in.StartTimeout, "start-timeout", "", "until it is ready; by the size of its model when absent")
	f.StringVar(&s.in.StopTimeout, "stop-timeout", "", "until it is killed when it is told to end; 30s when absent")
	_ = cmd.RegisterFlagCompletionFunc("idle", cobra.FixedCompletions([]string{string(sluice.IdleStop), string(sluice.IdleSleep)}, cobra.ShellCompDirectiveNoFileComp))
}

// process is the engine's process, or nil where no command is given.
func (s *startFlags) process(command []string) (*api.PutProcess, error) {
	if len(command) == 0 {
		for _, name := range []string{
			"env", "env-from", "folder", "port", "ready", "cards", "file", "memory", "disk", "idle-after", "idle", "start-timeout", "stop-timeout",
		} {
			if s.flags.Flags().Changed(name) {
				return nil, misused("--%s is of an engine that is started: its command stands behind --", name)
			}
		}
		return nil, nil
	}
	s.in.Command = command
	s.in.Env = map[string]string{}
	for _, v := range s.env {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return nil, misused("--env: %q is not NAME=VALUE", v)
		}
		s.in.Env[name] = value
	}
	for _, name := range s.envFrom {
		value, ok := os.LookupEnv(name)
		if !ok {
			return nil, misused("--env-from: the variable %s is not set", name)
		}
		s.in.Env[name] = value
	}
	return &s.in, nil
}
