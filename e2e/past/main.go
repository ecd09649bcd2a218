// Command past fills a stopped server's data folder with calls of the days before, so
// that browsers have a statement to look at: no clock can be set back for that.
//
//	go run . --data DIR --days 3 --call ORG,KEY,MODEL,ENGINE
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/billing"
	"sluice/money/price"
	"sluice/store"
)

// prices are those of fill.mjs, in pico for a token: fresh, cached, output.
func prices(model string) [3]int64 {
	if model == "glm-4.6" {
		return [3]int64{600_000, 110_000, 2_200_000}
	}
	return [3]int64{280_000, 30_000, 420_000}
}

func main() {
	data := flag.String("data", "", "the data folder of a server that does not run")
	days := flag.Int("days", 3, "how many days back")
	var callers []string
	flag.Func("call", "ORG,KEY,MODEL,ENGINE that calls are of", func(s string) error {
		callers = append(callers, s)
		return nil
	})
	flag.Parse()
	if err := run(context.Background(), *data, *days, callers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, data string, days int, callers []string) (err error) {
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(data, "sluice.db"))
	if err != nil {
		return fmt.Errorf("opening the data folder: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ledger, err := billing.Open(ctx, db, billing.Options{})
	if err != nil {
		return fmt.Errorf("opening the ledger: %w", err)
	}
	defer ledger.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	book, err := backdate(ctx, db, midnight.AddDate(0, 0, -days))
	if err != nil {
		return err
	}
	for hour := range 24 * days {
		for _, c := range callers {
			f := strings.Split(c, ",")
			if len(f) != 4 {
				return fmt.Errorf("--call %q is not ORG,KEY,MODEL,ENGINE", c)
			}
			at := midnight.AddDate(0, 0, -days).Add(time.Duration(hour)*time.Hour + time.Duration(rnd.IntN(3500))*time.Second)
			if err := settle(ctx, ledger, event(rnd, f, book, at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// backdate has the prices of today in force from an instant on, and returns the book's id.
func backdate(ctx context.Context, db *store.DB, since time.Time) (string, error) {
	books, err := db.Books(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the price books: %w", err)
	}
	now := price.InForce(books, "USD", time.Now())
	if now == nil {
		return "", errors.New("there is no price book in USD")
	}
	old, err := price.Publish(sluice.NewID(sluice.PrefixBook, since), price.Draft{Currency: "USD", EffectiveAt: since, Rules: now.Rules()}, since)
	if err == nil {
		err = db.PublishBook(ctx, old)
	}
	if err != nil {
		return "", fmt.Errorf("publishing the prices of before: %w", err)
	}
	return old.ID, nil
}

// event is a call of about the size that coding agents make; some are free, and of
// some the engine did not count all.
func event(rnd *rand.Rand, of []string, book string, at time.Time) sluice.Event {
	ev := sluice.Event{
		CallID: sluice.NewID(sluice.PrefixCall, at), Org: of[0], Key: of[1], Model: of[2], Engine: of[3], Endpoint: "/v1/chat/completions",
		AdmittedAt: at, FirstAt: at.Add(400 * time.Millisecond), EndedAt: at.Add(9 * time.Second), Status: sluice.StatusCompleted, Currency: "USD", Book: book,
	}
	ev.Usage[sluice.ClassInput], ev.Usage[sluice.ClassCached], ev.Usage[sluice.ClassOutput] = 40_000+rnd.Int64N(160_000), 200_000+rnd.Int64N(600_000), 10_000+rnd.Int64N(60_000)
	p := prices(ev.Model)
	ev.List = sluice.Pico(ev.Usage[sluice.ClassInput]*p[0] + ev.Usage[sluice.ClassCached]*p[1] + ev.Usage[sluice.ClassOutput]*p[2])
	ev.Charge = ev.List
	switch rnd.IntN(12) {
	case 0:
		ev.Charge = 0
	case 1:
		ev.Estimated, ev.Charge = true, ev.List/2
	}
	return ev
}

// settle books a call as the gateway does.
func settle(ctx context.Context, ledger *billing.Ledger, ev sluice.Event) error {
	_, err := ledger.Hold(ctx, sluice.HoldRequest{CallID: ev.CallID, Org: ev.Org, Key: ev.Key, Currency: ev.Currency, Want: ev.List, Least: ev.List})
	if err == nil {
		_, err = ledger.Settle(ctx, ev)
	}
	if err != nil {
		return fmt.Errorf("booking a call: %w", err)
	}
	return nil
}
