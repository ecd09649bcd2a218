package account

import (
	"context"
	"time"

	"sluice"
)

// Of passwords: tries from one address (people behind one router share it), for
// one account, and by one browser that has signed in to it before. Codes are
// tried after the right password alone.
func newLimits() limits {
	return limits{
		address:   newThrottle(pace{30, 10 * time.Second}, 1<<16),
		account:   newThrottle(pace{10, 2 * time.Minute}, 1<<16),
		device:    newThrottle(pace{10, 2 * time.Minute}, 1<<16),
		code:      newThrottle(pace{5, 3 * time.Minute}, 1<<16),
		mail:      newThrottle(pace{3, 20 * time.Minute}, 1<<16),
		challenge: newThrottle(pace{1, 2 * passkeyLife}, 1<<16), // each is answered once
		setup:     newThrottle(pace{10, 6 * time.Second}, 1),

		notes:    newThrottle(pace{20, time.Minute}, 1<<16),
		allNotes: newThrottle(pace{1000, 10 * time.Second}, 1),
	}
}

// limits are what holds attempts back.
type limits struct {
	address, account, device, code, mail, setup, challenge, notes, allNotes *throttle
}

// Attempt is an attempt to sign in with a password.
type Attempt struct {
	Email, Password string
	Device          string // what a browser holds that has signed in before
	From            From
}

// Entry is what comes of signing in.
type Entry struct {
	Visitor

	Token   string // of the session, for the browser alone; empty when a code is wanted first
	Device  string // for the browser to hold, so that it has limits of its own
	Pending string // for the browser to hold until the code is given
}

// pending is a user whose password was right.
type pending struct {
	User     string    `json:"user"`
	Password time.Time `json:"password"` // when it was set: another one ends what was begun
}

// pendingLife is how long there is to give a code.
const pendingLife = 5 * time.Minute

const purposePending = "second factor"

// wrong is the one answer to an unknown address, a user without a password, a
// disabled one and a wrong password.
func wrong() error {
	return sluice.Errorf(sluice.CodeUnauthenticated, "The e-mail address or the password is wrong.")
}

// SignIn tries an e-mail address and a password, and writes down what came of
// it. Where the user has a second factor, the entry is pending and SignInCode
// completes it. Errors: CodeUnauthenticated, CodeRateLimited, CodeOverloaded.
func (s *Service) SignIn(ctx context.Context, a Attempt) (*Entry, error) {
	e, err := s.signIn(ctx, a)
	if err != nil {
		s.failed(ctx, a.Email, err, a.From)
	}
	return e, err
}

func (s *Service) signIn(ctx context.Context, a Attempt) (*Entry, error) {
	email, err := NormaliseEmail(a.Email)
	if err != nil {
		email = "" // nobody's; the work is the same
	}
	done, err := s.admit(a, email)
	if err != nil {
		return nil, err
	}
	u, err := s.opt.Store.UserByEmail(ctx, email)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		u, err = &sluice.User{}, nil
	}
	if err != nil {
		return nil, err
	}
	ok, stale, err := s.hasher.check(ctx, u.Password, a.Password)
	if err != nil {
		return nil, err
	}
	if !ok || !u.DisabledAt.IsZero() {
		return nil, wrong()
	}
	done()
	if stale {
		s.rehash(ctx, u, a.Password)
	}
	if u.TOTP != "" {
		text, err := s.seal(purposePending, pending{u.ID, u.PasswordAt}, pendingLife)
		return &Entry{Visitor: Visitor{User: u}, Pending: text}, err
	}
	return s.begin(ctx, u, sluice.SignInPassword, a.From)
}

// admit counts an attempt, and returns what takes it back when it is right.
// Strangers use up what strangers have: a browser that has signed in to the
// account before is counted by itself.
func (s *Service) admit(a Attempt, email string) (done func(), err error) {
	now := s.now()
	address := addressGroup(a.From.Address)
	if wait := s.limits.address.take(address, now); wait > 0 {
		return nil, waitError(wait)
	}
	limit, name := s.limits.account, email
	if id := s.deviceOf(a.Device, email); id != "" {
		limit, name = s.limits.device, id
	}
	if wait := limit.take(name, now); wait > 0 {
		return nil, waitError(wait)
	}
	return func() { s.limits.address.giveBack(address); limit.giveBack(name) }, nil
}

// rehash stores a password with the parameters of today. That it fails hurts nobody.
func (s *Service) rehash(ctx context.Context, u *sluice.User, password string) {
	hash, err := s.hasher.hash(ctx, password)
	if err == nil {
		err = s.edit(ctx, u.ID, func(fresh *sluice.User) error {
			if fresh.Password == u.Password {
				fresh.Password = hash
			}
			return nil
		})
	}
	if err != nil {
		s.opt.Log.WarnContext(ctx, "a password could not be hashed anew", "user", u.ID, "error", err)
	}
}

// edit changes a user, one change at a time.
func (s *Service) edit(ctx context.Context, id string, change func(*sluice.User) error) error {
	ctx = context.WithoutCancel(ctx)
	s.changing.Lock()
	defer s.changing.Unlock()
	u, err := s.opt.Store.User(ctx, id)
	if err != nil {
		return err
	}
	if err := change(u); err != nil {
		return err
	}
	return s.opt.Store.UpdateUser(ctx, u)
}

// device is a browser that has signed in before.
type device struct {
	Email string `json:"email"`
	ID    string `json:"id"`
}

// deviceLife is how long a browser is remembered that does not sign in again.
const deviceLife = 365 * 24 * time.Hour

const purposeDevice = "device"

func (s *Service) newDevice(email string) (string, error) {
	return s.seal(purposeDevice, device{email, sluice.NewID("dev", s.now())}, deviceLife)
}

// deviceOf returns the browser's id, "" for one that has not signed in to the
// account before.
func (s *Service) deviceOf(text, email string) string {
	var d device
	if text == "" || email == "" || s.open(purposeDevice, text, &d) != nil || d.Email != email {
		return ""
	}
	return d.ID
}
