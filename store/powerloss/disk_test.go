package powerloss

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

const losses = 300 // enough for every kind of damage to show

func TestSyncedContentSurvives(t *testing.T) {
	for _, config := range []Config{{}, {SectorSize: 4096}} {
		for seed := range uint64(losses) {
			disk := NewDisk(seed, config)
			want := fill(disk.rng, 10_000)
			f := put(t, disk, "db", want)
			disk.write(f, 1_000, make([]byte, 3_000))
			disk.truncate(f, 5_000)
			disk.Restart()

			got := disk.names["db"].data
			if len(got) != 5_000 && len(got) != 10_000 {
				t.Fatalf("seed %d: size %d after a truncation without a sync", seed, len(got))
			}
			if !bytes.Equal(got[:1_000], want[:1_000]) || !bytes.Equal(got[4_000:], want[4_000:len(got)]) {
				t.Fatalf("seed %d: synced bytes outside the last write changed", seed)
			}
		}
	}
}

// TestDamage shows that each fate of an unsynced sector occurs and that none
// reaches beyond what the kind of disk allows.
func TestDamage(t *testing.T) {
	const size, from, to = 4_096, 1_100, 1_300 // inside the sector from 1024 to 1536
	for _, config := range []Config{{}, {CollateralDamage: true}} {
		var lost, kept, torn, garbage, collateral int
		for seed := range uint64(losses) {
			disk := NewDisk(seed, config)
			before := fill(disk.rng, size)
			f := put(t, disk, "db", before)
			written := fill(disk.rng, to-from)
			disk.write(f, from, written)
			disk.Restart()

			after := disk.names["db"].data
			if len(after) != size || !bytes.Equal(after[:1024], before[:1024]) || !bytes.Equal(after[1536:], before[1536:]) {
				t.Fatalf("%+v, seed %d: damage beyond the sector", config, seed)
			}
			beside := !bytes.Equal(after[1024:from], before[1024:from]) || !bytes.Equal(after[to:1536], before[to:1536])
			switch got := after[from:to]; {
			case beside:
				collateral++
			case bytes.Equal(got, before[from:to]):
				lost++
			case bytes.Equal(got, written):
				kept++
			case isMix(got, before[from:to], written):
				torn++
			default:
				garbage++
			}
		}
		if config.CollateralDamage {
			garbage, collateral = collateral, garbage
		}
		if lost == 0 || kept == 0 || torn == 0 || garbage == 0 || collateral != 0 {
			t.Errorf("%+v: %d lost, %d kept, %d torn, %d garbage, %d of the wrong kind", config, lost, kept, torn, garbage, collateral)
		}
	}
}

// isMix reports whether got is old on one side of some byte and new on the other.
func isMix(got, old, new []byte) bool {
	for cut := range len(got) + 1 {
		if bytes.Equal(got[:cut], old[:cut]) && bytes.Equal(got[cut:], new[cut:]) ||
			bytes.Equal(got[:cut], new[:cut]) && bytes.Equal(got[cut:], old[cut:]) {
			return true
		}
	}
	return false
}

func TestSectorsAreIndependent(t *testing.T) {
	patterns := map[[3]bool]bool{}
	for seed := range uint64(losses) {
		disk := NewDisk(seed, Config{})
		f := put(t, disk, "db", make([]byte, 1536))
		disk.write(f, 0, bytes.Repeat([]byte{1}, 1536))
		disk.Restart()
		after := disk.names["db"].data
		patterns[[3]bool{after[0] == 1, after[512] == 1, after[1024] == 1}] = true
	}
	if len(patterns) != 8 {
		t.Errorf("%d of the 8 combinations of three sectors occur", len(patterns))
	}
}

func TestSyncCoversOneFile(t *testing.T) {
	lost := false
	for seed := range uint64(losses) {
		disk := NewDisk(seed, Config{})
		a, b := put(t, disk, "a", nil), put(t, disk, "b", nil)
		disk.write(a, 0, []byte("a"))
		disk.write(b, 0, []byte("b"))
		disk.sync(b, false)
		disk.Restart()
		if string(disk.names["b"].data) != "b" {
			t.Fatalf("seed %d: the synced file is lost", seed)
		}
		lost = lost || string(disk.names["a"].data) != "a"
	}
	if !lost {
		t.Error("the other file was never damaged")
	}
}

