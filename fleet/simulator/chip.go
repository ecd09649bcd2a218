package simulator

import "slices"

// Chip is an accelerator as its data sheet has it.
type Chip struct {
	Name      string  // as the configuration spells it
	Title     string  // as its maker does
	Memory    float64 // bytes
	Bandwidth float64 // of the memory, bytes per second
	FLOPS     float64 // dense operations per second in 8 bits (FP8, or INT8 where there is none)
	Watts     float64 // board power at its limit
	Source    string  // where the figures are from
}

// Chips returns the chips that can be simulated, in a new slice.
func Chips() []Chip {
	const (
		gb    = 1e9
		tb    = 1e12
		tera  = 1e12
		cloud = "SemiAnalysis' estimates of CloudMatrix384; INT8 taken as twice BF16; 559 kW over 384 chips, all included"
	)
	return []Chip{
		{"h100", "NVIDIA H100 SXM", 80 * gb, 3.35 * tb, 1978 * tera, 700, "aiconfigurator"},
		{"h200", "NVIDIA H200 SXM", 141 * gb, 4.8 * tb, 1978 * tera, 700, "aiconfigurator"},
		{"h800", "NVIDIA H800", 80 * gb, 3.35 * tb, 1979 * tera, 700, "DeepSeek's open-infra-index; memory and power as H100"},
		{"h20", "NVIDIA H20", 96 * gb, 4.0 * tb, 296 * tera, 400, "specification pages"},
		{"b200", "NVIDIA B200", 180 * gb, 7.7 * tb, 4500 * tera, 1000, "aiconfigurator"},
		{"mi300x", "AMD Instinct MI300X", 192 * gb, 5.3 * tb, 2615 * tera, 750, "AMD's data sheet"},
		{"ascend-910c", "Huawei Ascend 910C", 128 * gb, 3.2 * tb, 1504 * tera, 1456, cloud},
		{"ascend-910b2", "Huawei Ascend 910B2", 64 * gb, 1.6 * tb, 752 * tera, 350, "half a 910C, since published figures contradict each other (0.4 to 1.6 TB/s)"},
	}
}

// ChipNamed returns the chip with the name; ok is false when there is none.
func ChipNamed(name string) (chip Chip, ok bool) {
	chips := Chips()
	i := slices.IndexFunc(chips, func(c Chip) bool { return c.Name == name })
	if i < 0 {
		return Chip{}, false
	}
	return chips[i], true
}
