package simulator

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"sluice"
)

// Readers of one setting's value each.

func text(to *string) func(string) error {
	return func(s string) error {
		if !sluice.ValidModelName(s) {
			return errors.New("not a name of 1 to 128 printable ASCII characters without spaces and quotes")
		}
		*to = s
		return nil
	}
}

func whole(to *int, least, most int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			return fmt.Errorf("not a whole number from %d to %d", least, most)
		}
		*to = n
		return nil
	}
}

func fraction(to *float64) func(string) error {
	return func(s string) error {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f >= 0.01 && f <= 1) { // less would make steps of hours; NaN is neither
			return errors.New("not a number from 0.01 to 1")
		}
		*to = f
		return nil
	}
}

func duration(to *time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 || d > time.Hour {
			return errors.New(`not a duration like "10ms", above 0 and up to 1h`)
		}
		*to = d
		return nil
	}
}
