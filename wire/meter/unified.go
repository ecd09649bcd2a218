package meter

import (
	"net/http"
	"strconv"
)

// unified is the common start of the headers of Anthropic's plans.
const unified = "Anthropic-Ratelimit-Unified-"

// claim is a window that Anthropic's clients know.
type claim struct {
	short, name string
	window      *Window
}

// SetUnified sets the anthropic-ratelimit-unified-* headers that Claude Code
// warns by: status, and of the five-hour and the weekly window status, utilization
// (the fraction used) and reset (seconds since 1970). Clients know no other
// lengths: the shortest window of at most a day takes the place of the first, one
// of seven days that of the second, others are not told. refused says that the
// answer is a 429 because a window is used up.
func SetUnified(h http.Header, windows []Window, refused bool) {
	claims := claimsOf(windows)
	if len(claims) == 0 {
		return
	}
	tightest := claims[0]
	for _, c := range claims {
		p := unified + c.short + "-"
		set(h, p+"Status", status(refused && c.window.Remaining == 0))
		set(h, p+"Utilization", fraction(c.window.Permille))
		if !c.window.ResetAt.IsZero() {
			set(h, p+"Reset", strconv.FormatInt(roundUp(c.window.ResetAt).Unix(), 10))
		}
		if c.window.Permille >= tightest.window.Permille {
			tightest = c // of two that are full, the longer
		}
	}
	set(h, unified+"Status", status(refused))
	set(h, unified+"Representative-Claim", tightest.name)
	if !tightest.window.ResetAt.IsZero() {
		set(h, unified+"Reset", strconv.FormatInt(roundUp(tightest.window.ResetAt).Unix(), 10))
	}
}

// claimsOf picks the windows that clients know, the shorter first.
func claimsOf(windows []Window) []claim {
	var claims []claim
	sorted := shortestFirst(windows)
	if len(sorted) > 0 && sorted[0].minutes() <= day {
		claims = append(claims, claim{"5h", "five_hour", &sorted[0]})
	}
	for i := range sorted {
		if sorted[i].minutes() == week {
			return append(claims, claim{"7d", "seven_day", &sorted[i]})
		}
	}
	return claims
}

func status(refused bool) string {
	if refused {
		return "rejected"
	}
	return "allowed"
}

// fraction writes permille as a decimal: "0.42", "1.02", "0".
func fraction(permille int64) string {
	whole, rest := permille/1000, permille%1000
	digits := []byte{'.', byte('0' + rest/100), byte('0' + rest/10%10), byte('0' + rest%10)}
	for len(digits) > 0 && (digits[len(digits)-1] == '0' || digits[len(digits)-1] == '.') {
		digits = digits[:len(digits)-1]
	}
	return strconv.FormatInt(whole, 10) + string(digits)
}

// set sets a header whose name is in canonical form.
func set(h http.Header, name, value string) { h[name] = []string{value} }
