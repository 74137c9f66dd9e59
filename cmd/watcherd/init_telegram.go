package main

import (
	"context"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/notifier/telegram"
)

var botToken = regexp.MustCompile(`^\d+:[A-Za-z0-9_-]+$`)

// botSecret is the file of the bot's token.
const botSecret = "telegram"

// askTelegram asks for a bot and finds the user's chat with it, until that has
// worked or the user does without.
func (s *setup) askTelegram(ctx context.Context) error {
	for {
		bot := telegram.Config{APIURL: s.botAPI}
		for _, step := range []func(context.Context, *telegram.Config) error{s.askBotToken, s.askProxy, s.askChat} {
			if err := step(ctx, &bot); err != nil {
				return err
			}
		}
		if bot.ChatID != 0 {
			s.config.Notify.Telegram = append(s.config.Notify.Telegram, bot)
			return nil
		}
		n, err := s.choose(ctx, s.lang.Pick("怎么办？", "What now?"), s.lang.Pick("写编号。", "Type a number."), 1,
			s.lang.Pick("再试一次", "try again"), s.lang.Pick("不要 Telegram 了", "leave Telegram out"))
		if err != nil {
			return err
		}
		if n == 2 {
			s.secrets = slices.DeleteFunc(s.secrets, func(f secretFile) bool { return f.name == filepath.Join(secretsDir, botSecret) })
			return nil
		}
	}
}

func (s *setup) askBotToken(ctx context.Context, bot *telegram.Config) error {
	var err error
	bot.TokenFile, err = s.askSecret(ctx, botSecret, question{
		text: s.lang.Pick("Telegram 机器人的 token？（不显示）", "The token of your Telegram bot? (not shown)"),
		help: s.lang.Pick("在 Telegram 里找 @BotFather，发 /newbot，按它说的起名字；它给的 123456:ABC... 就是 token。", "In Telegram talk to @BotFather, send /newbot and name your bot; the 123456:ABC... that he gives you is the token."),
	}, func(answer string) (string, error) {
		answer = strings.TrimSpace(answer)
		if !botToken.MatchString(answer) {
			return "", s.sorry("这不像 token：它是数字、冒号、再一串字母，例如 123456:ABC...，@BotFather 给的。", "That is no token: it is digits, a colon and letters, as 123456:ABC..., from @BotFather.")
		}
		bot.Token = answer
		return answer, nil
	})
	return err
}

func (s *setup) askProxy(ctx context.Context, bot *telegram.Config) error {
	var err error
	bot.Proxy, err = ask(ctx, s.talk, question{
		text: s.lang.Pick("连 Telegram 要代理吗？（例如 socks5://127.0.0.1:1080；Enter = 不要）", "A proxy for Telegram? (such as socks5://127.0.0.1:1080; Enter = none)"),
		help: s.lang.Pick("在中国大陆一般要。写 http://、https:// 或 socks5:// 开头的地址。", "Where Telegram cannot be reached directly. An address that begins with http://, https:// or socks5://."),
		free: true,
	}, func(answer string) (string, error) {
		if u, err := url.Parse(answer); answer != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)) {
			return "", s.sorry("这不是代理的地址；写成 socks5://127.0.0.1:1080 或 http://127.0.0.1:7890，Enter = 不要。", "That is no address of a proxy; type socks5://127.0.0.1:1080 or http://127.0.0.1:7890, or Enter for none.")
		}
		return answer, nil
	})
	return err
}

// askChat leaves 0 when the chat was looked for and not found.
func (s *setup) askChat(ctx context.Context, bot *telegram.Config) error {
	var err error
	bot.ChatID, err = ask(ctx, s.talk, question{
		text: s.lang.Pick("你和机器人聊天的编号 chat_id？（Enter = 现在配对）", "The chat_id of your chat with the bot? (Enter = find it out now)"),
		help: s.lang.Pick("不知道就按 Enter：这里会显示六位数字，你把它发给机器人就行。", "If you do not know it press Enter: six digits appear here, and you send them to the bot."),
		free: true,
	}, func(answer string) (int64, error) {
		id, err := strconv.ParseInt(answer, 10, 64)
		if answer != "" && (err != nil || id <= 0) {
			return 0, s.sorry("chat_id 是一个正整数（群不行）；不知道就按 Enter 配对。", "A chat_id is a whole number above 0 (no group); Enter finds it out.")
		}
		return id, nil
	})
	if err == nil && bot.ChatID == 0 {
		bot.ChatID, err = s.pair(ctx, *bot)
	}
	return err
}

// pair finds out the number of the user's chat with the bot; 0 when that did
// not work, which has been said. Where Telegram cannot be reached nobody waits:
// that wants another answer about the proxy.
func (s *setup) pair(ctx context.Context, bot telegram.Config) (int64, error) {
	pairing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.WarnLevel),
		zap.Hooks(func(zapcore.Entry) error {
			giveUp(errNoTelegram)
			return nil
		}))
	code, found, err := telegram.Pair(pairing, bot, s.lang, log)
	if err != nil {
		s.say("配对不了：%v", "The pairing does not work: %v", err)
		return 0, nil
	}
	s.say("%s", "%s", inviteToPair(s.lang, code))
	f := <-found
	switch {
	case ctx.Err() != nil:
		return 0, errStopped
	case f.Err == nil:
		s.say("找到了：%s 的聊天。", "Found: the chat of %s.", f.Chat.Name)
		return f.Chat.ID, nil
	case errors.Is(f.Err, telegram.ErrNotPaired):
		s.say("没有人在时限内把数字发给机器人。", "Nobody has sent the digits to the bot in time.")
	case errors.Is(context.Cause(pairing), errNoTelegram):
		s.say("连不上 Telegram。在中国大陆要写代理，例如 socks5://127.0.0.1:1080；写了还不行，就看代理开着没有。", "Telegram cannot be reached. Where it is blocked it wants a proxy, such as socks5://127.0.0.1:1080; with one, see whether that is running.")
	default:
		s.say("配对不了：%v", "The pairing does not work: %v", f.Err)
	}
	return 0, nil
}

// errNoTelegram ends a pairing for which Telegram cannot be reached.
var errNoTelegram = errors.New("no way to Telegram")
