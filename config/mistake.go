package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a configuration.
type Mistake struct {
	Key      string // such as "limits.body_bytes"; of a variable that stands for no key, or a file that can't be read, its name
	Variable string // that gave the value; "" if the file or nobody did
	Value    string // as given, quoted; "" if there is none or it might be a secret
	Remedy   string
}

func (m Mistake) String() string {
	var b strings.Builder
	b.WriteString(m.Key)
	if m.Variable != "" {
		fmt.Fprintf(&b, " (%s)", m.Variable)
	}
	if m.Value != "" {
		b.WriteString(" = " + m.Value)
	}
	return b.String() + ": " + m.Remedy
}

// Mistakes is the error of Load: all that is wrong, in the order of config.example.yaml, with what
// belongs to no key before.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	var b strings.Builder
	if len(m) == 1 {
		b.WriteString("the configuration has a mistake:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d mistakes:", len(m))
	}
	for _, mistake := range m {
		b.WriteString("\n  " + mistake.String())
	}
	return b.String()
}

// quote shows a value that was refused, as much of it as helps to find it.
func quote(value any) string {
	s := fmt.Sprintf("%v", value)
	if runes := []rune(s); len(runes) > 80 {
		s = string(runes[:80]) + "…"
	}
	if _, ok := value.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return s
}

// unknown returns the remedy for a name that nobody knows. The value isn't told, as it may be a
// secret whose key is misspelled.
func unknown(what, name string, known []string) string {
	for _, key := range known {
		if strings.HasPrefix(name, key+".") {
			return fmt.Sprintf("is no known %s, as %s takes a value and nothing below it", what, key)
		}
	}
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf("is no known %s; did you mean %s?", what, near)
	}
	return fmt.Sprintf("is no known %s; config.example.yaml lists all of them", what)
}

// nearest returns the one of known that name was probably meant to be, as it differs by a slip or
// leaves a group out ("mail.host"); "" if there is none.
func nearest(name string, known []string) string {
	known = slices.SortedFunc(slices.Values(known), func(a, b string) int {
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	for slip := 1; slip <= 2; slip++ {
		for _, candidate := range known {
			if distance(name, candidate) == slip {
				return candidate
			}
		}
	}
	if parts := words(name); len(parts) > 1 {
		for _, candidate := range known {
			if isSubsequence(parts, words(candidate)) {
				return candidate
			}
		}
	}
	return ""
}

func words(name string) []string {
	return strings.FieldsFunc(strings.TrimPrefix(name, prefix), func(r rune) bool { return r == '.' || r == '_' })
}

func isSubsequence(part, whole []string) bool {
	for _, word := range whole {
		if len(part) > 0 && part[0] == word {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// distance returns how many characters must be added, removed or replaced to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
