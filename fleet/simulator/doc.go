// Package simulator is an engine that makes up its answers and takes its time
// over them like a named chip: for demonstrations, tests and benchmarks on a
// machine without an accelerator. It never passes for a real engine: every
// response has the header "x-sluice-simulated: true", every object the
// "system_fingerprint" "simulated", every text begins with "[simulated] ", and
// its entry in /v1/models says so.
//
// The package has two halves. The core computes and knows neither HTTP nor a
// clock: [Chip] and [Shape] are tables, [Roofline] gives the time of one step
// of an engine, [Batch] schedules sequences into steps with continuous
// batching, chunked prefill, a limited KV cache and prefix caching. The skin,
// [Simulator], puts it behind the HTTP of an OpenAI-compatible engine.
//
// # Tokens
//
// A token is four bytes of text, in and out. A chat message is a header of
// four tokens and then its content, filled up to whole tokens; the header of
// the answer to come belongs to the prompt. So a prompt has 4 + Σ(4 +
// ⌈bytes/4⌉) tokens, and an answer that the client sends back in its next turn
// is found in the prefix cache. A stream has exactly one chunk per token.
//
// # What it leaves out
//
// Sampling parameters, stop sequences, tools and response formats are accepted
// and without effect, but tools are part of the prompt. Traffic between chips
// costs no time, and a sequence reserves its KV cache when it is admitted (the
// no-eviction policy), so that none is ever preempted.
package simulator
