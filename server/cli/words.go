package cli

import "regexp"

// word is one word of a line: quoted, or up to the next blank. A quote that nothing ends
// is passed over, as in Java, whose expression this is (ZooKeeperMain.ARGS_PATTERN).
var word = regexp.MustCompile(`\s*([^"'\s]\S*|"[^"]*"|'[^']*')\s*`)

// split takes a line apart. Quotes group and are taken off; there are no escapes.
func split(line string) []string {
	var words []string
	for _, m := range word.FindAllStringSubmatch(line, -1) {
		w := m[1]
		if n := len(w); n > 1 && (w[0] == '"' || w[0] == '\'') && w[n-1] == w[0] {
			w = w[1 : n-1]
		}
		words = append(words, w)
	}
	return words
}
