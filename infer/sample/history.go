package sample

// history counts the tokens that penalties look at.
type history struct {
	index map[int32]int32
	uses  []use
}

// use is what the sequence had of one token.
type use struct {
	token int32
	count int32 // times in the answer; 0 for one that only the prompt has
}

func (h *history) prompt(tokens []int32) {
	for _, token := range tokens {
		h.use(token)
	}
}

func (h *history) answer(token int32) { h.use(token).count++ }

// use returns the entry of a token, a new one if need be.
func (h *history) use(token int32) *use {
	i, ok := h.index[token]
	if !ok {
		if h.index == nil {
			h.index = map[int32]int32{}
		}
		i = int32(len(h.uses))
		h.index[token] = i
		h.uses = append(h.uses, use{token: token})
	}
	return &h.uses[i]
}

// penalise lowers the logits of what was there. The conversions keep a
// processor from rounding twice as one, which would differ between platforms.
func (h *history) penalise(logits []float32, o *Options) {
	repetition := float32(1)
	if o.repeats() {
		repetition = float32(o.RepetitionPenalty)
	}
	frequency, presence := float32(o.FrequencyPenalty), float32(o.PresencePenalty)
	for _, u := range h.uses {
		v := logits[u.token]
		if isOut(v) {
			continue
		}
		if v > 0 {
			v /= repetition
		} else {
			v *= repetition
		}
		if u.count > 0 {
			v = float32(v-float32(frequency*float32(u.count))) - presence
		}
		logits[u.token] = v
	}
}
