package powerloss

import (
	"math/rand/v2"
	"slices"
)

// file is the content of one file, whatever its names are.
type file struct {
	data    []byte   // what a running program reads
	durable []byte   // what is on the disk for certain
	pending []change // from durable to data, in order

	locks  lockState
	shared sharedMemory
}

// change is one write of data at off or, when truncate is set, the shortening
// of the file to off bytes.
type change struct {
	off      int64
	data     []byte
	truncate bool
}

func (f *file) write(off int64, p []byte) {
	f.change(change{off: off, data: slices.Clone(p)})
}

func (f *file) truncate(size int64) {
	f.change(change{off: size, truncate: true})
}

func (f *file) change(c change) {
	f.pending = append(f.pending, c)
	f.data = c.apply(f.data)
}

func (f *file) sync() {
	for _, c := range f.pending {
		f.durable = c.apply(f.durable)
	}
	f.pending = nil
}

// apply returns image with the change carried out. Like a file system, it fills
// what lies between the old end and a write beyond it with zeros.
func (c change) apply(image []byte) []byte {
	if c.truncate {
		return image[:min(int64(len(image)), c.off)]
	}
	image = extend(image, c.off+int64(len(c.data)))
	copy(image[c.off:], c.data)
	return image
}

// extend returns image with zeros appended up to size bytes.
func extend(image []byte, size int64) []byte {
	if grow := size - int64(len(image)); grow > 0 {
		return append(image, make([]byte, grow)...)
	}
	return image
}

// afterLoss returns what a power loss leaves of the file: the durable content,
// and of each pending change what chance let through.
func (f *file) afterLoss(rng *rand.Rand, config Config) []byte {
	image := slices.Clone(f.durable)
	// SQLite assumes that a file may have grown before its new content is
	// written, and shows zeros or old garbage there.
	if rng.IntN(4) == 0 {
		for _, c := range f.pending {
			image = extend(image, c.off+int64(len(c.data)))
		}
	}
	// The share of changes that were written out in time differs from loss to
	// loss. Were it always one half, a long run of writes would never survive
	// nearly whole, which is the harder case for recovery.
	kept := []int{0, 10, 50, 90, 100}[rng.IntN(5)]
	for _, c := range f.pending {
		for _, piece := range c.sectors(config.SectorSize) {
			if rng.IntN(100) < kept {
				image = piece.apply(image)
			} else {
				image = piece.damage(image, rng, config)
			}
		}
	}
	return image
}

// sectors splits a write at the sector boundaries. A truncation stays whole.
func (c change) sectors(size int) []change {
	if c.truncate {
		return []change{c}
	}
	var pieces []change
	for off, rest := c.off, c.data; len(rest) > 0; {
		n := min(len(rest), size-int(off%int64(size)))
		pieces = append(pieces, change{off: off, data: rest[:n]})
		off, rest = off+int64(n), rest[n:]
	}
	return pieces
}

// damage returns image with the change to one sector not properly carried out:
// it is lost, torn or garbage.
func (c change) damage(image []byte, rng *rand.Rand, config Config) []byte {
	if c.truncate {
		return image // not carried out at all: a truncation is atomic
	}
	end := c.off + int64(len(c.data))
	switch rng.IntN(4) {
	case 0: // torn: SQLite assumes that a sector is written from either end to the other
		cut := rng.IntN(len(c.data) + 1)
		if rng.IntN(2) == 0 {
			return change{off: c.off, data: c.data[:cut]}.apply(image)
		}
		image = extend(image, end)
		copy(image[c.off+int64(cut):], c.data[cut:])
	case 1: // garbage
		image = extend(image, end)
		from, to := c.off, end
		if config.CollateralDamage {
			size := int64(config.SectorSize)
			from -= from % size
			to = min(from+size, int64(len(image)))
		}
		fillRandom(image[from:to], rng)
	}
	return image // else lost
}

func fillRandom(p []byte, rng *rand.Rand) {
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
}
