// Package powerloss is a disk in memory that loses power, mounted below SQLite
// as a virtual file system (VFS). Tests use it to prove that what was
// acknowledged as committed is still there after the worst moment to fail.
//
// The disk keeps, for every file, what a running program reads and what is
// durable, and the writes in between that no sync has covered. When the power
// goes, each sector of each such write survives, is lost, is torn or becomes
// garbage, by the seed. The same holds for directory entries: a file that was
// created or deleted may be back in its former state until its directory was
// synced. Nothing else is damaged: the model grants SQLite what it assumes of
// hardware (https://www.sqlite.org/atomiccommit.html, section 2, and
// https://www.sqlite.org/psow.html) and nothing more.
//
//	disk := powerloss.NewDisk(seed, powerloss.Config{})
//	name, unmount, err := disk.Mount()
//	db, err := sql.Open("sqlite", "file:ledger.db?vfs="+name)
//	disk.StrikeAfter(100) // the operation after the next 100 is cut short
//	...                   // work until disk.Struck()
//	db.Close()
//	unmount()
//	disk.Restart() // what survived is what the next Mount finds
//
// One goroutine on one connection gives the same operations in the same order
// each time, so a seed that fails fails again.
//
// Only tests import this package.
package powerloss

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// The sector sizes of disks in use, in bytes.
const (
	minSectorSize = 512
	maxSectorSize = 4096
)

// Config says what kind of disk it is. The zero value is a disk of 512-byte
// sectors with powersafe overwrite, which is what SQLite assumes on Unix.
type Config struct {
	// SectorSize is the unit of damage in bytes: a power of two from 512 to
	// 4096. 0 means 512.
	SectorSize int

	// CollateralDamage makes a disk without powersafe overwrite: a write that
	// power interrupts may turn the whole sector into garbage, also the bytes
	// beside the written ones. SQLite is told so (it does not see
	// SQLITE_IOCAP_POWERSAFE_OVERWRITE) and pads the commits in a WAL to whole
	// sectors. That holds for one loss. The padding is not synced itself, and
	// recovery goes on writing where it was: a second loss can then take the
	// last commit from before the first one. A checkpoint at each start, which
	// begins the WAL anew, closes the gap.
	CollateralDamage bool

	// IgnoreSync makes a disk that lies: a sync succeeds and makes nothing
	// durable. No database survives that; it shows that the harness can fail.
	IgnoreSync bool
}

// Disk is a disk with one directory of files. A Disk is safe for concurrent use.
type Disk struct {
	config Config

	mu           sync.Mutex
	rng          *rand.Rand
	names        map[string]*file // what a running program sees
	durableNames map[string]*file
	nameChanges  []nameChange // from durableNames to names, in order

	boot      int // counts restarts; a mount of an earlier boot is dead
	opsLeft   int // operations before the strike; negative: none is planned
	syncsLeft int // syncs before the strike; negative: none is planned
	struck    bool
}

// nameChange is one directory operation: name now means file, or nothing when
// file is nil.
type nameChange struct {
	name string
	file *file
}

// NewDisk returns an empty disk whose damage is chosen by seed. It panics when
// the sector size is not one that Config allows.
func NewDisk(seed uint64, config Config) *Disk {
	if config.SectorSize == 0 {
		config.SectorSize = minSectorSize
	}
	size := config.SectorSize
	if size < minSectorSize || size > maxSectorSize || size&(size-1) != 0 {
		panic(fmt.Sprintf("powerloss: sector size %d is not a power of two from %d to %d", size, minSectorSize, maxSectorSize))
	}
	return &Disk{
		config:       config,
		rng:          rand.New(rand.NewPCG(seed, 0)),
		names:        map[string]*file{},
		durableNames: map[string]*file{},
		opsLeft:      -1,
		syncsLeft:    -1,
	}
}

// StrikeAfter plans the power loss: the next ops operations are carried out and
// the one after them is cut short, either before it began or in its middle.
// From then on every operation of this boot fails with SQLITE_IOERR. An
// operation is one that changes the disk: a file created or deleted, a write,
// a truncation, a sync. A loss during a read is the loss before the next of
// these. A negative ops cancels a planned strike.
func (d *Disk) StrikeAfter(ops int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opsLeft, d.syncsLeft = ops, -1
}

