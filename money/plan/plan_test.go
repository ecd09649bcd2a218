package plan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/ledger"
	"sluice/money/plan"
	"sluice/money/quota"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 1, 31, 14, 23, 0, 0, time.UTC)

func amount(t testing.TB, s string) sluice.Amount {
	t.Helper()
	a, err := sluice.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// glm is one of GLM's plans at its prices of 2026.
func glm(t testing.TB, name string, rank int, month, quarter, year string, five, week int64) plan.Draft {
	return plan.Draft{
		Plan: name, Name: "GLM Coding " + name, Rank: rank, Currency: "CNY", TrialDays: 7,
		Prices:      map[plan.Cycle]sluice.Amount{plan.Monthly: amount(t, month), plan.Quarterly: amount(t, quarter), plan.Yearly: amount(t, year)},
		Models:      []string{"glm-5.1", "glm-4.7"},
		EffectiveAt: start.AddDate(-1, 0, 0),
		Windows: []quota.Window{
			{Name: "5h", Kind: quota.Anchored, Unit: quota.Prompts, Limit: five, Minutes: 300},
			{Name: "week", Kind: quota.Anchored, Unit: quota.Prompts, Limit: week, Minutes: 10080},
		},
	}
}

func publish(t testing.TB, id string, d plan.Draft) *plan.Version {
	t.Helper()
	v, err := plan.Publish(id, d, start, time.LoadLocation)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lite(t testing.TB) *plan.Version {
	return publish(t, "lite-1", glm(t, "lite", 1, "49.00", "132.30", "468.00", 80, 400))
}

func pro(t testing.TB) *plan.Version {
	return publish(t, "pro-1", glm(t, "pro", 2, "149.00", "402.30", "1428.00", 400, 2000))
}

func rules(t testing.TB) *plan.Rules {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	r := &plan.Rules{Zone: zone, Dunning: plan.Dunning{Retries: []time.Duration{0, 3 * day, 5 * day, 7 * day}, Grace: 7 * day, Cancel: 21 * day}}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	return r
}

// must unwraps what a transition returns.
func must(t testing.TB) func(plan.Subscription, []sluice.Tx, error) (plan.Subscription, []sluice.Tx) {
	return func(s plan.Subscription, txs []sluice.Tx, err error) (plan.Subscription, []sluice.Tx) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		for i := range txs {
			if err := ledger.Check(&txs[i]); err != nil {
				t.Fatal(err)
			}
		}
		return s, txs
	}
}

// balances adds up what transactions move, by kind of account.
func balances(t testing.TB, txs []sluice.Tx) map[sluice.AccountKind]string {
	t.Helper()
	sums := map[sluice.AccountKind]sluice.Amount{}
	for _, tx := range txs {
		for _, e := range tx.Entries {
			sum, err := sums[e.Account.Kind].Add(e.Amount)
			if err != nil {
				t.Fatal(err)
			}
			sums[e.Account.Kind] = sum
		}
	}
	text := map[sluice.AccountKind]string{}
	for kind, sum := range sums {
		if sum.Sign() != 0 {
			text[kind] = sum.String()
		}
	}
	return text
}

func wantBalances(t testing.TB, txs []sluice.Tx, want map[sluice.AccountKind]string) {
	t.Helper()
	if diff := cmp.Diff(want, balances(t, txs)); diff != "" {
		t.Errorf("balances (-want +got)\n%s", diff)
	}
}

func TestPublishRefuses(t *testing.T) {
	for want, change := range map[string]func(*plan.Draft){
		"no name":             func(d *plan.Draft) { d.Name = "" },
		"no price":            func(d *plan.Draft) { d.Prices = nil },
		"not more than zero":  func(d *plan.Draft) { d.Prices[plan.Monthly] = sluice.Amount{} },
		"cannot be paid":      func(d *plan.Draft) { d.Prices[plan.Monthly] = amount(t, "49.001") },
		"cannot be paid in J": func(d *plan.Draft) { d.Currency, d.Prices[plan.Monthly] = "JPY", amount(t, "980.5") },
		"more than 10000000":  func(d *plan.Draft) { d.Prices[plan.Yearly] = amount(t, "10000000.01") },
		"unknown cycle":       func(d *plan.Draft) { d.Prices["fortnight"] = amount(t, "1") },
		"currency \"yuan\"":   func(d *plan.Draft) { d.Currency = "yuan" },
		"a trial of -1 days":  func(d *plan.Draft) { d.TrialDays = -1 },
		"serves no model":     func(d *plan.Draft) { d.Models = nil },
		"no model's name":     func(d *plan.Draft) { d.Models = []string{"a b"} },
		"window 1 \"5h\"":     func(d *plan.Draft) { d.Windows[0].Limit = -1 },
	} {
		d := glm(t, "lite", 1, "49.00", "132.30", "468.00", 80, 400)
		change(&d)
		if _, err := plan.Publish("x", d, start, time.LoadLocation); sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	d := glm(t, "lite", 1, "1.00", "2.00", "3.00", 80, 400)
	v := publish(t, "x", d)
	d.Windows[0].Limit, d.Models[0], d.Prices[plan.Monthly] = 1, "changed", sluice.Amount{}
	if v.Draft().Windows[0].Limit != 80 || !v.Serves("glm-5.1") || v.Serves("changed") || v.Quota().ID() != "x" || v.Draft().Prices[plan.Monthly].Sign() == 0 {
		t.Error("a draft that changes afterwards changes the version")
	}
	if again := publish(t, "x", *v.Draft()); again.Hash != v.Hash || len(v.Hash) != 64 {
		t.Errorf("published again its hash is %s, not %s", again.Hash, v.Hash)
	}
}

func TestInForce(t *testing.T) {
	old := lite(t)
	d := *old.Draft()
	d.EffectiveAt = start
	newer := publish(t, "lite-2", d)
	all := []*plan.Version{newer, old, pro(t)}
	for at, want := range map[time.Time]*plan.Version{start.AddDate(-2, 0, 0): nil, start.Add(-1): old, start: newer, start.AddDate(1, 0, 0): newer} {
		if got := plan.InForce(all, "lite", "CNY", at); got != want {
			t.Errorf("%v: %+v", at, got)
		}
	}
	if plan.InForce(all, "lite", "USD", start) != nil || plan.InForce(all, "max", "CNY", start) != nil {
		t.Error("a plan that is not there")
	}
}

func TestRulesCheck(t *testing.T) {
	const day = 24 * time.Hour
	for name, d := range map[string]plan.Dunning{
		"no end":            {Grace: day},
		"too late":          {Grace: day, Cancel: 29 * day},
		"falling":           {Retries: []time.Duration{2, 1}, Cancel: day},
		"retried too late":  {Retries: []time.Duration{2 * day}, Cancel: day},
		"negative grace":    {Grace: -1},
		"retried before it": {Retries: []time.Duration{-1}, Cancel: day},
	} {
		r := plan.Rules{Zone: time.UTC, Dunning: d}
		if sluice.CodeOf(r.Check()) != sluice.CodeInvalid {
			t.Errorf("%s is accepted", name)
		}
	}
	if sluice.CodeOf((&plan.Rules{}).Check()) != sluice.CodeInvalid {
		t.Error("no zone is accepted")
	}
}

// TestYear: from 31 January a subscription renews on the last days of months
// for a year, pays each time, and every yuan is earned by the day.
func TestYear(t *testing.T) {
	r := rules(t)
	s, all := must(t)(r.Start("sub_1", "org_1", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	var ends []string
	for range 12 {
		end := s.Period.End
		ends = append(ends, end.In(r.Zone).Format("01-02 15:04"))
		var txs []sluice.Tx
		s, txs = must(t)(r.Advance(s, end))
		if s.Status != plan.PastDue || s.Owed().String() != "49.00" || !s.Serves() || !s.DueFrom.Equal(end) {
			t.Fatalf("%+v", s)
		}
		wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountDeferred: "-49.00", sluice.AccountRevenuePlan: "49.00"})
		all = append(all, txs...)
		s, txs = must(t)(r.Pay(s, sluice.AccountClearing, end))
		if len(txs) != 1 || s.Status != plan.Active || s.Owed().Sign() != 0 {
			t.Fatalf("%+v", s)
		}
		all = append(all, txs...)
	}
	want := "02-28 22:23 03-31 22:23 04-30 22:23 05-31 22:23 06-30 22:23 07-31 22:23 08-31 22:23 09-30 22:23 10-31 22:23 11-30 22:23 12-31 22:23 01-31 22:23"
	if got := strings.Join(ends, " "); got != want {
		t.Errorf("periods end at\n%s, want\n%s", got, want)
	}
	wantBalances(t, all, map[sluice.AccountKind]string{
		sluice.AccountPrepaid: "-49.00", sluice.AccountClearing: "-588.00",
		sluice.AccountDeferred: "49.00", sluice.AccountRevenuePlan: "588.00",
	})
	if days := 365; len(all) != 13+days {
		t.Errorf("%d transactions, want 13 payments and %d days", len(all), days)
	}
}

// TestDays: 49 yuan over 28 days: 1.75 each, and over 31 days what is left over
// falls where it falls, to the nano.
func TestDays(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("sub_1", "org_1", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	s, txs := must(t)(r.Advance(s, start.Add(24*time.Hour)))
	wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountDeferred: "-1.75", sluice.AccountRevenuePlan: "1.75"})
	if txs[0].ID != "sub_1_1769869380000000_day_1" || txs[0].Kind != ledger.TxEarned || !txs[0].At.Equal(start.Add(24*time.Hour)) {
		t.Errorf("%+v", txs[0])
	}
	if next := r.NextAt(s); !next.Equal(start.Add(48 * time.Hour)) {
		t.Errorf("next %v", next)
	}
	s, _ = must(t)(r.Advance(s, s.Period.End))
	s, _ = must(t)(r.Pay(s, sluice.AccountPrepaid, s.Period.Start))
	_, txs = must(t)(r.Advance(s, s.Period.Start.Add(3*24*time.Hour-1)))
	wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountDeferred: "-3.161290322", sluice.AccountRevenuePlan: "3.161290322"})
}

