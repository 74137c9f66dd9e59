package main

import (
	"encoding/json"
	"errors"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// orderOf reads the order that a message carries.
func orderOf(m notifier.Message) (watcher.OrderView, error) {
	var o watcher.OrderView
	if len(m.Order) == 0 {
		return o, errors.New("the message carries no order")
	}
	return o, json.Unmarshal(m.Order, &o)
}
