package sluice

import "time"

// User is a person who signs in. What users may do follows from the role that
// they hold for the operator, if any, and from their memberships.
type User struct {
	ID       string       `json:"id"`
	Email    string       `json:"email"` // normalised; unique
	Name     string       `json:"name,omitempty"`
	Language string       `json:"language,omitempty"` // "en", "fr", "zh"; empty: as the browser says
	Operator Role         `json:"operator_role,omitempty"`
	Members  []Membership `json:"memberships"`

	Password   string    `json:"-"` // the hash with its parameters, as a PHC string; empty: none
	PasswordAt time.Time `json:"password_at,omitzero"`
	TOTP       string    `json:"-"` // the sealed secret; empty: none
	TOTPStep   int64     `json:"-"` // the time step of the last code that was taken

	CreatedAt  time.Time `json:"created_at"`
	SignedInAt time.Time `json:"signed_in_at,omitzero"`
	DisabledAt time.Time `json:"disabled_at,omitzero"`
}

// Membership is a user's role in an organisation.
type Membership struct {
	Org       string    `json:"organisation"`
	User      string    `json:"user"`
	Role      Role      `json:"role"`
	CreatedAt time.Time `json:"created_at"`
}

// RoleFor returns the role that the user holds for the organisation, or for the
// operator when org is empty; "" is none.
func (u *User) RoleFor(org string) Role {
	if org == "" {
		return u.Operator
	}
	for _, m := range u.Members {
		if m.Org == org {
			return m.Role
		}
	}
	return ""
}

// SignInKind says how a user has signed in.
type SignInKind string

// The ways to sign in.
const (
	SignInPassword SignInKind = "password"
	SignInTOTP     SignInKind = "totp" // a password and a code
	SignInRecovery SignInKind = "recovery"
	SignInPasskey  SignInKind = "passkey"
	SignInOIDC     SignInKind = "oidc"
	SignInLink     SignInKind = "link" // an invitation, a reset or the setup link
)

// Session is a browser that a user is signed in with. Its token is a random
// secret that only the browser has.
type Session struct {
	ID        string     `json:"id"`
	Hash      KeyHash    `json:"-"` // of its token
	User      string     `json:"user"`
	Kind      SignInKind `json:"kind"`
	Address   string     `json:"address"`
	Agent     string     `json:"agent"` // the browser, by its own word
	CreatedAt time.Time  `json:"created_at"`
	SeenAt    time.Time  `json:"seen_at"`    // to within a minute
	ExpiresAt time.Time  `json:"expires_at"` // whatever happens
	ProvenAt  time.Time  `json:"proven_at"`  // when the user last proved to be it
}

// Invitation offers a role to whoever has its link and, with an e-mail
// address, only under that one. It works once.
type Invitation struct {
	ID         string    `json:"id"`
	Hash       KeyHash   `json:"-"`                      // of the link's token
	Org        string    `json:"organisation,omitempty"` // empty: the operator
	Role       Role      `json:"role"`
	Email      string    `json:"email"`
	InvitedBy  string    `json:"invited_by"` // the user or key; empty for the local operator
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
	AcceptedBy string    `json:"accepted_by,omitempty"`
	RevokedAt  time.Time `json:"revoked_at,omitzero"`
}

// Reset is a link that lets a user set a new password, once.
type Reset struct {
	Hash      KeyHash // of the link's token
	User      string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Passkey is a credential of the user's device (Web Authentication).
type Passkey struct {
	ID         string    `json:"id"` // ours; what the device calls it is in Handle
	User       string    `json:"user"`
	Name       string    `json:"name"`
	Handle     []byte    `json:"-"` // the credential's id
	Credential string    `json:"-"` // its public key and counters, as JSON
	CreatedAt  time.Time `json:"created_at"`
	UsedAt     time.Time `json:"used_at,omitzero"`
}

// Identity is who a user is at an OpenID Connect provider.
type Identity struct {
	Provider  string    `json:"provider"`
	Subject   string    `json:"subject"`
	User      string    `json:"user"`
	Email     string    `json:"email"` // as the provider said when it was linked
	CreatedAt time.Time `json:"created_at"`
}
