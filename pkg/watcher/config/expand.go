package config

import (
	"fmt"
	"strings"
)

// expand replaces ${NAME} by the environment's value. A literal ${ is written
// $${; any other $ is itself.
func expand(text string, env func(string) (string, bool)) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			b.WriteString(text)
			return b.String(), nil
		}
		if literal, ok := strings.CutSuffix(before, "$"); ok {
			b.WriteString(literal + "${")
			text = rest
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || !isEnvName(name) {
			return "", fmt.Errorf("${ begins the name of an environment variable, ${NAME}; a plain ${ is written $${")
		}
		value, set := env(name)
		if !set {
			return "", fmt.Errorf("the environment has no %s; set it, or write the value here", name)
		}
		b.WriteString(before + value)
		text = after
	}
}

func isEnvName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
