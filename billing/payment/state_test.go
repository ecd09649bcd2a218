package payment

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

// drawNotice draws a notice that fits the payment.
func drawNotice(p *sluice.Payment) *rapid.Generator[sluice.Notice] {
	return rapid.Custom(func(t *rapid.T) sluice.Notice {
		n := sluice.Notice{Payment: p.ID, Reference: "pi_1", Currency: p.Currency, Amount: p.Amount}
		n.Kind = rapid.SampledFrom([]sluice.NoticeKind{
			sluice.NoticePending, sluice.NoticePaid, sluice.NoticePaid, sluice.NoticeFailed, sluice.NoticeExpired,
			sluice.NoticeRefunded, sluice.NoticeDisputed, sluice.NoticeDisputeWon, sluice.NoticeDisputeLost,
		}).Draw(t, "kind")
		switch n.Kind {
		case sluice.NoticeRefunded, sluice.NoticeDisputed, sluice.NoticeDisputeWon, sluice.NoticeDisputeLost:
			n.Amount = sluice.Amount{Nano: rapid.Int64Range(0, p.Amount.Nano).Draw(t, "amount")}
		}
		return n
	})
}

func order() *sluice.Payment {
	return &sluice.Payment{ID: "pay_1", Org: "org_1", Provider: "p", Currency: "USD", Amount: sluice.Amount{Nano: 10}, ExpiresAt: time.Unix(100, 0)}
}

// TestAnyOrder: the same notices in any order, and any of them again, come to
// the same facts, the same state and the same balance.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		notices := rapid.SliceOfN(drawNotice(order()), 0, 8).Draw(t, "notices")
		run := func(notices []sluice.Notice) *sluice.Payment {
			p, balance := order(), sluice.Amount{}
			for i := range notices {
				if err := hear(p, &notices[i]); err != nil {
					t.Fatal(err)
				}
				settle(t, p, &balance)
			}
			return p
		}
		first := run(notices)
		again := append(append([]sluice.Notice{}, notices...), notices...)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		second := run(again)
		if first.PaymentFacts != second.PaymentFacts || first.Booked != second.Booked || first.Reference != second.Reference ||
			first.State(time.Unix(1, 0)) != second.State(time.Unix(1, 0)) {
			t.Errorf("%+v\nand in another order\n%+v", first, second)
		}
	})
}

// settle makes the bookings that a payment wants, and checks each.
func settle(t *rapid.T, p *sluice.Payment, balance *sluice.Amount) {
	t.Helper()
	for range 3 {
		if err := step(p); err != nil {
			t.Fatal(err)
		}
		if p.Booking.Sign() == 0 {
			break
		}
		var err error
		if *balance, err = balance.Add(p.Booking); err != nil {
			t.Fatal(err)
		}
		p.Booking = sluice.Amount{}
	}
	want, err := due(p)
	if err != nil || p.Booking.Sign() != 0 || p.Booked != *balance || *balance != want {
		t.Fatalf("the balance is %s, booked %s, due %s, under way %s (%v)", *balance, p.Booked, want, p.Booking, err)
	}
	if balance.Sign() < 0 || balance.Cmp(p.Amount) > 0 || !p.Paid && balance.Sign() != 0 {
		t.Fatalf("the balance is %s of a payment of %s, paid %t", *balance, p.Amount, p.Paid)
	}
}

// TestWhatDiffers: a notice that differs from what the payment is bound to
// changes nothing.
func TestWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := order()
		notice := drawNotice(p)
		for range rapid.IntRange(0, 3).Draw(t, "before") {
			n := notice.Draw(t, "earlier")
			if err := hear(p, &n); err != nil {
				t.Fatal(err)
			}
		}
		p.Reference = "pi_1"
		n := notice.Draw(t, "notice")
		switch rapid.IntRange(0, 5).Draw(t, "what differs") {
		case 0:
			n.Payment = "pay_2"
		case 1:
			n.Currency = "EUR"
		case 2:
			n.Reference = "pi_2"
		case 3:
			n.Amount.Nano = p.Amount.Nano + rapid.Int64Range(1, 100).Draw(t, "more")
		case 4:
			n.Amount.Nano = -1 - rapid.Int64Range(0, 100).Draw(t, "below")
		case 5:
			n.Kind = "gift"
		}
		before := *p
		if err := hear(p, &n); sluice.CodeOf(err) != sluice.CodeConflict || *p != before {
			t.Errorf("%+v: %v, now %+v", n, err, p)
		}
	})
}

// TestState names the states by what is known.
func TestState(t *testing.T) {
	hearing := func(notices ...sluice.Notice) *sluice.Payment {
		p := order()
		for _, n := range notices {
			n.Currency = p.Currency
			if n.Amount.Sign() == 0 {
				n.Amount = p.Amount
			}
			if err := hear(p, &n); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	paid, half := sluice.Notice{Kind: sluice.NoticePaid}, sluice.Amount{Nano: 5}
	in, after := time.Unix(99, 0), time.Unix(100, 0)
	for _, c := range []struct {
		p    *sluice.Payment
		at   time.Time
		want sluice.PaymentState
		due  int64
	}{
		{hearing(), in, sluice.PaymentCreated, 0},
		{hearing(), after, sluice.PaymentExpired, 0},
		{hearing(sluice.Notice{Kind: sluice.NoticePending}), after, sluice.PaymentPending, 0},
		{hearing(sluice.Notice{Kind: sluice.NoticeExpired}), in, sluice.PaymentExpired, 0},
		{hearing(sluice.Notice{Kind: sluice.NoticePending}, sluice.Notice{Kind: sluice.NoticeFailed}), in, sluice.PaymentFailed, 0},
		{hearing(sluice.Notice{Kind: sluice.NoticeFailed}, paid), in, sluice.PaymentPaid, 10},
		{hearing(paid), after, sluice.PaymentPaid, 10},
		{hearing(paid, sluice.Notice{Kind: sluice.NoticeRefunded, Amount: half}), in, sluice.PaymentPartlyRefunded, 5},
		{hearing(paid, sluice.Notice{Kind: sluice.NoticeRefunded}), in, sluice.PaymentRefunded, 0},
		{hearing(paid, sluice.Notice{Kind: sluice.NoticeDisputed, Amount: half}), in, sluice.PaymentDisputed, 5},
		{hearing(paid, sluice.Notice{Kind: sluice.NoticeDisputed}, sluice.Notice{Kind: sluice.NoticeDisputeWon}), in, sluice.PaymentPaid, 10},
		{hearing(paid, sluice.Notice{Kind: sluice.NoticeDisputed}, sluice.Notice{Kind: sluice.NoticeDisputeLost}), in, sluice.PaymentDisputed, 0},
		{hearing(sluice.Notice{Kind: sluice.NoticeRefunded}, paid), in, sluice.PaymentRefunded, 0},
	} {
		is, err := due(c.p)
		if got := c.p.State(c.at); got != c.want || err != nil || is.Nano != c.due {
			t.Errorf("%+v is %s, due %s (%v); want %s and %d", c.p.PaymentFacts, got, is, err, c.want, c.due)
		}
	}
}
