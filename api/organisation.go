package api

import (
	"time"

	"sluice"
)

// Organisation is a customer, with one balance in one currency.
type Organisation struct {
	ID        string          `json:"id" example:"org_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Name      string          `json:"name"`
	Currency  sluice.Currency `json:"currency" example:"USD"`
	CreatedAt time.Time       `json:"created_at"`
}

// CreateOrganisation asks for a new organisation.
type CreateOrganisation struct {
	Name     string          `json:"name" minLength:"1" maxLength:"128" doc:"Unique among organisations."`
	Currency sluice.Currency `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"USD" doc:"Of its balance, for good."`
	Credit   *sluice.Amount  `json:"credit,omitempty" example:"10.00" doc:"Granted at once, more than zero."`
}
