package billing

import (
	"context"
	"slices"
	"time"

	"sluice"
)

// hold is the money reserved for one running call. Guarded by Ledger.mu.
type hold struct {
	org, key     string
	currency     sluice.Currency
	granted      sluice.Amount
	cap          *sluice.Amount // the key's, for extensions
	checkpointed bool           // a checkpoint of it is durable or on its way
}

// waiter is a call that waits for money that others hold.
type waiter struct {
	req    sluice.HoldRequest
	answer chan verdict // capacity 1
}

// verdict is what a hold request came to.
type verdict struct {
	grant sluice.Amount
	err   error
	wait  bool
}

// Hold reserves money for a call: req.Want where that is free, and otherwise
// what there is, at least req.Least. While other calls of the same wallet hold
// what is missing, it waits for them to settle, in order, up to HoldWait.
// Errors: CodeInsufficientFunds, CodeSpendingCap, CodeConflict (the call holds
// already), CodeUnavailable, or the context's.
func (l *Ledger) Hold(ctx context.Context, req sluice.HoldRequest) (sluice.Hold, error) {
	w, v := l.tryHold(req)
	if v.wait {
		v = l.awaitHold(ctx, w, req)
	}
	if v.err != nil {
		return sluice.Hold{}, v.err
	}
	granted, _ := v.grant.Pico() // at most req.Want
	return sluice.Hold{CallID: req.CallID, Granted: granted}, nil
}

// tryHold decides at once, or says to wait.
func (l *Ledger) tryHold(req sluice.HoldRequest) (*wallet, verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return nil, verdict{err: err}
	}
	if l.holds[req.CallID] != nil {
		return nil, verdict{err: sluice.Errorf(sluice.CodeConflict, "Call %s is running already.", req.CallID)}
	}
	w, err := l.wallet(req.Org, req.Currency)
	if err != nil {
		return nil, verdict{err: err}
	}
	v := l.decide(w, &req)
	if len(w.waiting) > 0 && v.err == nil {
		v = verdict{wait: true} // behind those who came before
	}
	if v.err == nil && !v.wait {
		l.reserve(w, &req, v.grant)
	}
	return w, v
}

// awaitHold queues the request and waits for its turn.
func (l *Ledger) awaitHold(ctx context.Context, w *wallet, req sluice.HoldRequest) verdict {
	wt := &waiter{req: req, answer: make(chan verdict, 1)}
	l.mu.Lock()
	w.waiting = append(w.waiting, wt)
	l.serve(w) // what it waits for may have come in between
	l.mu.Unlock()

	timer := time.NewTimer(l.opt.HoldWait)
	defer timer.Stop()
	select {
	case v := <-wt.answer:
		return v
	case <-ctx.Done():
		return l.leave(w, wt, ctx.Err())
	case <-timer.C:
		return l.giveUp(w, wt)
	}
}

// leave ends a wait whose caller has left. A grant that came at the same
// moment is given back.
func (l *Ledger) leave(w *wallet, wt *waiter, cause error) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case v := <-wt.answer:
		if v.err == nil {
			l.release(wt.req.CallID)
		}
	default:
		w.forget(wt)
	}
	return verdict{err: cause}
}

// giveUp ends a wait that lasted too long, with what is free if that is enough to begin.
func (l *Ledger) giveUp(w *wallet, wt *waiter) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case v := <-wt.answer:
		return v
	default:
	}
	w.forget(wt)
	grant := wt.req.Want.Amount()
	for _, r := range l.rooms(w, &wt.req) {
		if r.free.Cmp(grant) < 0 {
			grant = r.free
		}
	}
	if grant.Sign() <= 0 || grant.Cmp(wt.req.Least.Amount()) < 0 {
		return verdict{err: sluice.Errorf(sluice.CodeInsufficientFunds,
			"The balance is held by %d running calls and does not cover this one; add credit or wait for them to end.", w.open)}
	}
	l.reserve(w, &wt.req, grant)
	return verdict{grant: grant}
}

// forget takes a waiter out of the queue.
func (w *wallet) forget(wt *waiter) {
	w.waiting = slices.DeleteFunc(w.waiting, func(other *waiter) bool { return other == wt })
}

// serve answers those who wait, in order, as far as the money goes. One that
// still has to wait for the wallet keeps its place before all who came later;
// one that waits for its own key's cap lets others pass.
func (l *Ledger) serve(w *wallet) {
	if len(w.waiting) == 0 {
		return
	}
	blocked := false
	w.waiting = slices.DeleteFunc(w.waiting, func(wt *waiter) bool {
		v := l.decide(w, &wt.req)
		if blocked && v.err == nil {
			return false
		}
		if v.wait {
			blocked = blocked || w.free().Cmp(wt.req.Want.Amount()) < 0
			return false
		}
		if v.err == nil {
			l.reserve(w, &wt.req, v.grant)
		}
		wt.answer <- v
		return true
	})
}

