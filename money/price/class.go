package price

import (
	"sluice"
)

// What is counted and priced besides the token classes, numbered on from them.
const (
	ClassCacheWriteHour = sluice.Class(sluice.NumClasses) + iota // prompt tokens written to a cache that keeps them for an hour, not for minutes
	ClassCacheStorage                                            // tokens kept in a cache, times the hours begun
	ClassCharacter                                               // characters of text: speech, translation
	ClassMegapixel                                               // pixels; the price is written per million of them
	ClassImage                                                   // images
	ClassSecond                                                  // seconds of audio begun
	ClassVideoSecond                                             // seconds of video begun
	ClassSearch                                                  // web searches made for a call
	ClassCall                                                    // calls: a fee for each
	ClassMinimum                                                 // what a call costs at least

	// NumClasses is the number of all classes.
	NumClasses = sluice.NumClasses + iota
)

// Counts says how much was used of each class. Counts are never negative.
// That of ClassMinimum is not looked at.
type Counts [NumClasses]int64

// Tokens returns the counts of a usage of tokens alone.
func Tokens(u sluice.Usage) Counts {
	var c Counts
	copy(c[:], u[:])
	return c
}

// Prompt is the length of the whole prompt in tokens.
func (c *Counts) Prompt() int64 {
	return c[sluice.ClassInput] + c[sluice.ClassCached] + c[sluice.ClassCacheWrite] + c[ClassCacheWriteHour]
}

// Completion is the number of generated tokens, reasoning included.
func (c *Counts) Completion() int64 { return c[sluice.ClassOutput] + c[sluice.ClassReasoning] }

// ClassName returns the name of a class as lists of prices spell it.
func ClassName(c sluice.Class) string {
	switch c {
	case ClassCacheWriteHour:
		return "cache_write_1h"
	case ClassCacheStorage:
		return "cache_storage"
	case ClassCharacter:
		return "character"
	case ClassMegapixel:
		return "megapixel"
	case ClassImage:
		return "image"
	case ClassSecond:
		return "second"
	case ClassVideoSecond:
		return "video_second"
	case ClassSearch:
		return "search"
	case ClassCall:
		return "call"
	case ClassMinimum:
		return "minimum"
	default:
		return c.String()
	}
}

// ParseClass is the inverse of ClassName. Errors: CodeInvalid.
func ParseClass(s string) (sluice.Class, error) {
	for c := range sluice.Class(NumClasses) {
		if ClassName(c) == s {
			return c, nil
		}
	}
	return 0, sluice.Errorf(sluice.CodeInvalid, "%q is nothing that has a price", s)
}

// IsToken reports whether the class counts tokens of a call.
func IsToken(c sluice.Class) bool { return int(c) < sluice.NumClasses || c == ClassCacheWriteHour }

// perMillion reports whether prices of the class are written for a million units.
func perMillion(c sluice.Class) bool {
	return IsToken(c) || c == ClassCacheStorage || c == ClassCharacter || c == ClassMegapixel
}

// Unit names what a written price of the class is for.
func Unit(c sluice.Class) string {
	switch {
	case IsToken(c):
		return "1M tokens"
	case c == ClassCacheStorage:
		return "1M tokens and hour"
	case c == ClassCharacter:
		return "1M characters"
	case c == ClassSecond:
		return "second of audio"
	case c == ClassVideoSecond:
		return "second of video"
	case c == ClassMinimum:
		return "call"
	}
	return ClassName(c)
}

// Parse reads a price of the class as lists write it: of tokens, cache storage,
// characters and pixels for a million, with at most six decimals; of all else
// for one, with at most twelve. It returns pico per unit. Errors: CodeInvalid.
func Parse(c sluice.Class, s string) (sluice.Pico, error) {
	if perMillion(c) {
		return sluice.ParsePrice(s)
	}
	a, err := sluice.ParseAmount(s)
	if err != nil {
		return 0, err
	}
	p, ok := a.Pico()
	if !ok || p < 0 {
		return 0, sluice.Errorf(sluice.CodeInvalid, "price %q per %s is negative or more than 9 million", s, Unit(c))
	}
	return p, nil
}

// Format writes a price as Parse reads it.
func Format(c sluice.Class, p sluice.Pico) string {
	if perMillion(c) {
		return sluice.FormatPrice(p)
	}
	return p.Amount().String()
}
