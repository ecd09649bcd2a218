package gateway_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/money/calendar"
	"sluice/money/price"
)

// atPeak has prices of twice the rig's from the clock's midnight to the hour
// given, and outputs of 100 tokens and more at four times these.
func (r *rig) atPeak(until string) {
	r.t.Helper()
	arcs, err := calendar.ParseArcs("Mon-Sun 00:00-" + until)
	if err != nil {
		r.t.Fatal(err)
	}
	peak, err := calendar.New("peak", calendar.Version{Zone: "UTC", Arcs: arcs})
	if err != nil {
		r.t.Fatal(err)
	}
	on := price.Conditions{Calendar: "peak"}
	book, err := price.Publish("book_2", price.Draft{Currency: usd, Calendars: []*calendar.Calendar{peak}, Rules: []price.Rule{
		{Model: model, Class: sluice.ClassInput, Price: inputs},
		{Model: model, Class: sluice.ClassOutput, Price: outputs},
		{Model: model, Class: sluice.ClassInput, Price: 2 * inputs, Conditions: on},
		{Model: model, Class: sluice.ClassOutput, OutputMax: 100, Price: 2 * outputs, Conditions: on},
		{Model: model, Class: sluice.ClassOutput, OutputMin: 100, Price: 4 * outputs, Conditions: on},
	}}, time.Unix(0, 0).Add(time.Second))
	if err == nil {
		err = r.store.PublishBook(context.Background(), book)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.config.Books = append(r.config.Books, book)
	r.use()
}

// A call is charged at the prices of its admission, also when the boundary of
// a calendar passes while it streams. The ledger's proof at the rig's end rates it again.
func TestCalendarInAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{})
		r.atPeak("01:00")
		midnight := time.Now().Truncate(24 * time.Hour)
		stream := func(begin time.Time) {
			time.Sleep(time.Until(begin))
			pause := fleettest.NewPause()
			r.engines[0].Next(fleettest.Stream("a", "b", "c").Usage(9, 3, 0).PauseAt(1, pause))
			time.AfterFunc(2*time.Second, pause.Release)
			r.post(chatPath, streamed)
		}
		const plain = 9*inputs + 3*outputs
		stream(midnight.Add(time.Hour - time.Nanosecond)) // begins at peak, ends after it
		stream(midnight.Add(time.Hour + 3*time.Second))
		stream(midnight.Add(24*time.Hour - time.Second)) // begins before the peak, ends in it
		stream(midnight.Add(24*time.Hour + 2*time.Second))
		r.ended(4)
		for i, want := range []sluice.Pico{2 * plain, plain, plain, 2 * plain} {
			if ev := r.events()[i]; ev.Charge != want || ev.List != want || ev.EndedAt.Sub(ev.AdmittedAt) < 2*time.Second {
				t.Errorf("call %d from %v to %v: charged %d of %d, want %d", i, ev.AdmittedAt, ev.EndedAt, ev.Charge, ev.List, want)
			}
		}
	})
}

// A hold covers the dearest price that the call can come to: at peak, and for
// an output whose length makes all of it dearer.
func TestHoldAtTheDearestPrice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{}
		r := newRig(t, setup{options: gateway.Options{Ledger: c, Slice: 200}})
		c.Ledger = r.ledger
		r.atPeak("01:00")
		held := func() sluice.Amount {
			pause := pauseAll(r)
			_, lines := r.open(t.Context(), streamed)
			readUntil(t, lines, "Hello")
			b, err := r.ledger.Balance("org_1", usd)
			if err != nil {
				t.Fatal(err)
			}
			pause.Release()
			_, _ = io.Copy(io.Discard, lines)
			return b.Held
		}
		at := func(factorIn, factorOut int64) sluice.Amount {
			return sluice.Pico(int64(len(streamed))*inputs*factorIn + 200*outputs*factorOut).Amount()
		}
		if got := held(); got != at(2, 4) {
			t.Errorf("at peak %s is held, want %s", got, at(2, 4))
		}
		r.ended(1)
		time.Sleep(time.Hour)
		if got := held(); got != at(1, 1) {
			t.Errorf("off-peak %s is held, want %s", got, at(1, 1))
		}
		r.ended(2)
		r.engines[0].Next(fleettest.Stream(tokens(150)...).Usage(9, 150, 0))
		time.Sleep(23 * time.Hour)
		r.post(chatPath, streamed)
		r.ended(3)
		if ev := r.events()[2]; ev.Charge != 2*9*inputs+4*150*outputs {
			t.Errorf("a long output at peak is charged %d", ev.Charge)
		}
	})
}
