package gguf_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sluice/infer/box"
	"sluice/infer/gguf"
	"sluice/infer/gguf/gguftest"
)

// sample is a sound file with every kind of entry.
func sample() *gguftest.Builder {
	return gguftest.New().
		String("general.architecture", "qwen3").
		Uint32("a.uint", 7).
		Raw("a.int8", 1, []byte{0xff}).
		Raw("a.bool", 7, []byte{1}).
		Raw("a.uint64", 10, binary.LittleEndian.AppendUint64(nil, math.MaxUint64)).
		Raw("a.float64", 12, binary.LittleEndian.AppendUint64(nil, math.Float64bits(2.5))).
		Float32("a.float", 1.5).
		Strings("a.strings", []string{"x", "", "yz"}).
		Int32s("a.ints", []int32{-1, 2}).
		Floats("f", []uint64{3, 2}, []float32{1, 2, 3, 4, 5, 6}).
		Tensor("q", 8, []uint64{64}, make([]byte, 68))
}

func TestParseReadsEveryKind(t *testing.T) {
	for _, version := range []uint32{2, 3} {
		b := sample()
		b.Version = version
		f, err := gguf.Parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if f.Version() != int(version) {
			t.Errorf("version %d, want %d", f.Version(), version)
		}
		if s, err := f.String("general.architecture"); s != "qwen3" || err != nil {
			t.Errorf("string: %q, %v", s, err)
		}
		if n, err := f.Int("a.uint"); n != 7 || err != nil {
			t.Errorf("uint32: %d, %v", n, err)
		}
		if n, err := f.Int("a.int8"); n != -1 || err != nil {
			t.Errorf("int8: %d, %v", n, err)
		}
		if v, err := f.Bool("a.bool"); !v || err != nil {
			t.Errorf("bool: %v, %v", v, err)
		}
		if v, err := f.Float("a.float"); v != 1.5 || err != nil {
			t.Errorf("float32: %v, %v", v, err)
		}
		if v, err := f.Float("a.float64"); v != 2.5 || err != nil {
			t.Errorf("float64: %v, %v", v, err)
		}
		if v, err := f.Strings("a.strings"); !slices.Equal(v, []string{"x", "", "yz"}) || err != nil {
			t.Errorf("strings: %q, %v", v, err)
		}
		if v, err := f.Ints("a.ints"); !slices.Equal(v, []int64{-1, 2}) || err != nil {
			t.Errorf("ints: %v, %v", v, err)
		}
		tensor, ok := f.Tensor("f")
		if !ok || !slices.Equal(tensor.Dims, []int{3, 2}) {
			t.Fatalf("tensor f: %v, %v", tensor, ok)
		}
		if v, err := tensor.Floats(); !slices.Equal(v, []float32{1, 2, 3, 4, 5, 6}) || err != nil {
			t.Errorf("floats: %v, %v", v, err)
		}
		if got := f.TensorNames(); !slices.Equal(got, []string{"f", "q"}) {
			t.Errorf("names: %v", got)
		}
		if n := f.Values(); n != 70 {
			t.Errorf("values: %d, want 70", n)
		}
	}
}

