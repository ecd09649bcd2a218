// Package browser is what the API and the pages have to do with browsers:
// cookies, the headers that keep pages safe, and where a request comes from.
package browser

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sluice/product/account"
)

// HeaderCSRF must be in every request that changes something and is known by
// its cookie, with any value. A page of another origin cannot send it without
// asking first (Fetch, CORS preflight), which is refused.
const HeaderCSRF = "Sluice-Csrf"

// HeaderOrganisation names, by its id, the organisation that a signed-in user
// acts for, or AsOperator.
const HeaderOrganisation = "Sluice-Organisation"

// AsOperator is the value of HeaderOrganisation for acting in the operator's role.
const AsOperator = "operator"

// The cookies, as they are called over HTTPS; over HTTP, without the prefix,
// which browsers then refuse. See RFC 6265bis, section 4.1.3.2.
const (
	hostPrefix     = "__Host-"
	cookieSession  = "sluice"
	cookiePending  = "sluice-step"   // between the steps of signing in
	cookieDevice   = "sluice-device" // has signed in before
	cookieLanguage = "sluice-language"
)

// Browser knows how browsers reach this server.
type Browser struct {
	Secure  bool           // over HTTPS
	Proxies []netip.Prefix // whose X-Forwarded-For is believed
}

// New returns a Browser for a server at a URL.
func New(url string, proxies []netip.Prefix) *Browser {
	return &Browser{Secure: strings.HasPrefix(url, "https://"), Proxies: proxies}
}

func (b *Browser) name(cookie string) string {
	if b.Secure {
		return hostPrefix + cookie
	}
	return cookie
}

func (b *Browser) get(r *http.Request, cookie string) string {
	all := r.CookiesNamed(b.name(cookie))
	if len(all) != 1 { // of two, one may be planted from a subdomain: neither counts
		return ""
	}
	return all[0].Value
}

func (b *Browser) set(w http.ResponseWriter, cookie, value string, life time.Duration) {
	c := &http.Cookie{Name: b.name(cookie), Value: value, Path: "/", MaxAge: int(life / time.Second), HttpOnly: true, Secure: b.Secure, SameSite: http.SameSiteLaxMode} //nolint:gosec // Secure is false only where the server is reached over plain HTTP
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// Session returns the session's token that a request carries, or "".
func (b *Browser) Session(r *http.Request) string { return b.get(r, cookieSession) }

// SetSession has the browser hold a session's token until it expires.
func (b *Browser) SetSession(w http.ResponseWriter, token string, left time.Duration) {
	b.set(w, cookieSession, token, left)
}

// EndSession has the browser forget the session.
func (b *Browser) EndSession(w http.ResponseWriter) { b.set(w, cookieSession, "", 0) }

// Pending returns what a browser holds between two steps of signing in, or "".
func (b *Browser) Pending(r *http.Request) string { return b.get(r, cookiePending) }

// SetPending has the browser hold a sealed value until the next step; "" ends it.
func (b *Browser) SetPending(w http.ResponseWriter, sealed string) {
	b.set(w, cookiePending, sealed, 15*time.Minute)
}

// Device returns what a browser holds that has signed in before, or "".
func (b *Browser) Device(r *http.Request) string { return b.get(r, cookieDevice) }

// SetDevice has the browser hold that it has signed in.
func (b *Browser) SetDevice(w http.ResponseWriter, sealed string) {
	b.set(w, cookieDevice, sealed, 365*24*time.Hour)
}

// From says where a request comes from: the peer, or whom a configured proxy
// says that it speaks for.
func (b *Browser) From(r *http.Request) account.From {
	return account.From{Address: b.address(r), Agent: r.UserAgent()}
}

func (b *Browser) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "local" // a Unix socket has no address
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	// Each proxy appends whom it heard from; the last one that is no proxy of ours
	// is the client. What stands before it anybody may have written.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !b.trusts(peer) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		peer = next
	}
	return peer.Unmap().String()
}

func (b *Browser) trusts(peer netip.Addr) bool {
	peer = peer.Unmap()
	return slices.ContainsFunc(b.Proxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// Guard refuses requests that change something and come from a page of
// another origin, by Sec-Fetch-Site or Origin; deny answers them.
func Guard(next, deny http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(deny)
	return cross.Handler(next)
}

// Protect sets the headers of a page: no script or style but this server's own
// files, none inline; nothing from elsewhere; no other site may frame it, learn
// its address, or keep hold of its window.
func Protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; "+
		"connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // addresses hold tokens
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers without frame-ancestors
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), payment=(), usb=()")
}
