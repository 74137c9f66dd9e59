package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// needRestart are the keys that a running daemon does not take up.
var needRestart = [...]string{"state_dir", "monitor.listen", "monitor.ping_url"}

// Changed returns the keys besides rules that differ between the configuration
// in force and another: those that a running daemon takes up, and those that
// need a restart. schedule is not among them: the rules carry it.
func (c *Config) Changed(to *Config) (settings, restart []string) {
	add := func(key string, a, b reflect.Value) {
		key = strings.TrimSuffix(key, "_file") // a secret is one thing, wherever it stands
		list := &settings
		if slices.Contains(needRestart[:], key) {
			list = &restart
		}
		if !sameValue(a, b) && !slices.Contains(*list, key) {
			*list = append(*list, key)
		}
	}
	a, b := reflect.ValueOf(c).Elem(), reflect.ValueOf(to).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		key := f.Tag.Get("yaml")
		switch {
		case key == "rules" || key == "schedule" || key == "-":
		case f.Type.Kind() == reflect.Struct:
			for j := range f.Type.NumField() {
				if sub := f.Type.Field(j).Tag.Get("yaml"); sub != "-" {
					add(join(key, sub), a.Field(i).Field(j), b.Field(i).Field(j))
				}
			}
		default:
			add(key, a.Field(i), b.Field(i))
		}
	}
	return settings, restart
}

func sameValue(a, b reflect.Value) bool {
	x, y := a.Interface(), b.Interface()
	if zone, ok := x.(*time.Location); ok { // a zone that is read twice is not the same pointer
		return zone.String() == y.(*time.Location).String()
	}
	return reflect.DeepEqual(x, y)
}
