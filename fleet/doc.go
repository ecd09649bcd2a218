// Package fleet knows the engines: it picks one for a call, talks to it and
// watches its health.
//
// It is built in three layers. The policy (policy.go) decides, as pure functions
// over plain data: which engine has the least to do, when failures in a row
// eject one, when it may come back. The machinery (fleet.go, apply.go,
// health.go) holds the state under one mutex, asks the policy and carries out what
// it says. The transports carry one call: client.go is a lean HTTP/1.1 client
// on net.Conn for engines with a URL, local.go runs the handler of an engine
// that lives in this process.
//
// The client is our own because it is the data plane's hot path. Against
// net/http's Transport it saves two goroutines, their hand-overs and the header
// map per call; what it gives up (proxies, redirects, HTTP/2, compression,
// cookies) no engine needs. It is strict where leniency would let two parties
// disagree about where an answer ends.
package fleet
