// Package sluice holds the nouns of a Model-as-a-Service platform: who calls
// (Organisation, Project, Key), what is called (Model, Engine), what one call
// consumed (Usage, Event), and what it cost (Pico, Amount, Hold, Tx, Entry).
//
// It is ring 0 of the house: standard library only, no I/O and no clock.
// Every other package may import it; it imports none of them. Times are passed
// in, so that whatever depends on them can be tested at any instant.
package sluice
