package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// TestMain lets the scripts run this very test binary as watcherd, so that
// they meet real processes, real signals and a real SIGKILL.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"watcherd": func() { os.Exit(run(os.Args[1:])) }})
}

// TestScripts runs testdata/script/*.txt. Besides testscript's own they know:
//
//	railsim [present]           starts a simulator on loopback: $RAILSIM_URL; $DATE is a day with trains
//	site sell TRAIN SEAT N      puts seats on sale
//	site queue WAIT ...         what the next order is told in the queue
//	site await STEP N           waits until N requests of a step have arrived
//	site has WHAT N             confirms, orders or violations (notes among them)
//	site sms                    $CODE is the code that the account's phone has received
//	site odd KIND MSG           every look is answered strangely (railsim.OddKinds)
//	site down                   nobody answers any more
//	inbox                       starts a webhook: $INBOX_URL
//	news KIND [REGEXP]          waits for the next news of that kind; $LINK, $NUMBER
//	page REGEXP                 waits until the page behind $LINK says it
//	answer [TEXT]               answers the picture behind $LINK, rightly if nothing is said
//	port                        $PORT_ADDR is a free loopback address
//	start NAME ARG ...          starts watcherd in the background
//	await NAME REGEXP           waits until NAME prints it, after what was awaited before; $FOUND
//	type NAME TEXT              a line on NAME's standard input
//	signal NAME HUP|TERM|KILL   sends a signal
//	ended NAME STATUS           waits for the end; STATUS is a number or "killed"
//	status N ARG ...            runs watcherd, which must end with status N
//	edit FILE OLD NEW           replaces a text as an editor does, by renaming
//	aligned stdout              every line of the table is equally wide on a terminal
//	document stdout             it is one JSON document
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			s := &stage{procs: map[string]*process{}}
			e.Values[stageKey{}] = s
			e.Defer(s.close)
			e.Setenv("HOME", e.WorkDir)
			today := twelve306.DateOf(time.Now())
			e.Setenv("DATE", today.AddDays(5).String())
			e.Setenv("PAST", today.AddDays(-1).String())
			// Nothing of the machine's may decide how a script ends.
			for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "XDG_STATE_HOME", "STATE_DIRECTORY", "NOTIFY_SOCKET"} {
				e.Setenv(name, "")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"railsim": scene((*stage).railsim), "site": scene((*stage).command), "inbox": scene((*stage).openInbox),
			"news": scene((*stage).news), "page": scene((*stage).page), "answer": scene((*stage).answer), "port": scene((*stage).port),
			"start": scene((*stage).start), "await": scene((*stage).await), "type": scene((*stage).typed),
			"signal": scene((*stage).signal), "ended": scene((*stage).ended), "status": scene((*stage).status),
			"edit": scene((*stage).edit), "aligned": scene((*stage).aligned), "document": scene((*stage).document),
		},
	})
}
