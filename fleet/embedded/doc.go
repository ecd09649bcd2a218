// Package embedded lets a model that runs inside this process answer as an
// engine does: an http.Handler in the dialect of OpenAI's chat completions,
// asked in memory or behind any HTTP server.
//
// What it promises beyond the dialect:
//
//   - Counts are exact. The headers x-prompt-tokens and x-cached-tokens come
//     before the first byte of the body, so that a stream which is broken off
//     can still be billed; vLLM's stream_options.continuous_usage_stats puts
//     the counts so far into every chunk.
//   - What it cannot do it refuses, naming the parameter, rather than to answer
//     as if it had not been asked.
//   - Answers are computed side by side. The queue is bounded; beyond it a
//     request gets 503 at once.
package embedded
