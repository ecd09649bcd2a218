module sluice/tools/kernelgen

go 1.26.0