// TestDaylightSaving: a period that is an hour shorter or longer has whole days.
func TestDaylightSaving(t *testing.T) {
	r := rules(t)
	r.Zone, _ = time.LoadLocation("Europe/Berlin")
	for _, c := range []struct {
		at   time.Time
		days int
	}{{time.Date(2026, 3, 15, 11, 0, 0, 0, time.UTC), 31}, {time.Date(2026, 10, 15, 11, 0, 0, 0, time.UTC), 31}} {
		s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, c.at))
		_, txs := must(t)(r.Advance(s, s.Period.End))
		if len(txs) != c.days || s.Period.End.Sub(c.at)%(24*time.Hour) == 0 {
			t.Errorf("%v: %d days to %v", c.at, len(txs), s.Period.End)
		}
		if last := txs[len(txs)-1]; !last.At.Equal(s.Period.End) {
			t.Errorf("the last day ends at %v, the period at %v", last.At, s.Period.End)
		}
	}
}

func TestTrial(t *testing.T) {
	r := rules(t)
	s, txs := must(t)(r.Start("s", "o", lite(t), plan.Monthly, true, sluice.AccountPrepaid, start))
	if s.Status != plan.Trialing || len(txs) != 0 || !s.Serves() || !s.Period.End.Equal(start.AddDate(0, 0, 7)) {
		t.Fatalf("%+v", s)
	}
	paying, _ := must(t)(r.Advance(s, s.Period.End))
	if paying.Status != plan.PastDue || !paying.Period.Start.Equal(s.Period.End) || paying.Owed().String() != "49.00" {
		t.Errorf("%+v", paying)
	}
	left, _ := must(t)(r.Cancel(s, start))
	left, _ = must(t)(r.Advance(left, s.Period.End))
	if left.Status != plan.Cancelled || left.Serves() || !left.EndsAt.Equal(s.Period.End) || !r.NextAt(left).IsZero() {
		t.Errorf("%+v", left)
	}
	up, txs := must(t)(r.Upgrade(s, pro(t), plan.Monthly, sluice.AccountPrepaid, start.AddDate(0, 0, 3)))
	wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountPrepaid: "-149.00", sluice.AccountDeferred: "149.00"})
	if up.Status != plan.Active {
		t.Errorf("%+v", up)
	}
}

