package browser

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Languages are those that pages speak, the first one by default.
func Languages() []string { return []string{"en", "fr", "zh"} }

// Language is the one to answer in: what the address asks for (?lang=), what
// the visitor chose before, or what the browser prefers.
func (b *Browser) Language(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); slices.Contains(Languages(), l) {
		return l
	}
	if c, err := r.Cookie(cookieLanguage); err == nil && slices.Contains(Languages(), c.Value) {
		return c.Value
	}
	return preferred(r.Header.Get("Accept-Language"))
}

// KeepLanguage has the browser hold a choice of ?lang=. Scripts may read it: it
// is no secret.
func (b *Browser) KeepLanguage(w http.ResponseWriter, r *http.Request) {
	if l := r.URL.Query().Get("lang"); slices.Contains(Languages(), l) {
		http.SetCookie(w, &http.Cookie{Name: cookieLanguage, Value: l, Path: "/", MaxAge: 365 * 24 * 3600, Secure: b.Secure, SameSite: http.SameSiteLaxMode}) //nolint:gosec // no secret
	}
}

// preferred reads Accept-Language (RFC 9110, section 12.5.4).
func preferred(header string) string {
	best, weight := Languages()[0], 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if q > weight && slices.Contains(Languages(), primary) {
			best, weight = primary, q
		}
	}
	return best
}
