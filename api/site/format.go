package site

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes a whole number with its thousands apart.
func (v *view) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	between := ","
	if v.Lang == "fr" {
		between = "\u202f" // a narrow space that does not break
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteString(between)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// decimal writes a fraction's point as the language does.
func (v *view) decimal(s string) string {
	if v.Lang == "fr" {
		return strings.Replace(s, ".", ",", 1)
	}
	return s
}

// tokens writes a length in tokens, in thousands (of 1,000 or 1,024, whichever
// it is a multiple of) or millions; "" for none.
func (v *view) tokens(n int64) string {
	switch {
	case n == 0:
		return ""
	case n >= 1_000_000 && n%100_000 == 0:
		return v.decimal(strconv.FormatFloat(float64(n)/1e6, 'f', -1, 64)) + "M"
	case n >= 1<<20 && n%(1<<20) == 0:
		return strconv.FormatInt(n>>20, 10) + "M"
	case n >= 1024 && n%1024 == 0:
		return strconv.FormatInt(n/1024, 10) + "K"
	case n >= 1000 && n%1000 == 0:
		return strconv.FormatInt(n/1000, 10) + "K"
	}
	return v.number(n)
}

// large writes a large number in three digits.
func (v *view) large(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.size {
			f := float64(n) / float64(unit.size)
			digits := 2 - min(2, int(math.Log10(f)))
			return v.decimal(strconv.FormatFloat(f, 'f', digits, 64)) + "\u00a0" + unit.name
		}
	}
	return v.number(n)
}

// percent writes an availability, downwards: 100 % is said of nothing less.
func (v *view) percent(part *float64) string {
	if part == nil {
		return "–"
	}
	if *part == 1 {
		return v.percentTo(1, 0)
	}
	return v.percentTo(math.Floor(*part*10_000)/10_000, 2)
}

func (v *view) percentTo(part float64, decimals int) string {
	space := ""
	if v.Lang == "fr" {
		space = "\u202f"
	}
	return v.decimal(strconv.FormatFloat(part*100, 'f', decimals, 64)) + space + "%"
}

// day writes a day without its year.
func (v *view) day(t time.Time) string {
	switch v.Lang {
	case "fr":
		months := strings.Fields("janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.")
		return fmt.Sprintf("%d %s", t.Day(), months[t.Month()-1])
	case "zh":
		return fmt.Sprintf("%d月%d日", t.Month(), t.Day())
	}
	return t.Format("Jan 2")
}

// instant writes when something is, in UTC: today's with the time alone.
func (v *view) instant(t time.Time) string {
	t = t.UTC()
	clock := t.Format("15:04") + " UTC"
	if t.Sub(v.Now) < 24*time.Hour {
		return clock
	}
	return v.day(t) + " " + clock
}

// Day writes a day, for templates.
func (v *view) Day(t time.Time) string { return v.day(t.UTC()) }

// Clock writes when the page was written.
func (v *view) Clock() string { return v.Now.Format("15:04") + " UTC" }

// LastDay writes the last day of the rankings.
func (v *view) LastDay() string { return v.day(v.Ranked.Until.UTC().AddDate(0, 0, -1)) }
