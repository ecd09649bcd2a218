package powerloss_test

import (
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/store/powerloss"
)

// eachSeed runs test once for each seed, several at a time. There are
// SLUICE_POWERLOSS_SEEDS of them, by default 10, from SLUICE_POWERLOSS_FIRST
// on, by default 0: a seed that failed is run again alone with
//
//	SLUICE_POWERLOSS_FIRST=198 SLUICE_POWERLOSS_SEEDS=1 go test ./store/powerloss
func eachSeed(t *testing.T, test func(seed uint64) error) {
	first, seeds := setting(t, "SLUICE_POWERLOSS_FIRST", 0), setting(t, "SLUICE_POWERLOSS_SEEDS", 10)
	const enough = 20 // failures after which more would tell nothing new
	var next, failed atomic.Uint64
	next.Store(first)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for failed.Load() < enough {
				seed := next.Add(1) - 1
				if seed >= first+seeds {
					return
				}
				if err := test(seed); err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v", seed, err)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds from %d on, %d failed", seeds, first, failed.Load())
}

func setting(t *testing.T, name string, preset uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return preset
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// planStrike lets power go at some operation, at times so soon that it is during
// recovery or while the schema is made, or at some sync.
func planStrike(disk *powerloss.Disk, rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0:
		disk.StrikeAfter(rng.IntN(50))
	case 1:
		disk.StrikeAfter(rng.IntN(1000))
	default:
		disk.StrikeAfterSyncs(rng.IntN(30))
	}
}

// anyDisk returns a kind of disk that a database must survive on: each size of
// sector, with and without powersafe overwrite.
func anyDisk(seed uint64) powerloss.Config {
	return powerloss.Config{
		SectorSize:       512 << (seed % 4),
		CollateralDamage: seed%8 >= 4,
	}
}
