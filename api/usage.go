package api

import (
	"time"

	"sluice"
)

// Tokens counts tokens by class. The classes are disjoint.
type Tokens struct {
	Input      int64 `json:"input" doc:"Prompt tokens computed afresh."`
	Cached     int64 `json:"cached" doc:"Prompt tokens read from the engine's prefix cache."`
	CacheWrite int64 `json:"cache_write" doc:"Prompt tokens written to a cache that is charged for."`
	Output     int64 `json:"output"`
	Reasoning  int64 `json:"reasoning"`
}

// Call is the record of one request that reached an engine.
type Call struct {
	ID           string          `json:"id"`
	Time         time.Time       `json:"time" doc:"When it was admitted."`
	Organisation string          `json:"organisation"`
	Project      string          `json:"project,omitempty"`
	Key          string          `json:"key"`
	Model        string          `json:"model"`
	Engine       string          `json:"engine"`
	Endpoint     string          `json:"endpoint" example:"/v1/chat/completions"`
	Status       sluice.Status   `json:"status" example:"completed"`
	Tokens       Tokens          `json:"tokens"`
	Estimated    bool            `json:"estimated" doc:"Counted here, because the engine did not say."`
	Simulated    bool            `json:"simulated" doc:"A simulator answered: it is no revenue."`
	Currency     sluice.Currency `json:"currency"`
	List         sluice.Amount   `json:"list" example:"0.0000022" doc:"By the price book."`
	Charge       sluice.Amount   `json:"charge" example:"0.0000022" doc:"What was billed: the list amount, or less when the balance ended before."`
	PriceBook    string          `json:"price_book"`
	EndedAt      time.Time       `json:"ended_at"`
	FirstTokenMS *int64          `json:"first_token_ms,omitempty" doc:"From admission to the first token, in milliseconds; absent without one."`
	DurationMS   int64           `json:"duration_ms" doc:"From admission to the end, in milliseconds."`
}

// CallDetail is a call with the transaction that booked it.
type CallDetail struct {
	Call
	Transaction Transaction `json:"transaction"`
}

// UsageQuery selects calls. What is absent selects all.
type UsageQuery struct {
	Since time.Time `query:"since" doc:"Calls that ended then or later."`
	Until time.Time `query:"until" doc:"Calls that ended before."`
	Key   string    `query:"key" maxLength:"64" doc:"A key's id."`
	Model string    `query:"model" maxLength:"128"`
	Paging
}