// TestDunning walks through the schedule.
func TestDunning(t *testing.T) {
	r := rules(t)
	const day = 24 * time.Hour
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	due := s.Period.End
	if !r.NextRetry(s, due).IsZero() {
		t.Error("a retry of what is paid")
	}
	for _, c := range []struct {
		after time.Duration
		want  plan.Status
		retry time.Duration
	}{{0, plan.PastDue, 3 * day}, {3 * day, plan.PastDue, 5 * day}, {7*day - 1, plan.PastDue, 7 * day}, {7 * day, plan.Suspended, 0}, {21*day - 1, plan.Suspended, 0}, {21 * day, plan.Cancelled, 0}} {
		got, txs := must(t)(r.Advance(s, due.Add(c.after)))
		if got.Status != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got.Status, c.want)
		}
		wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountDeferred: "-49.00", sluice.AccountRevenuePlan: "49.00"})
		retry := r.NextRetry(got, due.Add(c.after))
		if retry.IsZero() != (c.retry == 0) || c.retry > 0 && !retry.Equal(due.Add(c.retry)) {
			t.Errorf("after %v: the next retry is %v", c.after, retry)
		}
	}

	// Paid in time it keeps its period, and catches up with the days.
	paid, txs := must(t)(r.Pay(s, sluice.AccountPrepaid, due.Add(5*day)))
	if !paid.Period.Start.Equal(due) || paid.Earned != 5 || paid.Status != plan.Active {
		t.Errorf("%+v", paid)
	}
	for _, tx := range txs[len(txs)-6:] {
		if !tx.At.Equal(due.Add(5 * day)) {
			t.Errorf("%s takes effect at %v, before it was paid", tx.ID, tx.At)
		}
	}
	// Paid after the suspension it begins a new one.
	again, txs := must(t)(r.Pay(s, sluice.AccountPrepaid, due.Add(10*day)))
	if !again.Period.Start.Equal(due.Add(10*day)) || again.Earned != 0 || again.Status != plan.Active {
		t.Errorf("%+v", again)
	}
	wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountPrepaid: "-49.00", sluice.AccountRevenuePlan: "49.00"})
	// Cancelled while it waits it is over, and nothing is owed.
	over, _ := must(t)(r.Cancel(s, due.Add(day)))
	if over.Status != plan.Cancelled || over.Owed().Sign() != 0 {
		t.Errorf("%+v", over)
	}
}

