// Package storetest is the suite that the store passes on every database.
package storetest

import (
	"database/sql"
	"strings"
	"testing"

	"sluice/store"
)

// Run runs the whole suite. fresh returns the name of an empty database that
// lasts as long as the test, as store.Open takes it.
func Run(t *testing.T, fresh func(t testing.TB) (dsn string)) {
	for name, test := range map[string]func(*testing.T, *store.DB){
		"Commit":         testCommit,
		"CommitNothing":  testCommitNothing,
		"Conflict":       testConflict,
		"Overdraft":      testOverdraft,
		"Unbalanced":     testUnbalanced,
		"Checkpoints":    testCheckpoints,
		"LargeBatch":     testLargeBatch,
		"AmountEdges":    testAmountEdges,
		"Concurrent":     testConcurrent,
		"RandomBatches":  testRandomBatches,
		"AnyOrder":       testAnyOrder,
		"Organisations":  testOrganisations,
		"Projects":       testProjects,
		"Keys":           testKeys,
		"Models":         testModels,
		"Engines":        testEngines,
		"Processes":      testProcesses,
		"EngineStarts":   testEngineStarts,
		"Books":          testBooks,
		"BookConditions": testBookConditions,
		"Settings":       testSettings,
		"Payments":       testPayments,
		"Plans":          testPlans,
		"Subscriptions":  testSubscriptions,
		"PlanCalls":      testPlanCalls,
		"Lots":           testLots,
		"CreditCodes":    testCodes,
		"Events":         testEvents,
		"Conditions":     testConditions,
		"PeriodUses":     testPeriodUses,
		"Tx":             testTx,
		"Txs":            testTxs,
		"Verify":         testVerify,
		"BillingParty":   testBillingParty,
		"Invoices":       testInvoices,
		"GatherInvoice":  testGatherInvoice,
		"Files":          testFiles,
		"FileList":       testFileList,
		"StaleFiles":     testStaleFiles,
		"BatchJobs":      testBatchJobs,
		"OpenBatches":    testOpenBatches,
		"BatchLines":     testBatchLines,
		"Chats":          testChats,
		"Responses":      testResponses,
		"Background":     testBackgroundResponses,
		"Conversations":  testConversations,
		"Jobs":           testJobs,
		"OpenJobs":       testOpenJobs,
		"Seals":          testSeals,
		"Rollups":        testRollups,
		"Days":           testDays,
		"ScanEvents":     testScanEvents,
		"Power":          testPower,
		"PowerContract":  testPowerContract,
		"Webhooks":       testWebhooks,
		"Budgets":        testBudgets,
		"Charged":        testCharged,
		"Deliveries":     testDeliveries,
		"Users":          testUsers,
		"SecondFactors":  testSecondFactors,
		"Passkeys":       testPasskeys,
		"Identities":     testIdentities,
		"Sessions":       testSessions,
		"Invitations":    testInvitations,
		"Audit":          testAudit,
		"UsageSums":      testUsageSums,
		"Idempotent":     testIdempotentRequests,
		"Costs":          testCosts,
		"EngineCounts":   testCounts,
		"InvoiceTotals":  testInvoiceTotals,
		"IssuedSince":    testIssuedSince,
		"LocalReports":   testLocalReports,
		"Prune":          testPrune,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t, fresh(t))) })
	}
	for name, test := range map[string]func(*testing.T, string){
		"Reopen":         testReopen,
		"OneWriter":      testOneWriter,
		"ReadOnly":       testReadOnly,
		"NewerSchema":    testNewerSchema,
		"AppendOnly":     testAppendOnly,
		"Damage":         testDamage,
		"Steps":          testSteps,
		"DamagedBook":    testDamagedBook,
		"CalendarDamage": testCalendarDamage,
		"InvoiceKept":    testInvoiceKept,
		"LotDamage":      testLotDamage,
		"SealDamage":     testSealDamage,
		"AuditDamage":    testAuditDamage,
	} {
		t.Run(name, func(t *testing.T) { test(t, fresh(t)) })
	}
}

// open opens a store that is closed at the end of the test.
func open(t testing.TB, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// raw opens the database behind the store's back. It knows both drivers, which
// the store has registered.
func raw(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	driver, name := "pgx", dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, name = "sqlite", path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
