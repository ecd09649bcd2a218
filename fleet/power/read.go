package power

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/fleet/chip"
	"sluice/fleet/driver"
	"sluice/money/electricity"
)

const (
	readTimeout = 5 * time.Second // for chips' tools, and for each meter
	metricBytes = 8 << 20         // of a meter's answer that are read
)

// Cards reads what the cards of this machine draw, in milliwatts by VENDOR:NUMBER.
// A card that does not say is left out.
func Cards(ctx context.Context) map[string]int64 {
	drawn := map[string]int64{}
	for _, c := range chip.Scan(ctx, chip.Options{Usage: true, Timeout: readTimeout}).Cards {
		if c.Index < 0 || c.Power.Draw == nil || c.Power.Source != chip.Measured {
			continue
		}
		if mw, ok := milliwatts(*c.Power.Draw); ok {
			drawn[c.Vendor+":"+strconv.Itoa(c.Index)] = mw
		}
	}
	return drawn
}

// milliwatts makes them of watts; ok is false when no engine draws that.
func milliwatts(watts float64) (mw int64, ok bool) {
	if math.IsNaN(watts) || watts < 0 || watts > MaxMilliwatts/1000 {
		return 0, false
	}
	return int64(math.Round(watts * 1000)), true
}

// read asks the meter.
func (m *Metric) read(ctx context.Context, client *http.Client) (Draw, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.URL, nil)
	if err != nil {
		return Draw{}, fmt.Errorf("asking the meter: %w", err)
	}
	res, err := client.Do(req)
	if err != nil {
		return Draw{}, fmt.Errorf("asking the meter: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Draw{}, fmt.Errorf("the meter answers %s", res.Status)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, metricBytes))
	if err != nil {
		return Draw{}, fmt.Errorf("reading the meter: %w", err)
	}
	watts, found := m.sum(text)
	if !found {
		return Draw{}, fmt.Errorf("the meter has no series of %s with these labels", m.Name)
	}
	mw, ok := milliwatts(watts)
	if !ok {
		return Draw{}, errors.New("the meter says what no engine draws")
	}
	return Draw{mw, electricity.Measured}, nil
}

// sum adds up the series that count.
func (m *Metric) sum(text []byte) (watts float64, found bool) {
	factor := m.Factor
	if factor == 0 {
		factor = 1
	}
next:
	for _, s := range driver.Parse(text, func(name string) bool { return name == m.Name }) {
		for name, value := range m.Labels {
			if s.Label(name) != value {
				continue next
			}
		}
		watts, found = watts+s.Value*factor, true
	}
	return watts, found
}

// readAll reads or estimates what each engine draws.
func (s *Service) readAll(ctx context.Context, engines []Engine) map[string]Draw {
	claims := map[string]int64{}
	for _, e := range engines {
		if e.Supply != nil {
			for _, c := range e.Supply.Cards {
				claims[c]++
			}
		}
	}
	var cards map[string]int64
	if len(claims) > 0 {
		cards = s.o.Cards(ctx)
	}
	draws := make([]Draw, len(engines))
	var asking sync.WaitGroup
	for i := range engines {
		e := &engines[i]
		switch {
		case e.Supply == nil:
			draws[i] = Draw{Source: electricity.Unknown}
		case e.Supply.Metric != nil:
			asking.Go(func() {
				d, err := e.Supply.Metric.read(ctx, s.o.Client)
				if s.fault(e, err); err != nil {
					d = e.estimate()
				}
				draws[i] = d
			})
		case len(e.Supply.Cards) > 0:
			d, err := shared(e.Supply.Cards, cards, claims)
			if s.fault(e, err); err != nil {
				d = e.estimate()
			}
			draws[i] = d
		default:
			draws[i] = e.estimate()
		}
	}
	asking.Wait()
	byID := make(map[string]Draw, len(engines))
	for i, e := range engines {
		byID[e.ID] = draws[i]
	}
	return byID
}

func (e *Engine) estimate() Draw { return e.Supply.estimate(e.Running, e.Limit) }

// AnyVendor stands for the vendor of a card's name where the machine has cards of
// one vendor.
const AnyVendor = "any"

// drawOf looks up what a card draws; ok is false when it is not there, or not the
// only one of its number for AnyVendor.
func drawOf(name string, cards map[string]int64) (mw int64, ok bool) {
	number, anyone := strings.CutPrefix(name, AnyVendor+":")
	if !anyone {
		mw, ok = cards[name]
		return mw, ok
	}
	for card, draws := range cards {
		if strings.HasSuffix(card, ":"+number) {
			if ok {
				return 0, false
			}
			mw, ok = draws, true
		}
	}
	return mw, ok
}

// shared is an engine's part of what its cards draw.
func shared(names []string, cards, claims map[string]int64) (Draw, error) {
	sum := int64(0)
	for _, c := range names {
		mw, ok := drawOf(c, cards)
		if !ok {
			return Draw{}, fmt.Errorf("%s does not say what it draws", c)
		}
		sum += mw / claims[c]
	}
	return Draw{min(sum, MaxMilliwatts), electricity.Measured}, nil
}
