package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// inviteToPair asks the user to send the code to the bot.
func inviteToPair(l notifier.Lang, code string) string {
	return fmt.Sprintf(l.Pick("在 Telegram 里打开你的机器人，把这六位数字发给它（%.0f 分钟内有效）：\n\n    %s\n", "Open your bot in Telegram and send it these six digits (they are good for %.0f minutes):\n\n    %s\n"),
		telegram.PairTimeout.Minutes(), code)
}

// pairTelegram finds out the number of the chat that the file of c lacks, of
// which no more than the outline need be good: it says a code on aside, waits
// until somebody sends it to the bot, and prints the line for watch.yaml on out.
func pairTelegram(ctx context.Context, c *config.Config, out, aside io.Writer) error {
	l := c.Language
	bot, key, err := config.Unpaired(c.Path, os.LookupEnv)
	if err != nil {
		fmt.Fprintln(aside, err)
		return &exit{status: exitBadConfig}
	}
	log, err := newLog("console", "warn", c.Location)
	if err != nil {
		return err
	}
	code, found, err := telegram.Pair(ctx, bot, l, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	fmt.Fprintln(aside, inviteToPair(l, code))
	f := <-found
	switch {
	case errors.Is(f.Err, telegram.ErrNotPaired):
		return &exit{exitFailed, l.Pick("没有人在时限内把数字发给机器人；再运行一次会有新的数字", "nobody has sent the digits to the bot in time; run this again for new ones")}
	case ctx.Err() != nil:
		return &exit{status: exitFailed} // by the user's own hand
	case f.Err != nil:
		return &exit{exitFailed, f.Err.Error()}
	}
	fmt.Fprintf(aside, l.Pick("找到了：%s 的聊天。写到 %s 的 %s 里：\n\n", "Found: the chat of %s. Write this in %s, under %s:\n\n"), f.Chat.Name, c.Path, key)
	fmt.Fprintf(out, "chat_id: %d\n", f.Chat.ID)
	return nil
}