func TestAccessorsRefuseOtherTypes(t *testing.T) {
	f, err := gguf.Parse(sample().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	failing := map[string]error{}
	_, failing["int of string"] = f.Int("general.architecture")
	_, failing["int of array"] = f.Int("a.ints")
	_, failing["int of too large uint64"] = f.Int("a.uint64")
	_, failing["float of int"] = f.Float("a.uint")
	_, failing["bool of int"] = f.Bool("a.uint")
	_, failing["string of int"] = f.String("a.uint")
	_, failing["strings of ints"] = f.Strings("a.ints")
	_, failing["ints of strings"] = f.Ints("a.strings")
	_, failing["ints of scalar"] = f.Ints("a.uint")
	for what, err := range failing {
		if err == nil || errors.Is(err, gguf.ErrNoKey) {
			t.Errorf("%s: error %v", what, err)
		}
	}
	if _, err := f.Int("none"); !errors.Is(err, gguf.ErrNoKey) {
		t.Errorf("a missing key: error %v", err)
	}
}

// hostile are files that must be refused, each with a part of its error.
func hostile() map[string]struct {
	file []byte
	want string
} {
	type row = struct {
		file []byte
		want string
	}
	array := func(typ uint32, n uint64) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint32(nil, typ), n)
	}
	version := func(v uint32) []byte { return (&gguftest.Builder{Version: v}).Bytes() }
	empty := gguftest.New
	return map[string]row{
		"no bytes":             {nil, "magic"},
		"other magic":          {[]byte("GGML0000000000000000000000000000"), "magic"},
		"version 1":            {version(1), "version 1"},
		"version 4":            {version(4), "version 4"},
		"big-endian":           {version(3 << 24), "big-endian"},
		"many keys":            {empty().Counted(0, math.MaxUint64), "metadata count"},
		"many tensors":         {empty().Counted(math.MaxUint64, 0), "tensor count"},
		"keys not there":       {empty().Counted(0, 60000), "metadata key 0"},
		"tensors not there":    {empty().Counted(60000, 0), "tensor 0"},
		"key twice":            {empty().Uint32("k", 1).Uint32("k", 2).Bytes(), "stands twice"},
		"empty key":            {empty().Uint32("", 1).Bytes(), "is empty"},
		"long key":             {empty().Uint32(strings.Repeat("k", 1<<16), 1).Bytes(), "over the limit"},
		"unknown type":         {empty().Raw("k", 13, nil).Bytes(), "type 13"},
		"string too long":      {empty().Raw("k", 8, binary.LittleEndian.AppendUint64(nil, 1<<40)).Bytes(), "over the limit"},
		"string past the end":  {empty().Raw("k", 8, binary.LittleEndian.AppendUint64(nil, 1<<20)).Bytes(), "needs 1048576 bytes"},
		"array past the end":   {empty().Raw("k", 9, array(10, 1<<20)).Bytes(), "do not fit"},
		"array overflow":       {empty().Raw("k", 9, array(10, math.MaxUint64/8+1)).Bytes(), "do not fit"},
		"strings not there":    {empty().Raw("k", 9, array(8, math.MaxUint64)).Bytes(), "element"},
		"array of arrays":      {empty().Raw("k", 9, array(9, 1)).Bytes(), "arrays of array"},
		"alignment 0":          {empty().Uint32("general.alignment", 0).Bytes(), "alignment is 0"},
		"alignment 24":         {empty().Uint32("general.alignment", 24).Bytes(), "alignment is 24"},
		"alignment huge":       {empty().Uint32("general.alignment", 1<<31).Bytes(), "alignment is"},
		"alignment string":     {empty().String("general.alignment", "32").Bytes(), "want an integer"},
		"tensor twice":         {empty().Floats("t", []uint64{1}, []float32{1}).Floats("t", []uint64{1}, []float32{1}).Bytes(), "stands twice"},
		"nameless tensor":      {empty().Floats("", []uint64{1}, []float32{1}).Bytes(), "no name"},
		"long tensor name":     {empty().Floats(strings.Repeat("t", 65), []uint64{1}, []float32{1}).Bytes(), "over the limit"},
		"no dimensions":        {empty().TensorAt("t", 0, nil, 0).Bytes(), "0 dimensions"},
		"five dimensions":      {empty().TensorAt("t", 0, []uint64{1, 1, 1, 1, 1}, 0).Bytes(), "5 dimensions"},
		"dimension 0":          {empty().TensorAt("t", 0, []uint64{4, 0}, 0).Bytes(), "dimension of 0"},
		"dimension huge":       {empty().TensorAt("t", 0, []uint64{1 << 40}, 0).Bytes(), "dimension of"},
		"dimensions overflow":  {empty().TensorAt("t", 0, []uint64{1 << 30, 1 << 30, 1 << 30, 1 << 30}, 0).Bytes(), "overflow"},
		"type Q4_1":            {empty().TensorAt("t", 3, []uint64{256}, 0).Bytes(), "Q4_1 is not supported"},
		"half a superblock":    {empty().TensorAt("t", 12, []uint64{128}, 0).Bytes(), "whole Q4_K blocks of 256"},
		"half a block":         {empty().TensorAt("t", 8, []uint64{33}, 0).Bytes(), "whole Q8_0 blocks"},
		"misaligned":           {empty().TensorAt("t", 0, []uint64{1}, 4).Bytes(), "multiple of the alignment"},
		"offset past the end":  {empty().TensorAt("t", 0, []uint64{1}, 1<<62).Bytes(), "leave the data section"},
		"offset overflow":      {empty().TensorAt("t", 0, []uint64{1 << 20}, math.MaxUint64-31).Bytes(), "leave the data section"},
		"tensor past the end":  {empty().TensorAt("t", 0, []uint64{1 << 30}, 0).Bytes(), "leave the data section"},
		"overlapping tensors":  {empty().Floats("t", []uint64{16}, make([]float32, 16)).TensorAt("u", 0, []uint64{8}, 32).Bytes(), "overlap"},
		"two in the one place": {empty().Floats("t", []uint64{8}, make([]float32, 8)).TensorAt("u", 0, []uint64{8}, 0).Bytes(), "overlap"},
	}
}

func TestParseRefusesHostileFiles(t *testing.T) {
	for name, c := range hostile() {
		f, err := gguf.Parse(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v and error %v, want an error with %q", name, f, err, c.want)
		}
	}
}

func TestParseRefusesEveryTruncation(t *testing.T) {
	whole := sample().Bytes()
	for n := range whole {
		if _, err := gguf.Parse(whole[:n:n]); err == nil {
			t.Errorf("the first %d of %d bytes parse", n, len(whole))
		}
	}
}

// TestHostileFilesCostLittle holds the promise that memory stays a small
// multiple of the file's size.
func TestHostileFilesCostLittle(t *testing.T) {
	cases := hostile()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	size := 0
	for _, c := range cases {
		size += len(c.file)
		_, _ = gguf.Parse(c.file)
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > uint64(8*size+len(cases)*8192) {
		t.Errorf("%d files of %d bytes together cost %d bytes", len(cases), size, spent)
	}
}

func TestMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box.gguf")
	if err := os.WriteFile(path, box.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	data, unmap, err := gguf.Map(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(data) != string(box.File()) {
		t.Error("the mapped bytes differ from the file's")
	}
	if err := unmap(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, _, err := gguf.Map(bad); err == nil {
			t.Errorf("mapping %s succeeds", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Bytes())
	every, r := gguftest.New(), rand.New(rand.NewPCG(1, 2))
	for _, typ := range []gguf.Type{gguf.F16, gguf.BF16, gguf.Q4_0, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K} {
		every.Tensor(typ.String(), uint32(typ), []uint64{256}, gguftest.Random(r, typ, 256))
	}
	f.Add(every.Bytes())
	for _, c := range hostile() {
		f.Add(c.file)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := gguf.Parse(data)
		if err != nil {
			return
		}
		for _, name := range file.TensorNames() {
			tensor, ok := file.Tensor(name)
			if !ok {
				t.Fatalf("tensor %q is listed and missing", name)
			}
			if _, err := tensor.Floats(); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = file.Int("a.uint")
		_, _ = file.Strings("a.strings")
		_, _ = file.Ints("a.ints")
	})
}
