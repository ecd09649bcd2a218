package store_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/store"
)

// BenchmarkCommit settles calls of a thousand organisations in batches, each
// batch one durable transaction, and reports settled calls per second. An
// operation is one call: a transaction, two entries, an event and its share of
// the balances.
func BenchmarkCommit(b *testing.B) {
	for name, fresh := range databases() {
		b.Run(name, func(b *testing.B) {
			for _, size := range []int{1, 100, 1000} {
				b.Run(strconv.Itoa(size), func(b *testing.B) { benchmarkCommit(b, fresh(b), size) })
			}
		})
	}
}

func benchmarkCommit(b *testing.B, dsn string, size int) {
	db, err := store.Open(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const organisations = 1000
	wallets := make([]sluice.AccountID, organisations)
	keys := make([]string, organisations)
	clearing := sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountClearing, Currency: "USD"}
	revenue := sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueAPI, Currency: "USD"}
	var fund sluice.Batch
	for i := range wallets {
		wallets[i] = sluice.AccountID{Owner: sluice.NewID(sluice.PrefixOrganisation, now), Kind: sluice.AccountPrepaid, Currency: "USD"}
		keys[i] = sluice.NewID(sluice.PrefixKey, now)
		fund.Postings = append(fund.Postings, sluice.Posting{Tx: sluice.Tx{ID: sluice.NewID(sluice.PrefixTx, now), Kind: sluice.TxPayment, At: now, Entries: []sluice.Entry{
			{Account: clearing, Amount: sluice.Amount{Nano: -1e15}}, {Account: wallets[i], Amount: sluice.Amount{Nano: 1e15}},
		}}})
	}
	if err := db.Commit(b.Context(), fund); err != nil {
		b.Fatal(err)
	}
	project, engine, book := sluice.NewID(sluice.PrefixProject, now), sluice.NewID(sluice.PrefixEngine, now), sluice.NewID(sluice.PrefixBook, now)
	settle := func() sluice.Posting {
		now = now.Add(100 * time.Microsecond)
		i := rand.IntN(organisations)
		charge := sluice.Pico(rand.Int64N(1e9))
		debit, _ := charge.Amount().Neg()
		id := sluice.NewID(sluice.PrefixCall, now)
		return sluice.Posting{
			Tx: sluice.Tx{ID: id, Kind: sluice.TxUsage, At: now, Entries: []sluice.Entry{{Account: wallets[i], Amount: debit}, {Account: revenue, Amount: charge.Amount()}}},
			Event: &sluice.Event{
				CallID: id, Org: wallets[i].Owner, Project: project, Key: keys[i], Model: "glm-4.6", Engine: engine, Endpoint: "/v1/chat/completions",
				AdmittedAt: now.Add(-3 * time.Second), FirstAt: now.Add(-2 * time.Second), EndedAt: now, Status: sluice.StatusCompleted,
				Usage: sluice.Usage{812, 3072, 0, 420, 0}, Currency: "USD", Book: book, List: charge, Charge: charge,
			},
		}
	}
	before := databaseBytes(b, dsn)
	b.ResetTimer()
	for left := b.N; left > 0; left -= size {
		var batch sluice.Batch
		for range min(size, left) {
			batch.Postings = append(batch.Postings, settle())
		}
		if err := db.Commit(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	if grown := databaseBytes(b, dsn) - before; grown > 0 {
		b.ReportMetric(float64(grown)/float64(b.N), "B/call")
	}
}

// databaseBytes returns the size of a SQLite file, zero for another database.
func databaseBytes(b *testing.B, dsn string) int64 {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok {
		return 0
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
