package sluice

// HoldRequest asks to reserve money for a call before an engine sees it.
type HoldRequest struct {
	CallID   string
	Org      string
	Key      string
	Cap      *Amount // the key's spending cap, nil for none
	Currency Currency

	// Want covers the prompt's upper bound and a slice of output. Least is
	// what must be there for the call to begin: a lower estimate of the prompt. A
	// grant lies between the two.
	Want, Least Pico
}

// Hold is money reserved for one running call.
type Hold struct {
	CallID  string
	Granted Pico
}

// Balance is what an organisation has.
type Balance struct {
	Currency  Currency `json:"currency"`
	Available Amount   `json:"available"` // what a new call can reserve
	Held      Amount   `json:"held"`      // reserved for running calls
}
