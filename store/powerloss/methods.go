package powerloss

import (
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// fillMethods sets the methods of an open file,
// https://www.sqlite.org/c3ref/io_methods.html. Version 2 has shared memory,
// which WAL needs, and no memory-mapped reading.
func (m *mount) fillMethods() {
	*at[sqlite3.Tsqlite3_io_methods](m.methods) = sqlite3.Tsqlite3_io_methods{
		FiVersion:               2,
		FxClose:                 m.word(newCallback(m.xClose)),
		FxRead:                  m.word(newCallback(m.xRead)),
		FxWrite:                 m.word(newCallback(m.xWrite)),
		FxTruncate:              m.word(newCallback(m.xTruncate)),
		FxSync:                  m.word(newCallback(m.xSync)),
		FxFileSize:              m.word(newCallback(m.xFileSize)),
		FxLock:                  m.word(newCallback(m.xLock)),
		FxUnlock:                m.word(newCallback(m.xUnlock)),
		FxCheckReservedLock:     m.word(newCallback(m.xCheckReservedLock)),
		FxFileControl:           m.word(newCallback(m.xFileControl)),
		FxSectorSize:            m.word(newCallback(m.xSectorSize)),
		FxDeviceCharacteristics: m.word(newCallback(m.xDeviceCharacteristics)),
		FxShmMap:                m.word(newCallback(m.xShmMap)),
		FxShmLock:               m.word(newCallback(m.xShmLock)),
		FxShmBarrier:            m.word(newCallback(m.xShmBarrier)),
		FxShmUnmap:              m.word(newCallback(m.xShmUnmap)),
	}
}

// use returns the handle of an open file and locks the disk until release is
// called. alive is false when power is out.
func (m *mount) use(sqliteFile uintptr) (h *handle, alive bool, release func()) {
	m.disk.mu.Lock()
	return m.handles[at[openFile](sqliteFile).number], !m.dead(), m.disk.mu.Unlock
}

func (m *mount) xClose(tls *libc.TLS, sqliteFile uintptr) int32 {
	h, _, release := m.use(sqliteFile)
	defer release()
	h.unlock(sqlite3.SQLITE_LOCK_NONE)
	h.unmapShared(tls)
	delete(m.handles, at[openFile](sqliteFile).number)
	return sqlite3.SQLITE_OK
}

func (m *mount) xRead(_ *libc.TLS, sqliteFile, buffer uintptr, n int32, off int64) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	if !alive {
		return sqlite3.SQLITE_IOERR_READ
	}
	p := memory(buffer, n)
	read := 0
	if off < int64(len(h.file.data)) {
		read = copy(p, h.file.data[off:])
	}
	if read < len(p) {
		clear(p[read:]) // SQLite relies on it
		return sqlite3.SQLITE_IOERR_SHORT_READ
	}
	return sqlite3.SQLITE_OK
}

func (m *mount) xWrite(_ *libc.TLS, sqliteFile, buffer uintptr, n int32, off int64) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	p := memory(buffer, n)
	switch {
	case !alive:
		return sqlite3.SQLITE_IOERR_WRITE
	case h.temporary:
		h.file.data = change{off: off, data: p}.apply(h.file.data)
	case !m.disk.write(h.file, off, p):
		return sqlite3.SQLITE_IOERR_WRITE
	}
	return sqlite3.SQLITE_OK
}

func (m *mount) xTruncate(_ *libc.TLS, sqliteFile uintptr, size int64) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	switch {
	case !alive:
		return sqlite3.SQLITE_IOERR_TRUNCATE
	case h.temporary:
		h.file.data = change{off: size, truncate: true}.apply(h.file.data)
	case !m.disk.truncate(h.file, size):
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	return sqlite3.SQLITE_OK
}

// xSync makes no difference between the kinds of sync in its flags: the size of
// a file is part of what each makes durable.
func (m *mount) xSync(_ *libc.TLS, sqliteFile uintptr, _ int32) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	switch {
	case !alive:
		return sqlite3.SQLITE_IOERR_FSYNC
	case h.temporary:
	case !m.disk.sync(h.file, h.directory):
		return sqlite3.SQLITE_IOERR_FSYNC
	default:
		h.directory = false
	}
	return sqlite3.SQLITE_OK
}

func (m *mount) xFileSize(_ *libc.TLS, sqliteFile, out uintptr) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	if !alive {
		return sqlite3.SQLITE_IOERR_FSTAT
	}
	*at[int64](out) = int64(len(h.file.data))
	return sqlite3.SQLITE_OK
}

func (m *mount) xLock(_ *libc.TLS, sqliteFile uintptr, level int32) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	if !alive {
		return sqlite3.SQLITE_IOERR_LOCK
	}
	return h.lock(level)
}

func (m *mount) xUnlock(_ *libc.TLS, sqliteFile uintptr, level int32) int32 {
	h, _, release := m.use(sqliteFile)
	defer release()
	h.unlock(level)
	return sqlite3.SQLITE_OK
}

func (m *mount) xCheckReservedLock(_ *libc.TLS, sqliteFile, out uintptr) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	if !alive {
		return sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK
	}
	*at[int32](out) = libc.Bool32(h.file.locks.writer != nil)
	return sqlite3.SQLITE_OK
}

// xFileControl knows none of the optional requests.
func (m *mount) xFileControl(_ *libc.TLS, _ uintptr, _ int32, _ uintptr) int32 {
	return sqlite3.SQLITE_NOTFOUND
}

func (m *mount) xSectorSize(_ *libc.TLS, _ uintptr) int32 {
	return int32(m.disk.config.SectorSize)
}

func (m *mount) xDeviceCharacteristics(_ *libc.TLS, _ uintptr) int32 {
	if m.disk.config.CollateralDamage {
		return 0
	}
	return sqlite3.SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

func (m *mount) xShmMap(tls *libc.TLS, sqliteFile uintptr, index, size, extend int32, out uintptr) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	if !alive {
		return sqlite3.SQLITE_IOERR_SHMMAP
	}
	address, ok := h.mapShared(tls, int(index), int(size), extend != 0)
	if !ok {
		return sqlite3.SQLITE_NOMEM
	}
	*at[uintptr](out) = address
	return sqlite3.SQLITE_OK
}

func (m *mount) xShmLock(_ *libc.TLS, sqliteFile uintptr, first, n, flags int32) int32 {
	h, alive, release := m.use(sqliteFile)
	defer release()
	switch {
	case flags&sqlite3.SQLITE_SHM_UNLOCK != 0:
		h.unlockShared(int(first), int(n))
		return sqlite3.SQLITE_OK
	case !alive:
		return sqlite3.SQLITE_IOERR_SHMLOCK
	}
	return h.lockShared(int(first), int(n), flags&sqlite3.SQLITE_SHM_EXCLUSIVE != 0)
}

// xShmBarrier orders what a connection has read and written in the shared memory
// before and after it.
func (m *mount) xShmBarrier(_ *libc.TLS, _ uintptr) {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
}

// xShmUnmap ignores the flag that asks for the shared memory to be deleted: it
// ends with its last user anyway.
func (m *mount) xShmUnmap(tls *libc.TLS, sqliteFile uintptr, _ int32) int32 {
	h, _, release := m.use(sqliteFile)
	defer release()
	h.unmapShared(tls)
	return sqlite3.SQLITE_OK
}
