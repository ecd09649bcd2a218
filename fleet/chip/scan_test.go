package chip

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/fleet/simulator"
)

// device is a PCI device of a made sysfs.
type device struct {
	address, vendor, device, class, numa string
	driver, physfn                       string
}

// sysfs makes a tree of PCI devices and returns its root.
func sysfs(t *testing.T, devices ...device) string {
	t.Helper()
	root := t.TempDir()
	for _, d := range devices {
		folder := filepath.Join(root, "bus", "pci", "devices", d.address)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string]string{"vendor": d.vendor, "device": d.device, "class": d.class, "numa_node": d.numa} {
			if content == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(folder, file), []byte(content+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for link, target := range map[string]string{"driver": d.driver, "physfn": d.physfn} {
			if target == "" {
				continue
			}
			if err := os.Symlink("../../../"+target, filepath.Join(folder, link)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

// tool puts a program into a folder: a script of sh.
func tool(t *testing.T, folder, name, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the tools of this test are scripts")
	}
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// says is a script that writes a recording.
func says(t *testing.T, name string) string {
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, recording(t, name), 0o644); err != nil {
		t.Fatal(err)
	}
	return "exec cat '" + file + "'"
}

// TestBus tells accelerators from the rest by their ids and classes alone.
func TestBus(t *testing.T) {
	bus := scanBus(sysfs(t,
		device{"0000:00:00.0", "0x8086", "0x1237", "0x060000", "-1", "", ""},                     // a bridge
		device{"0000:03:00.0", "0x1a03", "0x2000", "0x030000", "0", "ast", ""},                   // a BMC's display
		device{"0000:04:00.0", "0x19e5", "0x1711", "0x030000", "0", "hibmc-drm", ""},             // Huawei's BMC
		device{"0000:05:00.0", "0x19e5", "0x0222", "0x020000", "0", "hinic", ""},                 // Huawei's network card
		device{"0000:18:00.0", "0x10de", "0x2335", "0x030200", "0", "nvidia", ""},                // an H200
		device{"0000:18:00.1", "0x10de", "0x22ba", "0x040300", "0", "snd_hda_intel", ""},         // sound
		device{"0000:19:00.0", "0x10de", "0x22a3", "0x068000", "0", "nvidia-nvswitch", ""},       // an NVSwitch
		device{"0000:1a:00.0", "0x10de", "0x2684", "0x030000", "1", "vfio-pci", ""},              // a 4090, set aside
		device{"0000:c1:00.0", "0x19e5", "0xd802", "0x120000", "3", "devdrv", ""},                // a 910B
		device{"0000:c1:00.1", "0x19e5", "0xd802", "0x120000", "-1", "", "devices/0000:c1:00.0"}, // its virtual function
		device{"0000:d0:00.0", "0x1d94", "0x1468", "0x108000", "0", "ccp", ""},                   // Hygon's crypto engine
		device{"0000:d1:00.0", "0x1d94", "0x6210", "0x0b4000", "0", "hydcu", ""},                 // a DCU
		device{"0000:e0:00.0", "0x1e52", "0x401e", "0x120000", "0", "", ""},                      // an accelerator of a vendor not known
		device{"0000:e1:00.0", "0x1e3e", "", "0x120000", "0", "", ""},                            // files missing
		device{"0000:e2:00.0", "0xzzzz", "0x1", "0x120000", "0", "", ""},                         // nonsense
	))
	var got []string
	for _, c := range bus.cards {
		got = append(got, fmt.Sprintf("%s %s %s %q %d %t %s %d", c.PCI, c.PCIID, c.Vendor, c.Name, c.NUMA, c.Virtual, c.Kernel, len(c.Notes)))
	}
	want := []string{
		`0000:18:00.0 10de:2335 nvidia "NVIDIA H200" 0 false nvidia 0`,
		`0000:1a:00.0 10de:2684 nvidia "" 1 false vfio-pci 1`,
		`0000:c1:00.0 19e5:d802 ascend "Ascend 910B" 3 false devdrv 0`,
		`0000:c1:00.1 19e5:d802 ascend "Ascend 910B" -1 true  2`,
		`0000:d1:00.0 1d94:6210 hygon "" 0 false hydcu 0`,
		`0000:e0:00.0 1e52:401e  "" 0 false  2`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if bus.Devices != 15 || bus.Displays != 2 || !strings.Contains(bus.Error, "e2:00.0") {
		t.Errorf("%+v", bus)
	}
	if none := scanBus(t.TempDir()); none.Devices != 0 || none.Error != "there is no PCI bus here" {
		t.Errorf("%+v", none)
	}
}

// TestScan joins what the bus and real programs say of a machine with cards of three vendors.
func TestScan(t *testing.T) {
	root := sysfs(t,
		device{"0000:18:00.0", "0x10de", "0x2335", "0x030200", "0", "nvidia", ""},
		device{"0000:3b:00.0", "0x10de", "0x2335", "0x030200", "1", "nvidia", ""},
		device{"0000:5e:00.0", "0x10de", "0x2335", "0x030200", "1", "nvidia", ""},   // of which nvidia-smi does not tell
		device{"0000:86:00.0", "0x10de", "0x2335", "0x030200", "1", "vfio-pci", ""}, // of which it cannot
		device{"0000:c1:00.0", "0x19e5", "0xd802", "0x120000", "3", "devdrv", ""},
		device{"0000:d1:00.0", "0x1d94", "0x6210", "0x0b4000", "2", "hydcu", ""},
	)
	path := t.TempDir()
	tool(t, path, "nvidia-smi", says(t, "nvidia-h200.txt"))
	tool(t, path, "npu-smi", `echo "dcmi model initialized failed, because the device is used. ret is -8020" >&2; exit 255`)
	tool(t, path, "ixsmi", says(t, "iluvatar-4.txt")) // whose cards are not on the bus
	r := Scan(t.Context(), Options{Sysfs: root, Path: path, Usage: true})
	var got []string
	for _, c := range r.Cards {
		got = append(got, fmt.Sprintf("%s %d %s numa %d %s: %s", c.Vendor, c.Index, c.PCI, c.NUMA, opt(c.Power.Draw), strings.Join(append(slices.Clone(c.Problems), c.Notes...), "; ")))
	}
	want := []string{
		"nvidia 0 0000:18:00.0 numa 0 685.32: ",
		"nvidia 1 0000:3b:00.0 numa 1 76.11: cut into MIG instances, which are not listed",
		"nvidia -1 0000:5e:00.0 numa 1 -: nvidia-smi does not tell of it",
		"nvidia -1 0000:86:00.0 numa 1 -: set aside for virtual machines (vfio-pci)",
		"ascend -1 0000:c1:00.0 numa 3 -: npu-smi does not tell of it: exit status 255: dcmi model initialized failed, because the device is used. ret is -8020",
		"hygon -1 0000:d1:00.0 numa 2 -: hy-smi is not installed: what it would tell is unknown",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, tool := range r.Tools {
		if tool.Name == "ixsmi" && (!tool.Installed || len(tool.Asked) > 0) {
			t.Errorf("%+v: it was asked about cards that are not there", tool)
		}
	}
}

// TestScanWithoutBus asks every tool that is installed where the bus shows nothing.
func TestScanWithoutBus(t *testing.T) {
	path := t.TempDir()
	tool(t, path, "nvidia-smi", says(t, "nvidia-h200.txt"))
	r := Scan(t.Context(), Options{Sysfs: t.TempDir(), Path: path, Usage: true})
	if len(r.Cards) != 2 || len(r.Cards[0].Notes) != 0 || r.Cards[0].Chip != "h200" {
		t.Errorf("%+v", r.Cards)
	}
}

// TestAnonymous counts cards once of which the tool tells no address.
func TestAnonymous(t *testing.T) {
	bus := sysfs(t,
		device{"0000:13:00.0", "0xcabc", "0x0370", "0x120000", "0", "cambricon", ""},
		device{"0000:16:00.0", "0xcabc", "0x0370", "0x120000", "0", "cambricon", ""},
	)
	path := t.TempDir()
	tool(t, path, "cnmon", says(t, "cambricon-old.txt"))
	r := Scan(t.Context(), Options{Sysfs: bus, Path: path, Usage: true})
	if len(r.Cards) != 2 || r.Cards[0].Index != 0 || r.Cards[1].Index != 1 || len(r.Cards[0].Notes) != 1 {
		t.Errorf("%+v", r.Cards)
	}
}

// TestScanNothing is a machine without any of it.
func TestScanNothing(t *testing.T) {
	r := Scan(t.Context(), Options{Sysfs: t.TempDir(), Path: t.TempDir()})
	if len(r.Cards) != 0 || r.Cards == nil || len(r.Tools) != len(Vendors()) || r.Bus.Error == "" {
		t.Errorf("%+v", r)
	}
}

// TestBadTools shows that a tool which hangs, which never stops writing, which
// leaves children behind or which dies costs its own cards only, and little time.
func TestBadTools(t *testing.T) {
	bus := sysfs(t,
		device{"0000:18:00.0", "0x10de", "0x2335", "0x030200", "0", "nvidia", ""},
		device{"0000:c1:00.0", "0x19e5", "0xd802", "0x120000", "0", "devdrv", ""},
		device{"0000:13:00.0", "0xcabc", "0x0370", "0x120000", "0", "cambricon", ""},
		device{"0000:01:00.0", "0x9999", "0x4001", "0x038000", "0", "metax", ""},
		device{"0000:17:00.0", "0x1e36", "0xc035", "0x120000", "0", "gcu", ""},
	)
	path, marks := t.TempDir(), t.TempDir()
	tool(t, path, "nvidia-smi", says(t, "nvidia-h200.txt"))
	tool(t, path, "npu-smi", "echo $$ > "+marks+"/hung; sleep 600 & echo $! >> "+marks+"/hung; wait")
	tool(t, path, "cnmon", "yes 'a line that is written again and again, and again, and again'")
	tool(t, path, "mx-smi", says(t, "metax-c500.txt")+" & sleep 600 & echo $! > "+marks+"/left; exit 0")
	tool(t, path, "efsmi", "kill -SEGV $$")
	start := time.Now()
	r := Scan(t.Context(), Options{Sysfs: bus, Path: path, Timeout: 3 * time.Second, Usage: true})
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	said := map[string]string{}
	for _, tool := range r.Tools {
		said[tool.Vendor] = tool.Error
	}
	for vendor, want := range map[string]string{"nvidia": "", "ascend": "did not answer in time", "cambricon": "wrote more than", "enflame": "signal"} {
		if (said[vendor] == "") != (want == "") || !strings.Contains(said[vendor], want) {
			t.Errorf("%s: %q, want %q", vendor, said[vendor], want)
		}
	}
	healthy := 0
	for _, c := range r.Cards {
		if c.Vendor == "nvidia" && c.Index >= 0 {
			healthy++
		}
		if c.Vendor == "ascend" && len(c.Problems) == 0 {
			t.Error("nothing is said of the card whose tool hangs")
		}
	}
	if healthy != 2 {
		t.Errorf("%d cards of the tool that works", healthy)
	}
	for _, mark := range []string{"hung", "left"} {
		raw, err := os.ReadFile(filepath.Join(marks, mark))
		if err != nil {
			t.Fatal(err)
		}
		for pid := range strings.FieldsSeq(string(raw)) {
			if stat, err := os.ReadFile("/proc/" + pid + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
				t.Errorf("%s: the process %s still runs", mark, pid)
			}
		}
	}
}

// TestCancel ends with its context.
func TestCancel(t *testing.T) {
	path := t.TempDir()
	tool(t, path, "nvidia-smi", "sleep 600")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Scan(ctx, Options{Sysfs: t.TempDir(), Path: path}); len(r.Cards) != 0 {
		t.Errorf("%+v", r.Cards)
	}
}

// TestNoSecrets shows that a tool is run with nothing of this program's environment.
func TestNoSecrets(t *testing.T) {
	t.Setenv("SLUICE_KEY", "secret")
	path := t.TempDir()
	tool(t, path, "cnmon", "env; pwd")
	var tried []string
	out, err := tools{path: path, libs: []string{"/libs"}, tried: &tried}.run(t.Context(), "cnmon")
	if err != nil || strings.Contains(string(out), "secret") || !strings.Contains(string(out), "LC_ALL=C") || !strings.Contains(string(out), "/libs") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// TestSimulatorNames maps names of real cards to the simulator's, and their like to nothing.
func TestSimulatorNames(t *testing.T) {
	for name, want := range map[string]string{
		"NVIDIA H100 80GB HBM3": "h100", "NVIDIA H200": "h200", "NVIDIA H800": "h800", "NVIDIA H20": "h20", "NVIDIA B200": "b200",
		"AMD Instinct MI300X": "mi300x", "AMD Instinct MI300X OAM": "mi300x", "Ascend 910B2": "ascend-910b2",
		"NVIDIA H100 PCIe": "", "NVIDIA H100 NVL": "", "NVIDIA H20-3e": "", "NVIDIA H200 NVL": "", "NVIDIA GeForce RTX 4090": "",
		"AMD Instinct MI308X": "", "Ascend 910B3": "", "Ascend 910B2C": "", "Ascend 910": "", "": "",
	} {
		if got := simulatorName(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	for _, known := range simulator.Chips() {
		c := Card{Chip: known.Name, Memory: int64(known.Memory)}
		if c.simulate(); c.Chip != known.Name || c.Part != 1 {
			t.Errorf("%s: %+v", known.Name, c)
		}
		c = Card{Chip: known.Name, Memory: int64(known.Memory / 8)} // a partition
		if c.simulate(); c.Chip != "" {
			t.Errorf("an eighth of %s is taken for the whole", known.Name)
		}
	}
}

// TestChoose picks cards by number.
func TestChoose(t *testing.T) {
	r := &Report{Cards: []Card{{Vendor: "nvidia", Index: 0}, {Vendor: "nvidia", Index: 2}, {Vendor: "nvidia", Index: -1}, {Vendor: "", Index: 5}}}
	if got, err := r.Choose("", "2, 0"); err != nil || len(got) != 2 || got[0].Index != 2 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "1", "-1", "x", "0,,2", "5"} {
		if got, err := r.Choose("", bad); err == nil {
			t.Errorf("%q chooses %v", bad, got)
		}
	}
	r.Cards = append(r.Cards, Card{Vendor: "ascend", Index: 0})
	if _, err := r.Choose("", "0"); err == nil || !strings.Contains(err.Error(), "nvidia, ascend") {
		t.Errorf("several vendors: %v", err)
	}
	if got, err := r.Choose("ascend", "0"); err != nil || got[0].Vendor != "ascend" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := (&Report{}).Choose("", "0"); err == nil {
		t.Error("a machine without cards gives some")
	}
}
