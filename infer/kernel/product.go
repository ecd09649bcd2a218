package kernel

// Product is one of several products with the same activations.
type Product struct {
	// Out receives the values, as in Matrix.Mul.
	Out []float32
	// Matrix is what the activations are multiplied by.
	Matrix Matrix
}

// maxProducts is how many products are handed out as one job.
const maxProducts = 4

// factor is what each kind of matrix implements.
type factor interface {
	Matrix
	// groups is the number of groups of rows that the matrix is cut into, and
	// groupBytes about the memory of one.
	groups() int
	groupBytes() int
	// mulGroups computes the values of groups first to last-1, which may lie
	// behind the end.
	mulGroups(s Set, out []float32, x *Activations, first, last int)
}

// product is a matrix product, cut into pieces of per groups.
type product struct {
	m           factor
	out         []float32
	x           *Activations
	per, pieces int
}

// A piece is at most pieceBytes of weights, which stay in the second cache
// while tokens pass by; and there are at least workerPieces for each worker, so
// that none waits long for the last one.
const (
	pieceBytes   = 64 << 10
	workerPieces = 16
)

// cut cuts the product with a matrix into pieces.
func (p *Pool) cut(m factor) product {
	groups := m.groups()
	per := max(1, min(pieceBytes/m.groupBytes(), groups/(p.threads*workerPieces)))
	return product{m: m, per: per, pieces: (groups + per - 1) / per}
}

// MulAll is Mul for several matrices, as one job: workers go on from one
// product to the next without waiting for each other.
func (p *Pool) MulAll(x *Activations, products ...Product) {
	for len(products) > 0 {
		n := min(len(products), maxProducts)
		p.mul(x, products[:n])
		products = products[n:]
	}
}

func (p *Pool) mul(x *Activations, products []Product) {
	if p.threads == 1 {
		for _, d := range products {
			m := d.Matrix.(factor)
			m.mulGroups(p.set, d.Out[:x.N*m.Rows()], x, 0, m.groups())
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	pieces := 0
	for i, d := range products {
		c := p.cut(d.Matrix.(factor))
		c.out, c.x = d.Out[:x.N*c.m.Rows()], x
		p.job.products[i] = c
		pieces += c.pieces
	}
	p.finish(pieces)
	clear(p.job.products[:])
}
