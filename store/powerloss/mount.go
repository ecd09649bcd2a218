package powerloss

import (
	"errors"
	"fmt"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// maxPath is the longest file name in bytes, with the terminating zero.
const maxPath = 512

// mount is a disk registered with SQLite as a VFS, for one boot of the machine.
type mount struct {
	disk *Disk
	boot int

	tls       *libc.TLS
	vfs       uintptr    // sqlite3_vfs in C memory
	methods   uintptr    // sqlite3_io_methods in C memory
	name      uintptr    // C string
	callbacks []callback // what vfs and methods point to

	handles map[uintptr]*handle // open files by the number in their openFile
	last    uintptr             // number of the last handle given out
	clock   int64               // see xCurrentTimeInt64
}

// openFile is the sqlite3_file of this VFS, in memory that SQLite provides.
type openFile struct {
	sqlite3.Tsqlite3_file
	number uintptr
}

// handle is an open file.
type handle struct {
	file      *file
	temporary bool // has no name and ends with the handle
	directory bool // the next sync covers the directory too

	level  int32 // of the file lock
	mapped bool  // uses the shared memory
	reads  [sqlite3.SQLITE_SHM_NLOCK]bool
}

// Mount registers the disk with SQLite as a VFS of this boot, under a name that
// no other mount has at the time. Name it in a DSN as in "file:x.db?vfs="+name;
// the disk must be reachable for as long as a database on it is open. unmount
// undoes the registration; it fails while a file is open. After Restart every
// operation through an earlier mount fails.
func (d *Disk) Mount() (name string, unmount func() error, err error) {
	d.mu.Lock()
	m := &mount{disk: d, boot: d.boot, tls: libc.NewTLS(), handles: map[uintptr]*handle{}}
	d.mu.Unlock()

	m.vfs = allocate(m.tls, sizeOf[sqlite3.Tsqlite3_vfs]())
	m.methods = allocate(m.tls, sizeOf[sqlite3.Tsqlite3_io_methods]())
	m.name = allocate(m.tls, 64)
	if m.vfs == 0 || m.methods == 0 || m.name == 0 {
		m.free()
		return "", nil, errors.New("mounting the disk: out of memory")
	}
	// The address is taken for as long as the mount lasts, so the name is too.
	name = fmt.Sprintf("powerloss-%x", m.vfs)
	copy(memory(m.name, 63), name)
	m.fillVFS()
	m.fillMethods()
	if rc := sqlite3.Xsqlite3_vfs_register(m.tls, m.vfs, 0); rc != sqlite3.SQLITE_OK {
		m.free()
		return "", nil, fmt.Errorf("mounting the disk: SQLite error %d", rc)
	}
	return name, m.unmount, nil
}

func (m *mount) unmount() error {
	m.disk.mu.Lock()
	open := len(m.handles)
	m.disk.mu.Unlock()
	if open > 0 {
		return fmt.Errorf("unmounting the disk: %d files are open", open)
	}
	if m.tls == nil {
		return errors.New("unmounting the disk: it is not mounted")
	}
	rc := sqlite3.Xsqlite3_vfs_unregister(m.tls, m.vfs)
	m.free()
	if rc != sqlite3.SQLITE_OK {
		return fmt.Errorf("unmounting the disk: SQLite error %d", rc)
	}
	return nil
}

func (m *mount) free() {
	for _, p := range []uintptr{m.vfs, m.methods, m.name} {
		sqlite3.Xsqlite3_free(m.tls, p)
	}
	m.tls.Close()
	m.tls = nil
	m.callbacks = nil
}

// word returns what C memory holds of c, which lives as long as the mount.
func (m *mount) word(c callback) uintptr {
	m.callbacks = append(m.callbacks, c)
	return c.word
}

// fillVFS sets the methods of https://www.sqlite.org/c3ref/vfs.html. Those for
// loadable extensions and for the last error stay empty: nobody calls the
// former here, and SQLite does without the latter.
func (m *mount) fillVFS() {
	*at[sqlite3.Tsqlite3_vfs](m.vfs) = sqlite3.Tsqlite3_vfs{
		FiVersion:          2,
		FszOsFile:          int32(sizeOf[openFile]()),
		FmxPathname:        maxPath,
		FzName:             m.name,
		FxOpen:             m.word(newCallback(m.xOpen)),
		FxDelete:           m.word(newCallback(m.xDelete)),
		FxAccess:           m.word(newCallback(m.xAccess)),
		FxFullPathname:     m.word(newCallback(m.xFullPathname)),
		FxRandomness:       m.word(newCallback(m.xRandomness)),
		FxSleep:            m.word(newCallback(m.xSleep)),
		FxCurrentTimeInt64: m.word(newCallback(m.xCurrentTimeInt64)),
	}
}

// dead reports whether power is out for this mount. The caller holds the lock of
// the disk.
func (m *mount) dead() bool {
	return m.disk.struck || m.boot != m.disk.boot
}

func (m *mount) xOpen(_ *libc.TLS, _, path, sqliteFile uintptr, flags int32, outFlags uintptr) int32 {
	d := m.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	*at[openFile](sqliteFile) = openFile{} // no methods: SQLite does not close what failed to open
	if m.dead() {
		return sqlite3.SQLITE_IOERR
	}

	h := &handle{temporary: path == 0}
	name := libc.GoString(path)
	create := flags&sqlite3.SQLITE_OPEN_CREATE != 0
	switch exists := d.names[name] != nil; {
	case h.temporary:
		h.file = &file{}
	case exists && create && flags&sqlite3.SQLITE_OPEN_EXCLUSIVE != 0, !exists && !create:
		return sqlite3.SQLITE_CANTOPEN
	default:
		var ok bool
		if h.file, ok = d.create(name); !ok {
			return sqlite3.SQLITE_IOERR
		}
	}
	// As SQLite's file layer for Unix does: the first sync of a journal or WAL
	// also syncs the directory in which it was created.
	const journals = sqlite3.SQLITE_OPEN_MAIN_JOURNAL | sqlite3.SQLITE_OPEN_SUPER_JOURNAL | sqlite3.SQLITE_OPEN_WAL
	h.directory = create && flags&journals != 0

	m.last++
	m.handles[m.last] = h
	*at[openFile](sqliteFile) = openFile{
		Tsqlite3_file: sqlite3.Tsqlite3_file{FpMethods: m.methods},
		number:        m.last,
	}
	if outFlags != 0 {
		*at[int32](outFlags) = flags
	}
	return sqlite3.SQLITE_OK
}

func (m *mount) xDelete(_ *libc.TLS, _, path uintptr, syncDirectory int32) int32 {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	name := libc.GoString(path)
	switch {
	case m.dead():
		return sqlite3.SQLITE_IOERR_DELETE
	case m.disk.names[name] == nil:
		return sqlite3.SQLITE_IOERR_DELETE_NOENT
	case !m.disk.remove(name, syncDirectory != 0):
		return sqlite3.SQLITE_IOERR_DELETE
	}
	return sqlite3.SQLITE_OK
}

func (m *mount) xAccess(_ *libc.TLS, _, path uintptr, flags int32, result uintptr) int32 {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	if m.dead() {
		return sqlite3.SQLITE_IOERR_ACCESS
	}
	f := m.disk.names[libc.GoString(path)]
	// An empty journal is no journal: on Unix an empty file does not exist for
	// SQLITE_ACCESS_EXISTS.
	exists := f != nil && (flags != sqlite3.SQLITE_ACCESS_EXISTS || len(f.data) > 0)
	*at[int32](result) = libc.Bool32(exists)
	return sqlite3.SQLITE_OK
}

// xFullPathname takes every name as it is: the disk has one directory.
func (m *mount) xFullPathname(_ *libc.TLS, _, path uintptr, size int32, out uintptr) int32 {
	name := libc.GoString(path)
	if len(name) >= int(size) {
		return sqlite3.SQLITE_CANTOPEN
	}
	copy(memory(out, size), name+"\x00")
	return sqlite3.SQLITE_OK
}

func (m *mount) xRandomness(_ *libc.TLS, _ uintptr, n int32, out uintptr) int32 {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	fillRandom(memory(out, n), m.disk.rng)
	return n
}

func (m *mount) xSleep(_ *libc.TLS, _ uintptr, microseconds int32) int32 {
	time.Sleep(time.Duration(microseconds) * time.Microsecond)
	return microseconds
}

// xCurrentTimeInt64 tells the time in milliseconds of the Julian calendar. It is
// not the time of day: each reading is one millisecond after the last, so that
// what SQL makes of it is the same in each run.
func (m *mount) xCurrentTimeInt64(_ *libc.TLS, _, out uintptr) int32 {
	const start = 212_570_827_200_000 // 2024-01-01 00:00 UTC
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	*at[int64](out) = start + m.clock
	m.clock++
	return sqlite3.SQLITE_OK
}
