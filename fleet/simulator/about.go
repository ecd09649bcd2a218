package simulator

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
)

// serveModels lists the one model, and what is made up about it.
func (s *Simulator) serveModels(w http.ResponseWriter, _ *http.Request) {
	about := map[string]any{"chip": s.cfg.Chip}
	if b := s.loop.batch; b != nil {
		r := &b.roofline
		about["chip_title"] = r.Chip.Title
		about["chip_source"] = r.Chip.Source
		about["chips"] = r.Count
		about["watts"] = r.Chip.Watts * float64(r.Count)
		about["model"] = r.Shape.Name
		about["model_like"] = r.Shape.Like
		about["kv_tokens"] = b.limits.KVTokens
	}
	sendObject(w, map[string]any{
		"object":             "list",
		"system_fingerprint": "simulated",
		"data": []any{map[string]any{
			"id":                 s.cfg.Name,
			"object":             "model",
			"created":            0,
			"owned_by":           "sluice-simulator",
			"max_model_len":      s.context,
			"system_fingerprint": "simulated",
			"simulated":          true,
			"simulation":         about,
		}},
	})
}

// serveTokenize counts the tokens of a chat or of a prompt, with their numbers.
func (s *Simulator) serveTokenize(w http.ResponseWriter, r *http.Request) {
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	req, err := c.read(w, r)
	if err == nil {
		c.text, err = req.appendPrompt(c.text[:0], req.Messages != nil)
	}
	if err != nil {
		fail(w, err)
		return
	}
	tokens := make([]uint32, len(c.text)/tokenBytes)
	for i := range tokens {
		tokens[i] = binary.LittleEndian.Uint32(c.text[i*tokenBytes:])
	}
	sendObject(w, map[string]any{
		"count":              len(tokens),
		"max_model_len":      s.context,
		"tokens":             tokens,
		"token_strs":         nil,
		"system_fingerprint": "simulated",
	})
}

func sendObject(w http.ResponseWriter, object map[string]any) {
	body, err := json.Marshal(object)
	if err != nil {
		fail(w, fmt.Errorf("writing the answer: %w", err))
		return
	}
	send(w, http.StatusOK, body)
}
