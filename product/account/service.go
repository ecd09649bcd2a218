package account

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"sluice"
)

// Users keeps users.
type Users interface {
	CreateUser(ctx context.Context, u *sluice.User) error
	UpdateUser(ctx context.Context, u *sluice.User) error
	User(ctx context.Context, id string) (*sluice.User, error)
	UserByEmail(ctx context.Context, email string) (*sluice.User, error)
	Users(ctx context.Context, org, after string, limit int) ([]*sluice.User, error)
	CountOwners(ctx context.Context, org string) (int, error)
}

// Members keeps who belongs to which organisation.
type Members interface {
	PutMember(ctx context.Context, m sluice.Membership) error
	RemoveMember(ctx context.Context, org, user string) error
}

// Sessions keeps sessions.
type Sessions interface {
	CreateSession(ctx context.Context, s *sluice.Session) error
	SessionByHash(ctx context.Context, hash sluice.KeyHash) (*sluice.Session, error)
	Sessions(ctx context.Context, user string) ([]*sluice.Session, error)
	TouchSession(ctx context.Context, id string, at time.Time, address string) error
	EndSession(ctx context.Context, user, id string) error
	EndSessions(ctx context.Context, user, except string) error
}

// Proofs keeps when users proved to be it, and their second factors.
type Proofs interface {
	RotateSession(ctx context.Context, id string, before, after sluice.KeyHash, proven time.Time) error
	UnproveSessions(ctx context.Context, user string) error
	UseTOTPStep(ctx context.Context, user string, step int64) error
	PutRecoveryCodes(ctx context.Context, user string, hashes []sluice.KeyHash) error
	UseRecoveryCode(ctx context.Context, user string, hash sluice.KeyHash) error
	CountRecoveryCodes(ctx context.Context, user string) (int, error)
}

// Links keeps invitations and links for new passwords.
type Links interface {
	CreateInvitation(ctx context.Context, i *sluice.Invitation) error
	InvitationByHash(ctx context.Context, hash sluice.KeyHash) (*sluice.Invitation, error)
	AcceptInvitation(ctx context.Context, i *sluice.Invitation, u *sluice.User, create bool, now time.Time) error
	RevokeInvitation(ctx context.Context, org, id string, at time.Time) error
	CreateReset(ctx context.Context, r *sluice.Reset) error
	Reset(ctx context.Context, hash sluice.KeyHash, now time.Time) (*sluice.Reset, error)
	UseReset(ctx context.Context, hash sluice.KeyHash) error
}

// Lists keeps small values by name, and lists what was invited.
type Lists interface {
	Setting(ctx context.Context, name string) (string, error)
	PutSetting(ctx context.Context, name, value string) error
	Invitations(ctx context.Context, org, after string, limit int) ([]*sluice.Invitation, error)
	Organisations(ctx context.Context) ([]*sluice.Organisation, error)
}

// Journal keeps the audit log.
type Journal interface {
	AddAudit(ctx context.Context, e *sluice.AuditEntry) error
}

// Store is all that is kept.
type Store interface {
	Users
	Members
	Sessions
	Proofs
	Links
	Lists
	Journal
	Identities
	Passkeys
}

// Sealer seals values that leave the server, or stand in its database, bound to
// the name of what they are for.
type Sealer interface {
	Seal(name, secret string) string
	Open(name, sealed string) (string, error)
}

// Mailer sends one e-mail.
type Mailer interface {
	Mail(ctx context.Context, id, to, subject, text string) error
}

// Options are what a Service works with. Store and Sealer are required.
type Options struct {
	Store  Store
	Sealer Sealer
	Mailer Mailer // nil: links are shown to who asks for them, and not sent

	URL func() string // where browsers reach the server, without a slash at its end

	Party   Party     // of passkeys; nil: there are none
	Sources []*Source // OpenID Connect providers

	SessionIdle time.Duration // a session ends that is not used for so long; default 12 h
	SessionLife time.Duration // a session ends after so long, however it is used; default 7 days

	Argon2 Argon2 // default DefaultArgon2
	Now    func() time.Time
	Log    *slog.Logger
}

// Service knows users and their sessions. It is safe for concurrent use.
type Service struct {
	opt      Options
	hasher   *hasher
	limits   limits
	changing sync.Mutex // one change of a user at a time, so that what was read is still so

	mailing    chan struct{} // mails being sent beside requests
	background sync.WaitGroup
}

// New returns a service.
func New(o Options) *Service {
	o.SessionIdle = cmp.Or(o.SessionIdle, 12*time.Hour)
	o.SessionLife = cmp.Or(o.SessionLife, 7*24*time.Hour)
	o.Argon2 = cmp.Or(o.Argon2, DefaultArgon2())
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{opt: o, hasher: newHasher(o.Argon2), limits: newLimits(), mailing: make(chan struct{}, mailsWaiting)}
}

// now is the present, as it is stored.
func (s *Service) now() time.Time { return s.opt.Now().UTC().Truncate(time.Microsecond) }

// From is where a request comes from.
type From struct {
	Address string // an IP address
	Agent   string // the browser, by its own word
}

// agent is the browser's word, cut to what is kept.
func (f From) agent() string {
	const most = 200
	return strings.ToValidUTF8(f.Agent[:min(len(f.Agent), most)], "")
}

// NormaliseEmail returns an e-mail address as users are known by it: in small
// letters, without a name beside it. Errors: CodeInvalid.
func NormaliseEmail(text string) (string, error) {
	text = strings.ToLower(norm.NFKC.String(strings.TrimSpace(text)))
	a, err := netmail.ParseAddress(text)
	if err != nil || a.Address != text || len(text) > 254 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", &sluice.Error{Code: sluice.CodeInvalid, Param: "email", Message: "That is no e-mail address."}
	}
	return text, nil
}

// sealed is what seal seals.
type sealed struct {
	Until time.Time       `json:"until"`
	Value json.RawMessage `json:"value"`
}

// seal makes a value into a text that a browser may hold and nobody can read,
// change, or use for another purpose or after its life.
func (s *Service) seal(purpose string, v any, life time.Duration) (string, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("sealing for %s: %w", purpose, err)
	}
	text, err := json.Marshal(sealed{s.now().Add(life), value})
	if err != nil {
		return "", fmt.Errorf("sealing for %s: %w", purpose, err)
	}
	return s.opt.Sealer.Seal("account "+purpose, string(text)), nil
}

// open is the inverse of seal. Errors: CodeForbidden for what was not sealed for
// the purpose, or is too old.
func (s *Service) open(purpose, text string, v any) error {
	refused := sluice.Errorf(sluice.CodeForbidden, "This took too long, or was begun in another browser. Begin again.")
	plain, err := s.opt.Sealer.Open("account "+purpose, text)
	if err != nil || plain == "" {
		return refused
	}
	var in sealed
	if json.Unmarshal([]byte(plain), &in) != nil || !s.now().Before(in.Until) || json.Unmarshal(in.Value, v) != nil {
		return refused
	}
	return nil
}
