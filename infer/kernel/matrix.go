package kernel

import (
	"fmt"

	"sluice/infer/gguf"
)

// Matrix is a weight matrix, by which activations are mapped from Cols to Rows
// values. It does not change, and may be used from several goroutines.
type Matrix interface {
	// Mul sets out, x.N rows of Rows values, to the products with the rows of
	// x, which must have been packed by the same pool.
	Mul(p *Pool, out []float32, x *Activations)
	// Row copies row i of the matrix, as floats, into out, of Cols values.
	Row(out []float32, i int)
	// Rows is the number of values of a product.
	Rows() int
	// Cols is the number of values of a row of activations.
	Cols() int
}

// Load copies a tensor of two dimensions into the form that the pool's
// instruction set multiplies its type in, with all workers. It takes as many
// bytes as the tensor, but in plain Go up to twice as many. It fails on a shape
// other than rows x cols, and on cols that are not a multiple of 32.
func Load(p *Pool, t gguf.Tensor, rows, cols int) (Matrix, error) {
	if err := Check(t, rows, cols); err != nil {
		return nil, err
	}
	if p.set != Portable {
		return newPackedMatrix(p, t, rows, cols), nil
	}
	if values, _ := t.Type.Block(); values == 1 {
		floats, err := t.Floats()
		return &floatMatrix{rows: rows, cols: cols, values: floats}, err
	}
	return newPlainMatrix(p, t, rows, cols), nil
}

// Check returns the error with which Load would refuse the tensor, without
// reading its values.
func Check(t gguf.Tensor, rows, cols int) error {
	if len(t.Dims) != 2 || t.Dims[0] != cols || t.Dims[1] != rows {
		return fmt.Errorf("tensor %q has dimensions %v, want [%d %d]", t.Name, t.Dims, cols, rows)
	}
	values, size := t.Type.Block()
	if values == 0 {
		return fmt.Errorf("tensor %q is %v, which is not supported", t.Name, t.Type)
	}
	if cols%max(block, values) != 0 || len(t.Data) != rows*cols/values*size {
		return fmt.Errorf("tensor %q has rows of %d values, not a multiple of %d", t.Name, cols, max(block, values))
	}
	return nil
}
