package api

// Verification is what a check of the whole ledger found.
type Verification struct {
	OK           bool     `json:"ok" doc:"Every invariant holds."`
	Transactions int64    `json:"transactions"`
	Entries      int64    `json:"entries"`
	Accounts     int64    `json:"accounts"`
	Events       int64    `json:"events"`
	Faults       []string `json:"faults" doc:"What does not hold; empty when all is well."`
}
