package account

import (
	"context"

	"sluice"
)

// Of entries that tell of failed attempts: so many from one address at once, and
// from all together. More of them would fill the disk for whoever tries.
const (
	actionSignIn = "sign-in"
	everybody    = "everybody"
)

// Record appends to the audit log.
func (s *Service) Record(ctx context.Context, e *sluice.AuditEntry) error {
	if e.At.IsZero() {
		e.At = s.now()
	}
	return s.opt.Store.AddAudit(context.WithoutCancel(ctx), e)
}

// told notes what a user did to their own account, or what happened to it.
func (s *Service) told(ctx context.Context, u *sluice.User, action, object string, from From) error {
	return s.Record(ctx, &sluice.AuditEntry{
		Actor: sluice.ActorUser, ActorID: u.ID, Name: u.Email, Action: action, Object: object, Outcome: sluice.AuditDone,
		Address: from.Address, Agent: from.agent(),
	})
}

// failed notes an attempt that failed, unless too many did: then the log of the
// server alone has it.
func (s *Service) failed(ctx context.Context, name string, why error, from From) {
	now := s.now()
	if s.limits.notes.take(addressGroup(from.Address), now) > 0 || s.limits.allNotes.take(everybody, now) > 0 {
		s.opt.Log.WarnContext(ctx, "an attempt to sign in failed, and is not in the audit log, as there are too many", "address", from.Address)
		return
	}
	name, err := NormaliseEmail(name)
	if err != nil {
		name = "" // people type passwords where the address belongs
	}
	err = s.Record(ctx, &sluice.AuditEntry{
		Actor: sluice.ActorNobody, Name: name, Action: actionSignIn, Outcome: string(sluice.CodeOf(why)), Address: from.Address, Agent: from.agent(),
	})
	if err != nil {
		s.opt.Log.ErrorContext(ctx, "a failed attempt to sign in could not be written down", "error", err)
	}
}
