package embedded

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
)

func TestGateIsFirstInFirstOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{room: 3}
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 3 {
			go func() {
				if err := g.enter(context.Background()); err != nil {
					t.Error(err)
				}
				order = append(order, i) // only the one inside gets here
				g.leave()
			}()
			synctest.Wait()
		}
		if running, waiting := g.load(); running != 1 || waiting != 3 {
			t.Errorf("%d run, %d wait", running, waiting)
		}
		if err := g.enter(t.Context()); !errors.Is(err, errFull) {
			t.Errorf("a fourth one: %v", err)
		}
		g.leave()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2}) {
			t.Errorf("order %v", order)
		}
		if running, waiting := g.load(); running+waiting != 0 {
			t.Errorf("%d run, %d wait at the end", running, waiting)
		}
	})
}

func TestGateLetsWaitersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{room: 1}
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- g.enter(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the waiter got %v", err)
		}
		if err := g.enter(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("one that came too late got %v", err)
		}
		go func() { left <- g.enter(t.Context()) }() // the place is free again
		synctest.Wait()
		g.leave()
		if err := <-left; err != nil {
			t.Error(err)
		}
	})
}

// TestGatePassesOnALostTurn: a waiter whose turn and whose end come together
// leaves the gate open, whichever it noticed.
func TestGatePassesOnALostTurn(t *testing.T) {
	for range 200 {
		g := &gate{room: 1}
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			if g.enter(ctx) == nil {
				g.leave()
			}
			close(done)
		}()
		go cancel()
		g.leave()
		<-done
		if running, waiting := g.load(); running+waiting != 0 {
			t.Fatalf("%d run, %d wait", running, waiting)
		}
	}
}
