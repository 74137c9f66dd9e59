package telegram

import (
	"context"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// maxCommands bounds the commands that wait for an answer; whoever sends more
// at once sends them again.
const maxCommands = 8

// staleCommand is how long before the start a command may have been written to
// count: a restart loses none, and the clocks need not agree.
const staleCommand = 2 * time.Minute

// Commands implements [notifier.Commander]. The menu is shown in this chat
// only. Commands arrive only while [Driver.Run] runs.
func (d *Driver) Commands(ctx context.Context, menu []notifier.Command, answer func(ctx context.Context, text string) string) error {
	commands := make(chan *models.Message, maxCommands)
	d.mu.Lock()
	d.commands = commands
	d.background(func() { d.showMenu(ctx, menu) })
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.commands = nil
	}()
	for {
		select {
		case m := <-commands:
			text := cut(notifier.Clean(answer(ctx, m.Text)), maxText)
			d.mu.Lock()
			d.say(m, text)
			d.mu.Unlock()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// showMenu has the phone show the commands beside its text field, sooner or
// later. Without it they can be typed all the same.
func (d *Driver) showMenu(ctx context.Context, menu []notifier.Command) {
	commands := make([]models.BotCommand, len(menu))
	for i, c := range menu {
		commands[i] = models.BotCommand{Command: c.Name, Description: c.Description}
	}
	err := d.persist(ctx, zap.DebugLevel, "the menu", func(call context.Context) error {
		_, err := d.bot.SetMyCommands(call, &bot.SetMyCommandsParams{
			Commands: commands,
			Scope:    &models.BotCommandScopeChat{ChatID: d.chat}, // strangers need not know
		})
		return err
	})
	if err != nil {
		d.log.Debug("telegram: the menu of commands is not shown", zap.Error(err))
	}
}

// hearCommand takes a command and reports whether m is one. It is no answer to
// any question. Callers hold d.mu.
func (d *Driver) hearCommand(m *models.Message) bool {
	if d.commands == nil || !strings.HasPrefix(m.Text, "/") {
		return false
	}
	if int64(m.Date) < d.started.Add(-staleCommand).Unix() {
		return true // it waited at Telegram while nobody was here: its hour is over
	}
	select {
	case d.commands <- m:
	default:
	}
	return true
}