// TestUpgrade: half of a month of Lite is credited to Pro.
func TestUpgrade(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	at := start.Add(9*24*time.Hour + time.Hour) // 9 of 28 days are over: 19/28 of 49.00 is 33.25
	up, txs := must(t)(r.Upgrade(s, pro(t), plan.Monthly, sluice.AccountPrepaid, at))
	wantBalances(t, txs, map[sluice.AccountKind]string{
		sluice.AccountPrepaid: "-115.75", sluice.AccountDeferred: "100.00", sluice.AccountRevenuePlan: "15.75",
	})
	if up.Terms.Version != "pro-1" || !up.Period.Start.Equal(at) || up.Status != plan.Active || !up.Paid || up.Earned != 0 {
		t.Errorf("%+v", up)
	}

	// Where it does not come out even the credit is rounded half up, and the books show by how much.
	s, _ = must(t)(r.Advance(s, s.Period.End))
	s, _ = must(t)(r.Pay(s, sluice.AccountPrepaid, s.Period.Start))
	at = s.Period.Start.Add(24 * time.Hour) // 30/31 of 49.00 is 47.419354…, credited as 47.42
	_, txs = must(t)(r.Upgrade(s, pro(t), plan.Quarterly, sluice.AccountClearing, at))
	wantBalances(t, txs, map[sluice.AccountKind]string{
		sluice.AccountClearing: "-354.88", sluice.AccountDeferred: "353.30", sluice.AccountRevenuePlan: "1.580645161", sluice.AccountRounding: "-0.000645161",
	})

	// What exceeds the new price goes to the wallet, also when a card was to pay.
	year, _ := must(t)(r.Start("s", "o", lite(t), plan.Yearly, false, sluice.AccountPrepaid, start))
	_, txs = must(t)(r.Upgrade(year, pro(t), plan.Monthly, sluice.AccountClearing, start))
	wantBalances(t, txs, map[sluice.AccountKind]string{sluice.AccountPrepaid: "319.00", sluice.AccountDeferred: "-319.00"})
}

