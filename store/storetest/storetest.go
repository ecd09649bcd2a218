// Package storetest is the suite that the store passes on every database.
package storetest

import (
	"testing"

	"sluice/store"
)

// Run runs the whole suite. open returns a fresh and empty store, which the
// suite closes at the end of the test.
func Run(t *testing.T, open func(t *testing.T) *store.DB) {
	for name, test := range map[string]func(*testing.T, *store.DB){
		"Commit":        testCommit,
		"CommitNothing": testCommitNothing,
		"Conflict":      testConflict,
		"Overdraft":     testOverdraft,
		"Unbalanced":    testUnbalanced,
		"Checkpoints":   testCheckpoints,
		"LargeBatch":    testLargeBatch,
		"AmountEdges":   testAmountEdges,
		"Organisations": testOrganisations,
		"Projects":      testProjects,
		"Keys":          testKeys,
		"Models":        testModels,
		"Engines":       testEngines,
		"Books":         testBooks,
		"Settings":      testSettings,
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, db)
		})
	}
}
