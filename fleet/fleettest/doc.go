// Package fleettest is an engine whose answers a test writes beforehand:
//
//	e := fleettest.New(t)
//	e.Next(
//		fleettest.Status(503, `{"error":{"message":"full"}}`).Header("Retry-After", "1"),
//		fleettest.Stream("Hel", "lo").Usage(3, 2, 0).DieAfter(1),
//	)
//	… // point what is tested at e.URL and call it
//	call := e.Await(t, 1)
//	got := call.Result(t) // did the client stay, and how much did it get?
//
// It speaks OpenAI's chat completions, completions and embeddings. It keeps
// every request that it received. For engines that take their time like a
// chip, see package simulator.
package fleettest
