package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"sluice"
)

// fixedPaymentColumns are those that never change, paymentColumns the others,
// version last.
const (
	fixedPaymentColumns = `id, org, provider, currency, amount_nano, amount_carry, created_at, expires_at`
	paymentColumns      = `checkout_url, reference, pending, paid, failed, expired, refunded_nano, refunded_carry, disputed_nano, disputed_carry, dispute, ` +
		`from_nano, from_carry, to_nano, to_carry, booked_nano, booked_carry, booking_nano, booking_carry, bookings, version`
)

// paymentValues are what paymentColumns hold, but for the version.
func paymentValues(p *sluice.Payment) []any {
	return []any{
		p.CheckoutURL, p.Reference, bit(p.Pending), bit(p.Paid), bit(p.Failed), bit(p.Expired),
		p.Refunded.Nano, p.Refunded.Carry, p.Disputed.Nano, p.Disputed.Carry, int64(p.Dispute),
		p.RefundFrom.Nano, p.RefundFrom.Carry, p.RefundTo.Nano, p.RefundTo.Carry,
		p.Booked.Nano, p.Booked.Carry, p.Booking.Nano, p.Booking.Carry, p.Bookings,
	}
}

func scanPayment(rows *sql.Rows) (*sluice.Payment, error) {
	var p sluice.Payment
	var created, expires int64
	err := rows.Scan(
		&p.ID, &p.Org, &p.Provider, &p.Currency, &p.Amount.Nano, &p.Amount.Carry, &created, &expires,
		&p.CheckoutURL, &p.Reference, &p.Pending, &p.Paid, &p.Failed, &p.Expired,
		&p.Refunded.Nano, &p.Refunded.Carry, &p.Disputed.Nano, &p.Disputed.Carry, &p.Dispute,
		&p.RefundFrom.Nano, &p.RefundFrom.Carry, &p.RefundTo.Nano, &p.RefundTo.Carry,
		&p.Booked.Nano, &p.Booked.Carry, &p.Booking.Nano, &p.Booking.Carry, &p.Bookings, &p.Version,
	)
	p.CreatedAt, p.ExpiresAt = instant(created), instant(expires)
	return &p, err
}

// CreatePayment stores a new payment, with version 1. Errors: CodeConflict when
// its id or its reference is taken, CodeNotFound when there is no such organisation.
func (db *DB) CreatePayment(ctx context.Context, p *sluice.Payment) error {
	args := []any{p.ID, p.Org, p.Provider, string(p.Currency), p.Amount.Nano, p.Amount.Carry, micros(p.CreatedAt), micros(p.ExpiresAt)}
	args = append(append(args, paymentValues(p)...), int64(1))
	marks := make([]string, len(args))
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	err := db.create(ctx, "payment", p.ID, `INSERT INTO payment (`+fixedPaymentColumns+`, `+paymentColumns+`) VALUES (`+strings.Join(marks, ", ")+`)`, args...)
	if err == nil {
		p.Version = 1
	}
	return err
}

// UpdatePayment stores what became of a payment and counts its version. What
// binds the payment is left as it is. Errors: CodeConflict when the payment is
// no longer of the given version, or another one has the reference.
func (db *DB) UpdatePayment(ctx context.Context, p *sluice.Payment) error {
	args := append([]any{p.ID, p.Version}, paymentValues(p)...)
	var sets []string
	for i, name := range strings.Split(paymentColumns, ", ") {
		if name != "version" {
			sets = append(sets, fmt.Sprintf("%s = $%d", name, i+3))
		}
	}
	err := db.change(ctx, "payment", p.ID, `UPDATE payment SET `+strings.Join(sets, ", ")+`, version = version + 1 WHERE id = $1 AND version = $2`, args...)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return &sluice.Error{Code: sluice.CodeConflict, Message: fmt.Sprintf("The payment %q was changed meanwhile.", p.ID), Err: err}
	}
	if err == nil {
		p.Version++
	}
	return err
}

// Payment returns a payment of an organisation. Errors: CodeNotFound, also for
// one of another organisation.
func (db *DB) Payment(ctx context.Context, org, id string) (*sluice.Payment, error) {
	return db.payment(ctx, id, `WHERE org = $1 AND id = $2`, org, id)
}

// ProviderPayment returns a payment by what its provider knows: our id or, where
// that is empty, the provider's own. Errors: CodeNotFound, also for one of
// another provider.
func (db *DB) ProviderPayment(ctx context.Context, provider, id, reference string) (*sluice.Payment, error) {
	if id != "" {
		return db.payment(ctx, id, `WHERE provider = $1 AND id = $2`, provider, id)
	}
	return db.payment(ctx, reference, `WHERE provider = $1 AND reference = $2 AND reference <> ''`, provider, reference)
}

func (db *DB) payment(ctx context.Context, name, where string, args ...any) (*sluice.Payment, error) {
	found, err := db.payments(ctx, where, args...)
	if err == nil && len(found) == 0 {
		return nil, notFound("payment", name)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Payments returns an organisation's payments, the latest first and at most
// limit; after, when not empty, is the id of the last one that is known already.
func (db *DB) Payments(ctx context.Context, org, after string, limit int) ([]*sluice.Payment, error) {
	return db.payments(ctx, `WHERE org = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, org, after, int64(limit))
}

// UnfinishedPayments returns the payments of which a booking or a refund is under way.
func (db *DB) UnfinishedPayments(ctx context.Context) ([]*sluice.Payment, error) {
	return db.payments(ctx, `WHERE booking_nano <> 0 OR booking_carry <> 0 OR to_nano <> 0 OR to_carry <> 0 ORDER BY id`)
}

func (db *DB) payments(ctx context.Context, where string, args ...any) ([]*sluice.Payment, error) {
	all, err := collect(ctx, db.r, scanPayment, `SELECT `+fixedPaymentColumns+`, `+paymentColumns+` FROM payment `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("reading payments: %w", err)
	}
	return all, nil
}
