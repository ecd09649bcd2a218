module sluice/tools/bench

go 1.26.0

replace sluice => ../..

require (
	golang.org/x/sys v0.49.0
	sluice v0.0.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	golang.org/x/text v0.43.0 // indirect
)
