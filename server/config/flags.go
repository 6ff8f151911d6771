package config

import "strings"

// Flags is one variable with command line flags of a JVM, such as JVMFLAGS.
type Flags struct {
	Name string // of the variable, for complaints
	Text string // its content
}

// words splits like a shell: at blanks, with '...', "..." and backslashes. It reports false if a quote
// is not closed; the rest is then the last word.
func words(text string) ([]string, bool) {
	var found []string
	var word strings.Builder
	inWord := false
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text) && (quote == 0 || strings.IndexByte(`"\$`+"`", text[i+1]) >= 0):
			i++
			word.WriteByte(text[i])
			inWord = true
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if inWord {
				found = append(found, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		found = append(found, word.String())
	}
	return found, quote == 0
}

// definition is one -Dname=value.
type definition struct {
	name, value string
	from        string // name of the variable
}

// Defined returns the properties that flags of a JVM set.
func Defined(flags []Flags) map[string]string {
	defs, _, _ := definitions(flags)
	all := map[string]string{}
	for _, d := range defs {
		all[d.name] = d.value
	}
	return all
}

// definitions returns the -D of all variables, the last of each name at its first place, and every other word.
func definitions(flags []Flags) (defs []definition, others []string, unclosed []string) {
	index := map[string]int{}
	for _, f := range flags {
		all, ok := words(f.Text)
		if !ok {
			unclosed = append(unclosed, f.Name)
		}
		for _, w := range all {
			text, isDef := strings.CutPrefix(w, "-D")
			name, value, _ := strings.Cut(text, "=")
			if !isDef || name == "" {
				others = append(others, w)
				continue
			}
			d := definition{name, value, f.Name}
			if i, ok := index[name]; ok {
				defs[i] = d
				continue
			}
			index[name] = len(defs)
			defs = append(defs, d)
		}
	}
	return defs, others, unclosed
}
