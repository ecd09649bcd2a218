package kernel

import (
	"fmt"
	"strings"
)

// Set is an instruction set that kernels are written for.
type Set int

// The instruction sets, from the one that runs everywhere on.
const (
	Portable Set = iota // plain Go
	AVX2                // x86 with AVX2, FMA and F16C: since 2013
	AVX512              // x86 with AVX-512 and its VNNI: since 2019
	NEON                // ARMv8.2 with the dot product: since 2018
)

// String is the set's name, as ParseSet takes it.
func (s Set) String() string {
	return [...]string{"portable", "avx2", "avx512", "neon"}[s]
}

// Supported reports whether this machine has the instruction set.
func (s Set) Supported() bool { return s == Portable || supported(s) }

// Best is the fastest instruction set of this machine.
func Best() Set {
	for _, s := range []Set{AVX512, AVX2, NEON} {
		if supported(s) {
			return s
		}
	}
	return Portable
}

// ParseSet returns the set of that name, or the best one for "". It fails on a
// name it does not know, and on a set that this machine lacks.
func ParseSet(name string) (Set, error) {
	if name == "" {
		return Best(), nil
	}
	var names []string
	for s := Portable; s <= NEON; s++ {
		switch {
		case s.String() == name && s.Supported():
			return s, nil
		case s.String() == name:
			return 0, fmt.Errorf("this machine lacks the instruction set %q; it has %q", name, Best())
		}
		names = append(names, s.String())
	}
	return 0, fmt.Errorf("there is no instruction set %q, only %s", name, strings.Join(names, ", "))
}
