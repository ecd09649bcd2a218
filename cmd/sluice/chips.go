package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/fleet/chip"
)

// chipsOptions are the flags of `sluice chips`.
type chipsOptions struct {
	look      chip.Options
	inventory bool
	env       string
	vendor    string
	engine    string
	container bool
}

func (c *cli) chipsCommand() *cobra.Command {
	o := chipsOptions{}
	cmd := &cobra.Command{
		Use: "chips", Short: "List the accelerators of this machine: memory, use, power, health", Args: none,
		Long: "Looks at the PCI bus, which needs no driver, and asks the tool of each vendor whose cards are there. It needs no\n" +
			"server; with --server it lists the cards of that server's machine. What nobody tells is shown as a dash, never as\n" +
			"zero; power is measured or unknown, never estimated.\n" +
			"With --env it prints the environment variables that give an engine the chosen cards and no others.",
		Example: "  sluice chips\n  sluice chips --inventory --json\n  sluice chips --env 0,1\n  sluice chips --env 4 --vendor ascend --container",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.look.Usage = !o.inventory && o.env == ""
			report, err := c.lookForChips(cmd, o.look)
			if err != nil {
				return err
			}
			if o.env != "" {
				return c.showChipEnvironment(report, &o)
			}
			return c.showChips(report)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.inventory, "inventory", false, "leave out what has to be measured: use, temperature, power drawn")
	f.StringVar(&o.env, "env", "", "print the variables for these cards: 0,1")
	f.StringVar(&o.vendor, "vendor", "", "of the cards of --env, where there are several vendors'")
	f.StringVar(&o.engine, "engine", "", "with --env: add what this engine wants on the vendor's cards, such as vllm")
	f.BoolVar(&o.container, "container", false, "with --env: for a container rather than a process")
	f.StringVar(&o.look.Sysfs, "sysfs", "/sys", "where sysfs is mounted")
	f.StringVar(&o.look.Path, "path", "", "where alone the vendors' tools are looked for; otherwise in $PATH and in their own folders")
	f.DurationVar(&o.look.Timeout, "timeout", 10*time.Second, "how long a vendor's tool may take")
	return cmd
}

// lookForChips looks at this machine or, with --server, asks what is in another.
func (c *cli) lookForChips(cmd *cobra.Command, look chip.Options) (*chip.Report, error) {
	if !cmd.Root().PersistentFlags().Changed("server") {
		return chip.Scan(cmd.Context(), look), nil
	}
	cl, err := c.client()
	if err != nil {
		return nil, err
	}
	found, err := cl.Chips(cmd.Context())
	return &found.Report, err
}

// showChipEnvironment prints one variable on a line, for `env` and for --env-file.
func (c *cli) showChipEnvironment(report *chip.Report, o *chipsOptions) error {
	cards, err := report.Choose(o.vendor, o.env)
	if err != nil {
		return fmt.Errorf("--env %s: %w; `sluice chips` lists them", o.env, err)
	}
	where := chip.Process
	if o.container {
		where = chip.Container
	}
	launch, err := chip.Prepare(o.engine, cards, where)
	if err != nil {
		return fmt.Errorf("--env %s: %w", o.env, err)
	}
	env := launch.Env
	if !c.json { // what a person is told besides must not get into a file of variables
		for _, told := range []struct {
			what  string
			words []string
		}{{"give the engine the flags: ", launch.Flags}, {"on several machines set also: ", launch.Nodes}} {
			if len(told.words) > 0 {
				_, _ = fmt.Fprintln(c.err, told.what+strings.Join(told.words, " "))
			}
		}
	}
	return c.show(launch, func(w io.Writer) { row(w, strings.Join(env, "\n")) })
}

// showChips prints the cards, and what is wrong or to be known of them below.
func (c *cli) showChips(report *chip.Report) error {
	if !c.json && len(report.Cards) == 0 {
		return c.showNoChips(report)
	}
	err := c.show(report, func(w io.Writer) {
		row(w, "VENDOR", "CARD", "NAME", "CHIP", "MEMORY", "IN USE", "BUSY", "TEMP", "POWER", "LIMIT", "PCI", "NUMA", "HEALTH")
		for _, card := range report.Cards {
			showChip(w, card)
		}
	})
	if err != nil || c.json {
		return err
	}
	for _, card := range report.Cards {
		for _, p := range card.Problems {
			_, _ = fmt.Fprintf(c.out, "%s: problem: %s\n", chipTitle(card), p)
		}
		for _, n := range card.Notes {
			_, _ = fmt.Fprintf(c.out, "%s: %s\n", chipTitle(card), n)
		}
	}
	for _, t := range report.Tools {
		if t.Error != "" {
			_, _ = fmt.Fprintf(c.err, "%s: %s\n", t.Name, t.Error)
		}
	}
	return nil
}

// showChip prints the row of a card.
func showChip(w io.Writer, card chip.Card) {
	use := card.Usage
	if use == nil {
		use = &chip.Usage{}
	}
	var memory *int64
	if card.Memory > 0 {
		memory = &card.Memory
	}
	number, numa := "-", "-"
	if card.Index >= 0 {
		number = strconv.Itoa(card.Index)
	}
	if card.NUMA >= 0 {
		numa = strconv.Itoa(card.NUMA)
	}
	row(w, dash(card.Vendor), number, dash(card.Name), dash(card.Chip), gibibytes(memory), gibibytes(use.Memory),
		figureOf(use.Percent, "%"), figureOf(use.Temperature, "°C"), figureOf(card.Power.Draw, " W"), figureOf(card.Power.Limit, " W"),
		dash(card.PCI), numa, card.Health)
}

// showNoChips says that there are none, and where was looked.
func (c *cli) showNoChips(report *chip.Report) error {
	_, err := fmt.Fprintf(c.out, "no accelerator found\n\nlooked at:\n  %s: %d PCI devices, %d of them for displays only", report.Bus.Path, report.Bus.Devices, report.Bus.Displays)
	if report.Bus.Error != "" {
		_, _ = fmt.Fprintf(c.out, " (%s)", report.Bus.Error)
	}
	_, _ = fmt.Fprintln(c.out)
	for _, t := range report.Tools {
		said := "not installed"
		switch {
		case t.Error != "":
			said = t.Error
		case len(t.Asked) > 0:
			said = "tells of no card"
		}
		_, _ = fmt.Fprintf(c.out, "  %s: %s\n", t.Name, said)
	}
	return err
}

// chipTitle names a card in a sentence.
func chipTitle(card chip.Card) string {
	if card.Index >= 0 {
		return fmt.Sprintf("%s %d", card.Vendor, card.Index)
	}
	return strings.TrimSpace(card.Vendor + " " + card.PCI)
}

// dash writes a text for a table, where none says nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// figureOf writes a figure for a table.
func figureOf(v *float64, unit string) string {
	if v == nil {
		return "-"
	}
	return strconv.FormatFloat(math.Round(*v*10)/10, 'f', -1, 64) + unit
}

// gibibytes writes an amount of memory for a table.
func gibibytes(bytes *int64) string {
	if bytes == nil {
		return "-"
	}
	return strconv.FormatFloat(float64(*bytes)/(1<<30), 'f', 1, 64) + " GiB"
}
