package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/watcherd/watcherd/pkg/notifier/telegram"
)

// Unpaired returns the bot of notify.telegram whose chat is to be found: the
// first entry without a chat_id or, when all have one, the first; and its key.
// The rest of the file may have mistakes, and may be missing.
//
// The error is [Problems].
func Unpaired(path string, env func(string) (string, bool)) (bot telegram.Config, key string, err error) {
	data, err := readFile(path, maxSize)
	if err != nil {
		return bot, "", Problems{{File: path, Line: 1, Column: 1, Text: fmt.Sprintf("cannot read the file: %v", err)}}
	}
	root, syntax := parse(data)
	if syntax != nil {
		syntax.File = path
		return bot, "", Problems{*syntax}
	}
	d := newDecoder(path, env, root)
	c := defaults()
	c.Path = path
	d.decode(reflect.ValueOf(c).Elem(), root, "", "")
	k := checker{decoder: d, c: c}
	const section = "notify.telegram"
	if len(c.Notify.Telegram) == 0 {
		k.wrong(section, "missing; write notify: {telegram: {token_file: secrets/telegram}}, with the token that @BotFather gives")
	}
	for i, t := range c.Notify.Telegram {
		k.telegram(t, k.entry(section, i))
	}
	i := max(0, slices.IndexFunc(c.Notify.Telegram, func(t telegram.Config) bool { return t.ChatID <= 0 }))
	key = k.entry(section, i)
	wrong := slices.DeleteFunc(d.problems, func(p Problem) bool {
		return p.Key != section && !strings.HasPrefix(p.Key+".", key+".") || p.Key == join(key, "chat_id")
	})
	if len(wrong) > 0 {
		return bot, "", Problems(sorted(wrong))
	}
	return c.Notify.Telegram[i], key, nil
}
