package kernel

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// TestLargeWantsHugePages looks the mapping behind large memory up: the kernel
// notes there what was asked of it (proc_pid_smaps(5), VmFlags).
func TestLargeWantsHugePages(t *testing.T) {
	if _, err := os.Stat("/sys/kernel/mm/transparent_hugepage/enabled"); err != nil {
		t.Skip("this kernel has no transparent huge pages")
	}
	values := NewPages(hugePage)
	at := uintptr(unsafe.Pointer(&values[0]))
	if at%64 != 0 || len(values) != hugePage {
		t.Fatalf("%d values at %#x", len(values), at)
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	inside := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var first, end uintptr
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x ", &first, &end); n == 2 {
			inside = at >= first && at < end
		}
		if flags, ok := strings.CutPrefix(lines.Text(), "VmFlags:"); ok && inside {
			if !strings.Contains(flags+" ", " hg ") {
				t.Errorf("the mapping's flags are%s, without hg", flags)
			}
			return
		}
	}
	t.Error("the memory is in no mapping")
}