func TestChangesRefused(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	p, _ := must(t)(r.Start("s", "o", pro(t), plan.Quarterly, false, sluice.AccountPrepaid, start))
	over, _ := must(t)(r.Refund(s, start))
	due, _ := must(t)(r.Advance(s, s.Period.End))
	d := *pro(t).Draft()
	d.Currency = "USD"
	dollars := publish(t, "usd", d)
	d.Prices = map[plan.Cycle]sluice.Amount{plan.Monthly: amount(t, "1")}
	d.Currency = "CNY"
	monthly := publish(t, "m", d)
	paused := *r
	paused.Paused = []string{"pro"}
	from := sluice.AccountPrepaid
	for name, c := range map[string]struct {
		err  error
		want sluice.Code
	}{
		"pay nothing":         {third(r.Pay(s, from, start)), sluice.CodeConflict},
		"pay by promotion":    {third(r.Pay(due, sluice.AccountPromotional, due.DueFrom)), sluice.CodeInvalid},
		"start by promotion":  {third(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPromotional, start)), sluice.CodeInvalid},
		"upgrade downwards":   {third(r.Upgrade(p, lite(t), plan.Monthly, from, start)), sluice.CodeConflict},
		"upgrade to the same": {third(r.Upgrade(s, lite(t), plan.Monthly, from, start)), sluice.CodeConflict},
		"a shorter upgrade":   {third(r.Upgrade(p, pro(t), plan.Monthly, from, start)), sluice.CodeConflict},
		"upgrade unpaid":      {third(r.Upgrade(due, pro(t), plan.Monthly, from, due.DueFrom)), sluice.CodeConflict},
		"another currency":    {third(r.Upgrade(s, dollars, plan.Monthly, from, start)), sluice.CodeInvalid},
		"no such cycle":       {third(r.Upgrade(s, monthly, plan.Yearly, from, start)), sluice.CodeInvalid},
		"paused":              {third(paused.Upgrade(s, pro(t), plan.Monthly, from, start)), sluice.CodeUnavailable},
		"paused start":        {third(paused.Start("s", "o", pro(t), plan.Monthly, true, from, start)), sluice.CodeUnavailable},
		"downgrade upwards":   {third(r.Downgrade(s, pro(t), plan.Monthly, start)), sluice.CodeConflict},
		"downgrade unpaid":    {third(r.Downgrade(due, lite(t), plan.Monthly, due.DueFrom)), sluice.CodeConflict},
		"cancel again":        {third(r.Cancel(over, start)), sluice.CodeConflict},
		"resume what is over": {third(r.Resume(over, start)), sluice.CodeConflict},
		"refund again":        {third(r.Refund(over, start)), sluice.CodeConflict},
		"pay what is over":    {third(r.Pay(over, from, start)), sluice.CodeConflict},
	} {
		if got := sluice.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if _, txs := must(t)(paused.Advance(s, s.Period.End)); len(txs) == 0 {
		t.Error("a pause of sales stops what is sold")
	}
}

func third(_ plan.Subscription, _ []sluice.Tx, err error) error { return err }

// TestDowngrade: it waits for the period's end, keeps the day of the month, and
// can be taken back.
func TestDowngrade(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", pro(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	down, txs := must(t)(r.Downgrade(s, lite(t), plan.Quarterly, start))
	if len(txs) != 0 || down.Terms.Plan != "pro" || down.Next.Plan != "lite" {
		t.Fatalf("%+v", down)
	}
	next, _ := must(t)(r.Advance(down, s.Period.End))
	if next.Terms.Plan != "lite" || next.Next != nil || next.Owed().String() != "132.30" {
		t.Errorf("%+v", next)
	}
	if got := next.Period.End.In(r.Zone).Format("01-02"); got != "05-31" {
		t.Errorf("a quarter from 28 February, counted from 31 January, ends on %s", got)
	}
	back, _ := must(t)(r.Resume(down, start))
	if back.Next != nil {
		t.Errorf("%+v", back)
	}
	ends, _ := must(t)(r.Cancel(down, start))
	if ends.Next != nil || !ends.EndsAt.Equal(s.Period.End) || ends.Status != plan.Active || !ends.Serves() {
		t.Errorf("%+v", ends)
	}
	stays, _ := must(t)(r.Resume(ends, start))
	if diff := cmp.Diff(s, stays); diff != "" {
		t.Error(diff)
	}
	over, _ := must(t)(r.Advance(ends, s.Period.End))
	if over.Status != plan.Cancelled {
		t.Errorf("%+v", over)
	}
}