// StrikeAfterSyncs is StrikeAfter with only the syncs counted: the sync after
// the next syncs of them is cut short. A sync decides whether a commit is
// durable, and there are few of them among the operations.
func (d *Disk) StrikeAfterSyncs(syncs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opsLeft, d.syncsLeft = -1, syncs
}

// Struck reports whether the planned power loss has happened in this boot.
func (d *Disk) Struck() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.struck
}

// Restart cuts the power, if it is not out yet, and boots the machine with what
// survived. Every mount made before is dead from here on: call Mount again.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()

	names := d.durableNames
	for _, change := range d.nameChanges {
		if d.rng.IntN(2) == 0 {
			continue
		}
		if change.file == nil {
			delete(names, change.name)
		} else {
			names[change.name] = change.file
		}
	}
	d.names = map[string]*file{}
	// In the order of names, so that the damage depends on the seed alone.
	for _, name := range slices.Sorted(maps.Keys(names)) {
		image := names[name].afterLoss(d.rng, d.config)
		d.names[name] = &file{data: image, durable: slices.Clone(image)}
	}
	d.durableNames = maps.Clone(d.names)
	d.nameChanges = nil
	d.boot++
	d.opsLeft, d.syncsLeft = -1, -1
	d.struck = false
}

// reach says how far an operation gets.
type reach int

const (
	done     reach = iota // it is carried out
	halfway               // power goes in its middle: what it does is left to chance
	notBegun              // power is out before it begins
)

// begin counts an operation that changes the disk and says how far it gets.
// An operation that is not done must fail. The caller holds d.mu.
func (d *Disk) begin(isSync bool) reach {
	switch {
	case d.struck:
		return notBegun
	case d.opsLeft == 0 || isSync && d.syncsLeft == 0:
		d.struck = true
		return reach(1 + d.rng.IntN(2)) // halfway or notBegun
	}
	if d.opsLeft > 0 {
		d.opsLeft--
	}
	if isSync && d.syncsLeft > 0 {
		d.syncsLeft--
	}
	return done
}

// create makes an empty file called name, or gives it out again if there is one.
// ok is false when the power went.
func (d *Disk) create(name string) (f *file, ok bool) {
	if f := d.names[name]; f != nil {
		return f, true
	}
	f = &file{}
	r := d.begin(false)
	if r != notBegun {
		d.changeName(nameChange{name, f})
	}
	return f, r == done
}

// remove deletes the file called name, and with durably set syncs the directory.
// ok is false when the power went.
func (d *Disk) remove(name string, durably bool) (ok bool) {
	r := d.begin(false)
	if r != notBegun {
		d.changeName(nameChange{name, nil})
	}
	if r == done && durably {
		d.syncNames()
	}
	return r == done
}

// changeName changes the directory, not yet durably.
func (d *Disk) changeName(change nameChange) {
	d.nameChanges = append(d.nameChanges, change)
	if change.file == nil {
		delete(d.names, change.name)
	} else {
		d.names[change.name] = change.file
	}
}

// syncNames makes every directory entry durable.
func (d *Disk) syncNames() {
	if d.config.IgnoreSync {
		return
	}
	d.durableNames = maps.Clone(d.names)
	d.nameChanges = nil
}

// write writes to f. ok is false when the power went.
func (d *Disk) write(f *file, off int64, p []byte) (ok bool) {
	r := d.begin(false)
	if r != notBegun {
		f.write(off, p)
	}
	return r == done
}

// truncate shortens f. ok is false when the power went.
func (d *Disk) truncate(f *file, size int64) (ok bool) {
	r := d.begin(false)
	if r != notBegun {
		f.truncate(size)
	}
	return r == done
}

// sync makes the content of f durable, and with directory set every directory
// entry too. ok is false when the power went: a sync that had begun may have
// made it all durable, and only the answer is missing.
func (d *Disk) sync(f *file, directory bool) (ok bool) {
	r := d.begin(true)
	if r == notBegun || r == halfway && d.rng.IntN(2) == 0 {
		return false
	}
	if !d.config.IgnoreSync {
		f.sync()
	}
	if directory {
		d.syncNames()
	}
	return r == done
}
