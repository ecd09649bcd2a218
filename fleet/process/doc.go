// Package process runs engines as processes of this machine and keeps them
// running: each in a process group of its own, started again with growing pauses
// when it ends, killed when it hangs, stopped when nobody has asked for it and
// started by the next call, which waits meanwhile.
//
// Three parts, so that each can be tested alone. What is to be done is decided by
// a [life], a value without a clock that is told what has happened. A keeper, one
// for each engine, tells it and does what it says; engines know nothing of each other,
// so that what becomes of one is nothing to the others. What touches the machine is
// behind one interface: programs, memory and disk, logs.
//
// Only the operator, the engine's end and its health start an engine again. A
// call never does: it wakes one that is idle, and nothing else.
package process