// room is what one limit on spending leaves for another call.
type room struct {
	free  sluice.Amount // not held
	total sluice.Amount // not spent: free once all running calls ended at no charge
	open  int           // running calls that hold some of it
	code  sluice.Code   // the error when it does not suffice
}

// rooms returns the limits that a hold request must fit into.
func (l *Ledger) rooms(w *wallet, req *sluice.HoldRequest) []room {
	rooms := make([]room, 1, 2)
	rooms[0] = room{w.free(), w.total(), w.open, sluice.CodeInsufficientFunds}
	if req.Cap != nil {
		k := l.key(req.Key)
		total := sub(*req.Cap, k.spent)
		rooms = append(rooms, room{sub(total, k.held), total, k.open, sluice.CodeSpendingCap})
	}
	return rooms
}

// decide says what a hold request gets now: the full amount; a part, when
// nobody else runs whose end could free more; a wait; or a refusal.
func (l *Ledger) decide(w *wallet, req *sluice.HoldRequest) verdict {
	want, least := req.Want.Amount(), req.Least.Amount()
	v := verdict{grant: want}
	for _, r := range l.rooms(w, req) {
		switch {
		case r.free.Cmp(want) >= 0:
		case r.total.Cmp(least) < 0 || r.total.Sign() <= 0:
			return verdict{err: refusal(r.code, req, r.total)}
		case r.open > 0:
			v.wait = true
		case r.free.Cmp(v.grant) < 0:
			v.grant = r.free
		}
	}
	return v
}

// refusal explains why there is no hold.
func refusal(code sluice.Code, req *sluice.HoldRequest, left sluice.Amount) error {
	if code == sluice.CodeSpendingCap {
		return sluice.Errorf(code, "The API key's spending cap leaves %s %s, less than the prompt costs. Raise the cap or use another key.", left, req.Currency)
	}
	return sluice.Errorf(code, "The balance of %s %s does not cover the prompt. Add credit to go on.", left, req.Currency)
}

// reserve books a granted hold.
func (l *Ledger) reserve(w *wallet, req *sluice.HoldRequest, grant sluice.Amount) {
	l.holds[req.CallID] = &hold{org: req.Org, key: req.Key, currency: req.Currency, granted: grant, cap: req.Cap}
	k := l.key(req.Key)
	w.held, w.open = add(w.held, grant), w.open+1
	k.held, k.open = add(k.held, grant), k.open+1
}

// Extend asks for more money for a running call and leaves a checkpoint: what the
// event says is billed if the process dies before the call is settled. It returns what was granted, between zero and more, and does not wait.
func (l *Ledger) Extend(callID string, more sluice.Pico, checkpoint sluice.Event) sluice.Pico {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[callID]
	if h == nil || l.open() != nil {
		return 0
	}
	h.checkpointed = true
	it := newItem(sluice.Posting{})
	it.checkpoint = &checkpoint
	l.enqueue(it)

	granted, _ := l.stretch(h, more.Amount()).Pico()
	return granted
}

// stretch enlarges a hold by at most more, as far as wallet and cap allow, and
// returns by how much.
func (l *Ledger) stretch(h *hold, more sluice.Amount) sluice.Amount {
	w, err := l.wallet(h.org, h.currency)
	if err != nil {
		return sluice.Amount{}
	}
	k := l.key(h.key)
	if free := w.free(); free.Cmp(more) < 0 {
		more = free
	}
	if h.cap != nil {
		if free := sub(sub(*h.cap, k.spent), k.held); free.Cmp(more) < 0 {
			more = free
		}
	}
	if more.Sign() <= 0 {
		return sluice.Amount{}
	}
	h.granted = add(h.granted, more)
	w.held = add(w.held, more)
	k.held = add(k.held, more)
	return more
}

// Release ends a call that is not charged: no token was produced.
func (l *Ledger) Release(callID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.release(callID); h != nil && h.checkpointed {
		it := newItem(sluice.Posting{})
		it.closed = callID
		l.enqueue(it)
	}
}

// release returns a hold's money and serves those who waited for it.
func (l *Ledger) release(callID string) *hold {
	h := l.holds[callID]
	if h == nil {
		return nil
	}
	delete(l.holds, callID)
	w := l.wallets[h.org]
	k := l.key(h.key)
	w.held, w.open = sub(w.held, h.granted), w.open-1
	k.held, k.open = sub(k.held, h.granted), k.open-1
	l.serve(w)
	return h
}
