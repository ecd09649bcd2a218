package bpe

// GPT-2 writes each byte as one printable rune, so that tokens can stand in a
// text file. Printable Latin-1 bytes stand for themselves; the other 68, in
// order, are the runes from U+0100 on. (encoder.py of openai/gpt-2.)

// byteRunes is the rune of each byte.
func byteRunes() [256]rune {
	var runes [256]rune
	next := rune(0x100)
	for b := range runes {
		switch {
		case b >= '!' && b <= '~', b >= 0xa1 && b <= 0xac, b >= 0xae:
			runes[b] = rune(b)
		default:
			runes[b] = next
			next++
		}
	}
	return runes
}

// runeBytes is the byte of each rune that stands for one.
func runeBytes() map[rune]byte {
	bytes := make(map[rune]byte, 256)
	for b, r := range byteRunes() {
		bytes[r] = byte(b)
	}
	return bytes
}

// unmap turns a token's text back into the bytes it stands for. It reports
// false when a rune stands for no byte.
func unmap(text string, bytes map[rune]byte) ([]byte, bool) {
	out := make([]byte, 0, len(text))
	for _, r := range text {
		b, ok := bytes[r]
		if !ok {
			return nil, false
		}
		out = append(out, b)
	}
	return out, true
}
