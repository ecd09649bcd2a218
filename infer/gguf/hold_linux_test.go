package gguf

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestTruncatedWhileMapped: another process that empties a mapped file waits
// until the mapping is given back. Otherwise the last read would end the test.
func TestTruncatedWhileMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), setLease, syscall.F_RDLCK); errno != 0 {
		t.Skipf("the file system of %s has no leases: %v", path, errno)
	}
	f.Close()
	data, unmap, err := Map(path)
	if err != nil {
		t.Fatal(err)
	}
	empty := exec.Command("sh", "-c", `echo; : > "$0"`, path)
	out, err := empty.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // it is about to open the file
	for i := 0; i < len(data); i += 4096 {
		if data[i] != 0 {
			t.Fatal("the file has changed")
		}
	}
	if err := unmap(); err != nil {
		t.Fatal(err)
	}
	if err := empty.Wait(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
}
