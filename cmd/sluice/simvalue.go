package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/fleet/sim"
)

// values are what chips, power and tokens are worth. What a simulation costs is
// no booking: floats will do.
type values struct {
	rents    []string
	rent     map[string]float64 // of a chip for an hour, by its name; "" is any other
	input    float64
	cached   float64
	output   float64
	power    float64
	overhead float64
}

func (v *values) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&v.rents, "rent", nil, "price of a chip for an hour: of any, such as 2.5, or of one, such as h20=1.2 (repeatable)")
	f.Float64Var(&v.input, "price-input", 0, "price of a million tokens of input")
	f.Float64Var(&v.cached, "price-cached", 0, "price of a million tokens of cached input")
	f.Float64Var(&v.output, "price-output", 0, "price of a million tokens of output")
	f.Float64Var(&v.power, "price-power", 0, "price of a kWh, where it is not in the rent")
	f.Float64Var(&v.overhead, "overhead", 0, "what is drawn beside the chips, in percent of what they draw")
}

// parse reads the rents.
func (v *values) parse() error {
	v.rent = map[string]float64{}
	for _, text := range v.rents {
		chip, price, named := strings.Cut(text, "=")
		if !named {
			chip, price = "", text
		}
		n, err := strconv.ParseFloat(price, 64)
		if err != nil || !(n >= 0) {
			return misused("--rent %q is neither a price nor CHIP=PRICE", text)
		}
		v.rent[chip] = n
	}
	return nil
}

// rentOf is the price of a chip for an hour.
func (v *values) rentOf(chip string) float64 {
	if own, ok := v.rent[chip]; ok {
		return own
	}
	return v.rent[""]
}

// kWh is what is drawn with what is beside the chips.
func (v *values) kWh(r *sim.Result) float64 { return r.KWh * (1 + v.overhead/100) }

// cost is what the chips and their power cost; the fleet says of which kinds the
// result's chip-hours are.
func (v *values) cost(fleet []sim.Group, r *sim.Result) float64 {
	all, weighed := 0.0, 0.0
	for _, g := range fleet {
		n := float64(g.Engines * g.Chips)
		all, weighed = all+n, weighed+n*v.rentOf(g.Chip.Name)
	}
	return r.ChipHours*weighed/all + v.kWh(r)*v.power
}

// income is what the tokens bring.
func (v *values) income(r *sim.Result) float64 {
	const million = 1e6
	return (float64(r.Prompt-r.Cached)*v.input + float64(r.Cached)*v.cached + float64(r.Output)*v.output) / million
}
