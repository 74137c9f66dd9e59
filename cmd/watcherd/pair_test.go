package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// whisper is a buffer that is read while it is written.
type whisper struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *whisper) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *whisper) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// A file without a chat_id is enough; the person sends the code that was said,
// and the line for the file comes out, alone.
func TestPairTelegram(t *testing.T) {
	var out, aside whisper
	polls := 0
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			fmt.Fprint(w, `{"ok":true,"result":{"message_id":9,"date":1,"chat":{"id":77,"type":"private"}}}`)
			return
		}
		polls++
		said := regexp.MustCompile(`(?m)^ +(\d{6})$`).FindStringSubmatch(aside.String())
		if said == nil || polls > 100 {
			fmt.Fprint(w, `{"ok":true,"result":[]}`)
			return
		}
		fmt.Fprintf(w, `{"ok":true,"result":[{"update_id":%d,"message":{"message_id":5,"date":1,"text":"%s","from":{"id":77,"first_name":"Li"},"chat":{"id":77,"type":"private"}}}]}`, polls, said[1])
	}))
	defer bot.Close()
	path := filepath.Join(t.TempDir(), "watch.yaml")
	if err := os.WriteFile(path, []byte("language: en\nstate_dir: state\nnotify:\n  telegram: {token: 1:CANARY, api_url: '"+bot.URL+"'}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Outline(path, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := pairTelegram(t.Context(), c, &out, &aside); err != nil {
		t.Fatal(err)
	}
	if out.String() != "chat_id: 77\n" || !strings.Contains(aside.String(), "the chat of Li. Write this in "+path+", under notify.telegram:") || strings.Contains(aside.String(), "CANARY") {
		t.Errorf("%q\n%s", out.String(), aside.String())
	}

	gone, stop := context.WithCancel(t.Context())
	stop()
	if e, ok := errors.AsType[*exit](pairTelegram(gone, c, &out, &aside)); !ok || e.status != exitFailed {
		t.Error("a pairing that was broken off is no success")
	}
	c.Path += "x"
	if e, ok := errors.AsType[*exit](pairTelegram(t.Context(), c, &out, &aside)); !ok || e.status != exitBadConfig {
		t.Error("there is no such file")
	}
}
