package main

import (
	"math"
	"slices"
)

// summary is what is told of many measured values.
type summary struct {
	N        int
	P50, P99 float64
}

// summarise sorts the values in place. Percentiles are those of the nearest rank.
func summarise(values []float64) summary {
	slices.Sort(values)
	return summary{len(values), percentile(values, 0.50), percentile(values, 0.99)}
}

// percentile returns the value at the rank, 0 without values. They must be sorted.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(int(math.Ceil(p*float64(len(sorted))))-1, 0)]
}

// median is the middle value, or between the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
