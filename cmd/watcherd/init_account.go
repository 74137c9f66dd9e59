package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// secretFile is a secret that will be written beside watch.yaml: never into it.
type secretFile struct {
	name string // secrets/12306
	text string
}

// String hides the secret.
func (f secretFile) String() string { return f.name }

// GoString hides it from %#v.
func (f secretFile) GoString() string { return f.name }

// secretsDir is the folder of secrets, beside watch.yaml.
const secretsDir = "secrets"

// secretPath is where a secret will be, as watch.yaml says it.
func (s *setup) secretPath(name string) string {
	if s.service {
		return config.Credentials + "secret_" + name // as LoadCredential= of the unit has it
	}
	return filepath.Join(secretsDir, name)
}

// remember takes a secret for the file secrets/name, and returns secretPath.
func (s *setup) remember(name, text string) string {
	file := filepath.Join(secretsDir, name)
	s.secrets = append(slices.DeleteFunc(s.secrets, func(f secretFile) bool { return f.name == file }), secretFile{file, text})
	return s.secretPath(name)
}

// known returns the secret of that name: the one that was typed, else the one
// that the file there holds; "" when there is none, or none that can be read.
func (s *setup) known(name string) string {
	for _, f := range s.secrets {
		if f.name == filepath.Join(secretsDir, name) {
			return f.text
		}
	}
	b, _ := os.ReadFile(filepath.Join(filepath.Dir(s.path), secretsDir, name))
	if len(strings.TrimSpace(string(b))) == 0 {
		return ""
	}
	return strings.TrimRight(string(b), "\r\n")
}

// askSecret asks for a secret and remembers it; it returns secretPath, or ""
// when there is none and none is needed. One that is there already is kept by
// Enter. take tidies what was typed, or says what is wrong.
func (s *setup) askSecret(ctx context.Context, name string, q question, take func(string) (string, error)) (string, error) {
	q.secret = true
	kept := s.known(name)
	file := filepath.Join(secretsDir, name)
	switch {
	case slices.ContainsFunc(s.secrets, func(f secretFile) bool { return f.name == file }):
		q.text += s.lang.Pick("（Enter 就用刚才的）", " (Enter keeps the one you typed)")
	case kept != "":
		q.text += s.lang.Pick("（"+file+" 已经有了：Enter 就用它，写新的就换掉它）", " ("+file+" is there: Enter keeps it, a new one replaces it)")
	default:
		if _, err := os.ReadFile(filepath.Join(filepath.Dir(s.path), file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			q.text += s.lang.Pick("（"+file+" 已经有了，但读不了；写的会换掉它）", " ("+file+" is there and cannot be read; what you type replaces it)")
		}
	}
	q.free = q.free || kept != ""
	text, err := ask(ctx, s.talk, q, func(answer string) (string, error) {
		if answer = cmp.Or(answer, kept); answer == "" {
			return "", nil
		}
		return take(answer)
	})
	if err != nil || text == "" {
		return "", err
	}
	if s.keyboard != nil {
		s.say("（收到了，%d 个字符，没有显示）", "(taken: %d characters, not shown)", len([]rune(text)))
	}
	return s.remember(name, text), nil
}

var idEnd = regexp.MustCompile(`^\d{3}[\dX]$`)

// askAccount asks who travels, and for the account that books.
func (s *setup) askAccount(ctx context.Context) error {
	t := &s.config.Twelve306
	var err error
	if s.rule().Passengers, err = ask(ctx, s.talk, question{
		text: s.lang.Pick("谁去？（12306 账号里存的乘车人，几个人用逗号隔开）", "Who travels? (as saved in the 12306 account; several with commas)"),
		help: s.lang.Pick("写名字，和账号里一样，最多 5 人：张三、李四。孩子和学生写明票种：小宝(儿童)、李四(学生)。", "Type names as they are in the account, at most 5: 张三, 李四. What children and students travel as stands behind the name: 小宝(child), 李四(student)."),
	}, s.passengers); err != nil {
		return err
	}
	t.Username, err = ask(ctx, s.talk, question{
		text: s.lang.Pick("12306 账号？（用户名、手机号或邮箱）", "12306 account? (user name, mobile number or mail address)"),
		help: s.lang.Pick("就是登录 12306 时写的那个。", "It is what you log in to 12306 with."),
	}, func(answer string) (string, error) { return answer, nil })
	if err != nil {
		return err
	}
	t.PasswordFile, err = s.askSecret(ctx, "12306", question{
		text: s.lang.Pick("12306 密码？（不显示；存到 secrets/12306）", "12306 password? (not shown; goes to secrets/12306)"),
		help: s.lang.Pick("登录 12306 网站的密码。它不会写进 watch.yaml，也不会出现在日志里。", "The password of 12306's site. It is not written into watch.yaml, nor into any log."),
	}, func(answer string) (string, error) { return answer, nil })
	if err != nil {
		return err
	}
	t.IDLast4File, err = s.askSecret(ctx, "id_last4", question{
		text: s.lang.Pick("证件号后四位？（短信登录时 12306 要；Enter 跳过）", "The last four characters of your ID number? (12306 wants them for a login by SMS; Enter leaves them out)"),
		help: s.lang.Pick("身份证号的最后四位，最后一位可以是 X。没有它就只能扫码登录或用图片验证码。", "The last four of your ID number; the last may be X. Without them you log in by QR code or picture."),
		free: true,
	}, func(answer string) (string, error) {
		answer = strings.ToUpper(strings.TrimSpace(narrow(answer)))
		if !idEnd.MatchString(answer) {
			return "", s.sorry("要正好四位：数字，最后一位可以是 X；Enter 跳过。", "It is exactly four: digits, the last may be X. Enter leaves them out.")
		}
		return answer, nil
	})
	return err
}

// passengers reads names, with what their owners travel as in brackets.
func (s *setup) passengers(answer string) ([]string, error) {
	var out, plain []string
	children := 0
	for _, word := range strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(",，、;；", r) }) {
		word = strings.TrimSpace(word)
		name, ticket, err := twelve306.ParsePassenger(word)
		switch {
		case word == "":
			continue
		case err != nil:
			return nil, s.sorry("看不懂 %q；括号里只能写 儿童、学生、残军，例如 小宝(儿童)。", "%q is not understood; in brackets stands child, student or soldier, as in 小宝(child).", word)
		case slices.Contains(plain, name):
			return nil, s.sorry("%s 写了两次；每个人写一次。", "%s is there twice; type everybody once.", name)
		case strings.ContainsFunc(name, unicode.IsDigit):
			return nil, s.sorry("名字里有数字；写名字，不是证件号。", "There are digits in a name; type names, not numbers.") // which are nobody's business
		}
		if ticket == twelve306.ChildTicket {
			children++
		}
		out, plain = append(out, word), append(plain, name)
	}
	switch {
	case len(out) == 0:
		return nil, s.sorry("至少写一个名字，例如 张三。", "Type one name at least, such as 张三.")
	case len(out) > watcher.MaxPassengers:
		return nil, s.sorry("一次最多 %d 人，你写了 %d 个；人多就分两条规则。", "One order holds at most %d people, and these are %d; make two rules.", watcher.MaxPassengers, len(out))
	case children == len(out):
		return nil, s.sorry("儿童不能单独乘车；再写一个大人。", "A child may not travel alone; name an adult, too.")
	}
	return out, nil
}
