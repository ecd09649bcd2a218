package billing

import (
	"context"
	"fmt"

	"sluice"
	"sluice/money/ledger"
)

// Settle ends a call that is charged: it turns the call's hold into a
// transaction and returns once that is durable. ev.List is the charge by the
// price book; the returned event's Charge is what was billed: the same, or less
// when neither hold nor wallet covers it. Settling an unknown call is
// CodeNotFound, so a call is settled once.
func (l *Ledger) Settle(ctx context.Context, ev sluice.Event) (sluice.Event, error) {
	return l.settle(ctx, ev, nil)
}

// settle settles a call by its running hold or, for a call of an earlier
// process, by the given one.
func (l *Ledger) settle(ctx context.Context, ev sluice.Event, earlier *hold) (sluice.Event, error) {
	it, err := l.enqueueSettle(&ev, earlier)
	if err != nil {
		return ev, fmt.Errorf("settling call %s: %w", ev.CallID, err)
	}
	if err := it.wait(ctx); err != nil {
		return ev, fmt.Errorf("settling call %s: %w", ev.CallID, err)
	}
	return ev, nil
}

// enqueueSettle decides the charge, takes it from the wallets and queues the
// posting. From here on the money is gone in memory, and so free for nobody
// else; it is gone for good when the writer has committed.
func (l *Ledger) enqueueSettle(ev *sluice.Event, h *hold) (*item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return nil, err
	}
	if ev.List < 0 {
		return nil, fmt.Errorf("negative list amount %d", ev.List)
	}
	w, err := l.wallet(ev.Org, ev.Currency)
	if err != nil {
		return nil, err
	}
	if h == nil {
		h = l.holds[ev.CallID]
		if h == nil {
			return nil, sluice.Errorf(sluice.CodeNotFound, "Call %s holds nothing: it was settled or released.", ev.CallID)
		}
		delete(l.holds, ev.CallID)
		k := l.key(h.key)
		w.held, w.open = sub(w.held, h.granted), w.open-1
		k.held, k.open = sub(k.held, h.granted), k.open-1
	}
	ev.Charge = chargeable(ev.List, h.granted, w)
	tx, err := ledger.Usage(ev, w.accounts)
	if err != nil {
		return nil, err
	}
	k := l.key(ev.Key)
	k.spent = add(k.spent, ev.Charge.Amount())

	it := newItem(sluice.Posting{Tx: tx, Event: ev})
	if h.checkpointed {
		it.closed = ev.CallID
	}
	l.enqueue(it)
	l.serve(w)
	return it, nil
}

// chargeable is what of a list amount can be billed: all of it where the
// call's own hold and what nobody holds suffice. What other calls hold is not touched.
func chargeable(list sluice.Pico, granted sluice.Amount, w *wallet) sluice.Pico {
	limit := w.free() // the call's own hold is free again here
	if limit.Cmp(granted) < 0 {
		limit = granted
	}
	if total := w.total(); limit.Cmp(total) > 0 {
		limit = total
	}
	if list.Amount().Cmp(limit) <= 0 {
		return list
	}
	charge, _ := limit.Pico() // below list, so within 64 bits
	return max(charge, 0)
}
