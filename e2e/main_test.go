package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sluice/store/storetest/pgtest"
)

// binary is the program under test; TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	if replicaMain() {
		return
	}
	dir, err := os.MkdirTemp("", "sluice-e2e")
	if err == nil {
		binary = filepath.Join(dir, "sluice")
		err = build(binary)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
	} else {
		code = pgtest.Run(m)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build compiles the binary as a user would, with the race detector when the
// tests have it.
func build(to string) error {
	args := []string{"build", "-buildvcs=false", "-o", to}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/sluice")...)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// skipOrFail says what this machine has no means to test. Under CI=true
// everything must be there.
func skipOrFail(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("NOT TESTED: "+format, args...)
	}
	t.Skipf("SKIPPED, NOT TESTED: "+format, args...)
}
