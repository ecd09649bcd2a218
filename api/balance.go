package api

import "sluice"

// Balance is what an organisation has.
type Balance struct {
	Currency  sluice.Currency `json:"currency" example:"USD"`
	Available sluice.Amount   `json:"available" example:"9.50" doc:"What a new call can reserve."`
	Held      sluice.Amount   `json:"held" example:"0.50" doc:"Reserved for running calls."`
}

// CreateCredit asks to add to an organisation's balance.
type CreateCredit struct {
	Amount sluice.Amount `json:"amount" example:"10.00" doc:"In the organisation's currency, more than zero."`
	Kind   sluice.TxKind `json:"kind" enum:"payment,grant" doc:"payment: money came in. grant: the operator gives it; it is used up first."`
	Memo   string        `json:"memo,omitempty" maxLength:"256" doc:"Shown on the statement."`
}
