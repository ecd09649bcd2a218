module sluice/tools/bench

go 1.26.0

replace sluice => ../..

require (
	golang.org/x/sys v0.49.0
	sluice v0.0.0
)
