package main

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// fuzzed says which fuzz target of the package feeds which of its functions:
// everything that makes values of bytes which somebody else has written.
var fuzzed = []struct{ dir, target, parsers string }{
	{"pkg/twelve306/internal/wire", "FuzzParseQuery", "ParseQuery str"},
	{"pkg/twelve306/internal/wire", "FuzzSplitRow", "SplitRow"},
	{"pkg/twelve306/internal/wire", "FuzzParseEnvelope", "ParseEnvelope Decode"},
	{"pkg/twelve306/internal/wire", "FuzzScalar", "UnmarshalJSON"},
	{"pkg/twelve306/internal/wire", "FuzzPage", "Object RepeatSubmitToken KeyCheckIsChange LeftTicketURL StationVersion SlidePasscode"},
	{"pkg/twelve306", "FuzzParseStations", "ParseStations"},
	{"pkg/twelve306", "FuzzLookup", "Lookup ParseSeat"},
	{"pkg/twelve306", "FuzzParseWishes", "ParsePassenger ParseSeatWish ParseBerth"},
	{"pkg/twelve306", "FuzzDay", "ParseDate day moment hhmm tenths clock"},
	{"pkg/twelve306", "FuzzTrains", "ParseTrains trains ask"},
	{"pkg/twelve306", "FuzzTrain", "ParseTrain parseLeft Price"},
	{"pkg/twelve306", "FuzzPlain", "plain Classify"},
	{"pkg/twelve306", "FuzzResponse", "read redirectKind pageKind retryAfter ownPath json envelope refusalIn data said"},
	{"pkg/twelve306", "FuzzLoginReply", "postLogin uamtk uamauthclient captchaCheck conf CheckUser askLoginVerify getMessageCode createQR checkQR picture64 UnmarshalJSON"},
	{"pkg/twelve306", "FuzzPassengers", "passengerList choose"},
	{"pkg/twelve306", "FuzzOrderReply", "submitOrderRequest initDc checkOrderInfo checkRandCode getQueueCount verdict OrderStatus Result"},
	{"pkg/twelve306", "FuzzWaitTime", "waitTime"},
	{"pkg/twelve306", "FuzzHolding", "holding"},
	{"pkg/twelve306", "FuzzImage", "checkImage"},
	{"pkg/twelve306", "FuzzSaved", "restore"},
	{"pkg/twelve306", "FuzzCookies", "SetCookies cookieKey"},
	{"pkg/watcher", "FuzzReadEvent", "readEvent"},
	{"pkg/watcher", "FuzzFold", "Fold"},
	{"pkg/watcher", "FuzzOutbox", "send"},
	{"pkg/watcher", "FuzzPosts", "readPosts"},
	{"pkg/watcher", "FuzzParseSchedule", "ParseSchedule"},
	{"pkg/watcher", "FuzzParseWindow", "ParseWindow"},
	{"pkg/watcher", "FuzzParseTrains", "ParseTrains"},
	{"pkg/watcher", "FuzzScrub", "scrub"},
	{"pkg/watcher/internal/store", "FuzzMarks", "OpenMarks Add readSlow Slow"},
	{"pkg/watcher/config", "FuzzLoad", "Load parse parses badLine"},
	{"pkg/watcher/config", "FuzzExpand", "expand"},
	{"pkg/watcher/config", "FuzzDays", "parseDays parseDate"},
	{"pkg/watcher/config", "FuzzDraft", "Draft quote list"},
	{"pkg/watcher/config", "FuzzSecretFile", "readSecret"},
	{"pkg/notifier", "FuzzParse", "Parse"},
	{"pkg/notifier/telegram", "FuzzUpdate", "handle hearTap hearText"},
	{"pkg/notifier/telegram", "FuzzAPIReply", "Do failure"},
	{"pkg/notifier/telegram", "FuzzCompose", "compose"},
	{"pkg/notifier/email", "FuzzRead", "readHeader read header part decode line about firstLine htmlText"},
	{"pkg/notifier", "FuzzNumbered", "Numbered"},
	{"pkg/notifier/services", "FuzzReply", "judge retryAfter tidy UnmarshalJSON gather"},
	{"pkg/notifier/services", "FuzzEvents", "subscribe nextLine hear listenTo hearBound"},
	{"pkg/notifier/services", "FuzzText", "markdown cut"},
	{"pkg/notifier/web", "FuzzForm", "post parse asked"},
	{"pkg/notifier/web", "FuzzPath", "ServeHTTP"},
	{"cmd/watcherd", "FuzzInit", "hear days day pick settle pickSeats passengers stations numbers pasted"},
	{"pkg/notifier/terminal", "FuzzHear", "hear split"},
	{"pkg/notifier/terminal", "FuzzPaint", "paint modules"},
}

// decoders are what a function calls that must stand in the table.
var decoders = []string{
	"json.Unmarshal", "json.NewDecoder", "yaml.NewDecoder", "yaml.Unmarshal", "image.Decode", "image.DecodeConfig", "binary.LittleEndian",
	"wire.ParseEnvelope", "wire.ParseQuery", "wire.Decode", "wire.Object", "r.ParseForm",
}

// TestEveryParserIsFuzzed holds the table against the sources.
func TestEveryParserIsFuzzed(t *testing.T) {
	_, all := sources(t)
	there, targets := map[string]bool{}, map[string]bool{}
	decodes := map[string]string{}
	for _, s := range all {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := s.dir + " " + f.Name.Name
			if s.test {
				targets[name] = targets[name] || strings.HasPrefix(f.Name.Name, "Fuzz")
				continue
			}
			there[name] = true
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(decoders, x.Name+"."+sel.Sel.Name) && strings.HasPrefix(s.dir, "pkg/") {
						decodes[name] = x.Name + "." + sel.Sel.Name
					}
				}
				return true
			})
		}
	}
	for _, row := range fuzzed {
		if !targets[row.dir+" "+row.target] {
			t.Errorf("%s has no %s any more", row.dir, row.target)
		}
		delete(targets, row.dir+" "+row.target)
		for p := range strings.FieldsSeq(row.parsers) {
			if !there[row.dir+" "+p] {
				t.Errorf("%s has no %s any more; what does %s feed now?", row.dir, p, row.target)
			}
			delete(decodes, row.dir+" "+p)
		}
	}
	for name, by := range decodes {
		if !strings.Contains(name, "/railsim") && !strings.Contains(name, "/notifiertest") {
			t.Errorf("%s calls %s and stands in no row: which fuzz target feeds it?", name, by)
		}
	}
	for name, fuzz := range targets {
		if fuzz {
			t.Errorf("%s stands in no row: what does it feed?", name)
		}
	}
}