// TestGrandfathered: a new version changes nothing for who has the old one.
func TestGrandfathered(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	d := glm(t, "lite", 1, "59.00", "150.00", "500.00", 60, 300)
	newer := publish(t, "lite-2", d)
	for range 24 {
		s, _ = must(t)(r.Advance(s, s.Period.End))
		s, _ = must(t)(r.Pay(s, sluice.AccountPrepaid, s.Period.Start))
	}
	if s.Terms.Version != "lite-1" || s.Terms.Price.String() != "49.00" {
		t.Errorf("%+v", s.Terms)
	}
	s, _ = must(t)(r.Downgrade(s, newer, plan.Monthly, s.Period.Start)) // by its owner's choice
	if s, _ = must(t)(r.Advance(s, s.Period.End)); s.Terms.Version != "lite-2" || s.Owed().String() != "59.00" {
		t.Errorf("%+v", s.Terms)
	}
}

func TestRefund(t *testing.T) {
	r := rules(t)
	s, paid := must(t)(r.Start("s", "o", lite(t), plan.Yearly, false, sluice.AccountClearing, start))
	s, txs := must(t)(r.Refund(s, start.Add(100*24*time.Hour)))
	if s.Status != plan.Cancelled || s.Serves() {
		t.Errorf("%+v", s)
	}
	wantBalances(t, append(paid, txs...), map[sluice.AccountKind]string{ // 265/365 of 468.00 is 339.780821…
		sluice.AccountClearing: "-468.00", sluice.AccountPrepaid: "339.78", sluice.AccountRevenuePlan: "128.219178082", sluice.AccountRounding: "0.000821918"})
}

func TestSubscriptionJSON(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", pro(t), plan.Monthly, false, sluice.AccountPrepaid, start))
	s, _ = must(t)(r.Downgrade(s, lite(t), plan.Monthly, start.Add(50*time.Hour)))
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back plan.Subscription
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
}

// TestLastChoiceCounts: an upgrade or a downgrade takes back a cancellation.
func TestLastChoiceCounts(t *testing.T) {
	r := rules(t)
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Quarterly, false, sluice.AccountPrepaid, start))
	s, _ = must(t)(r.Cancel(s, start))
	up, _ := must(t)(r.Upgrade(s, pro(t), plan.Monthly, sluice.AccountPrepaid, start))
	down, _ := must(t)(r.Downgrade(s, lite(t), plan.Monthly, start))
	for name, s := range map[string]plan.Subscription{"upgrade": up, "downgrade": down} {
		if s, _ = must(t)(r.Advance(s, s.Period.End)); s.Status != plan.PastDue {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// TestLongLastDay: where clocks go back the last day has 25 hours, and is
// credited until its end.
func TestLongLastDay(t *testing.T) {
	r := rules(t)
	r.Zone, _ = time.LoadLocation("Europe/Berlin")
	at := time.Date(2026, 10, 15, 11, 0, 0, 0, time.UTC)
	s, _ := must(t)(r.Start("s", "o", lite(t), plan.Monthly, false, sluice.AccountPrepaid, at))
	_, txs := must(t)(r.Upgrade(s, pro(t), plan.Monthly, sluice.AccountPrepaid, at.Add(31*24*time.Hour+time.Minute)))
	if got := balances(t, txs)[sluice.AccountPrepaid]; got != "-147.42" { // 149.00 less 1/31 of 49.00
		t.Errorf("the upgrade costs %s", got)
	}
}
