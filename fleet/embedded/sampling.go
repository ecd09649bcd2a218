package embedded

import (
	"math"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
	"sluice/infer/sample"
)

// parameters are what a request says of how tokens are chosen, under OpenAI's
// names and, for what OpenAI has not, vLLM's.
type parameters struct {
	MaxTokens           *int               `json:"max_tokens"`
	MaxCompletionTokens *int               `json:"max_completion_tokens"` // goes before max_tokens
	Temperature         *float64           `json:"temperature"`
	TopP                *float64           `json:"top_p"`
	TopK                int                `json:"top_k"` // 0 and -1 keep all
	MinP                float64            `json:"min_p"`
	PresencePenalty     float64            `json:"presence_penalty"`
	FrequencyPenalty    float64            `json:"frequency_penalty"`
	RepetitionPenalty   float64            `json:"repetition_penalty"`
	LogitBias           map[string]float32 `json:"logit_bias"` // by the token's number
	Seed                *int64             `json:"seed"`
	Stop                jsontext.Value     `json:"stop"`     // a string or a list
	Logprobs            jsontext.Value     `json:"logprobs"` // chat: a boolean; completions: how many
	TopLogprobs         *int               `json:"top_logprobs"`
}

// generation turns the parameters into the model's. temperature is the one to
// take when the request names none; chat says which logprobs are meant.
func (p *parameters) generation(temperature float64, vocabulary int, chat bool) (infer.Request, error) {
	out := infer.Request{Sampling: sample.Options{
		Temperature: temperature, TopK: min(max(0, p.TopK), math.MaxInt32), MinP: p.MinP, Seed: p.Seed,
		PresencePenalty: p.PresencePenalty, FrequencyPenalty: p.FrequencyPenalty, RepetitionPenalty: p.RepetitionPenalty,
	}}
	limit, param := p.MaxTokens, "max_tokens"
	if p.MaxCompletionTokens != nil {
		limit, param = p.MaxCompletionTokens, "max_completion_tokens"
	}
	if limit != nil {
		if *limit < 1 {
			return out, refuse(param, "%s must be at least 1, got %d.", param, *limit)
		}
		out.MaxTokens = *limit
	}
	if p.Temperature != nil {
		if *p.Temperature < 0 || *p.Temperature > 2 {
			return out, refuse("temperature", "temperature must be from 0 to 2, got %g.", *p.Temperature)
		}
		out.Sampling.Temperature = *p.Temperature
	}
	if p.TopP != nil {
		if *p.TopP <= 0 || *p.TopP > 1 {
			return out, refuse("top_p", "top_p must be above 0 and at most 1, got %g.", *p.TopP)
		}
		out.Sampling.TopP = *p.TopP
	}
	for name, v := range map[string]float64{"presence_penalty": p.PresencePenalty, "frequency_penalty": p.FrequencyPenalty} {
		if v < -2 || v > 2 {
			return out, refuse(name, "%s must be from -2 to 2, got %g.", name, v)
		}
	}
	if p.MinP < 0 || p.MinP > 1 {
		return out, refuse("min_p", "min_p must be from 0 to 1, got %g.", p.MinP)
	}
	if v := p.RepetitionPenalty; v != 0 && !(v >= sample.LeastRepetitionPenalty && v <= 100) {
		return out, refuse("repetition_penalty", "repetition_penalty must be from %g to 100, got %g.", sample.LeastRepetitionPenalty, v)
	}
	var err error
	if out.Sampling.LogitBias, err = p.bias(vocabulary); err != nil {
		return out, err
	}
	if err = p.logprobs(&out.Sampling, chat); err != nil {
		return out, err
	}
	out.Stop, err = p.stops()
	return out, err
}

// bias reads logit_bias.
func (p *parameters) bias(vocabulary int) (map[int32]float32, error) {
	out := make(map[int32]float32, len(p.LogitBias))
	for name, v := range p.LogitBias {
		token, err := strconv.ParseInt(name, 10, 32)
		if err != nil || token < 0 || token >= int64(vocabulary) {
			return nil, refuse("logit_bias", "logit_bias names the token %q, the vocabulary has the tokens 0 to %d.", name, vocabulary-1)
		}
		if !(v >= -100 && v <= 100) {
			return nil, refuse("logit_bias", "logit_bias must be from -100 to 100, token %s has %g.", name, v)
		}
		out[int32(token)] = v
	}
	return out, nil
}

// logprobs reads logprobs and top_logprobs: in a chat a switch and a number, in
// a completion one number.
func (p *parameters) logprobs(o *sample.Options, chat bool) error {
	if !chat {
		switch p.Logprobs.Kind() {
		case 0, 'n', 'f':
			return nil
		}
		n, err := strconv.Atoi(string(p.Logprobs))
		if err != nil || n < 0 || n > sample.MaxTopLogprobs {
			return refuse("logprobs", "logprobs must be a number from 0 to %d.", sample.MaxTopLogprobs)
		}
		o.Logprobs, o.TopLogprobs = true, n
		return nil
	}
	switch p.Logprobs.Kind() {
	case 0, 'n', 'f':
	case 't':
		o.Logprobs = true
	default:
		return refuse("logprobs", "logprobs must be true or false.")
	}
	if p.TopLogprobs == nil || *p.TopLogprobs == 0 {
		return nil
	}
	if *p.TopLogprobs < 0 || *p.TopLogprobs > sample.MaxTopLogprobs {
		return refuse("top_logprobs", "top_logprobs must be from 0 to %d, got %d.", sample.MaxTopLogprobs, *p.TopLogprobs)
	}
	if !o.Logprobs {
		return refuse("top_logprobs", "top_logprobs needs logprobs to be true.")
	}
	o.TopLogprobs = *p.TopLogprobs
	return nil
}

// stops reads stop. Empty strings in it, at which no answer could begin, are
// left out.
func (p *parameters) stops() ([]string, error) {
	var given []string
	switch p.Stop.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		given = make([]string, 1)
		if err := json.Unmarshal(p.Stop, &given[0], jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, refuse("stop", "stop cannot be read: %v", err)
		}
	default:
		if err := json.Unmarshal(p.Stop, &given, jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, refuse("stop", "stop must be a string or a list of strings.")
		}
	}
	if len(given) > maxStops {
		return nil, refuse("stop", "stop lists %d strings, at most %d are supported.", len(given), maxStops)
	}
	var stops []string
	for _, stop := range given {
		if stop != "" {
			stops = append(stops, stop)
		}
	}
	return stops, nil
}
