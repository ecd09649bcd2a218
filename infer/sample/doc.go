// Package sample chooses the next token of an answer from a model's logits.
//
// # Order of operations
//
// The order is that of vLLM's sampler (docs.vllm.ai, vllm.v1.sample.sampler):
//
//  1. log probabilities are taken, where they are asked for, from the logits as
//     the model computed them: nothing below shows in them;
//  2. the mask (a grammar) rules out tokens;
//  3. the logit bias is added;
//  4. repetition, then frequency and presence penalties;
//  5. at a temperature of 0 the highest is taken, and of equals the first;
//  6. the logits are divided by the temperature;
//  7. min-p, then top-k, then top-p over what top-k left, drop tokens;
//  8. one of the rest is drawn.
//
// llama.cpp differs: its default chain divides by the temperature last, so
// that top-p and min-p there look at the distribution at temperature 1
// (llama.cpp, tools/main/README.md, "samplers"). OpenAI's API, whose clients
// this engine answers, does not say; vLLM's order is what they meet elsewhere.
//
// # The same draw everywhere
//
// Equal logits, options and seed give equal tokens on every platform. The
// weights of the draw are integers in steps of 2^-44 of the best token's,
// made by a table and a short polynomial rather than math.Exp, whose last bits
// differ between processors; sums of integers do not depend on their order;
// the generator is PCG. A token that is less likely than the best one by more
// than 2^44 is never drawn.
//
// # Cost
//
// Nothing is sorted but the tokens that stand within a sixteenth of a bit of
// the border of top-k or top-p: a histogram over the logits finds the border.
// So a vocabulary of 150,000 costs three passes over the logits, and a
// Sampler holds no memory in the vocabulary's size.
package sample