func TestDirectory(t *testing.T) {
	var created, deleted int
	for seed := range uint64(losses) {
		disk := NewDisk(seed, Config{})
		put(t, disk, "old", []byte("old"))
		put(t, disk, "gone", nil)
		disk.remove("gone", true)
		disk.remove("old", false)
		f, _ := disk.create("new")
		disk.write(f, 0, []byte("new"))
		disk.sync(f, false)
		disk.Restart()
		if disk.names["gone"] != nil {
			t.Fatalf("seed %d: a durable deletion is undone", seed)
		}
		if f := disk.names["new"]; f != nil {
			created++
			if string(f.data) != "new" {
				t.Fatalf("seed %d: the file survived and its synced content did not", seed)
			}
		}
		if disk.names["old"] == nil {
			deleted++
		}
	}
	for what, n := range map[string]int{"creation": created, "deletion": deleted} {
		if n == 0 || n == losses {
			t.Errorf("a %s that was not synced survived %d of %d losses", what, n, losses)
		}
	}
}

func TestStrike(t *testing.T) {
	disk := NewDisk(1, Config{})
	f := put(t, disk, "db", nil)
	disk.StrikeAfter(2)
	if !disk.write(f, 0, []byte("x")) || !disk.sync(f, false) {
		t.Fatal("an operation before the strike failed")
	}
	if disk.Struck() {
		t.Fatal("struck too early")
	}
	if disk.write(f, 1, []byte("y")) || !disk.Struck() {
		t.Fatal("the third operation was not struck")
	}
	if _, ok := disk.create("new"); ok || disk.truncate(f, 0) || disk.sync(f, false) || disk.remove("db", true) {
		t.Fatal("an operation after the strike succeeded")
	}
	disk.Restart()
	if disk.Struck() {
		t.Fatal("still struck after the restart")
	}
	f = disk.names["db"]
	if string(f.data[:1]) != "x" {
		t.Fatalf("content is %q", f.data)
	}
	if !disk.write(f, 0, []byte("z")) {
		t.Fatal("writing failed after the restart")
	}
}

func TestStrikeAtSync(t *testing.T) {
	var durable int
	for seed := range uint64(losses) {
		disk := NewDisk(seed, Config{})
		f := put(t, disk, "db", []byte("x"))
		disk.StrikeAfterSyncs(1)
		if !disk.write(f, 0, []byte("y")) || !disk.sync(f, false) || !disk.write(f, 0, []byte("z")) {
			t.Fatal("an operation before the strike failed")
		}
		if disk.sync(f, false) || !disk.Struck() {
			t.Fatal("the second sync was not struck")
		}
		disk.Restart()
		if string(disk.names["db"].data) == "z" {
			durable++
		}
	}
	if durable == 0 || durable == losses {
		t.Errorf("the struck sync made its file durable %d of %d times", durable, losses)
	}
}

// TestStrikeInTheMiddle shows that the write in which power goes may survive and
// may be lost.
func TestStrikeInTheMiddle(t *testing.T) {
	var kept int
	for seed := range uint64(losses) {
		disk := NewDisk(seed, Config{})
		f := put(t, disk, "db", []byte("x"))
		disk.StrikeAfter(0)
		disk.write(f, 0, []byte("y"))
		disk.Restart()
		if string(disk.names["db"].data) == "y" {
			kept++
		}
	}
	if kept == 0 || kept == losses {
		t.Errorf("the struck write survived %d of %d times", kept, losses)
	}
}

func TestSeedDecides(t *testing.T) {
	run := func(seed uint64) []byte {
		disk := NewDisk(seed, Config{})
		f := put(t, disk, "db", make([]byte, 8_192))
		disk.write(f, 0, bytes.Repeat([]byte{1}, 8_192))
		disk.Restart()
		return disk.names["db"].data
	}
	if !bytes.Equal(run(7), run(7)) {
		t.Error("the same seed gave two images")
	}
	if bytes.Equal(run(7), run(8)) {
		t.Error("two seeds gave the same image")
	}
}

func TestNewDiskRefusesSectorSize(t *testing.T) {
	for _, size := range []int{-512, 256, 513, 3_000, 8_192} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("sector size %d was accepted", size)
				}
			}()
			NewDisk(1, Config{SectorSize: size})
		}()
	}
}

// put makes a durable file.
func put(t *testing.T, disk *Disk, name string, content []byte) *file {
	t.Helper()
	f, ok := disk.create(name)
	if !ok || !disk.write(f, 0, content) || !disk.sync(f, true) {
		t.Fatalf("making %s failed", name)
	}
	return f
}

func fill(rng *rand.Rand, n int) []byte {
	p := make([]byte, n)
	fillRandom(p, rng)
	return p
}
