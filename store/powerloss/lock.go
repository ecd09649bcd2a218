package powerloss

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// lockState is the lock of a file as SQLite defines it
// (https://www.sqlite.org/lockingv3.html): any number of SHARED holders, of
// which one may be RESERVED and then PENDING (no new SHARED) until the others
// have left and it is EXCLUSIVE.
type lockState struct {
	holders int     // handles at SHARED or above
	writer  *handle // the one above SHARED
}

// lock raises h to level and returns an SQLite result code.
func (h *handle) lock(level int32) int32 {
	state := &h.file.locks
	if h.level >= level {
		return sqlite3.SQLITE_OK
	}
	if level == sqlite3.SQLITE_LOCK_SHARED {
		if state.writer != nil && state.writer.level >= sqlite3.SQLITE_LOCK_PENDING {
			return sqlite3.SQLITE_BUSY
		}
		state.holders++
		h.level = level
		return sqlite3.SQLITE_OK
	}
	if state.writer != nil && state.writer != h {
		return sqlite3.SQLITE_BUSY
	}
	state.writer = h
	if level == sqlite3.SQLITE_LOCK_EXCLUSIVE && state.holders > 1 {
		h.level = sqlite3.SQLITE_LOCK_PENDING
		return sqlite3.SQLITE_BUSY
	}
	h.level = level
	return sqlite3.SQLITE_OK
}

// unlock lowers h to level, which is SHARED or NONE.
func (h *handle) unlock(level int32) {
	if h.level <= level {
		return
	}
	state := &h.file.locks
	if state.writer == h {
		state.writer = nil
	}
	if level == sqlite3.SQLITE_LOCK_NONE {
		state.holders--
	}
	h.level = level
}

// sharedMemory is the WAL index of a database, which its connections share. It
// does not outlive them, and SQLite rebuilds it from the WAL.
type sharedMemory struct {
	regions []uintptr // C memory, all of one size
	users   int       // handles that have mapped a region
	slots   [sqlite3.SQLITE_SHM_NLOCK]slot
}

// slot is one of the locks in the shared memory.
type slot struct {
	readers int
	writer  *handle
}

// mapShared returns the address of the region with this index and size in bytes,
// or 0 when it does not exist and create is not set. ok is false when there is
// no memory left.
func (h *handle) mapShared(tls *libc.TLS, index, size int, create bool) (address uintptr, ok bool) {
	shared := &h.file.shared
	if !h.mapped {
		h.mapped = true
		shared.users++
	}
	for create && len(shared.regions) <= index {
		region := allocate(tls, size)
		if region == 0 {
			return 0, false
		}
		shared.regions = append(shared.regions, region)
	}
	if index < len(shared.regions) {
		address = shared.regions[index]
	}
	return address, true
}

// unmapShared lets go of the shared memory. The last handle frees it.
func (h *handle) unmapShared(tls *libc.TLS) {
	if !h.mapped {
		return
	}
	h.mapped = false
	h.unlockShared(0, sqlite3.SQLITE_SHM_NLOCK)
	shared := &h.file.shared
	if shared.users--; shared.users > 0 {
		return
	}
	for _, region := range shared.regions {
		sqlite3.Xsqlite3_free(tls, region)
	}
	shared.regions = nil
}

// lockShared takes the n slots from first on, all or none, and returns an
// SQLite result code.
func (h *handle) lockShared(first, n int, exclusive bool) int32 {
	slots := h.file.shared.slots[first : first+n]
	for i := range slots {
		others := slots[i].readers
		if h.reads[first+i] {
			others--
		}
		if slots[i].writer != nil && slots[i].writer != h || exclusive && others > 0 {
			return sqlite3.SQLITE_BUSY
		}
	}
	for i := range slots {
		if exclusive {
			slots[i].writer = h
		} else if !h.reads[first+i] {
			h.reads[first+i] = true
			slots[i].readers++
		}
	}
	return sqlite3.SQLITE_OK
}

// unlockShared gives back what h holds of the n slots from first on.
func (h *handle) unlockShared(first, n int) {
	slots := h.file.shared.slots[first : first+n]
	for i := range slots {
		if slots[i].writer == h {
			slots[i].writer = nil
		}
		if h.reads[first+i] {
			h.reads[first+i] = false
			slots[i].readers--
		}
	}
}
