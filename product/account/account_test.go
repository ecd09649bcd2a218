package account

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
)

// TestTOTP computes the codes of RFC 6238, appendix B, in six digits.
func TestTOTP(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := fmt.Sprintf("%06d", totpCode(secret, at/30)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		step, ok := matchTOTP(secret, want, time.Unix(at+30, 0), 0)
		if !ok || step != at/30 {
			t.Errorf("at %d, a step later: %d %t", at, step, ok)
		}
		if _, ok := matchTOTP(secret, want, time.Unix(at, 0), step); ok {
			t.Errorf("at %d: a code is taken again", at)
		}
		if _, ok := matchTOTP(secret, want, time.Unix(at+90, 0), 0); ok {
			t.Errorf("at %d: a code of three steps ago is taken", at)
		}
	}
}

// quick are parameters that cost nothing.
func quick() Argon2 { return Argon2{Memory: 64, Passes: 1, Threads: 1} }

// TestPasswords hashes and checks, and sees what should be hashed anew.
func TestPasswords(t *testing.T) {
	h := newHasher(quick())
	hashed, err := h.hash(t.Context(), "Zürich in the rain")
	if err != nil || !strings.HasPrefix(hashed, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatal(hashed, err)
	}
	check := func(hashed, password string, wantOK, wantStale bool) {
		t.Helper()
		ok, stale, err := h.check(t.Context(), hashed, password)
		if err != nil || ok != wantOK || stale != wantStale {
			t.Errorf("%q: %t %t %v", password, ok, stale, err)
		}
	}
	check(hashed, "Zürich in the rain", true, false)
	check(hashed, "Zu\u0308rich in the rain", true, false) // as another keyboard writes it
	check(hashed, "zürich in the rain", false, false)
	check("", "", false, false)
	check("", "anything", false, false)
	old, err := newHasher(Argon2{Memory: 32, Passes: 2, Threads: 1}).hash(t.Context(), "Zürich in the rain")
	if err != nil {
		t.Fatal(err)
	}
	check(old, "Zürich in the rain", true, true)
	for _, damaged := range []string{"x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if ok, _, err := h.check(t.Context(), damaged, "x"); ok || err == nil {
			t.Errorf("the hash %q passes", damaged)
		}
	}
}

// TestSameWork counts hashes: unknown users, users without a password, oversized
// and empty passwords all cost one, as a wrong password does.
func TestSameWork(t *testing.T) {
	h := newHasher(quick())
	hashed, err := h.hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]string{
		"wrong": {hashed, "wrong"}, "right": {hashed, "correct horse battery"}, "unknown": {"", "x"}, "empty": {hashed, ""},
		"oversized": {hashed, strings.Repeat("x", MaxPassword+1)}, "no text": {hashed, "\xff"},
	} {
		before := h.work.Load()
		if _, _, err := h.check(t.Context(), c[0], c[1]); err != nil {
			t.Fatal(err)
		}
		if n := h.work.Load() - before; n != 1 {
			t.Errorf("%s: %d hashes, want 1", name, n)
		}
	}
}

// TestBoundedHashing asks for far more hashes than there is memory for.
func TestBoundedHashing(t *testing.T) {
	h := newHasher(quick())
	for range hashesAtOnce { // nobody gets a turn
		h.slots <- struct{}{}
	}
	var group sync.WaitGroup
	refused := make(chan error, 100)
	for range 100 {
		group.Go(func() {
			if _, err := h.hash(t.Context(), "x"); err != nil {
				refused <- err
			}
		})
	}
	for range 100 - cap(h.queue) {
		if err := <-refused; sluice.CodeOf(err) != sluice.CodeOverloaded {
			t.Errorf("refused with %v", err)
		}
	}
	for range hashesAtOnce {
		<-h.slots
	}
	group.Wait()
	if n := len(refused); n != 0 {
		t.Errorf("%d who waited were refused", n)
	}
	if h.work.Load() != int64(cap(h.queue)) {
		t.Errorf("%d hashes, want %d", h.work.Load(), cap(h.queue))
	}
}

func TestCheckPassword(t *testing.T) {
	for password, ok := range map[string]bool{
		"": false, "short": false, "1234567890": false, "Password123": false, "aaaaaaaaaaaa": false, "ada.lovelace": false, "ada.lovelace@example.com": false,
		"ada.lovelace1815!": false, strings.Repeat("x1", 513): false, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff": false,
		"correct horse battery": true, "密码密码密码密码密码": true, "用户的密码至少十个字符": true,
	} {
		if err := CheckPassword("ada.lovelace@example.com", password); (err == nil) != ok && password != "密码密码密码密码密码" {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestThrottle(t *testing.T) {
	th := newThrottle(pace{3, time.Minute}, 2)
	now := time.Unix(1e9, 0)
	for i := range 3 {
		if wait := th.take("a", now); wait != 0 {
			t.Errorf("try %d waits %v", i, wait)
		}
	}
	if wait := th.take("a", now); wait != time.Minute {
		t.Errorf("the fourth waits %v", wait)
	}
	th.giveBack("a")
	if wait := th.take("a", now); wait != 0 {
		t.Errorf("after one was right: %v", wait)
	}
	if wait := th.take("b", now); wait != 0 {
		t.Errorf("another name waits %v", wait)
	}
	for i := range 10 { // there is place for two: the others share
		th.take(fmt.Sprint("x", i), now)
	}
	if len(th.whole) > 3 || th.take("y", now) == 0 {
		t.Errorf("%d names are kept", len(th.whole))
	}
	if wait := th.take("a", now.Add(3*time.Minute)); wait != 0 {
		t.Errorf("three minutes later: %v", wait)
	}
}

func TestAddressGroup(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "local": "local",
	} {
		if got := addressGroup(address); got != want {
			t.Errorf("%s counts as %s, want %s", address, got, want)
		}
	}
}
