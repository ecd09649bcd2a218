package simulator

// The answer begins by saying what it is, and ends where it may with a full
// stop: three tokens and one.
const (
	opening = "[simulated] "
	ending  = "end."
)

// words are 64 tokens.
const words = "" +
	"air all and any arm art ask bay bed big bit boy bus buy can car " +
	"cup cut day dog ear eat egg end eye far few fly for fun get hat " +
	"her ice ink job key law leg lip map new now oak old one our own " +
	"pen put red run sea see she six sky sun tea ten the top two way "

// answerSeed mixes the engine's seed into the hash of a prompt.
func answerSeed(seed, prompt uint64) uint64 { return scramble(prompt ^ scramble(seed)) }

// naturalLength is the length in tokens of the answer to the prompt with the
// seed: 20 to 200.
func naturalLength(seed uint64) int { return 20 + int(scramble(seed)%181) }

// appendAnswer appends an answer of n tokens; whole says that it comes to its end.
func appendAnswer(text []byte, seed uint64, n int, whole bool) []byte {
	from := len(text)
	text = append(text, opening[:min(len(opening), n*tokenBytes)]...)
	for i := len(opening) / tokenBytes; i < n; i++ {
		seed = scramble(seed)
		at := seed % (uint64(len(words)) / tokenBytes) * tokenBytes
		text = append(text, words[at:at+tokenBytes]...)
	}
	if whole && n > len(opening)/tokenBytes {
		copy(text[from+(n-1)*tokenBytes:], ending)
	}
	return text
}

// scramble is one step of SplitMix64 (Steele, Lea, Flood 2014).
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
